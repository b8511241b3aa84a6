"""What Numba makes of functions of `four.py` in kernels that call them: vector instructions."""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

from vilma.design_matrices.four import add_four, add_four_sums, add_four_times

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
