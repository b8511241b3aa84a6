"""What Numba makes of functions of `rows.py` in kernels that call them."""

from __future__ import annotations

from numba import types
from numba.extending import overload

from vilma.design_matrices.rows import adder, dotter, row_add, row_dot


@overload(row_dot)
def _compile_row_dot(rows, i, coef):
    return dotter(rows) if isinstance(rows, types.BaseTuple) else None


@overload(row_add)
def _compile_row_add(rows, i, factor, out):
    return adder(rows) if isinstance(rows, types.BaseTuple) else None
