"""A design matrix for several coefficient vectors at once."""

from __future__ import annotations

import numpy as np

from vilma.design_matrices.base import DesignMatrix
from vilma.design_matrices.rows import Rows

_COLUMN_COST = 0.5  # of a product with one vector: four at once take twice as long

__all__ = ["StackedMatrix"]


class StackedMatrix(DesignMatrix):
    """X applied to every column of a matrix, which comes and goes as one long vector.

    Entry ``f * n_columns + j`` of a coefficient vector is feature f of column j; scores likewise.
    `rows` are those of the single matrix, X.
    """

    def __init__(self, X: DesignMatrix, n_columns: int) -> None:
        self.single = X
        self._n_columns = n_columns
        if X.pair_cost is not None:
            self.pair_cost = _COLUMN_COST * n_columns * X.pair_cost
        self.shape = X.shape[0] * n_columns, X.shape[1] * n_columns

    def dot(self, coef: np.ndarray) -> np.ndarray:
        return self.single.dot(coef.reshape(-1, self._n_columns)).ravel()

    def transpose_dot(self, score_gradient: np.ndarray) -> np.ndarray:
        return self.single.transpose_dot(score_gradient.reshape(-1, self._n_columns)).ravel()

    def squared_row_norms(self) -> np.ndarray:
        return np.repeat(self.single.squared_row_norms(), self._n_columns)

    def rows(self) -> Rows | None:
        return self.single.rows()
