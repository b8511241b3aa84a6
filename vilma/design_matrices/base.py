"""The contract between the solvers and X."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from vilma.design_matrices.rows import Rows

__all__ = ["DesignMatrix"]


class DesignMatrix(ABC):
    """A matrix of ``shape`` (n_samples, n_features), known by two products and its rows' norms."""

    shape: tuple[int, int]

    @abstractmethod
    def dot(self, coef: np.ndarray) -> np.ndarray:
        """Return X w, of shape (n_samples,), for w of shape (n_features,)."""

    @abstractmethod
    def transpose_dot(self, score_gradient: np.ndarray) -> np.ndarray:
        """Return X^T c, of shape (n_features,), for c of shape (n_samples,)."""

    @abstractmethod
    def squared_row_norms(self) -> np.ndarray:
        """Return the squared Euclidean norms of the rows, of shape (n_samples,)."""

    def rows(self) -> Rows | None:
        """Return the rows for kernels that visit them in any order; None if they are on disk."""
        return None

    def for_many_products(self) -> DesignMatrix:
        """Return the same matrix in the form that is worth making when products are many."""
        return self
