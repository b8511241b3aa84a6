"""A design matrix with dense columns in the place of some of its own."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from vilma.design_matrices.base import DesignMatrix

__all__ = ["ReplacedColumns"]


class ReplacedColumns(DesignMatrix):
    """X with `columns`, of shape (n_samples, n_places), at the given places."""

    def __init__(self, X: DesignMatrix, places: np.ndarray, columns: np.ndarray) -> None:
        self._X = X
        self._places = places
        self._columns = columns
        self.shape = X.shape

    def dot(self, coef: np.ndarray) -> np.ndarray:
        own = coef.copy()
        own[self._places] = 0.0
        return self._X.dot(own) + self._columns @ coef[self._places]

    def transpose_dot(self, score_gradient: np.ndarray) -> np.ndarray:
        out = self._X.transpose_dot(score_gradient)
        out[self._places] = (score_gradient.T @ self._columns).T
        return out

    def squared_row_norms(self) -> np.ndarray:
        norms = self._X.squared_row_norms()
        unit = np.zeros(self.shape[1])
        for place, column in zip(self._places, self._columns.T, strict=True):
            unit[place] = 1.0
            norms = norms - self._X.dot(unit) ** 2 + column**2
            unit[place] = 0.0
        return norms

    def gram(self, weight: np.ndarray) -> np.ndarray:
        out = self._X.gram(weight)
        weighted = weight[:, None] * self._columns
        for place, column in zip(self._places, weighted.T, strict=True):
            out[place] = self.transpose_dot(np.ascontiguousarray(column))
            out[:, place] = out[place]
        return out

    def transpose_dot_columns(self, columns: sparse.csr_array) -> np.ndarray:
        out = self._X.transpose_dot_columns(columns)
        out[self._places] = (columns.T @ self._columns).T
        return out
