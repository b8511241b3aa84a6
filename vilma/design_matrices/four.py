"""Rows of four numbers added at once: the inner step of products with four vectors.

A product with one vector loads one number per code or stored entry. Where four vectors lie side by
side, one vector instruction loads and adds four numbers, so that four products with one-hot codes
take about 1.4 times as long as one. Numba does not vectorise loops this short by itself: it needs
to be told. All arrays are C-contiguous, of float64 and of shape (any, 4); indices are unsigned.

Without compilation these are plain NumPy statements. For how kernels are kept see
`vilma.design_matrices.rows`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

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


_FOUR = ir.VectorType(ir.DoubleType(), 4)


class _Rows:
    """Rows of an array in the code that is being written."""

    def __init__(self, context, builder, array_type, array) -> None:
        self._data = context.make_array(array_type)(context, builder, array).data
        self._builder = builder

    def _place(self, i):
        builder = self._builder
        first = builder.gep(self._data, [builder.mul(i, ir.Constant(i.type, 4))])
        return builder.bitcast(first, _FOUR.as_pointer())

    def __getitem__(self, i):
        row = self._builder.load(self._place(i))
        row.align = 8
        return row

    def __setitem__(self, i, row) -> None:
        self._builder.store(row, self._place(i)).align = 8


@intrinsic
def _add_four(typing_context, out, i, source, f):
    signature = types.void(out, types.uint64, source, types.uint64)

    def generate(context, builder, signature, arguments):
        out, i, source, f = arguments
        to = _Rows(context, builder, signature.args[0], out)
        rows = _Rows(context, builder, signature.args[2], source)
        to[i] = builder.fadd(to[i], rows[f])
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def _add_four_times(typing_context, out, i, factor, source, f):
    signature = types.void(out, types.uint64, types.float64, source, types.uint64)

    def generate(context, builder, signature, arguments):
        out, i, factor, source, f = arguments
        to = _Rows(context, builder, signature.args[0], out)
        rows = _Rows(context, builder, signature.args[3], source)
        four = ir.Constant(_FOUR, ir.Undefined)
        for place in range(4):
            four = builder.insert_element(four, factor, ir.Constant(ir.IntType(32), place))
        to[i] = builder.fadd(to[i], builder.fmul(four, rows[f]))
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def _add_four_sums(typing_context, out, i, source, f, g, h, k):
    index = types.uint64
    signature = types.void(out, index, source, index, index, index, index)

    def generate(context, builder, signature, arguments):
        out, i, source, f, g, h, k = arguments
        to = _Rows(context, builder, signature.args[0], out)
        rows = _Rows(context, builder, signature.args[2], source)
        total = builder.fadd(builder.fadd(rows[f], rows[g]), builder.fadd(rows[h], rows[k]))
        to[i] = builder.fadd(to[i], total)
        return context.get_dummy_value()

    return signature, generate


@overload(add_four)
def _compile_add_four(out, i, source, f):
    return lambda out, i, source, f: _add_four(out, i, source, f)  # type: ignore[call-arg]


@overload(add_four_times)
def _compile_add_four_times(out, i, factor, source, f):
    def add(out, i, factor, source, f):
        _add_four_times(out, i, factor, source, f)  # type: ignore[call-arg]

    return add


@overload(add_four_sums)
def _compile_add_four_sums(out, i, source, f, g, h, k):
    def add(out, i, source, f, g, h, k):
        _add_four_sums(out, i, source, f, g, h, k)  # type: ignore[call-arg]

    return add
