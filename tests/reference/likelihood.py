"""The likelihood of intervals written out, and its minimum by a cone program."""

from __future__ import annotations

import warnings

import numpy as np
from scipy.stats import gumbel_l, logistic, norm

from vilma.surrogates import LabeledWeights

DISTRIBUTIONS = {"logit": logistic, "probit": norm, "cloglog": gumbel_l}


def random_scores(m=200, n_classes=5, seed=0, width=2):
    """Draw scores and interval labels of random width, with random weights."""
    rng = np.random.default_rng(seed)
    s = rng.normal(size=m)
    y = np.clip(np.round(1.2 * s + rng.logistic(size=m) / 2 + n_classes / 2), 0, n_classes - 1)
    y = y.astype(np.int64)
    lower = np.maximum(y - rng.integers(0, width, size=m), 0)
    upper = np.minimum(y + rng.integers(0, width, size=m), n_classes - 1)
    return s, LabeledWeights(lower, upper, rng.uniform(0.5, 2.0, size=m), n_classes)


def naive_objective(distribution, scores, thresholds, labels) -> float:
    """Mean negative log-likelihood, row by row, by one of SciPy's distributions."""
    ends = [-np.inf, *thresholds, np.inf]
    total = 0.0
    for s, lower, upper, weight in zip(scores, *labels[:3], strict=True):
        low, high = ends[lower] - s, ends[upper + 1] - s
        if low > 0.0:
            mass = distribution.sf(low) - distribution.sf(high)
        else:
            mass = distribution.cdf(high) - distribution.cdf(low)
        total -= weight * np.log(mass)
    return total / labels.weight.sum()


def minimum_by_cone_program(X, labels, alpha: float) -> float:
    """The minimum for the logit, all thresholds free, by CVXPY and Clarabel."""
    import cvxpy as cp

    lower, upper, weight, n_classes = labels
    share = weight / weight.sum()
    coef, thresholds = cp.Variable(X.shape[1]), cp.Variable(n_classes - 1)
    scores = X @ coef
    high, low = np.flatnonzero(upper < n_classes - 1), np.flatnonzero(lower > 0)
    both = np.intersect1d(high, low)
    loss = 0.0
    if len(high):
        loss += share[high] @ cp.logistic(scores[high] - thresholds[upper[high]])
    if len(low):
        loss += share[low] @ cp.logistic(thresholds[lower[low] - 1] - scores[low])
    if len(both):
        width = thresholds[upper[both]] - thresholds[lower[both] - 1]
        loss += share[both] @ -cp.log1p(-cp.exp(-width))
    order = [cp.diff(thresholds) >= 0.0] if n_classes > 2 else []
    task = cp.Problem(cp.Minimize(loss + 0.5 * alpha * cp.sum_squares(coef)), order)
    accuracy = {"tol_gap_abs": 1e-10, "tol_gap_rel": 1e-10, "tol_feas": 1e-10}
    with warnings.catch_warnings():  # where a threshold belongs at infinity, 1e-10 is not reached
        warnings.filterwarnings("ignore", "Solution may be inaccurate", UserWarning)
        return float(task.solve(solver="CLARABEL", **accuracy))
