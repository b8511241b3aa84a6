"""Dense design matrices."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from vilma.design_matrices.base import DesignMatrix
from vilma.design_matrices.rows import Rows

__all__ = ["DenseMatrix"]


_PAIR_COST = 1.0  # nanoseconds per number
_GRAM_BLOCK_BYTES = 2**19  # weighted rows that stay in the cache until they are multiplied


class DenseMatrix(DesignMatrix):
    """A float64 array of either order; BLAS does the products."""

    def __init__(self, X: np.ndarray) -> None:
        self._X = X
        self.shape = X.shape
        self.pair_cost = _PAIR_COST * X.size

    def dot(self, coef: np.ndarray) -> np.ndarray:
        return self._X @ coef

    def transpose_dot(self, score_gradient: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray((score_gradient.T @ self._X).T)

    def squared_row_norms(self) -> np.ndarray:
        return np.einsum("ij,ij->i", self._X, self._X)

    def weighted_squares(self, weight: np.ndarray) -> np.ndarray:
        """Return the sums of squares of the rows, columns weighted, of shape (n_samples,)."""
        return np.einsum("ij,ij,j->i", self._X, self._X, weight)

    def gram(self, weight: np.ndarray) -> np.ndarray:
        out = np.zeros((self.shape[1], self.shape[1]))
        root = np.sqrt(weight)
        block = max(_GRAM_BLOCK_BYTES // (8 * max(self.shape[1], 1)), 64)
        scaled = np.empty((min(block, self.shape[0]), self.shape[1]))
        for start in range(0, self.shape[0], block):
            rows = self._X[start : start + block]
            part = np.multiply(rows, root[start : start + block, None], out=scaled[: len(rows)])
            out += part.T @ part
        return out

    def transpose_dot_columns(self, columns: sparse.csr_array) -> np.ndarray:
        return (columns.T @ self._X).T

    def rows(self) -> Rows:
        return (np.ascontiguousarray(self._X),)
