"""Sparse design matrices in compressed row storage, with and without stored values."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from vilma.design_matrices import _csr_kernels as kernels
from vilma.design_matrices.base import DesignMatrix
from vilma.design_matrices.find_one_hot import find_one_hot
from vilma.design_matrices.four import by_fours
from vilma.design_matrices.rows import Rows, unsigned
from vilma.design_matrices.threads import BlockThreads, row_blocks

__all__ = ["BinaryCSRMatrix", "CSRMatrix"]

_WORK_PER_BLOCK = 1_000_000  # stored entries; below, threads cost more than they save
_PAIR_COST = 5.7  # nanoseconds per stored entry
_MAX_BLOCKS = 8  # each block of X^T c has its own sum over all features


class _CSR(DesignMatrix):
    """What both kinds share: the pattern, its blocks of rows, the threads."""

    def __init__(self, X, threads: BlockThreads) -> None:
        self.shape = X.shape
        self.pair_cost = _PAIR_COST * X.nnz
        self._indices = unsigned(X.indices)
        self._indptr = X.indptr.astype(np.int64, copy=False)
        self._threads = threads
        self._blocks = row_blocks(X.shape[0], X.nnz, _WORK_PER_BLOCK, _MAX_BLOCKS)

    def gram(self, weight: np.ndarray) -> np.ndarray:
        X = self._with_values(self._stored() * np.repeat(np.sqrt(weight), np.diff(self._indptr)))
        return (X.T @ X).toarray()

    def transpose_dot_columns(self, columns: sparse.csr_array) -> np.ndarray:
        return (self._with_values(self._stored()).T @ columns).toarray()

    def _with_values(self, values: np.ndarray) -> sparse.csr_array:
        indices = self._indices.view(np.dtype(f"i{self._indices.itemsize}"))  # SciPy wants signed
        return sparse.csr_array((values, indices, self._indptr), shape=self.shape)

    def _stored(self) -> np.ndarray:
        """Return the values of the stored entries."""
        raise NotImplementedError

    def _sum_blocks(self, function, out: np.ndarray) -> None:
        parts = self._threads.map(function, self._blocks)
        out[:] = parts[0]
        for part in parts[1:]:
            out += part


class CSRMatrix(_CSR):
    """Any values."""

    def __init__(self, X, threads: BlockThreads) -> None:
        super().__init__(X, threads)
        self._data = X.data.astype(np.float64, copy=False)

    def dot(self, coef: np.ndarray) -> np.ndarray:
        return by_fours(self._dot, coef, self.shape[0])

    def _dot(self, coef: np.ndarray, out: np.ndarray) -> None:
        kernel = kernels.csr_dot if coef.ndim == 1 else kernels.csr_dot_four

        def block(start: int, stop: int) -> None:
            kernel(self._data, self._indices, self._indptr, coef, start, stop, out)

        self._threads.map(block, self._blocks)

    def transpose_dot(self, score_gradient: np.ndarray) -> np.ndarray:
        return by_fours(self._transpose_dot, score_gradient, self.shape[1])

    def _transpose_dot(self, score_gradient: np.ndarray, out: np.ndarray) -> None:
        one = score_gradient.ndim == 1
        kernel = kernels.csr_transpose_dot if one else kernels.csr_transpose_dot_four

        def block(start: int, stop: int) -> np.ndarray:
            return kernel(
                self._data,
                self._indices,
                self._indptr,
                score_gradient,
                start,
                stop,
                self.shape[1],
            )

        self._sum_blocks(block, out)

    def squared_row_norms(self) -> np.ndarray:
        sums = np.add.reduceat(np.append(self._data**2, 0.0), self._indptr[:-1])
        return np.where(np.diff(self._indptr) > 0, sums, 0.0)

    def rows(self) -> Rows:
        return self._data, self._indices, self._indptr

    def _stored(self) -> np.ndarray:
        return self._data


class BinaryCSRMatrix(_CSR):
    """Every stored entry is 1: the values are not kept."""

    def for_many_products(self) -> DesignMatrix:
        codes = find_one_hot(self._indices, self._indptr, self.shape)
        if codes is None:
            return self
        from vilma.design_matrices.one_hot import OneHotMatrix  # compiled for those who need it

        return OneHotMatrix(codes, self._threads)

    def dot(self, coef: np.ndarray) -> np.ndarray:
        return by_fours(self._dot, coef, self.shape[0])

    def _dot(self, coef: np.ndarray, out: np.ndarray) -> None:
        kernel = kernels.binary_csr_dot if coef.ndim == 1 else kernels.binary_csr_dot_four

        def block(start: int, stop: int) -> None:
            kernel(self._indices, self._indptr, coef, start, stop, out)

        self._threads.map(block, self._blocks)

    def transpose_dot(self, score_gradient: np.ndarray) -> np.ndarray:
        return by_fours(self._transpose_dot, score_gradient, self.shape[1])

    def _transpose_dot(self, score_gradient: np.ndarray, out: np.ndarray) -> None:
        one = score_gradient.ndim == 1
        kernel = kernels.binary_csr_transpose_dot if one else kernels.binary_csr_transpose_dot_four

        def block(start: int, stop: int) -> np.ndarray:
            return kernel(self._indices, self._indptr, score_gradient, start, stop, self.shape[1])

        self._sum_blocks(block, out)

    def squared_row_norms(self) -> np.ndarray:
        return np.diff(self._indptr).astype(np.float64)

    def _stored(self) -> np.ndarray:
        return np.ones(len(self._indices))

    def rows(self) -> Rows:
        return self._indices, self._indptr
