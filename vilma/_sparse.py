"""Sparse matrices whose index arrays do not fit together."""

from __future__ import annotations

from typing import Any

from scipy import sparse

__all__ = ["check_sparse", "without_spare_entries"]


def check_sparse(X: Any, name: str = "X") -> None:
    """Refuse a sparse matrix with indices outside of it: compiled code would read other memory.

    Parameters
    ----------
    X : object
        What a user calls a matrix; anything but sparse ones passes.
    name : str, default="X"
        What the error message calls it.

    Raises
    ------
    ValueError
        If an index is negative or beyond the width, or offsets of rows do not ascend.
    """
    if not sparse.issparse(X):
        return
    problem: Any = None
    if X.format in {"csr", "csc", "bsr"}:
        try:
            # Of a view of the arrays, because the check may shorten those of what it checks.
            type(X)((X.data, X.indices, X.indptr), shape=X.shape).check_format(full_check=True)
        except (ValueError, IndexError, TypeError) as error:
            problem = error
    elif X.format == "coo" and X.nnz:
        for axis, places in enumerate(X.coords):
            if places.min() < 0 or places.max() >= X.shape[axis]:
                problem = f"indices of axis {axis} are not from 0 to {X.shape[axis] - 1}"
    if problem is not None:
        raise ValueError(
            f"{name} is a damaged {type(X).__name__} of shape {X.shape}: {problem}. Make it anew, "
            "or read it again from where it was saved."
        )


def without_spare_entries(X: Any) -> Any:
    """Return CSR without what its arrays hold behind the last row; anything else as it is."""
    if not sparse.issparse(X) or X.format != "csr" or len(X.indices) == X.indptr[-1]:
        return X
    n_entries = X.indptr[-1]
    return type(X)((X.data[:n_entries], X.indices[:n_entries], X.indptr), shape=X.shape)
