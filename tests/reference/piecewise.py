"""The problem with a direction per piece, evaluated by loops and solved by a conic solver.

Written from the definition: with the steps' pieces j(k), scores s_j = <x, w_j> and biases b,

    f(x, y) = sum over k < y of s_j(k) + b[y]

    max over y <= l of cost[y, l] + f(x, y) - f(x, l)
    + max over y >= u of cost[y, u] + f(x, y) - f(x, u)

and directions w_j = v_0 + v_j, a common one and one of their own, with the penalties
alpha / rho |v_0|^2 / 2 and alpha / (1 - rho) |v_j|^2 / 2.
"""

from __future__ import annotations

import warnings

import cvxpy as cp
import numpy as np

from tests.reference.problems import Problem


def piecewise_inner_objective(
    problem: Problem, pieces: np.ndarray, scores: np.ndarray, biases: np.ndarray
) -> float:
    """The weighted mean loss at scores of shape (m, n_pieces)."""
    total = 0.0
    for i, share in enumerate(problem.shares):
        f = [
            sum(float(scores[i, pieces[k]]) for k in range(y)) + biases[y]
            for y in range(problem.n_classes)
        ]
        l, u = problem.lower[i], problem.upper[i]
        below = max(problem.cost[y, l] + f[y] - f[l] for y in range(l + 1))
        above = max(problem.cost[y, u] + f[y] - f[u] for y in range(u, problem.n_classes))
        total += share * (below + above)
    return total


def piecewise_penalty(problem: Problem, W: np.ndarray, correlation: float) -> float:
    """alpha / 2 tr(W N^-1 W^T), N the correlation of the columns of W (n, n_pieces)."""
    n_pieces = W.shape[1]
    N = np.full((n_pieces, n_pieces), correlation)
    np.fill_diagonal(N, 1.0)
    return problem.alpha / 2 * float(np.trace(W @ np.linalg.solve(N, W.T)))


def piecewise_optimum(problem: Problem, pieces: np.ndarray, correlation: float) -> float:
    """The optimal value, from above, within about 1e-9: the conic solver's point, evaluated."""
    X, n_pieces, Y = problem.dense_X, int(pieces.max()) + 1, problem.n_classes
    n = X.shape[1]
    common, own, b = cp.Variable(n), cp.Variable(n * n_pieces), cp.Variable(Y)
    penalty, constraints = 0.0, [b[0] == 0]
    for share, direction in ((correlation, common), (1 - correlation, own)):
        if share > 0:
            penalty += problem.alpha / share / 2 * cp.sum_squares(direction)
        else:
            constraints.append(direction == 0)
    shares, term, const, by_common, by_own, by_bias = [], [], [], [], [], []
    for i in np.flatnonzero(problem.shares):
        for end, labels in (
            (problem.lower[i], range(problem.lower[i] + 1)),
            (problem.upper[i], range(problem.upper[i], Y)),
        ):
            for y in labels:
                counts = np.zeros(n_pieces)  # f(x, y) - f(x, end) as a sum of scores
                for k in range(min(y, end), max(y, end)):
                    counts[pieces[k]] += 1 if y > end else -1
                term.append(len(shares))
                const.append(problem.cost[y, end])
                by_common.append(counts.sum() * X[i])
                by_own.append(np.outer(X[i], counts).ravel())
                by_bias.append(np.eye(Y)[y] - np.eye(Y)[end])
            shares.append(problem.shares[i])
    largest = cp.Variable(len(shares))
    values = (
        np.array(const)
        + np.array(by_common) @ common
        + np.array(by_own) @ own
        + np.array(by_bias) @ b
    )
    constraints.append(largest[np.array(term)] >= values)
    program = cp.Problem(cp.Minimize(penalty + np.array(shares) @ largest), constraints)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an inaccurate point is evaluated all the same
        program.solve(
            solver=cp.CLARABEL, tol_gap_abs=1e-12, tol_gap_rel=1e-12, tol_feas=1e-12, max_iter=300
        )
    W = common.value[:, None] + own.value.reshape(n, n_pieces)
    value = piecewise_inner_objective(problem, pieces, X @ W, b.value)
    for share, direction in ((correlation, common), (1 - correlation, own)):
        if share > 0:
            value += problem.alpha / share / 2 * float((direction.value**2).sum())
    return value
