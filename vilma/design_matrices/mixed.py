"""Design matrices of several kinds side by side."""

from __future__ import annotations

import numpy as np

from vilma.design_matrices.base import DesignMatrix
from vilma.design_matrices.csr import CSRMatrix
from vilma.design_matrices.rows import Rows
from vilma.design_matrices.threads import BlockThreads
from vilma.mixed import MixedColumns

__all__ = ["MixedMatrix"]


class MixedMatrix(DesignMatrix):
    r"""``[s_1 X_1, s_2 X_2, ...]``, each block with its own products.

    .. math:: X w = \sum_b s_b X_b w_b, \qquad (X^T c)_b = s_b X_b^T c .

    `parts` are the design matrices of the blocks of X.
    """

    def __init__(self, X: MixedColumns, parts: list[DesignMatrix], threads: BlockThreads) -> None:
        self.shape = X.shape
        self._X = X
        self._threads = threads
        self._parts = parts
        self._ranges = X.column_ranges()
        costs = [part.pair_cost for part in self._parts if part.pair_cost is not None]
        self.pair_cost = sum(costs) if len(costs) == len(self._parts) else None

    def dot(self, coef: np.ndarray) -> np.ndarray:
        products = (
            scale * part.dot(coef[start:stop])
            for part, scale, (start, stop) in zip(
                self._parts, self._X.scales, self._ranges, strict=True
            )
        )
        total = next(products)
        for product in products:
            total += product
        return total

    def transpose_dot(self, score_gradient: np.ndarray) -> np.ndarray:
        return np.concatenate(
            [
                scale * part.transpose_dot(score_gradient)
                for part, scale in zip(self._parts, self._X.scales, strict=True)
            ]
        )

    def squared_row_norms(self) -> np.ndarray:
        norms = [part.squared_row_norms() for part in self._parts]
        return self._X.scales**2 @ np.array(norms)

    def rows(self) -> Rows | None:
        """Return the rows of all blocks as CSR, made now; None if some are on disk."""
        if self.pair_cost is None:
            return None
        return CSRMatrix(self._X.tocsr(), self._threads).rows()
