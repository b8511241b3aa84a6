"""Blocks of one-hot features found in a sparse matrix of ones."""

from __future__ import annotations

import numpy as np

from vilma.one_hot import OneHotCodes

__all__ = ["find_one_hot"]

_WIDEST = 2**16  # columns of a block: codes have two bytes at most


def find_one_hot(
    indices: np.ndarray, indptr: np.ndarray, shape: tuple[int, int]
) -> OneHotCodes | None:
    """Return the codes of a canonical CSR matrix of ones that has one 1 per block and row.

    Products with codes take half the time and a quarter of the memory traffic. The j-th entry of
    every row has to lie left of every row's entry j + 1; blocks without columns of their own end
    where the next one begins. None if X is not such a matrix.
    """
    n_rows, n_columns = shape
    n_blocks = len(indices) // n_rows
    if n_blocks == 0 or not np.array_equal(indptr, np.arange(n_rows + 1) * n_blocks):
        return None
    columns = indices.reshape(n_rows, n_blocks)
    first, last = columns.min(axis=0), columns.max(axis=0)
    if np.any(last[:-1] >= first[1:]):
        return None
    starts = np.concatenate([[0], first[1:]]).astype(columns.dtype)
    sizes = np.diff(np.append(starts, n_columns)).astype(np.int64)
    if sizes.max() > _WIDEST:
        return None
    codes = np.empty((n_blocks, n_rows), dtype=np.uint8 if sizes.max() <= 256 else np.uint16)
    np.subtract(columns.T, starts[:, None], out=codes, casting="unsafe")
    return OneHotCodes._trusted(codes.T, sizes)
