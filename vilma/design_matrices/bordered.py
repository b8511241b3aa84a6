"""A design matrix with an identity below and to the right of it."""

from __future__ import annotations

import numpy as np

from vilma.design_matrices.base import DesignMatrix

__all__ = ["BorderedMatrix"]


class BorderedMatrix(DesignMatrix):
    """``[[X, 0], [0, I]]``: further variables that are their own scores."""

    def __init__(self, X: DesignMatrix, n_extra: int) -> None:
        self._X = X
        self.shape = (X.shape[0] + n_extra, X.shape[1] + n_extra)

    def dot(self, coef: np.ndarray) -> np.ndarray:
        n_features = self._X.shape[1]
        return np.concatenate([self._X.dot(coef[:n_features]), coef[n_features:]])

    def transpose_dot(self, score_gradient: np.ndarray) -> np.ndarray:
        n_samples = self._X.shape[0]
        return np.concatenate(
            [self._X.transpose_dot(score_gradient[:n_samples]), score_gradient[n_samples:]]
        )

    def squared_row_norms(self) -> np.ndarray:
        n_extra = self.shape[0] - self._X.shape[0]
        return np.concatenate([self._X.squared_row_norms(), np.ones(n_extra)])
