r"""Columns that depend, or nearly depend, on those before them.

The Hessian of R tells of each column what those before it and the thresholds leave of its
curvature, but as a share that is squared and has the rounding of a sum of squares: of a share of
1e-8 and less, two columns with the same outlier of 1e6 standard deviations, it says little.
There the remainder itself is computed. With the pair (p, q) of coefficients and thresholds,
:math:`p_j = 1`, it is the vector :math:`s = X p`, and (p, q) minimises the quadratic form of the
Hessian; each refinement takes the slope of that form row by row, in which what cancels has
cancelled before it is squared (Björck 1987). Either the remainder is rounding, and the coefficient
is not identified, or it takes the place of the column: it is orthogonal to the columns before it,
so that the Hessian of the new columns says what is to be known.

References
----------
Björck: Stability analysis of the method of seminormal equations for linear least squares problems,
Linear Algebra and its Applications 88/89, 1987.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from scipy import linalg

from vilma.design_matrices import DesignMatrix
from vilma.design_matrices.replaced import ReplacedColumns
from vilma.likelihood.interval_likelihood import IntervalLikelihood
from vilma.likelihood.links import FloatArray
from vilma.likelihood.problem import LikelihoodProblem, Standardization
from vilma.likelihood.steps import (
    exact_hessian,
    pivots,
    solve_positive,
    thresholds_eliminated,
)

__all__ = ["Start", "separate_columns"]

_DOUBTFUL = 1e-8  # share of a column's curvature below which the Hessian is not believed
# Remainders of this share of the sizes of what was summed are rounding: of single precision 100
# times its spacing, of double more, since columns are often computed from larger numbers.
_ROUNDING, _SPACINGS = 1e-12, 100.0
_MOST_REFINEMENTS = 20


class Start(NamedTuple):
    """Columns, and where to begin with them."""

    units: Standardization
    coef: FloatArray  # (n,)
    thresholds: FloatArray  # (T,)
    hessian: FloatArray | None = None  # (n + T, n + T) of R there, if it is known


def separate_columns(start: Start, likelihood: IntervalLikelihood, epsilon: float) -> Start:
    """Replace columns that nearly depend on those before by what these leave of them.

    Parameters
    ----------
    start : Start
        The columns, and where the Hessian is taken.
    likelihood : IntervalLikelihood
        R.
    epsilon : float
        Relative spacing of the numbers that the columns came in.

    Returns
    -------
    Start
        Columns, of which none that is identified nearly depends on others; those that are not
        are as they came. The point is the same.
    """
    rounding = max(_ROUNDING, _SPACINGS * epsilon)
    units, coef, thresholds, _ = start
    X, n = units.matrix, len(coef)
    scores = X.dot(coef)
    derivatives = likelihood.derivatives(scores, thresholds)
    hessian = exact_hessian(LikelihoodProblem(X, likelihood, np.zeros(n)), derivatives)
    left, curvature = thresholds_eliminated(hessian, n), np.diag(hessian)[:n].copy()
    if (pivots(left, curvature) > _DOUBTFUL).all():
        return start._replace(hessian=hessian)
    size = np.sqrt(curvature) * np.hypot(1.0, units.center / units.scale)
    share = derivatives.score_curvature / derivatives.score_curvature.sum()
    mix, offset = np.eye(n), np.zeros(n)
    used = np.concatenate([np.zeros(n, dtype=bool), np.ones(len(thresholds), dtype=bool)])
    places: list[int] = []
    columns: list[FloatArray] = []
    matrix: DesignMatrix = X
    for j in range(n):
        if not left[j, j] > _DOUBTFUL * curvature[j]:
            quadratic = _Quadratic(likelihood, scores, thresholds, matrix, hessian)
            combination, remainder, square = quadratic.remainder(j, used)
            moved = float(share @ remainder)
            before = float(combination @ offset)  # of the columns that are replaced already
            combination = mix @ combination
            length = np.sqrt(square)
            if not length > rounding * float(np.abs(combination) @ size):
                continue
            length /= np.sqrt(curvature[j])
            mix[:, j] = combination / length
            offset[j] = (moved + before) / length
            places.append(j)
            columns.append((remainder - moved) / length)
            matrix = ReplacedColumns(X, np.array(places), np.column_stack(columns))
            quadratic = _Quadratic(likelihood, scores, thresholds, matrix, hessian)
            hessian[j] = hessian[:, j] = quadratic.row(j)
            left[j] = left[:, j] = quadratic.project(hessian[j], used)[:n]
            if not left[j, j] > _DOUBTFUL * curvature[j]:
                continue
        used[j] = True
        left = left - np.outer(left[:, j] / left[j, j], left[j])
    if not places:
        return start._replace(hessian=hessian)
    center = linalg.solve_triangular(mix, offset, trans="T")
    return Start(
        replace(units, matrix=matrix, center=units.center + units.scale * center, mix=mix),
        linalg.solve_triangular(mix, coef),
        thresholds - float(center @ coef),
        hessian,
    )


class _Quadratic:
    """The quadratic form of the Hessian of R in coefficients and thresholds."""

    def __init__(
        self,
        likelihood: IntervalLikelihood,
        scores: FloatArray,
        thresholds: FloatArray,
        matrix: DesignMatrix,
        hessian: FloatArray,
    ) -> None:
        self._at = likelihood, scores, thresholds
        self._matrix = matrix
        self._hessian = hessian

    def row(self, j: int) -> FloatArray:
        """Return a row of the Hessian, of a column."""
        unit = np.zeros(len(self._hessian))
        unit[j] = 1.0
        n = self._matrix.shape[1]
        return self.product(self._matrix.dot(unit[:n]), unit[n:])[0]

    def product(self, score: FloatArray, threshold: FloatArray) -> tuple[FloatArray, float]:
        """Return the Hessian times a direction, given by its scores, and its square."""
        likelihood, scores, thresholds = self._at
        in_scores, in_thresholds, square = likelihood.hessian_product(
            scores, thresholds, score, threshold
        )
        return np.concatenate([self._matrix.transpose_dot(in_scores), in_thresholds]), square

    def project(self, slope: FloatArray, used: np.ndarray) -> FloatArray:
        """Return a row of the Hessian less what the parameters in use explain of it."""
        return slope - self._hessian[:, used] @ self._solve(slope, used)

    def remainder(self, j: int, used: np.ndarray) -> tuple[FloatArray, FloatArray, float]:
        """Return what the parameters in use leave of a column.

        Parameters
        ----------
        j : int
            The column.
        used : ndarray of shape (n + T,), dtype=bool
            Columns and thresholds.

        Returns
        -------
        combination : ndarray of shape (n,)
            Coefficients of the columns, 1 for the given one.
        remainder : ndarray of shape (m,)
            Their sum.
        square : float
            Its curvature, thresholds at their best.
        """
        n = self._matrix.shape[1]
        point = np.zeros(len(used))
        point[j] = 1.0
        score = self._matrix.dot(point[:n])
        slope, square = self.product(score, point[n:])
        for _ in range(_MOST_REFINEMENTS):
            step = np.zeros(len(used))
            step[used] = self._solve(slope, used)
            following = point - step
            following_score = score - self._matrix.dot(step[:n])
            following_slope, following_square = self.product(following_score, following[n:])
            if not following_square < square:
                break
            worth_more = following_square < 0.5 * square
            point, score = following, following_score
            slope, square = following_slope, following_square
            if not worth_more:
                break
        return point[:n], score, square

    def _solve(self, slope: FloatArray, used: np.ndarray) -> FloatArray:
        return solve_positive(self._hessian[np.ix_(used, used)], slope[used])
