r"""The negative log-likelihood of interval labels under a cumulative link, and its derivatives.

Labels are codes 0, ..., Y - 1. The model says

.. math:: P(y \le k \mid s) = F(\theta_k - s), \qquad \theta_0 < \dots < \theta_{Y-2},

so that an annotation [l, u] has the likelihood :math:`F(\theta_u - s) - F(\theta_{l-1} - s)`, with
:math:`\theta_{-1} = -\infty` and :math:`\theta_{Y-1} = \infty`. Averaged with weights p of sum W,

.. math:: R(s, \theta) = \frac{1}{W} \sum_i p_i\,
          \ell(\theta_{l_i - 1} - s_i,\ \theta_{u_i} - s_i),
          \qquad \ell(v, u) = -\log(F(u) - F(v)),

is convex in the scores s and the thresholds together (Burridge 1981; Pratt 1981): F has a
logarithmically concave density, and so has its integral over an interval, as a function of the
interval's ends.

References
----------
Burridge: A note on maximum likelihood estimation for regression models using grouped data,
Journal of the Royal Statistical Society B 43, 1981.

Pratt: Concavity of the log likelihood, Journal of the American Statistical Association 76, 1981.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import sparse

from vilma.likelihood.links import FloatArray, IntervalLoss, Link
from vilma.surrogates import LabeledWeights

__all__ = ["Derivatives", "IntervalLikelihood"]


class Derivatives(NamedTuple):
    """First and second derivatives of R in scores and thresholds."""

    score_gradient: FloatArray  # (m,)
    threshold_gradient: FloatArray  # (Y - 1,)
    score_curvature: FloatArray  # (m,) the Hessian in the scores is diagonal
    threshold_hessian: FloatArray  # (Y - 1, Y - 1)
    cross: sparse.csr_array  # (m, Y - 1), at most two entries a row
    threshold_terms: FloatArray  # (Y - 1,) sums of the sizes of the threshold gradient's terms


class IntervalLikelihood:
    """R as a function of scores and thresholds.

    Parameters
    ----------
    link : Link
        The distribution F.
    labels : LabeledWeights
        Annotations as codes, with weights, of shape (m,) each.
    """

    def __init__(self, link: Link, labels: LabeledWeights) -> None:
        self.link = link
        self.labels = labels
        self.n_thresholds = labels.n_classes - 1
        self.total_weight = float(labels.weight.sum())
        self._share = labels.weight / self.total_weight
        lower, upper, _, n_classes = labels
        # Places are those of the thresholds shifted by one, so that the ends at infinity, whose
        # derivatives are 0, have places too; they are cut off.
        self._size = n_classes + 1
        self._pair = lower * self._size + upper + 1
        # The sparsity pattern of `cross`: thresholds l - 1 and u of each row, where they exist.
        below, above = lower > 0, upper < n_classes - 1
        has = np.stack([below, above], axis=1)
        self._cross_places = np.flatnonzero(has)
        self._cross_columns = np.stack([lower - 1, upper], axis=1).ravel()[self._cross_places]
        self._cross_indptr = np.concatenate([[0], np.cumsum(has.sum(axis=1))])

    def ends(self, scores: FloatArray, thresholds: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the two ends of every annotation, each of shape (m,)."""
        borders = np.concatenate([[-np.inf], thresholds, [np.inf]])
        return borders[self.labels.lower] - scores, borders[self.labels.upper + 1] - scores

    def value(self, scores: FloatArray, thresholds: FloatArray) -> float:
        """Return R, infinite where a row's interval has no width."""
        low, high = self.ends(scores, thresholds)
        if (low >= high).any():
            return np.inf
        value = float(self._share @ self.link.loss(low, high))
        return value if np.isfinite(value) else np.inf

    def row_derivatives(self, scores: FloatArray, thresholds: FloatArray) -> IntervalLoss:
        """Return the derivatives of every row's loss in its own two ends, without weights."""
        return self.link.loss_derivatives(*self.ends(scores, thresholds))

    def gradients(
        self, scores: FloatArray, thresholds: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return the gradients of R in scores and thresholds, where R is finite."""
        rows = self.row_derivatives(scores, thresholds)
        return self._gradients(self._share * rows.d_low, self._share * rows.d_high)

    def derivatives(self, scores: FloatArray, thresholds: FloatArray) -> Derivatives:
        """Return all derivatives of R, where R is finite."""
        rows = self.row_derivatives(scores, thresholds)
        lower, upper, _, _ = self.labels
        dd_low, dd_high = self._share * rows.dd_low, self._share * rows.dd_high
        dd_both = self._share * rows.dd_both
        d_low, d_high = self._share * rows.d_low, self._share * rows.d_high
        score_gradient, threshold_gradient = self._gradients(d_low, d_high)
        threshold_terms = self._gradients(np.abs(d_low), np.abs(d_high))[1]
        size = self._size
        pairs = _sums(self._pair, dd_both, size**2).reshape(size, size)
        hessian = pairs + pairs.T
        hessian[np.diag_indices(size)] += _sums(lower, dd_low, size)
        hessian[np.diag_indices(size)] += _sums(upper + 1, dd_high, size)
        # Scores enter both ends with a minus.
        low, high = dd_low + dd_both, dd_high + dd_both
        entries = -np.stack([low, high], axis=1).ravel()[self._cross_places]
        cross = sparse.csr_array(
            (entries, self._cross_columns, self._cross_indptr),
            shape=(len(scores), self.n_thresholds),
        )
        return Derivatives(
            score_gradient,
            threshold_gradient,
            np.maximum(low + high, 0.0),  # rounding may say less of rows that are certain
            hessian[1:-1, 1:-1],
            cross,
            threshold_terms,
        )

    def hessian_product(
        self,
        scores: FloatArray,
        thresholds: FloatArray,
        score_direction: FloatArray,
        threshold_direction: FloatArray,
    ) -> tuple[FloatArray, FloatArray, float]:
        """Return the Hessian of R times a direction, and the direction's square in it.

        Where scores and thresholds move together, what cancels does so row by row, before it is
        multiplied.

        Parameters
        ----------
        scores, thresholds : ndarray of shape (m,) and (Y - 1,)
            Where the Hessian is taken.
        score_direction, threshold_direction : ndarray of shape (m,) and (Y - 1,)
            The direction.

        Returns
        -------
        in_scores, in_thresholds : ndarray of shape (m,) and (Y - 1,)
            The product.
        square : float
            Its inner product with the direction.
        """
        rows = self.row_derivatives(scores, thresholds)
        lower, upper, _, n_classes = self.labels
        borders = np.concatenate([[0.0], threshold_direction, [0.0]])
        low = np.where(lower > 0, borders[lower] - score_direction, 0.0)
        high = np.where(upper < n_classes - 1, borders[upper + 1] - score_direction, 0.0)
        d_low = self._share * (rows.dd_low * low + rows.dd_both * high)
        d_high = self._share * (rows.dd_both * low + rows.dd_high * high)
        return *self._gradients(d_low, d_high), float(d_low @ low + d_high @ high)

    def _gradients(self, d_low: FloatArray, d_high: FloatArray) -> tuple[FloatArray, FloatArray]:
        lower, upper, _, _ = self.labels
        slope = _sums(lower, d_low, self._size) + _sums(upper + 1, d_high, self._size)
        return -(d_low + d_high), slope[1:-1]


def _sums(place: np.ndarray, values: FloatArray, size: int) -> FloatArray:
    """Sum values by their place."""
    return np.asarray(np.bincount(place, values, size), dtype=np.float64)
