"""The check of column indices."""

from __future__ import annotations

from vilma._numba import njit


@njit
def first_unsorted_row(indices, indptr, n_columns):
    """Return the first row whose columns do not ascend within the matrix, or -1."""
    for i in range(len(indptr) - 1):
        previous = -1
        for j in range(indptr[i], indptr[i + 1]):
            column = indices[j]
            if column <= previous or column >= n_columns:
                return i
            previous = column
    return -1
