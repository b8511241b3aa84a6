"""Rows of a design matrix for kernels that visit them one by one.

Rows are a plain tuple of arrays, of which there are four kinds:

- ``(values,)``: dense, of shape (m, n), in row order;
- ``(data, indices, indptr)``: CSR;
- ``(indices, indptr)``: CSR of ones, without its values;
- ``(codes, starts)``: one-hot codes of shape (m, n_blocks), in row order, and the first feature of
  every block.

Indices, codes and starts are unsigned, which spares compiled code to test the sign of every index.

`row_dot` and `row_add` are compiled into the kernels that call them, for the kind that these are
called with (`_compiled_rows.py`). Numba keeps compiled kernels by their own file, and the types
of their arguments by name: a change here wants one there, and named tuples would tie old caches to
new modules.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from vilma._numba import extend_before_compiling
from vilma.design_matrices.four import add_four, add_four_sums, add_four_times

__all__ = [
    "Rows",
    "adder",
    "adder_of_four",
    "dotter",
    "dotter_of_four",
    "reorder_rows",
    "row_add",
    "row_add_four",
    "row_bytes",
    "row_dot",
    "row_dot_four",
    "unsigned",
]

Rows: TypeAlias = tuple[np.ndarray, ...]


def unsigned(indices: np.ndarray) -> np.ndarray:
    """Return a view of nonnegative indices whose sign compiled kernels need not test."""
    return indices.view(np.dtype(f"u{indices.itemsize}"))


def row_bytes(rows: Rows) -> float:
    """Mean size of a row in memory."""
    if rows[0].ndim == 2:
        return rows[0].nbytes / len(rows[0])
    return sum(part.nbytes for part in rows) / (len(rows[-1]) - 1)


def reorder_rows(rows: Rows, order: np.ndarray) -> Rows:
    """Copy rows into another order."""
    if rows[0].ndim == 2:
        return rows[0][order], *rows[1:]
    *entries, indptr = rows
    offsets = indptr.astype(np.int64)
    starts, lengths = offsets[:-1][order], np.diff(offsets)[order]
    stops = np.cumsum(lengths)
    places = np.arange(stops[-1]) + np.repeat(starts - (stops - lengths), lengths)
    new_indptr = np.concatenate([[0], stops]).astype(indptr.dtype)
    return *(part[places] for part in entries), new_indptr


def row_dot(rows: Rows, i: int, coef: np.ndarray) -> float:
    """Product of row i with the vector `coef`."""
    return dotter(rows)(rows, i, coef)


def row_add(rows: Rows, i: int, factor: float, out: np.ndarray) -> None:
    """Add `factor` times row i to the vector `out`."""
    adder(rows)(rows, i, factor, out)


def row_dot_four(rows: Rows, i: int, coef: np.ndarray, out: np.ndarray) -> None:
    """Add the products of row i with four vectors, of shape (n, 4), to `out`, of shape (1, 4)."""
    dotter_of_four(rows)(rows, i, coef, out)


def row_add_four(rows: Rows, i: int, factors: np.ndarray, out: np.ndarray) -> None:
    """Add row i times four factors, of shape (1, 4), to four vectors, of shape (n, 4)."""
    adder_of_four(rows)(rows, i, factors, out)


# Four sums at a time in each product: one would wait for every addition.


def _one_hot_dot(rows, i, coef):
    codes, starts = rows[0][i], rows[1]
    a = b = c = d = 0.0
    whole = codes.shape[0] // 4 * 4
    for j in range(0, whole, 4):
        a += coef[starts[j] + codes[j]]
        b += coef[starts[j + 1] + codes[j + 1]]
        c += coef[starts[j + 2] + codes[j + 2]]
        d += coef[starts[j + 3] + codes[j + 3]]
    for j in range(whole, codes.shape[0]):
        a += coef[starts[j] + codes[j]]
    return (a + b) + (c + d)


def _one_hot_add(rows, i, factor, out):
    codes, starts = rows[0][i], rows[1]
    for j in range(codes.shape[0]):
        out[starts[j] + codes[j]] += factor


def _binary_dot(rows, i, coef):
    indices = rows[0][rows[1][i] : rows[1][i + 1]]
    a = b = c = d = 0.0
    whole = indices.shape[0] // 4 * 4
    for j in range(0, whole, 4):
        a += coef[indices[j]]
        b += coef[indices[j + 1]]
        c += coef[indices[j + 2]]
        d += coef[indices[j + 3]]
    for j in range(whole, indices.shape[0]):
        a += coef[indices[j]]
    return (a + b) + (c + d)


def _binary_add(rows, i, factor, out):
    indices, indptr = rows
    for j in range(indptr[i], indptr[i + 1]):
        out[indices[j]] += factor


def _sparse_dot(rows, i, coef):
    start, stop = rows[2][i], rows[2][i + 1]
    data, indices = rows[0][start:stop], rows[1][start:stop]
    a = b = c = d = 0.0
    whole = indices.shape[0] // 4 * 4
    for j in range(0, whole, 4):
        a += data[j] * coef[indices[j]]
        b += data[j + 1] * coef[indices[j + 1]]
        c += data[j + 2] * coef[indices[j + 2]]
        d += data[j + 3] * coef[indices[j + 3]]
    for j in range(whole, indices.shape[0]):
        a += data[j] * coef[indices[j]]
    return (a + b) + (c + d)


def _sparse_add(rows, i, factor, out):
    data, indices, indptr = rows
    for j in range(indptr[i], indptr[i + 1]):
        out[indices[j]] += factor * data[j]


def _dense_dot(rows, i, coef):
    values = rows[0][i]
    a = b = c = d = 0.0
    whole = values.shape[0] // 4 * 4
    for j in range(0, whole, 4):
        a += values[j] * coef[j]
        b += values[j + 1] * coef[j + 1]
        c += values[j + 2] * coef[j + 2]
        d += values[j + 3] * coef[j + 3]
    for j in range(whole, values.shape[0]):
        a += values[j] * coef[j]
    return (a + b) + (c + d)


def _dense_add(rows, i, factor, out):
    values = rows[0][i]
    for j in range(values.shape[0]):
        out[j] += factor * values[j]


def _one_hot_dot_four(rows, i, coef, out):
    codes, starts = rows[0][i], rows[1]
    whole = codes.shape[0] // 4 * 4
    for j in range(0, whole, 4):
        add_four_sums(
            out,
            0,
            coef,
            starts[j] + codes[j],
            starts[j + 1] + codes[j + 1],
            starts[j + 2] + codes[j + 2],
            starts[j + 3] + codes[j + 3],
        )
    for j in range(whole, codes.shape[0]):
        add_four(out, 0, coef, starts[j] + codes[j])


def _one_hot_add_four(rows, i, factors, out):
    codes, starts = rows[0][i], rows[1]
    for j in range(codes.shape[0]):
        add_four(out, starts[j] + codes[j], factors, 0)


def _binary_dot_four(rows, i, coef, out):
    indices = rows[0][rows[1][i] : rows[1][i + 1]]
    whole = indices.shape[0] // 4 * 4
    for j in range(0, whole, 4):
        add_four_sums(out, 0, coef, indices[j], indices[j + 1], indices[j + 2], indices[j + 3])
    for j in range(whole, indices.shape[0]):
        add_four(out, 0, coef, indices[j])


def _binary_add_four(rows, i, factors, out):
    indices, indptr = rows
    for j in range(indptr[i], indptr[i + 1]):
        add_four(out, indices[j], factors, 0)


def _sparse_dot_four(rows, i, coef, out):
    data, indices, indptr = rows
    for j in range(indptr[i], indptr[i + 1]):
        add_four_times(out, 0, data[j], coef, indices[j])


def _sparse_add_four(rows, i, factors, out):
    data, indices, indptr = rows
    for j in range(indptr[i], indptr[i + 1]):
        add_four_times(out, indices[j], data[j], factors, 0)


def _dense_dot_four(rows, i, coef, out):
    values = rows[0][i]
    for j in range(values.shape[0]):
        add_four_times(out, 0, values[j], coef, j)


def _dense_add_four(rows, i, factors, out):
    values = rows[0][i]
    for j in range(values.shape[0]):
        add_four_times(out, j, values[j], factors, 0)


# By the number of arrays and the dimensions of the first.
_DOT = {
    (1, 2): _dense_dot,
    (3, 1): _sparse_dot,
    (2, 1): _binary_dot,
    (2, 2): _one_hot_dot,
}
_ADD = {
    (1, 2): _dense_add,
    (3, 1): _sparse_add,
    (2, 1): _binary_add,
    (2, 2): _one_hot_add,
}


_DOT_FOUR = {
    (1, 2): _dense_dot_four,
    (3, 1): _sparse_dot_four,
    (2, 1): _binary_dot_four,
    (2, 2): _one_hot_dot_four,
}
_ADD_FOUR = {
    (1, 2): _dense_add_four,
    (3, 1): _sparse_add_four,
    (2, 1): _binary_add_four,
    (2, 2): _one_hot_add_four,
}


def dotter(rows) -> Callable:
    """Choose the body of `row_dot` for a tuple of arrays, or for Numba's type of one."""
    return _DOT[len(rows), rows[0].ndim]


def adder(rows) -> Callable:
    """Choose the body of `row_add` likewise."""
    return _ADD[len(rows), rows[0].ndim]


def dotter_of_four(rows) -> Callable:
    """Choose the body of `row_dot_four` likewise."""
    return _DOT_FOUR[len(rows), rows[0].ndim]


def adder_of_four(rows) -> Callable:
    """Choose the body of `row_add_four` likewise."""
    return _ADD_FOUR[len(rows), rows[0].ndim]


extend_before_compiling("vilma.design_matrices._compiled_rows")
