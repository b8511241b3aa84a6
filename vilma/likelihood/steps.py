r"""Newton steps in coefficients and thresholds.

With D the curvature of R in the scores (diagonal), B its Hessian in the free thresholds and C the
mixed part (m x T), the step (p, q) solves

.. math:: \begin{pmatrix} X^T D X + A & X^T C \\ C^T X & B \end{pmatrix}
          \begin{pmatrix} p \\ q \end{pmatrix} = -\begin{pmatrix} g \\ r \end{pmatrix},
          \qquad A = \mathrm{diag}(\alpha).

For few features the matrix is formed and factorised. For many, q is eliminated,

.. math:: (X^T (D - C B^{-1} C^T) X + A)\, p = -(g - X^T C B^{-1} r),

and conjugate gradients need the two products with X per iteration. Where the matrix was formed
at an earlier point, its Schur complement M preconditions them: M changes little from step to
step, and a few products cost less than another matrix.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import linalg, sparse

from vilma.likelihood.interval_likelihood import Derivatives
from vilma.likelihood.links import FloatArray
from vilma.likelihood.problem import LikelihoodProblem

__all__ = [
    "Precondition",
    "Step",
    "exact_hessian",
    "exact_step",
    "group_thresholds",
    "pivots",
    "precondition_by",
    "solve_positive",
    "thresholds_eliminated",
    "truncated_step",
]

Precondition = Callable[[FloatArray], FloatArray]  # approximate inverse of the matrix in p


class Step(NamedTuple):
    """A direction."""

    coef: FloatArray  # (n,)
    thresholds: FloatArray  # (n_groups,)
    score: FloatArray  # (m,) X times `coef`
    n_products: int  # pairs of products with X
    accurate: bool = True  # whether the residual is as small as it was to be


def group_thresholds(derivatives: Derivatives, group: np.ndarray) -> Derivatives:
    """Return derivatives in the common values of groups of thresholds."""
    n_groups = int(group[-1]) + 1 if len(group) else 0
    if n_groups == len(group):
        return derivatives
    member = sparse.csr_array(
        (np.ones(len(group)), group, np.arange(len(group) + 1)), shape=(len(group), n_groups)
    )
    return derivatives._replace(
        threshold_gradient=member.T @ derivatives.threshold_gradient,
        threshold_hessian=(member.T @ (member.T @ derivatives.threshold_hessian).T).T,
        cross=derivatives.cross @ member,
    )


def exact_hessian(problem: LikelihoodProblem, derivatives: Derivatives) -> FloatArray:
    """Return the Hessian of F in (w, theta), coefficients first."""
    n, n_groups = problem.X.shape[1], len(derivatives.threshold_gradient)
    hessian = np.empty((n + n_groups, n + n_groups))
    hessian[:n, :n] = problem.X.gram(derivatives.score_curvature)
    hessian[:n, :n][np.diag_indices(n)] += problem.penalty
    hessian[:n, n:] = problem.X.transpose_dot_columns(derivatives.cross)
    hessian[n:, :n] = hessian[:n, n:].T
    hessian[n:, n:] = derivatives.threshold_hessian
    return hessian


def thresholds_eliminated(hessian: FloatArray, n_features: int) -> FloatArray:
    """Return the Schur complement of a Hessian in its coefficients, of shape (n, n)."""
    mixed = hessian[:n_features, n_features:]
    inverse = np.linalg.solve(hessian[n_features:, n_features:], mixed.T)
    return hessian[:n_features, :n_features] - mixed @ inverse


def pivots(matrix: FloatArray, diagonal: FloatArray) -> FloatArray:
    """Return the pivots of Cholesky's elimination as shares of a diagonal.

    All are 0 where the matrix is not positive definite.
    """
    scale = 1.0 / np.sqrt(np.where(diagonal > 0.0, diagonal, 1.0))
    try:
        return np.diag(np.linalg.cholesky(matrix * scale[:, None] * scale)) ** 2
    except np.linalg.LinAlgError:
        return np.zeros(len(matrix))


def exact_step(
    problem: LikelihoodProblem,
    gradient: FloatArray,
    derivatives: Derivatives,
    hessian: FloatArray,
    free: np.ndarray,
) -> Step:
    """Solve with the whole Hessian.

    Parameters
    ----------
    problem : LikelihoodProblem
        The problem.
    gradient : ndarray of shape (n,)
        Of F in w.
    derivatives : Derivatives
        Of R, thresholds grouped.
    hessian : ndarray of shape (n + n_groups, n + n_groups)
        What :func:`exact_hessian` returns.
    free : ndarray of shape (n,), dtype=bool
        Coefficients that may change.

    Returns
    -------
    Step
        The Newton step; where the Hessian is singular, the shortest one in scaled units.
    """
    n = len(gradient)
    right = -np.concatenate([gradient, derivatives.threshold_gradient])
    used = np.flatnonzero(np.concatenate([free, np.ones(len(right) - n, dtype=bool)]))
    solution = np.zeros(len(right))
    solution[used] = solve_positive(hessian[np.ix_(used, used)], right[used])
    return Step(solution[:n], solution[n:], problem.X.dot(solution[:n]), 1)


def solve_positive(matrix: FloatArray, right: FloatArray) -> FloatArray:
    """Solve a positive definite system in units of unit diagonal, or the nearest thing to it."""
    diagonal = np.diag(matrix)
    scale = 1.0 / np.sqrt(np.where(diagonal > 0.0, diagonal, 1.0))
    matrix, right = matrix * scale[:, None] * scale, scale * right
    try:
        factor = linalg.cho_factor(matrix, lower=True, check_finite=False)
    except linalg.LinAlgError:
        return scale * linalg.lstsq(matrix, right, cond=1e-12, check_finite=False)[0]
    return scale * linalg.cho_solve(factor, right, check_finite=False)


def precondition_by(hessian: FloatArray, free: np.ndarray) -> Precondition | None:
    """Return the solution of systems with the Schur complement M of a Hessian.

    Parameters
    ----------
    hessian : ndarray of shape (n + n_groups, n + n_groups)
        What :func:`exact_hessian` returned at some point.
    free : ndarray of shape (n,), dtype=bool
        Coefficients that may change; the others stay 0.

    Returns
    -------
    callable or None
        From residuals to directions, both of shape (n,); None if M is not positive definite.
    """
    n = len(free)
    used = np.flatnonzero(free)
    mixed = hessian[used, n:]
    try:
        thresholds = linalg.cho_factor(hessian[n:, n:], lower=True, check_finite=False)
        schur = hessian[np.ix_(used, used)] - mixed @ linalg.cho_solve(thresholds, mixed.T)
        factor = linalg.cho_factor(schur, lower=True, check_finite=False)
    except linalg.LinAlgError:
        return None

    def solve(residual: FloatArray) -> FloatArray:
        out = np.zeros(n)
        out[used] = linalg.cho_solve(factor, residual[used], check_finite=False)
        return out

    return solve


def truncated_step(
    problem: LikelihoodProblem,
    gradient: FloatArray,
    derivatives: Derivatives,
    precondition: Precondition,
    accuracy: Callable[[float], float],
    max_products: int,
) -> Step:
    """Solve by conjugate gradients, thresholds eliminated.

    Parameters
    ----------
    problem : LikelihoodProblem
        The problem.
    gradient : ndarray of shape (n,)
        Of F in w.
    derivatives : Derivatives
        Of R, thresholds grouped.
    precondition : callable
        Approximate inverse of the matrix; residuals are measured in its norm.
    accuracy : callable
        From the norm of the residual at the start to that at which to stop.
    max_products : int
        Limit on the pairs of products.

    Returns
    -------
    Step
        A direction of descent.
    """
    X, penalty, cross = problem.X, problem.penalty, derivatives.cross
    inverse = linalg.cho_factor(derivatives.threshold_hessian, lower=True, check_finite=False)

    def eliminated(score: FloatArray) -> FloatArray:
        mixed = linalg.cho_solve(inverse, cross.T @ score, check_finite=False)
        return derivatives.score_curvature * score - cross @ mixed

    shift = linalg.cho_solve(inverse, derivatives.threshold_gradient, check_finite=False)
    residual = X.transpose_dot(cross @ shift) - gradient
    step, step_score = np.zeros_like(residual), np.zeros(X.shape[0])
    direction = precondition(residual)
    square = float(residual @ direction)
    target = accuracy(np.sqrt(max(square, 0.0))) ** 2
    n_products = 1
    while square > target and n_products < max_products:
        score = X.dot(direction)
        image = X.transpose_dot(eliminated(score)) + penalty * direction
        n_products += 1
        curvature = float(direction @ image)
        if not curvature > 0.0:  # flat in this direction: nothing more to gain by curvature
            break
        length = square / curvature
        step += length * direction
        step_score += length * score
        residual -= length * image
        solution = precondition(residual)
        before, square = square, float(residual @ solution)
        direction = solution + (square / before) * direction
    thresholds = -shift - linalg.cho_solve(inverse, cross.T @ step_score, check_finite=False)
    return Step(step, thresholds, step_score, n_products, square <= target)
