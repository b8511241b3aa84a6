r"""Columns whose values are all alike, up to digits that matter.

A column of values near :math:`10^{15}` (a constant, a time stamp in nanoseconds) gives scores
of that size, and a score's rounding then exceeds the margin of 1. The thresholds are free, so a
constant taken off a column changes nothing but them:

.. math:: \langle x - z, w\rangle - (\theta_k - \langle z, w\rangle) = \langle x, w\rangle -
\theta_k .
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from vilma._row_container import RowContainer
from vilma.mixed import MixedColumns

__all__ = ["center_narrow_columns"]

# A column is narrow if its range is below this share of its largest value: its scores lose four of
# sixteen digits or more. A constant one counts only where it exceeds the usual range of the others
# by as much; for less, a copy of X is not worth it.
_NARROW = 1e-4


def center_narrow_columns(X) -> tuple[Any, np.ndarray | None]:
    """Take the smallest value off every column whose values are all alike.

    Parameters
    ----------
    X : ndarray, CSR, OneHotCodes, MappedMatrix or MixedColumns of shape (m, n)
        Codes have no such column; rows on disk and containers of other kinds stay as they are.

    Returns
    -------
    X : the same kind of matrix
        A copy where a column is narrow, else X itself.
    center : ndarray of shape (n,) or None
        What was taken off; None if that is nothing.
    """
    if isinstance(X, MixedColumns):
        return _center_mixed(X)
    if isinstance(X, RowContainer):
        return X, None
    if sparse.issparse(X):
        return _center_sparse(X)
    center = _narrow_offsets(X)
    return (X, None) if center is None else (X - center, center)


def _narrow_offsets(values: np.ndarray) -> np.ndarray | None:
    """Smallest value of every narrow column, 0 elsewhere; None if no column is narrow."""
    smallest, largest = values.min(axis=0), values.max(axis=0)
    spread = largest - smallest
    size = np.maximum(np.abs(smallest), np.abs(largest))
    narrow = spread < _NARROW * size
    varied = spread > 0.0
    usual = np.median(spread[varied]) if varied.any() else 1.0
    narrow &= varied | (usual < _NARROW * size)
    return np.where(narrow, smallest, 0.0) if narrow.any() else None


def _center_sparse(X) -> tuple[Any, np.ndarray | None]:
    """The same for CSR: only a column without zeros can be narrow."""
    n_samples, n_features = X.shape
    full = np.flatnonzero(np.bincount(X.indices, minlength=n_features) == n_samples)
    if not len(full):
        return X, None
    if not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    offsets = _narrow_offsets(X[:, full].toarray())
    if offsets is None:
        return X, None
    center = np.zeros(n_features)
    center[full] = offsets
    X = X.copy()
    X.data -= center[X.indices]
    return X, center


def _center_mixed(X: MixedColumns) -> tuple[MixedColumns, np.ndarray | None]:
    """The same block by block."""
    centered = [center_narrow_columns(block) for block in X.blocks]
    if all(center is None for _, center in centered):
        return X, None
    center = np.zeros(X.shape[1])
    for (_, part), scale, (start, stop) in zip(centered, X.scales, X.column_ranges(), strict=True):
        if part is not None:
            center[start:stop] = scale * part
    return MixedColumns([block for block, _ in centered], X.scales, X.names), center
