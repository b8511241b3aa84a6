"""The oracle of the solvers: value and plane of G at given scores, by the inner loop."""

from __future__ import annotations

import time
from typing import NamedTuple

import numpy as np

from vilma.surrogates import InnerMinimum, Surrogate

__all__ = ["INNER_SHARE", "InnerTarget", "Oracle"]

# The inner loop may err by this share of the outer gap. On six fits of VILMA (described in
# ``surrogates/smoothing.py``) 0.01, 0.025, 0.1 and 0.2 take 17 and 2 % fewer, 17 and 61 % more
# iterations, and 65 and 19 % more, 1 % fewer and 14 % more Newton evaluations; on four of PW-VILMA
# both stay within 7 % from 0.025 to 0.2. Hinges are solved exactly, whatever it is.
INNER_SHARE = 0.05


class InnerTarget(NamedTuple):
    """What the inner loop has to achieve at one stage of the outer loop."""

    accuracy: float  # how far the value may lie above the plane
    largest_score: float  # no score of the optimum exceeds this absolute value


class Oracle:
    """Calls the surrogate; counts the calls and their time.

    Parameters
    ----------
    surrogate : Surrogate
    longest_row : float
        Largest Euclidean norm of a row of X.
    alpha : float
    """

    def __init__(self, surrogate: Surrogate, longest_row: float, alpha: float) -> None:
        self._surrogate = surrogate
        self._longest_row = longest_row
        self._alpha = alpha
        self.exact = surrogate.exact
        self.resolution = surrogate.resolution
        self._n_evaluations = 0
        self._seconds = 0.0

    def __call__(self, scores: np.ndarray, target: InnerTarget) -> InnerMinimum:
        start = time.perf_counter()
        inner = self._surrogate.minimize(scores, target.accuracy, target.largest_score)
        self._seconds += time.perf_counter() - start
        self._n_evaluations += 1
        if inner.value < 0.0:  # no loss is negative, but a difference of sums may come out so
            inner = inner._replace(value=0.0)
        return inner

    def target(self, objective: float, gap: float) -> InnerTarget:
        """Return the target that suits a known objective and the absolute gap to certify next."""
        # alpha/2 |w*|^2 <= F* <= objective bounds every score at the optimum.
        largest_score = self._longest_row * np.sqrt(2.0 * objective / self._alpha)
        return InnerTarget(max(INNER_SHARE * gap, self.resolution), largest_score)

    def charge(self, bias_residual: float, target: InnerTarget) -> float:
        """Most that a residual can take off a plane at the optimum."""
        return self._surrogate.bound_thresholds(target.largest_score) * bias_residual

    def take_counts(self) -> tuple[int, float]:
        """Return calls and seconds since the last time this was asked."""
        counts = self._n_evaluations, self._seconds
        self._n_evaluations, self._seconds = 0, 0.0
        return counts
