"""Design matrices that are read from disk, block after block."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from vilma.design_matrices.base import DesignMatrix
from vilma.design_matrices.in_memory import wrap
from vilma.design_matrices.threads import BlockThreads
from vilma.mapped import MappedMatrix
from vilma.mapped.scratch import Scratch
from vilma.mapped.spans import cut_blocks

__all__ = ["BlockedMatrix"]

_READING = 2 * 2**20  # what reading a block takes besides, and the products


class BlockedMatrix(DesignMatrix):
    """Products with rows on disk, for matrices beyond their budget of memory.

    As many of the first blocks as the budget allows stay in memory, the others are read for
    every product. A thread reads one block while the one before is worked on, so two blocks of
    the budget are on their way. Results are combined in the order of the blocks, which depend on
    the rows and the budget alone.
    """

    def __init__(self, X: MappedMatrix, threads: BlockThreads) -> None:
        self.shape = X.shape
        self._X, self._order = X.in_file_order()
        self._threads = threads
        row_bytes = self._X.row_bytes()
        block_bytes = X.block_bytes()
        self._blocks = cut_blocks(row_bytes, block_bytes)
        ends = np.cumsum(row_bytes)[[stop - 1 for _, stop in self._blocks]]
        for_kept = X.max_memory - 2 * block_bytes - _READING
        self._n_kept = int(np.searchsorted(ends, for_kept, side="right"))
        self._kept: list[DesignMatrix] = []
        # One block is read while the one before is used.
        self._scratch = [Scratch(block_bytes + _READING // 4) for _ in range(2)]

    def dot(self, coef: np.ndarray) -> np.ndarray:
        out = np.empty((self.shape[0], *coef.shape[1:]))

        def block(rows: slice | np.ndarray, matrix: DesignMatrix) -> None:
            out[rows] = matrix.dot(coef)

        self._visit(block)
        return out

    def transpose_dot(self, score_gradient: np.ndarray) -> np.ndarray:
        out = np.zeros((self.shape[1], *score_gradient.shape[1:]))

        def block(rows: slice | np.ndarray, matrix: DesignMatrix) -> None:
            nonlocal out
            out += matrix.transpose_dot(score_gradient[rows])

        self._visit(block)
        return out

    def squared_row_norms(self) -> np.ndarray:
        out = np.empty(self.shape[0])

        def block(rows: slice | np.ndarray, matrix: DesignMatrix) -> None:
            out[rows] = matrix.squared_row_norms()

        self._visit(block)
        return out

    def _visit(self, function: Callable[[slice | np.ndarray, DesignMatrix], None]) -> None:
        """Call ``function(rows, matrix)`` for every block, in order."""
        with ThreadPoolExecutor(1) as reader:
            ahead = reader.submit(self._matrix, 0)
            for number, (start, stop) in enumerate(self._blocks):
                matrix = ahead.result()
                if number + 1 < len(self._blocks):
                    ahead = reader.submit(self._matrix, number + 1)
                rows = slice(start, stop)
                function(rows if self._order is None else self._order[rows], matrix)
                del matrix

    def _matrix(self, number: int) -> DesignMatrix:
        """Return a block that is kept, or read it."""
        if number < len(self._kept):
            return self._kept[number]
        start, stop = self._blocks[number]
        if number < self._n_kept:
            self._kept.append(wrap(self._X.read(start, stop), self._threads))
            return self._kept[number]
        scratch = self._scratch[number % 2]
        scratch.clear()
        block = self._X.read(start, stop, scratch=scratch)
        return wrap(block, self._threads)
