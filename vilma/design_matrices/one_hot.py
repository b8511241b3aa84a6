"""Design matrices of one-hot codes."""

from __future__ import annotations

import numpy as np

from vilma.design_matrices import _one_hot_kernels as kernels
from vilma.design_matrices.base import DesignMatrix
from vilma.design_matrices.four import by_fours
from vilma.design_matrices.rows import Rows, unsigned
from vilma.design_matrices.threads import BlockThreads, row_blocks
from vilma.one_hot import OneHotCodes

__all__ = ["OneHotMatrix"]

_WORK_PER_BLOCK = 1_000_000  # codes; below, threads cost more than they save
_MAX_BLOCKS = 64
_PAIR_COST = 1.7  # nanoseconds per code


class OneHotMatrix(DesignMatrix):
    """Products with codes: rows are split for X w, blocks of features for X^T c."""

    def __init__(self, X: OneHotCodes, threads: BlockThreads) -> None:
        self.shape = X.shape
        self.pair_cost = _PAIR_COST * X.codes.size
        self._codes = X.codes.T
        self._starts = X.block_starts
        self._threads = threads
        n_blocks, n_rows = self._codes.shape
        self._row_ranges = row_blocks(n_rows, X.codes.size, _WORK_PER_BLOCK, _MAX_BLOCKS)
        self._feature_ranges = row_blocks(n_blocks, X.codes.size, _WORK_PER_BLOCK, _MAX_BLOCKS)

    def dot(self, coef: np.ndarray) -> np.ndarray:
        return by_fours(self._dot, coef, self.shape[0])

    def _dot(self, coef: np.ndarray, out: np.ndarray) -> None:
        kernel = kernels.one_hot_dot if coef.ndim == 1 else kernels.one_hot_dot_four
        starts = unsigned(self._starts)

        def block(start: int, stop: int) -> None:
            kernel(self._codes, starts, coef, start, stop, out)

        self._threads.map(block, self._row_ranges)

    def transpose_dot(self, score_gradient: np.ndarray) -> np.ndarray:
        return by_fours(self._transpose_dot, score_gradient, self.shape[1])

    def _transpose_dot(self, score_gradient: np.ndarray, out: np.ndarray) -> None:
        one = score_gradient.ndim == 1
        kernel = kernels.one_hot_transpose_dot if one else kernels.one_hot_transpose_dot_four

        def block(first: int, last: int) -> None:
            kernel(self._codes, self._starts, score_gradient, first, last, out)

        self._threads.map(block, self._feature_ranges)

    def squared_row_norms(self) -> np.ndarray:
        return np.full(self.shape[0], float(self._codes.shape[0]))

    def rows(self) -> Rows:
        return np.ascontiguousarray(self._codes.T), self._starts[:-1].astype(np.uint32)
