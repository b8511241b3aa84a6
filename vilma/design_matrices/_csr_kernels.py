"""Products with blocks of rows of a CSR matrix.

Column indices keep the width they come in (32 or 64 bits), unsigned: compiled code need not test
their sign. Everything else has one type.
"""

from __future__ import annotations

import numpy as np

from vilma._numba import njit
from vilma.design_matrices.four import add_four, add_four_sums, add_four_times


@njit
def csr_dot(data, indices, indptr, coef, start, stop, out):
    """Write the rows' products with `coef` to ``out[start:stop]``."""
    for i in range(start, stop):
        total = 0.0
        for j in range(indptr[i], indptr[i + 1]):
            total += data[j] * coef[indices[j]]
        out[i] = total


@njit
def csr_transpose_dot(data, indices, indptr, score_gradient, start, stop, n_features):
    """Sum of the block's rows, each times its entry of `score_gradient`."""
    out = np.zeros(n_features)
    for i in range(start, stop):
        c = score_gradient[i]
        if c != 0.0:
            for j in range(indptr[i], indptr[i + 1]):
                out[indices[j]] += c * data[j]
    return out


@njit
def binary_csr_dot(indices, indptr, coef, start, stop, out):
    """Write the rows' products with `coef` to ``out[start:stop]``; all entries are 1."""
    for i in range(start, stop):
        # Four sums hide the latency of one addition after the other.
        first, last = indptr[i], indptr[i + 1]
        a = b = c = d = 0.0
        whole = first + (last - first) // 4 * 4
        for j in range(first, whole, 4):
            a += coef[indices[j]]
            b += coef[indices[j + 1]]
            c += coef[indices[j + 2]]
            d += coef[indices[j + 3]]
        for j in range(whole, last):
            a += coef[indices[j]]
        out[i] = (a + b) + (c + d)


@njit
def binary_csr_transpose_dot(indices, indptr, score_gradient, start, stop, n_features):
    """Sum of the block's rows, each times its entry of `score_gradient`; all entries are 1."""
    out = np.zeros(n_features)
    for i in range(start, stop):
        c = score_gradient[i]
        if c != 0.0:
            for j in range(indptr[i], indptr[i + 1]):
                out[indices[j]] += c
    return out


@njit
def csr_dot_four(data, indices, indptr, coef, start, stop, out):
    """Write the rows' products with four vectors, (n_features, 4), to ``out[start:stop]``."""
    out[start:stop] = 0.0
    for i in range(start, stop):
        for j in range(indptr[i], indptr[i + 1]):
            add_four_times(out, i, data[j], coef, indices[j])


@njit
def csr_transpose_dot_four(data, indices, indptr, score_gradient, start, stop, n_features):
    """Sums of the block's rows, each times its coefficient in four columns."""
    out = np.zeros((n_features, 4))
    for i in range(start, stop):
        for j in range(indptr[i], indptr[i + 1]):
            add_four_times(out, indices[j], data[j], score_gradient, i)
    return out


@njit
def binary_csr_dot_four(indices, indptr, coef, start, stop, out):
    """Write the rows' products with four vectors to ``out[start:stop]``; all entries are 1."""
    out[start:stop] = 0.0
    for i in range(start, stop):
        first, last = indptr[i], indptr[i + 1]
        whole = first + (last - first) // 4 * 4
        for j in range(first, whole, 4):
            add_four_sums(out, i, coef, indices[j], indices[j + 1], indices[j + 2], indices[j + 3])
        for j in range(whole, last):
            add_four(out, i, coef, indices[j])


@njit
def binary_csr_transpose_dot_four(indices, indptr, score_gradient, start, stop, n_features):
    """Sums of the block's rows, each times its coefficient in four columns; all entries are 1."""
    out = np.zeros((n_features, 4))
    for i in range(start, stop):
        for j in range(indptr[i], indptr[i + 1]):
            add_four(out, indices[j], score_gradient, i)
    return out
