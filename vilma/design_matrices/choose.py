"""Which design matrix serves which X."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from vilma.design_matrices.base import DesignMatrix
from vilma.design_matrices.dense import DenseMatrix
from vilma.design_matrices.threads import BlockThreads

__all__ = ["as_design_matrix"]


def as_design_matrix(X, threads: BlockThreads) -> DesignMatrix:
    """Wrap X, which is validated: a 2-D float64 array or a CSR matrix, all entries finite."""
    if not sparse.issparse(X):
        return DenseMatrix(X)
    # Only here, so that dense problems never wait for these kernels.
    from vilma.design_matrices.csr import BinaryCSRMatrix, CSRMatrix

    if not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    if X.nnz and np.all(X.data == 1):
        return BinaryCSRMatrix(X, threads)
    return CSRMatrix(X, threads)
