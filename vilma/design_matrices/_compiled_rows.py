"""What Numba makes of functions of `rows.py` in kernels that call them."""

from __future__ import annotations

from numba import types
from numba.extending import overload

from vilma.design_matrices.rows import (
    adder,
    adder_of_four,
    dotter,
    dotter_of_four,
    row_add,
    row_add_four,
    row_dot,
    row_dot_four,
)


@overload(row_dot)
def _compile_row_dot(rows, i, coef):
    return dotter(rows) if isinstance(rows, types.BaseTuple) else None


@overload(row_add)
def _compile_row_add(rows, i, factor, out):
    return adder(rows) if isinstance(rows, types.BaseTuple) else None


@overload(row_dot_four)
def _compile_row_dot_four(rows, i, coef, out):
    return dotter_of_four(rows) if isinstance(rows, types.BaseTuple) else None


@overload(row_add_four)
def _compile_row_add_four(rows, i, factors, out):
    return adder_of_four(rows) if isinstance(rows, types.BaseTuple) else None
