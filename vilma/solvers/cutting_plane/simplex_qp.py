r"""Convex quadratic programs over the unit simplex, by a primal active-set method.

.. math:: \min_{a \ge 0,\ \sum_j a_j = 1}\; \tfrac{1}{2} a^T H a - q^T a

with H positive semi-definite: for :math:`H_{jl} = \langle g_j, g_l\rangle` and :math:`q = \lambda
o` it is :math:`-\lambda` times the dual of the reduced problem. Every iterate is feasible, so an
early stop costs tightness of the lower bound, never its validity.

The method solves the equality-constrained problem on the support of a, walks towards its solution
until a coordinate reaches 0 and leaves the support, and lets the coordinate with the most negative
reduced gradient enter once a is stationary on its support (Nocedal and Wright, "Numerical
Optimization", 2nd edition, Algorithm 16.3). The support's matrix stays factorised: a plane that
enters adds a row, one that leaves takes a row away, in time of the square of the support's size.
The next program, of the same matrix with a row more, begins with the factor of the last one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from vilma._cholesky import delete_row, extend_factor, solve_factorized
from vilma._numba import njit

__all__ = ["Factor", "SimplexSolution", "solve_simplex_qp"]

# A pivot below this share of its diagonal: the gradient is an affine combination of the others.
_DEPENDENT = 1e-13
# The mean square of the support's gradients may change by this factor before its matrix is
# factorised anew, with another multiple of the ones.
_RESCALED = 16.0


@njit
def _multiple_of_ones(gram, linear, support, n_support):
    """What to add to every entry of the support's matrix.

    Adding a multiple of ``(sum a)^2`` changes nothing where the sum is fixed, and makes the matrix
    positive definite whenever the gradients of the support are affinely independent. It is a
    power of 4, whose root is exact: where a plane without slope comes first, as the zero plane
    does, the other multipliers are then solved for as if it were not there, and keep their digits
    however small.
    """
    mean = 0.0
    level = 0.0
    for i in range(n_support):
        mean += gram[support[i], support[i]] / n_support
        level += linear[support[i]] / n_support
    for i in range(n_support):  # planes without slope: keep the quotients finite
        mean = max(mean, 1e-9 * abs(linear[support[i]] - level), 1e-200)
    return 4.0 ** np.rint(0.5 * np.log2(mean))


@njit
def _append(gram, shift, support, i, factor):
    """Extend the factor by the i-th plane of the support."""
    for j in range(i + 1):
        factor[i, j] = gram[support[i], support[j]] + shift
    extend_factor(factor, i, _DEPENDENT)


@njit
def _stationary_point(linear, support, n_support, factor, point, ones):
    """Minimise ``a'Ha/2 - q'a`` over the affine hull of the support, into ``point``."""
    level = linear[support[0]]  # taken off q, which changes nothing but saves digits
    for i in range(n_support):
        point[i] = linear[support[i]] - level
        ones[i] = 1.0
    solve_factorized(factor, n_support, point)
    solve_factorized(factor, n_support, ones)
    excess = 1.0
    weight = 0.0
    for i in range(n_support):
        excess -= point[i]
        weight += ones[i]
    for i in range(n_support):
        point[i] += ones[i] * excess / weight


class Factor(NamedTuple):
    """The Cholesky factor of a support's part of the matrix, with `shift` added to its entries."""

    support: np.ndarray  # (n_support,), in the order of the rows
    rows: np.ndarray  # its first n_support rows and columns, up to the diagonal
    shift: float


class SimplexSolution(NamedTuple):
    """A feasible point, and what it took."""

    point: np.ndarray  # (n,)
    factor: Factor  # of its support, for the next program
    work: float  # multiplications with an addition


def solve_simplex_qp(gram, linear, start, tol, max_iter, factor=None):
    """Minimise ``a' H a / 2 - q' a`` over the unit simplex.

    Parameters
    ----------
    gram : ndarray of shape (at least n, at least n)
        The positive semi-definite matrix H; what stands beyond row and column n is ignored.
    linear : ndarray of shape (n,)
        The vector q.
    start : ndarray of shape (n,)
        A feasible point to begin from.
    tol : float
        Stop when ``a'(Ha - q) - min(Ha - q)``, which bounds the distance to the optimal value,
        is at most this.
    max_iter : int
        Limit on the number of linear systems solved.
    factor : Factor, optional
        Of the support of `start`, from the last program: the rows and columns of H in its support
        are still the same. Its arrays are written to.

    Returns
    -------
    SimplexSolution
        Its point is at least as good as `start`.
    """
    n = len(linear)
    a = np.array(start)
    supported = a > 0.0
    support = np.empty(n, np.int64)
    n_support = int(supported.sum())
    # Arrays are made here: in the kernel, every kind takes Numba a fifth of a second to compile.
    if factor is not None and _belongs(factor, supported):
        rows, shift, n_factorized = factor.rows, factor.shift, n_support
        support[:n_support] = factor.support
        if len(rows) < n:
            rows = np.empty((2 * n, 2 * n))
            rows[:n_support, :n_support] = factor.rows[:n_support, :n_support]
    else:
        rows, shift, n_factorized = np.empty((n, n)), 0.0, 0
        support[:n_support] = np.flatnonzero(supported)
    point, ones, gradient = np.empty(n), np.empty(n), np.empty(n)
    n_support, shift, work = _walk(
        gram,
        linear,
        a,
        supported,
        support,
        n_support,
        rows,
        n_factorized,
        shift,
        point,
        ones,
        gradient,
        tol,
        max_iter,
    )
    return SimplexSolution(a, Factor(support[:n_support], rows, shift), work)


def _belongs(factor, supported):
    """Tell whether the factor is that of the supported planes, the first of them first.

    A plane without slope that has come back stands last and would cost the others their digits
    (see `_multiple_of_ones`): the factor is then made anew.
    """
    support = factor.support
    if len(support) != supported.sum() or not supported[support].all():
        return False
    return bool(support[0] == np.argmax(supported))


@njit
def _walk(
    gram,
    linear,
    a,
    supported,
    support,
    n_support,
    factor,
    n_factorized,
    shift,
    point,
    ones,
    gradient,
    tol,
    max_iter,
):
    """Move `a`, which is positive on ``support[:n_support]``, to the solution.

    `factor` holds that of the first `n_factorized` planes of the support with `shift` added;
    `point`, `ones` and `gradient` need no values. Returns the size of the support whose factor
    stands there in the end, its shift, and the work.
    """
    n = linear.shape[0]
    work = 0.0
    entered = -1
    for _ in range(max_iter):
        wanted = _multiple_of_ones(gram, linear, support, n_support)
        if not shift / _RESCALED <= wanted <= shift * _RESCALED:
            shift = wanted
            n_factorized = 0
        for i in range(n_factorized, n_support):
            _append(gram, shift, support, i, factor)
            work += 0.5 * i * i
        n_factorized = n_support
        work += 2.0 * n_support * n_support
        _stationary_point(linear, support, n_support, factor, point, ones)
        # Walk from a towards the stationary point, up to the first coordinate that hits zero.
        step = 1.0
        blocking = -1
        for i in range(n_support):
            if point[i] < 0.0:
                here = a[support[i]]
                ratio = here / (here - point[i])
                if ratio < step or blocking < 0:
                    step = min(ratio, step)
                    blocking = i
        total = 0.0
        for i in range(n_support):
            j = support[i]
            a[j] += step * (point[i] - a[j])
            if i == blocking or a[j] < 0.0:
                a[j] = 0.0
            total += a[j]
        for i in range(n_support):
            a[support[i]] /= total
        if blocking >= 0:
            dropped = support[blocking]
            delete_row(factor, n_support, np.int64(blocking))  # else compiled for -1, too
            work += float(n_support - blocking) ** 2
            n_support -= 1
            n_factorized = n_support
            for i in range(blocking, n_support):
                support[i] = support[i + 1]
            supported[dropped] = False
            if dropped == entered and step == 0.0:
                break  # rounding: the entering plane cannot improve anything
            continue
        # Stationary on its support: does any other plane promise a decrease?
        work += n * n_support
        for j in range(n):
            gradient[j] = -linear[j]
        for i in range(n_support):
            share = a[support[i]]
            for j in range(n):
                gradient[j] += share * gram[support[i], j]
        best = 0
        mean = 0.0
        for j in range(n):
            mean += a[j] * gradient[j]
            if gradient[j] < gradient[best]:
                best = j
        if mean - gradient[best] <= tol or supported[best]:
            break
        support[n_support] = best
        supported[best] = True
        n_support += 1
        entered = best
    return n_factorized, shift, work
