"""A design matrix for several coefficient vectors at once."""

from __future__ import annotations

import numpy as np

from vilma.design_matrices.base import DesignMatrix

__all__ = ["StackedMatrix"]


class StackedMatrix(DesignMatrix):
    """X applied to every column of a matrix, which comes and goes as one long vector.

    Entry ``f * n_columns + j`` of a coefficient vector is feature f of column j; scores likewise.
    """

    def __init__(self, X: DesignMatrix, n_columns: int) -> None:
        self._X = X
        self._n_columns = n_columns
        self.shape = X.shape[0] * n_columns, X.shape[1] * n_columns

    def dot(self, coef: np.ndarray) -> np.ndarray:
        return self._X.dot(coef.reshape(-1, self._n_columns)).ravel()

    def transpose_dot(self, score_gradient: np.ndarray) -> np.ndarray:
        return self._X.transpose_dot(score_gradient.reshape(-1, self._n_columns)).ravel()

    def squared_row_norms(self) -> np.ndarray:
        return np.repeat(self._X.squared_row_norms(), self._n_columns)
