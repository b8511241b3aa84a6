"""How far one problem is solved: the two bounds, the best coefficients, the iterations."""

from __future__ import annotations

import numpy as np

from vilma.design_matrices import DesignMatrix
from vilma.solvers.inner_loop import INNER_SHARE, InnerLoop
from vilma.solvers.settings import Settings
from vilma.solvers.solution import History, Solution, relative_gap

__all__ = ["Progress"]

# The point is evaluated anew at the end, with the inner loop's error: leave room for that.
_STOP_SHARE = 1.0 - 1.5 * INNER_SHARE


class Progress:
    """What the methods that work on a problem share, one after the other.

    Parameters
    ----------
    settings : Settings
    inner_loop : InnerLoop
        That of the alpha of the settings.
    coef : ndarray of shape (n_features,), optional
        The best known; zero by default.
    """

    def __init__(self, settings: Settings, inner_loop: InnerLoop, coef: np.ndarray | None) -> None:
        self.settings = settings
        self.inner_loop = inner_loop
        self.history = History(settings)
        self.coef = coef
        self.objective = np.inf
        self.lower_bound = 0.0  # no loss is negative
        self.gap = 1.0

    def missing(self, objective: float) -> float:
        """Absolute gap of a point that is left, or the one that may be left."""
        return max(objective - self.lower_bound, self.settings.tol * objective)

    def note(self, objective: float, lower_bound: float, step: float, n_planes: int) -> None:
        """End an iteration with the bounds that it found."""
        self.objective = min(self.objective, objective)
        self.lower_bound = max(self.lower_bound, lower_bound)
        inner_loop = self.inner_loop
        self.gap = relative_gap(self.objective, self.lower_bound, inner_loop.rounding)
        self.history.add(
            self.objective,
            self.lower_bound,
            self.gap,
            step,
            inner_loop.n_evaluations,
            n_planes,
            inner_loop.seconds,
        )
        inner_loop.reset_counters()

    def is_over(self, max_iter: int | None = None) -> bool:
        """Tell whether the bounds have met, or so many iterations are done."""
        limit = self.settings.max_iter
        if max_iter is not None:
            limit = min(limit, max_iter)
        return self.gap <= _STOP_SHARE * self.settings.tol or len(self.history) >= limit

    def certify(self, X: DesignMatrix) -> Solution:
        """Evaluate the coefficients that are returned: no rounding from updated scores."""
        settings, inner_loop = self.settings, self.inner_loop
        coef = self.coef if self.coef is not None else np.zeros(X.shape[1])
        inner_loop.aim(self.objective, settings.tol * self.objective)
        inner = inner_loop(X.dot(coef))
        objective = 0.5 * settings.alpha * float(coef @ coef) + inner.value
        gap = relative_gap(objective, self.lower_bound, inner_loop.rounding)
        return Solution(
            coef=coef,
            thresholds=inner.thresholds,
            objective=objective,
            lower_bound=min(self.lower_bound, objective),
            gap=gap,
            converged=gap <= settings.tol,
            history=self.history.as_array(),
        )
