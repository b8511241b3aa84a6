"""The contract between the solvers and X."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from scipy import sparse

from vilma.design_matrices.rows import Rows

__all__ = ["DesignMatrix"]


class DesignMatrix(ABC):
    """A matrix of ``shape`` (n_samples, n_features), known by two products and its rows' norms.

    Both products take one vector or several, side by side as columns.
    """

    shape: tuple[int, int]
    # What one product with X and one with its transpose usually take, in nanoseconds: it says what
    # passes over the rows are worth. None where these cannot be visited in any order.
    pair_cost: float | None = None
    # Whether vectors of one number per sample are arrays here; else they are what `dot` returns,
    # with sums, multiples and inner products, and `transpose_dot` takes the slopes of a plane.
    keeps_samples = True

    @abstractmethod
    def dot(self, coef: np.ndarray) -> np.ndarray:
        """Return X w, of shape (n_samples, ...), for w of shape (n_features, ...)."""

    @abstractmethod
    def transpose_dot(self, score_gradient: np.ndarray) -> np.ndarray:
        """Return X^T c, of shape (n_features, ...), for c of shape (n_samples, ...)."""

    @abstractmethod
    def squared_row_norms(self) -> np.ndarray:
        """Return the squared Euclidean norms of the rows, of shape (n_samples,)."""

    def no_scores(self) -> np.ndarray:
        """Return X w for w = 0."""
        return np.zeros(self.shape[0])

    def largest_squared_norm(self) -> float:
        """Return the largest squared norm of a row, or refuse one that overflows."""
        return float(self.finite_squared_row_norms().max())

    def finite_squared_row_norms(self) -> np.ndarray:
        """Return the squared norms of the rows, or refuse such as overflow.

        Raises
        ------
        ValueError
            If one does; the row is named.
        """
        with np.errstate(over="ignore"):
            norms = self.squared_row_norms()
        if not np.isfinite(norms).all():
            row = int(np.argmin(np.isfinite(norms)))
            raise ValueError(
                f"The squared norm of row {row} of X overflows float64. Bring the features to a "
                "common scale near 1."
            )
        return norms

    def gram(self, weight: np.ndarray) -> np.ndarray:
        """Return X^T diag(weight) X, of shape (n_features, n_features), for nonnegative weights.

        Here by as many pairs of products as there are features.
        """
        out = np.empty((self.shape[1], self.shape[1]))
        unit = np.zeros(self.shape[1])
        for j in range(self.shape[1]):
            unit[j] = 1.0
            out[j] = self.transpose_dot(weight * self.dot(unit))
            unit[j] = 0.0
        return out

    def transpose_dot_columns(self, columns: sparse.csr_array) -> np.ndarray:
        """Return X^T C, of shape (n_features, k), for a sparse C of shape (n_samples, k)."""
        by_column = columns.tocsc()
        out = np.empty((self.shape[1], columns.shape[1]))
        for k in range(columns.shape[1]):
            out[:, k] = self.transpose_dot(by_column[:, [k]].toarray().ravel())
        return out

    def rows(self) -> Rows | None:
        """Return the rows for kernels that visit them in any order; None where there are none."""
        return None

    def for_many_products(self) -> DesignMatrix:
        """Return the same matrix in the form that is worth making when products are many."""
        return self
