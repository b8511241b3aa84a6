"""Cholesky factorisation for small, nearly singular systems.

NumPy's solver inside a kernel takes Numba seconds to compile; these loops take none to speak of.
"""

from __future__ import annotations

import numpy as np

from vilma._numba import njit

__all__ = ["delete_row", "extend_factor", "factorize", "solve_factorized"]


@njit
def factorize(matrix, n, smallest_pivot, factor):
    """Write the lower Cholesky factor of ``matrix[:n, :n]`` to `factor`.

    A pivot below `smallest_pivot` times its diagonal is raised to that: the solution then runs far
    along a direction that the matrix does not see, instead of failing.
    """
    for i in range(n):
        for j in range(i + 1):
            factor[i, j] = matrix[i, j]
        extend_factor(factor, i, smallest_pivot)


@njit
def _dot(a, b, n):
    """Product of the first n entries, by four sums: one would wait for every addition."""
    p = q = r = s = 0.0
    whole = n // 4 * 4
    for k in range(0, whole, 4):
        p += a[k] * b[k]
        q += a[k + 1] * b[k + 1]
        r += a[k + 2] * b[k + 2]
        s += a[k + 3] * b[k + 3]
    for k in range(whole, n):
        p += a[k] * b[k]
    return (p + q) + (r + s)


@njit
def extend_factor(factor, i, smallest_pivot):
    """Replace row i of the matrix, ``factor[i, :i + 1]``, by that of the factor."""
    diagonal = factor[i, i]
    new = factor[i]
    for j in range(i):
        new[j] = (new[j] - _dot(new, factor[j], j)) / factor[j, j]
    new[i] = np.sqrt(max(diagonal - _dot(new, new, i), smallest_pivot * diagonal))


@njit
def delete_row(factor, n, i):
    """Turn the factor of n rows into that of the matrix without row and column i.

    The rows below move up and then have one entry beyond the diagonal, which a rotation of two
    columns takes to 0 (Golub and Van Loan, "Matrix Computations", 4th edition, 6.5.4).
    """
    for row in range(i, n - 1):
        for k in range(row + 2):
            factor[row, k] = factor[row + 1, k]
    for column in range(i, n - 1):
        length = np.hypot(factor[column, column], factor[column, column + 1])
        cosine = factor[column, column] / length
        sine = factor[column, column + 1] / length
        for row in range(column, n - 1):
            left, right = factor[row, column], factor[row, column + 1]
            factor[row, column] = cosine * left + sine * right
            factor[row, column + 1] = cosine * right - sine * left


@njit
def solve_factorized(factor, n, vector):
    """Replace ``vector[:n]`` by the solution of the factorised system."""
    for i in range(n):
        vector[i] = (vector[i] - _dot(factor[i], vector, i)) / factor[i, i]
    for i in range(n - 1, -1, -1):  # row by row, as the factor lies in memory
        vector[i] /= factor[i, i]
        value = vector[i]
        for k in range(i):
            vector[k] -= factor[i, k] * value
