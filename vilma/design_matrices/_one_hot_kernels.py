"""Products with one-hot codes, stored block by block.

``codes[b, i]`` says which of the features of block b is 1 in row i; ``starts[b]`` is the first
feature of block b. A block's weights fit the fastest cache, and its codes are read in order.
"""

from __future__ import annotations

import numpy as np

from vilma._numba import njit
from vilma.design_matrices.four import add_four, add_four_sums


@njit
def one_hot_dot(codes, starts, coef, start, stop, out):
    """Write the rows' products with `coef` to ``out[start:stop]``; `starts` are unsigned."""
    n_blocks = codes.shape[0]
    for i in range(start, stop):
        out[i] = 0.0
    whole = n_blocks // 4 * 4
    # Four blocks at a time, so that a sum is read and written once for four additions.
    for b in range(0, whole, 4):
        p, q, r, s = starts[b], starts[b + 1], starts[b + 2], starts[b + 3]
        for i in range(start, stop):
            out[i] += (coef[p + codes[b, i]] + coef[q + codes[b + 1, i]]) + (
                coef[r + codes[b + 2, i]] + coef[s + codes[b + 3, i]]
            )
    for b in range(whole, n_blocks):
        p = starts[b]
        for i in range(start, stop):
            out[i] += coef[p + codes[b, i]]


@njit
def one_hot_transpose_dot(codes, starts, score_gradient, first, last, out):
    """Write the sums of `score_gradient` by feature, for blocks ``first``, ..., ``last - 1``."""
    n_rows = codes.shape[1]
    widest = 0
    for b in range(first, last):
        widest = max(widest, starts[b + 1] - starts[b])
    # Rows in turn add to four sums: common codes would wait for themselves in one. Two blocks at a
    # time, so that an entry is read once for two additions; an odd last one goes with itself.
    sums = np.empty((8, widest))
    whole = n_rows // 4 * 4
    for b in range(first, last, 2):
        other = min(b + 1, last - 1)
        sums[:] = 0.0
        for i in range(0, whole, 4):
            p, q = score_gradient[i], score_gradient[i + 1]
            r, s = score_gradient[i + 2], score_gradient[i + 3]
            sums[0, codes[b, i]] += p
            sums[4, codes[other, i]] += p
            sums[1, codes[b, i + 1]] += q
            sums[5, codes[other, i + 1]] += q
            sums[2, codes[b, i + 2]] += r
            sums[6, codes[other, i + 2]] += r
            sums[3, codes[b, i + 3]] += s
            sums[7, codes[other, i + 3]] += s
        for i in range(whole, n_rows):
            sums[0, codes[b, i]] += score_gradient[i]
            sums[4, codes[other, i]] += score_gradient[i]
        for block, part in ((b, sums[:4]), (other, sums[4:])):
            for f in range(starts[block + 1] - starts[block]):
                out[starts[block] + f] = (part[0, f] + part[1, f]) + (part[2, f] + part[3, f])


@njit
def one_hot_dot_four(codes, starts, coef, start, stop, out):
    """Write the rows' products with four vectors to ``out[start:stop]``.

    `coef` has the shape (n_features, 4), `out` (n_rows, 4): what a code picks lies together.
    """
    n_blocks = codes.shape[0]
    out[start:stop] = 0.0
    whole = n_blocks // 4 * 4
    for b in range(0, whole, 4):
        p, q, r, s = starts[b], starts[b + 1], starts[b + 2], starts[b + 3]
        for i in range(start, stop):
            add_four_sums(
                out,
                i,
                coef,
                p + codes[b, i],
                q + codes[b + 1, i],
                r + codes[b + 2, i],
                s + codes[b + 3, i],
            )
    for b in range(whole, n_blocks):
        for i in range(start, stop):
            add_four(out, i, coef, starts[b] + codes[b, i])


@njit
def one_hot_transpose_dot_four(codes, starts, score_gradient, first, last, out):
    """Write sums by feature of four columns for the blocks ``first``, ..., ``last - 1``."""
    n_rows = codes.shape[1]
    widest = 0
    for b in range(first, last):
        widest = max(widest, starts[b + 1] - starts[b])
    # Rows in turn add to four sums, as above.
    sums = np.empty((4 * widest, 4))
    whole = n_rows // 4 * 4
    for b in range(first, last):
        sums[:] = 0.0
        for i in range(0, whole, 4):
            add_four(sums, codes[b, i], score_gradient, i)
            add_four(sums, widest + codes[b, i + 1], score_gradient, i + 1)
            add_four(sums, 2 * widest + codes[b, i + 2], score_gradient, i + 2)
            add_four(sums, 3 * widest + codes[b, i + 3], score_gradient, i + 3)
        for i in range(whole, n_rows):
            add_four(sums, codes[b, i], score_gradient, i)
        for f in range(starts[b + 1] - starts[b]):
            for j in range(4):
                out[starts[b] + f, j] = (sums[f, j] + sums[widest + f, j]) + (
                    sums[2 * widest + f, j] + sums[3 * widest + f, j]
                )
