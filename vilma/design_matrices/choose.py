"""Which design matrix serves which X."""

from __future__ import annotations

from vilma.design_matrices.base import DesignMatrix
from vilma.design_matrices.in_memory import wrap
from vilma.design_matrices.threads import BlockThreads
from vilma.mapped import MappedMatrix
from vilma.mixed import MixedColumns

__all__ = ["as_design_matrix"]

# Kernels are imported where they are needed: no problem waits for those of another.


def as_design_matrix(X, threads: BlockThreads) -> DesignMatrix:
    """Wrap X, which is validated: a 2-D float64 array, CSR with finite entries, or codes.

    These may stand side by side. Rows on disk are checked when they are read. Where they fit their
    budget, that is here.
    """
    if isinstance(X, MixedColumns):
        from vilma.design_matrices.mixed import MixedMatrix

        parts = [as_design_matrix(block, threads) for block in X.blocks]
        return MixedMatrix(X, parts, threads)
    if isinstance(X, MappedMatrix):
        if X.row_bytes().sum() > X.max_memory:
            from vilma.design_matrices.blocked import BlockedMatrix

            return BlockedMatrix(X, threads)
        X = X.read()
    return wrap(X, threads).for_many_products()
