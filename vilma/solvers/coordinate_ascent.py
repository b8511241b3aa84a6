r"""Dual coordinate ascent: one example after the other, for small alphas and many features.

A plane of G is a point of the dual problem: slopes between 0 and 1 for all hinges, such that the
derivatives in the thresholds vanish. Where one example by itself moves its score by more than a
margin, visiting the examples in turn finds good slopes in far fewer passes over X than the
cutting-plane method takes iterations [1]_.

The thresholds have no penalty. They get one that pulls them to where they were, and that moves
on with them after every pass: the proximal point algorithm, in other words the method of
multipliers [2]_. What is left of the derivatives is removed before a plane is taken for a bound.

References
----------
.. [1] C.-J. Hsieh, K.-W. Chang, C.-J. Lin, S. S. Keerthi, S. Sundararajan, "A dual coordinate
       descent method for large-scale linear SVM", ICML 2008.
.. [2] R. T. Rockafellar, "Augmented Lagrangians and applications of the proximal point algorithm
       in convex programming", Mathematics of Operations Research 1, 1976.
"""

from __future__ import annotations

import numpy as np

from vilma.design_matrices import DesignMatrix, Rows
from vilma.solvers.dual_point import DualPoint, Plane, best_share
from vilma.solvers.evaluation import evaluate, search
from vilma.solvers.progress import Progress
from vilma.solvers.spaces import FeatureSpace, Point
from vilma.surrogates import Hinges

__all__ = ["CoordinateAscentMethod"]

_FIRST_STEP = 0.8
_FIRST_PASSES = 7
_MOST_PASSES = 10  # between two certificates
# Decrease of the gap's logarithm per pass: usual after the first certificate, and the least that
# is reckoned with.
_USUAL_PACE = 0.4
_LEAST_PACE = 0.05


class CoordinateAscentMethod:
    """Minimises by passes over the examples, each of which gets its best dual variables.

    Every problem begins with the dual point of the problem before it.

    Parameters
    ----------
    X : DesignMatrix
    rows : Rows
        Those of X.
    squared_row_norms : ndarray of shape (n_samples,)
        Likewise.
    hinges : Hinges
        Of the surrogate.
    """

    def __init__(
        self, X: DesignMatrix, rows: Rows, squared_row_norms: np.ndarray, hinges: Hinges
    ) -> None:
        self._X = X
        self._dual = DualPoint(X, rows, squared_row_norms, hinges)

    def release(self) -> None:
        """Let go of X: nothing but `resume` may be called next."""
        del self._X, self._dual.rows

    def resume(self, X: DesignMatrix) -> None:
        """Take the same matrix again."""
        rows = X.rows()
        assert rows is not None
        self._X, self._dual.rows = X, rows

    def minimize(self, progress: Progress, max_iter: int | None = None) -> None:
        """Go on until the problem is solved or the history has so many iterations."""
        X, dual, inner_loop = self._X, self._dual, progress.inner_loop
        alpha, tol = progress.settings.alpha, progress.settings.tol
        space = FeatureSpace(X)
        best = evaluate(space, space.start(progress.coef), alpha, inner_loop)
        progress.objective = min(progress.objective, best.objective)
        dual.prepare(alpha)
        step = _FIRST_STEP
        n_passes = _FIRST_PASSES
        first = True
        while True:
            # 1. Improve the dual point; what it says of the optimum is certain.
            for _ in range(n_passes):
                dual.ascend()
            bound = _bound(X, dual.plane(), alpha)
            # 2. Look for the best point on the way to the one that belongs to it.
            inner_loop.aim(best.objective, progress.missing(best.objective))
            coef = dual.coef()
            reached = Point(coef, X.dot(coef))
            best, step = search(space, best, reached, alpha, inner_loop, step)
            before = progress.gap
            progress.note(best.objective, bound, step, 0)
            # 3. Stop when the two bounds meet.
            if progress.is_over(max_iter):
                break
            pace = _USUAL_PACE if first else np.log(before / progress.gap) / n_passes
            n_passes = _passes_ahead(progress.gap, tol, pace)
            first = False
        if best.objective <= progress.objective:
            progress.coef = best.point.vector


def _passes_ahead(gap: float, tol: float, pace: float) -> int:
    """Passes to the next certificate: somewhat less than are missing, were the pace to last."""
    missing = np.log(gap / tol) / max(pace, _LEAST_PACE)
    return int(np.clip(np.ceil(0.9 * missing), 1, _MOST_PASSES))


def _bound(X: DesignMatrix, plane: Plane, alpha: float) -> float:
    """Lower bound from a plane, or from the best plane between it and zero."""
    gradient = X.transpose_dot(plane.coefficients)
    curvature = float(gradient @ gradient) / alpha
    share = best_share(plane.offset, curvature)
    return share * plane.offset - 0.5 * share**2 * curvature
