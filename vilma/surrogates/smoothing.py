"""How wide to smooth: the loop around Newton's method that two surrogates share.

The minimum over the biases of a piecewise linear loss is found on smoothed losses, whose width
shrinks until value and plane are within the accuracy asked. A wide loss is easy to minimise and
its plane is loose; a narrow one is hard to minimise from afar. Whatever the width, the plane is
valid and its error is measured.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

__all__ = ["MAX_EVALUATIONS", "NARROWEST", "Attempt", "shrink_width"]

NARROWEST = 1e-12  # of the scores' spread; below, a window holds nothing but rounding
MAX_EVALUATIONS = 100, 4  # of one width, and for every label
_WIDER = 100.0  # after a failure: half-hearted steps back cost more than starting over
_MAX_WIDTHS = 80
_ROUNDING_RESIDUAL = 1e-13  # a smaller one is not for want of convergence
_BOLDEST = 0.3  # smallest share of the width to go to at once
_EASY = 5  # evaluations after which a width counts as easily solved


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
        ratio = min(max(0.7 * np.sqrt(accuracy / attempt.error), boldest), max(0.5, boldest))
        narrower = ratio * width
        if solved is not None and solved.width > width:
            # The solution is nearly linear in the width.
            ahead = (narrower - width) / (width - solved.width)
            start = start + ahead * (start - solved.solution)
        solved = attempt
        easy = attempt.n_evaluations <= _EASY
        boldest = max(0.3 * boldest, 0.01) if easy else max(boldest**1.5, _BOLDEST)
        width = narrower
    assert best is not None
    return best
