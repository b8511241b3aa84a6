"""A point of the dual problem where labels have scores of several pieces."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from vilma.design_matrices import DesignMatrix, Rows
from vilma.solvers.coordinate_ascent import _mixture_kernels as kernels
from vilma.solvers.coordinate_ascent.dual_point import DualPoint, mean_breakpoints
from vilma.surrogates import LabelMaxima

__all__ = ["MixtureDualPoint"]

# Passes to a gap of 1e-2 on 5,000 one-hot rows, 55 labels, four pieces, exact or a fifth exact: 11
# to 16 with at most 10 steps of a visit, 8 to 17 with 30, as many with 100; ends of a visit at a
# tenth or a fiftieth of its first gain are alike.
_MOST_STEPS = 30
_ENOUGH = 0.1
# As in `dual_point`. Certificates to a gap of 1e-3 with 0.02, 0.06 and 0.2: on faces (1,344 rows
# of codes, 110 labels, eight pieces) 12, 7, 12 (absolute loss, alpha 0.01) and 23, 7, 11
# (squared, 0.1), on 5,000 one-hot rows 3 to 7 with 0.02 to 0.06; dense data are alike.
_PROX_SHARE = 0.06


class _Examples(NamedTuple):
    """What belongs to the examples, in the order in which they are kept."""

    row: np.ndarray  # in the rows that are visited
    first: np.ndarray  # where its slopes begin
    lower: np.ndarray
    upper: np.ndarray
    weight: np.ndarray
    centre_product: np.ndarray  # of the row with the mean row
    squared_centred_norm: np.ndarray  # squared norm of their difference


def _breakpoints(maxima: LabelMaxima) -> tuple[np.ndarray, np.ndarray]:
    """Weighted sums of every step's breakpoints at scores of 0, and their weights.

    A step below an interval is of use where its threshold exceeds the fall of the cost with it,
    one above where its threshold is less than the rise.
    """
    cost, n_classes = maxima.cost, len(maxima.cost)
    below = np.bincount(maxima.lower, maxima.weight, n_classes)
    above = np.bincount(maxima.upper, maxima.weight, n_classes)
    steps, ends = np.arange(n_classes - 1)[:, None], np.arange(n_classes)
    weight = np.where(ends > steps, below, 0.0) + np.where(ends <= steps, above, 0.0)
    return (weight * np.diff(cost, axis=0)).sum(axis=1), weight.sum(axis=1)


class MixtureDualPoint(DualPoint):
    """The mixtures of labels on both sides of all examples.

    Parameters
    ----------
    X : DesignMatrix
        For one piece.
    rows : tuple of arrays
        Its rows.
    squared_row_norms : ndarray of shape (m,)
    maxima : LabelMaxima
    """

    _prox_share = _PROX_SHARE

    def __init__(
        self, X: DesignMatrix, rows: Rows, squared_row_norms: np.ndarray, maxima: LabelMaxima
    ) -> None:
        super().__init__(X, rows, squared_row_norms, maxima.weight)
        counts = maxima.counts()[self.order]
        n_pieces = int(maxima.pieces.max()) + 1
        self._maxima = maxima.cost, maxima.pieces
        self._examples = _Examples(
            np.arange(len(counts)) if self._copied else self.order,
            np.cumsum(counts) - counts,
            maxima.lower[self.order],
            maxima.upper[self.order],
            self._weight,
            self._centre_product,
            self._squared_centred_norm,
        )
        self._begin(
            sums=np.zeros((-(-n_pieces // 4), X.shape[1], 4)),
            drift=np.zeros((2, n_pieces)),
            duals=np.zeros(counts.sum()),
            thresholds=mean_breakpoints(*_breakpoints(maxima)),
        )

    def _centred_sums(self) -> np.ndarray:
        n_pieces = self._drift.shape[1]
        by_feature = np.concatenate(list(self._sums), axis=1)[:, :n_pieces]
        return (by_feature - np.multiply.outer(self._mean, self._drift[1])).ravel()

    def _visit(self, visits: np.ndarray) -> None:
        assert self._rows is not None
        own_share, common_share = self._metric.shares
        kernels.ascend_mixtures(
            self._rows,
            tuple(self._examples),
            self._maxima,
            visits,
            (
                self._scale,
                self._prox_step,
                self._squared_mean_norm,
                own_share,
                common_share,
                _MOST_STEPS,
                _ENOUGH,
            ),
            (self._sums, self._drift, self._duals, self._thresholds),
        )

    def _balance(self) -> tuple[np.ndarray, float, float, np.ndarray]:
        of = self._examples
        return kernels.balanced_mixture_plane(
            of.first,
            of.lower,
            of.upper,
            of.weight,
            self._maxima,
            self._drift.shape[1],
            self._duals,
        )
