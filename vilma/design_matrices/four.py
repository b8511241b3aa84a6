"""Rows of four numbers added at once: the inner step of products with four vectors.

A product with one vector loads one number per code or stored entry. Where four vectors lie side by
side, one vector instruction loads and adds four numbers, so that four products with one-hot codes
take about 1.4 times as long as one. Numba does not vectorise loops this short by itself: it needs
to be told, by `_compiled_fours.py`. All arrays are C-contiguous, of float64 and of shape (any, 4);
indices are unsigned.

Without compilation these are plain NumPy statements. For how kernels are kept see
`vilma.design_matrices.rows`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from vilma._numba import extend_before_compiling

__all__ = ["add_four", "add_four_sums", "add_four_times", "by_fours"]


def by_fours(
    product: Callable[[np.ndarray, np.ndarray], None], columns: np.ndarray, length: int
) -> np.ndarray:
    """Apply a product to one vector, or to the columns of a matrix four by four.

    Parameters
    ----------
    product : callable
        Called as ``product(vectors, out)``, vectors of shape (any,) or (any, 4).
    columns : ndarray of shape (any,) or (any, n_vectors)
    length : int
        Of a product.

    Returns
    -------
    ndarray of shape (length,) or (length, n_vectors)
    """
    if columns.ndim == 1:
        out = np.empty(length)
        product(columns, out)
        return out
    n_vectors = columns.shape[1]
    if n_vectors == 1:
        return by_fours(product, np.ascontiguousarray(columns[:, 0]), length)[:, None]
    if n_vectors == 4:
        out = np.empty((length, 4))
        product(np.ascontiguousarray(columns), out)
        return out
    out = np.empty((length, n_vectors))
    for first in range(0, n_vectors, 4):
        part = columns[:, first : first + 4]
        width = part.shape[1]
        four = np.ascontiguousarray(np.pad(part, ((0, 0), (0, 4 - width))))
        out[:, first : first + width] = by_fours(product, four, length)[:, :width]
    return out


def add_four(out: np.ndarray, i: int, source: np.ndarray, f: int) -> None:
    """``out[i] += source[f]``."""
    out[i] += source[f]


def add_four_times(out: np.ndarray, i: int, factor: float, source: np.ndarray, f: int) -> None:
    """``out[i] += factor * source[f]``."""
    out[i] += factor * source[f]


def add_four_sums(
    out: np.ndarray, i: int, source: np.ndarray, f: int, g: int, h: int, k: int
) -> None:
    """Add four rows of `source` to a row of `out`, which is read and written once."""
    out[i] += (source[f] + source[g]) + (source[h] + source[k])


extend_before_compiling("vilma.design_matrices._compiled_fours")
