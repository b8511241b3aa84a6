"""The inner loop as the solvers call it: with the accuracy of the moment, counted and timed."""

from __future__ import annotations

import time

import numpy as np

from vilma.surrogates import InnerSolution, Surrogate

__all__ = ["INNER_SHARE", "InnerLoop"]

INNER_SHARE = 0.05  # the inner loop may err by this share of the outer gap
_ROUNDING = 1e-13  # of the size of a loss: differences below count as none


class InnerLoop:
    """Calls the surrogate with the accuracy of the moment; counts calls and time."""

    def __init__(self, surrogate: Surrogate, longest_row: float, alpha: float) -> None:
        self._surrogate = surrogate
        self._longest_row = longest_row
        self._alpha = alpha
        self._largest_score = 0.0
        self._accuracy = 0.0
        self.exact = surrogate.exact
        self.rounding = _ROUNDING * surrogate.scale
        self.n_evaluations = 0
        self.seconds = 0.0

    def __call__(self, scores: np.ndarray) -> InnerSolution:
        start = time.perf_counter()
        inner = self._surrogate.minimize(scores, self._accuracy, self._largest_score)
        self.seconds += time.perf_counter() - start
        self.n_evaluations += 1
        return inner

    def aim(self, objective: float, gap: float) -> None:
        """Adapt to the best objective and the absolute gap to certify next."""
        # lambda/2 |w*|^2 <= F* <= objective bounds every score at the optimum.
        self._largest_score = self._longest_row * np.sqrt(2.0 * objective / self._alpha)
        self._accuracy = max(INNER_SHARE * gap, self.rounding)

    def bound_thresholds(self) -> float:
        """Bound the thresholds at the optimum."""
        return self._surrogate.bound_thresholds(self._largest_score)

    def reset_counters(self) -> None:
        """Start counting a new iteration."""
        self.n_evaluations = 0
        self.seconds = 0.0
