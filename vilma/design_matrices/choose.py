"""Which design matrix serves which X."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from vilma.design_matrices.base import DesignMatrix
from vilma.design_matrices.dense import DenseMatrix
from vilma.design_matrices.threads import BlockThreads
from vilma.mapped import MappedMatrix
from vilma.mixed import MixedColumns
from vilma.one_hot import OneHotCodes

__all__ = ["as_design_matrix", "wrap"]

# Kernels are imported where they are needed: no problem waits for those of another.


def as_design_matrix(X, threads: BlockThreads) -> DesignMatrix:
    """Wrap X, which is validated: a 2-D float64 array, CSR with finite entries, or codes.

    These may stand side by side. Rows on disk are checked when they are read. Where they fit their
    budget, that is here.
    """
    if isinstance(X, MixedColumns):
        from vilma.design_matrices.mixed import MixedMatrix

        return MixedMatrix(X, threads)
    if isinstance(X, MappedMatrix):
        if X.row_bytes().sum() > X.max_memory:
            from vilma.design_matrices.blocked import BlockedMatrix

            return BlockedMatrix(X, threads)
        X = X.read()
    return wrap(X, threads).for_many_products()


def wrap(X, threads: BlockThreads) -> DesignMatrix:
    """Wrap what is in memory as it is."""
    if isinstance(X, OneHotCodes):
        from vilma.design_matrices.one_hot import OneHotMatrix

        return OneHotMatrix(X, threads)
    if not sparse.issparse(X):
        return DenseMatrix(X)
    from vilma.design_matrices.csr import BinaryCSRMatrix, CSRMatrix

    if not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    if X.nnz and np.all(X.data == 1):
        return BinaryCSRMatrix(X, threads)
    return CSRMatrix(X, threads)
