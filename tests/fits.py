"""Random problems as users would write them, and their estimators."""

import numpy as np

from vilma import IISVOR_EXP, IISVOR_IMC, VILMA

TOL = 1e-6


def make_estimator(problem, **parameters):
    parameters = {
        "alpha": problem.alpha,
        "classes": range(problem.n_classes),
        "tol": TOL,
        **parameters,
    }
    if problem.kind == "exp":
        return IISVOR_EXP(**parameters)
    if problem.kind == "imc":
        return IISVOR_IMC(**parameters)
    penalized = problem.kind == "vshaped_reg"
    return VILMA(loss=problem.cost, penalize_biases=penalized, **parameters)


def as_intervals(problem, rng):
    """Write the codes as a user may: some ends of the scale left open."""
    intervals = np.stack([problem.lower, problem.upper], axis=1)
    if rng.random() < 0.5:
        return intervals
    intervals = intervals.astype(float)
    at_bottom = (problem.lower == 0) & (rng.random(len(intervals)) < 0.5)
    at_top = (problem.upper == problem.n_classes - 1) & (rng.random(len(intervals)) < 0.5)
    intervals[at_bottom, 0] = rng.choice([np.nan, -np.inf])
    intervals[at_top, 1] = rng.choice([np.nan, np.inf])
    return intervals


def says_nothing(problem):
    rows = problem.shares > 0
    full = (problem.lower == 0) & (problem.upper == problem.n_classes - 1)
    return bool(full[rows].all())


def close(a, b, relative):
    return abs(a - b) <= max(relative * max(abs(a), abs(b)), 1e-9)
