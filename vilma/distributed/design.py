"""The design matrix of rows in parts."""

from __future__ import annotations

from typing import NoReturn

import numpy as np

from vilma.design_matrices import DesignMatrix
from vilma.distributed.vectors import CellSlopes, Rows, Scores

__all__ = ["PartitionedDesign"]


class PartitionedDesign(DesignMatrix):
    """Products with rows in parts: vectors of one number per row stay with them.

    Parameters
    ----------
    rows : Rows
    largest_squared_norm : float
        Of a row.
    """

    keeps_samples = False

    def __init__(self, rows: Rows, largest_squared_norm: float) -> None:
        self.shape = rows.shape
        self._rows = rows
        self._largest = largest_squared_norm

    def dot(self, coef: np.ndarray) -> Scores:  # type: ignore[override]
        return self._rows.product(coef)

    def no_scores(self) -> Scores:  # type: ignore[override]
        return Scores(self._rows, {})

    def transpose_dot(self, score_gradient: CellSlopes) -> np.ndarray:  # type: ignore[override]
        return score_gradient.gradient()

    def squared_row_norms(self) -> NoReturn:
        raise NotImplementedError("The norms of rows in parts stay with them.")

    def largest_squared_norm(self) -> float:
        return self._largest
