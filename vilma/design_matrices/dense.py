"""Dense design matrices."""

from __future__ import annotations

import numpy as np

from vilma.design_matrices.base import DesignMatrix
from vilma.design_matrices.rows import Rows

__all__ = ["DenseMatrix"]


class DenseMatrix(DesignMatrix):
    """A float64 array of either order; BLAS does the products."""

    def __init__(self, X: np.ndarray) -> None:
        self._X = X
        self.shape = X.shape

    def dot(self, coef: np.ndarray) -> np.ndarray:
        return self._X @ coef

    def transpose_dot(self, score_gradient: np.ndarray) -> np.ndarray:
        return score_gradient @ self._X

    def squared_row_norms(self) -> np.ndarray:
        return np.einsum("ij,ij->i", self._X, self._X)

    def rows(self) -> Rows:
        return (np.ascontiguousarray(self._X),)
