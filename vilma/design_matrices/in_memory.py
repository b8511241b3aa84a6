"""Which design matrix serves which X that is in memory."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from vilma.design_matrices.base import DesignMatrix
from vilma.design_matrices.dense import DenseMatrix
from vilma.design_matrices.threads import BlockThreads
from vilma.one_hot import OneHotCodes

__all__ = ["wrap"]

# Kernels are imported where they are needed: no problem waits for those of another.


def wrap(X, threads: BlockThreads) -> DesignMatrix:
    """Wrap an array, CSR or codes as they are."""
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
