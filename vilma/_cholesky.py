"""Cholesky factorisation for small, nearly singular systems.

NumPy's solver inside a kernel takes Numba seconds to compile; these loops take none to speak of.
"""

from __future__ import annotations

import numpy as np

from vilma._numba import njit

__all__ = ["factorize", "solve_factorized"]


@njit
def factorize(matrix, n, smallest_pivot, factor):
    """Write the lower Cholesky factor of ``matrix[:n, :n]`` to `factor`.

    A pivot below `smallest_pivot` times its diagonal is raised to that: the solution then runs far
    along a direction that the matrix does not see, instead of failing.
    """
    for i in range(n):
        for j in range(i + 1):
            total = matrix[i, j]
            for k in range(j):
                total -= factor[i, k] * factor[j, k]
            if i == j:
                factor[i, i] = np.sqrt(max(total, smallest_pivot * matrix[i, i]))
            else:
                factor[i, j] = total / factor[j, j]


@njit
def solve_factorized(factor, n, vector):
    """Replace ``vector[:n]`` by the solution of the factorised system."""
    for i in range(n):
        total = vector[i]
        for k in range(i):
            total -= factor[i, k] * vector[k]
        vector[i] = total / factor[i, i]
    for i in range(n - 1, -1, -1):
        total = vector[i]
        for k in range(i + 1, n):
            total -= factor[k, i] * vector[k]
        vector[i] = total / factor[i, i]
