"""How wide to smooth, and how far to step: what the Newton methods of two surrogates share.

The minimum over the biases of a piecewise linear loss is found on smoothed losses, whose width
shrinks until value and plane are within the accuracy asked. A wide loss is easy to minimise and
its plane is loose; a narrow one is hard to minimise from afar. Whatever the width, the plane is
valid and its error is measured.

**Measured.** Constants were varied one at a time, on ten fits with the default tolerance: six of
VILMA (1,500 to 5,000 rows, 10 to 60 labels; the 0/1, truncated and uneven costs; weights from 0.01
to 100 in one) and four of PW-VILMA (1,000 to 2,000 rows, 6 to 15 labels). Percentages in comments
are those of all Newton evaluations. All fits converged with all values.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

__all__ = [
    "NARROWEST",
    "STEP_RULES",
    "Attempt",
    "bound_vertex",
    "shrink_width",
    "weight_with_choice",
]

NARROWEST = 1e-12  # of the scores' spread; below, a window holds nothing but rounding
_MAX_WIDTHS = 80  # a guard: with 40 the ten fits are the same
_ROUNDING_RESIDUAL = 1e-13  # a smaller one is not for want of convergence (1e-12, 1e-14: the same)
_WIDER = 100.0  # factor of the width after a failure at the first (10: 1 % more; 1000: the same)
# The next width is this share of the one whose error would be the accuracy, as errors fall with
# the square of the width: 0.35 takes 24 % more in VILMA, 1 % in PW-VILMA, 0.95 at most 2 %.
_AIM = 0.7
# It is at most this share of the last (0.25 and 0.8: 20 and 18 % more in VILMA, 2 % otherwise).
_LARGEST_SHARE = 0.5
# And at least this one (0.1 and 0.6: within 7 %), ...
_BOLDEST = 0.3
# ... which falls by this factor (0.1 and 0.6: within 4 %) to this (0.003 and 0.03: the same) where
# a width was easily solved, in no more evaluations than this (3 and 10: within 2 %).
_BOLDER, _MOST_BOLD, _EASY = 0.3, 0.01, 5
# Labels lighter than this share of the mean count as that heavy, where steps are damped and
# convergence is tested: a light label far from its place would take all examples at once. 0.003:
# within 4 %; 0.03: four times as many in VILMA, where weights are uneven.
_LIGHTEST = 1e-2


class StepRules(NamedTuple):
    """How the damping of Levenberg and Marquardt goes on, by what a step has left of the slope.

    Much left means that the step was too short, a negative share that it was too long.
    """

    overshot: float  # a step that leaves less than minus this share is taken back, and then ...
    least_rise: float  # ... -4 times the share is the factor of the damping, within these
    most_rise: float
    factors: np.ndarray  # (n, 2) shares, descending, and the factor from that share on


# Overshot 0.25 and 1: within 7 %. Least rise 2 and 8: 1 and 13 % more in VILMA, 3 % fewer in
# PW-VILMA. Most rise 30 and 300: 2 to 4 and 1 to 13 % more. The factors' roots are within 8 %,
# their squares take 65 % more in VILMA.
STEP_RULES = StepRules(
    0.5,
    4.0,
    100.0,
    np.array([(0.6, 0.1), (0.25, 0.25), (0.0, 0.5), (-0.25, 1.0), (-np.inf, 2.0)]),
)


def weight_with_choice(
    lower: np.ndarray, upper: np.ndarray, weight: np.ndarray, n_labels: int
) -> np.ndarray:
    """Return the weight that each label may win or lose, as an endpoint of examples.

    The first label has no choice below it, the last one none above. Light labels count as
    heavier than they are.
    """
    capacity = np.zeros(n_labels)
    capacity[1:] += np.bincount(lower, weight, n_labels)[1:]
    capacity[:-1] += np.bincount(upper, weight, n_labels)[:-1]
    return np.maximum(capacity, _LIGHTEST * capacity.mean())


def bound_vertex(steps: int, largest_cost: float, largest_score: float) -> float:
    """Bound the thresholds of some minimiser of maxima over ``steps + 1`` labels.

    Some minimiser is a vertex: its biases are held by a spanning tree of at most `steps` pairs of
    labels that tie, each bounding a difference by a cost and at most `steps` scores.
    """
    return steps * (largest_cost + steps * largest_score)


class Attempt(NamedTuple):
    """What Newton's method came to at one width."""

    solution: np.ndarray  # the thresholds, or biases
    width: float
    error: float  # value less plane, with the charge
    charge: float  # for what is left of the plane's bias part
    bias_residual: float
    n_evaluations: int
    result: Any  # what `solve` wants back

    def is_too_narrow(self, accuracy: float) -> bool:
        """Tell whether Newton's method failed: the bias part was left, and not by rounding."""
        return self.charge > 0.5 * accuracy and self.bias_residual > _ROUNDING_RESIDUAL


def shrink_width(
    solve: Callable[[np.ndarray, float], Attempt],
    start: np.ndarray,
    center: np.ndarray,
    width: float,
    widest: float,
    spread: float,
    accuracy: float,
) -> Attempt:
    """Solve for smaller and smaller widths, each from the solution before; return the best.

    Parameters
    ----------
    solve : callable
        Maps thresholds (or biases) to start from and a width to an `Attempt`.
    start, center : ndarray
        Where to start, and where to if that fails even at the widest.
    width, widest : float
        The width to begin with, and the largest that may be tried.
    spread : float
        The size of the scores' range, the measure of what is rounding.
    accuracy : float
        The error to reach.
    """
    boldest = _BOLDEST
    solved: Attempt | None = None
    best: Attempt | None = None
    for _ in range(_MAX_WIDTHS):
        attempt = solve(start, width)
        if best is None or attempt.error < best.error:
            best = attempt
        if attempt.error <= accuracy:
            break
        if attempt.is_too_narrow(accuracy):
            # Too narrow to get there from here.
            boldest = np.sqrt(boldest)
            if solved is not None:
                start, width = solved.solution, boldest * solved.width
            elif width < widest:
                width = min(_WIDER * width, widest)
            else:
                start = center
            continue
        if width <= NARROWEST * spread:
            break
        start = attempt.solution
        # The error falls with the square of the width, in proportion to it under ties.
        ratio = max(_AIM * np.sqrt(accuracy / attempt.error), boldest)
        ratio = min(ratio, max(_LARGEST_SHARE, boldest))
        narrower = ratio * width
        if solved is not None and solved.width > width:
            # The solution is nearly linear in the width.
            ahead = (narrower - width) / (width - solved.width)
            start = start + ahead * (start - solved.solution)
        solved = attempt
        easy = attempt.n_evaluations <= _EASY
        boldest = max(_BOLDER * boldest, _MOST_BOLD) if easy else max(boldest**1.5, _BOLDEST)
        width = narrower
    assert best is not None
    return best
