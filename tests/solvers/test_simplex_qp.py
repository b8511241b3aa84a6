"""The quadratic program over the simplex, against enumeration of supports and a conic solver."""

import itertools

import cvxpy as cp
import numpy as np
import pytest

from vilma._cholesky import delete_row, factorize, solve_factorized
from vilma.solvers.cutting_plane.simplex_qp import solve_simplex_qp


def objective(gram, linear, a):
    return 0.5 * a @ gram @ a - linear @ a


def by_enumeration(gram, linear):
    """Best value over all supports: on the right one, the stationary point is feasible."""
    n = len(linear)
    best = np.inf
    for size in range(1, n + 1):
        for support in itertools.combinations(range(n), size):
            rows = list(support)
            system = np.zeros((size + 1, size + 1))
            system[:size, :size] = gram[np.ix_(rows, rows)]
            system[:size, size] = system[size, :size] = 1.0
            right = np.append(linear[rows], 1.0)
            solution = np.linalg.lstsq(system, right, rcond=None)[0][:size]
            if solution.min() < -1e-9 or abs(solution.sum() - 1.0) > 1e-9:
                continue
            a = np.zeros(n)
            a[rows] = np.maximum(solution, 0.0)
            best = min(best, objective(gram, linear, a / a.sum()))
    return best


def solve(gram, linear, start=None, tol=1e-12, max_iter=2000):
    n = len(linear)
    if start is None:
        start = np.zeros(n)
        start[0] = 1.0
    a = solve_simplex_qp(gram, linear, start, tol, max_iter).point
    assert a.shape == (n,)
    assert a.min() >= 0.0
    assert a.sum() == pytest.approx(1.0, abs=1e-12)
    assert objective(gram, linear, a) <= objective(gram, linear, start) + 1e-12 * (
        1.0 + abs(objective(gram, linear, start))
    )
    return a


def draw(rng, n, style):
    width = int(rng.integers(1, 2 * n + 1))
    gradients = rng.normal(size=(n, width))
    if style == "duplicates":
        gradients = gradients[rng.integers(0, max(1, n // 2), size=n)]
    elif style == "zero planes":
        gradients[rng.random(n) < 0.5] = 0.0
    elif style == "all zero":
        gradients[:] = 0.0
    elif style == "scales":
        gradients *= 10.0 ** rng.uniform(-4, 4, size=(n, 1))
    elif style == "nearly equal":  # what the last planes of a run look like
        gradients = gradients[:1] + 1e-7 * gradients
    return gradients @ gradients.T, rng.normal(size=n) * 10.0 ** rng.uniform(-2, 2)


STYLES = ("random", "duplicates", "zero planes", "all zero", "scales", "nearly equal")


@pytest.mark.parametrize("style", STYLES)
def test_small_programs_by_enumeration(style):
    for seed in range(40):
        rng = np.random.default_rng(seed)
        gram, linear = draw(rng, int(rng.integers(1, 7)), style)
        scale = np.abs(gram).max() + np.abs(linear).max()
        a = solve(gram, linear, tol=1e-12 * scale)
        best = by_enumeration(gram, linear)
        assert objective(gram, linear, a) == pytest.approx(best, abs=1e-9 * scale), f"seed {seed}"


@pytest.mark.parametrize("n", [20, 60])
def test_larger_programs_against_a_conic_solver(n):
    for seed in range(3):
        rng = np.random.default_rng(seed)
        gradients = rng.normal(size=(n, n // 2))
        gram, linear = gradients @ gradients.T, rng.normal(size=n)
        a = cp.Variable(n)
        program = cp.Problem(
            cp.Minimize(0.5 * cp.sum_squares(gradients.T @ a) - linear @ a),
            [a >= 0, cp.sum(a) == 1],
        )
        program.solve(solver=cp.CLARABEL)
        found = solve(gram, linear)
        assert objective(gram, linear, found) == pytest.approx(program.value, abs=1e-7)


@pytest.mark.parametrize("style", STYLES)
def test_the_tolerance_bounds_the_error(style):
    # a'(Ha - q) - min(Ha - q) bounds the distance to the optimal value.
    for seed in range(20):
        rng = np.random.default_rng(seed)
        gram, linear = draw(rng, 30, style)
        scale = np.abs(gram).max() + np.abs(linear).max()
        for tol in (1e-1, 1e-4, 1e-8):
            a = solve(gram, linear, tol=tol * scale)
            gradient = gram @ a - linear
            assert a @ gradient - gradient.min() <= 2.0 * tol * scale, f"seed {seed}, {tol}"


def test_one_plane():
    assert solve(np.array([[3.0]]), np.array([-2.0])).tolist() == [1.0]
    assert solve(np.array([[0.0]]), np.array([0.0])).tolist() == [1.0]


def test_two_planes_by_hand():
    # (a1^2 + a2^2) / 2 - a1 / 2 on a1 + a2 = 1 is smallest at a1 = 3/4.
    a = solve(np.eye(2), np.array([0.5, 0.0]))
    np.testing.assert_allclose(a, [0.75, 0.25], atol=1e-12)
    # A difference of 2 in the linear term leaves one plane.
    assert solve(np.eye(2), np.array([2.0, 0.0])).tolist() == [1.0, 0.0]


def test_without_slopes_the_highest_plane_wins():
    a = solve(np.zeros((4, 4)), np.array([1.0, 3.0, 2.0, 3.0]))
    assert a[[0, 2]].sum() == pytest.approx(0.0, abs=1e-12)


def test_a_warm_start_finds_the_same_value():
    for seed in range(20):
        rng = np.random.default_rng(seed)
        gram, linear = draw(rng, 15, "random")
        cold = solve(gram, linear)
        start = rng.dirichlet(np.ones(15)) * (rng.random(15) < 0.5)
        start[0] += 1.0 - start.sum()
        warm = solve(gram, linear, start=start)
        assert objective(gram, linear, warm) == pytest.approx(
            objective(gram, linear, cold), abs=1e-9
        )


def test_what_stands_beyond_the_planes_is_ignored():
    gram = np.full((5, 5), np.nan)
    gram[:2, :2] = np.eye(2)
    np.testing.assert_allclose(
        solve_simplex_qp(gram, np.array([0.5, 0.0]), np.array([1.0, 0.0]), 1e-12, 100).point,
        [0.75, 0.25],
        atol=1e-12,
    )


def test_the_limit_on_iterations_leaves_a_feasible_point():
    rng = np.random.default_rng(0)
    gram, linear = draw(rng, 30, "random")
    values = [objective(gram, linear, solve(gram, linear, max_iter=k)) for k in range(1, 40)]
    assert np.all(np.diff(values) <= 1e-12)


@pytest.mark.parametrize("style", STYLES)
def test_the_factor_of_the_last_program_serves_the_next(style):
    """Rows are added one by one, as planes are; the values are those of programs solved afresh."""
    n = 40
    for seed in range(5):
        rng = np.random.default_rng(seed)
        gram, linear = draw(rng, n, style)
        gram[0], gram[:, 0], linear[0] = 0.0, 0.0, 0.0  # the zero plane
        scale = np.abs(gram).max() + np.abs(linear).max()
        a, factor = np.array([1.0]), None
        for size in range(1, n + 1):
            a = np.append(a, np.zeros(size - len(a)))
            a, factor, work = solve_simplex_qp(
                gram, linear[:size], a, 1e-10 * scale, 100 + 10 * size, factor
            )
            fresh = solve(gram[:size, :size], linear[:size], tol=1e-10 * scale)
            values = [objective(gram[:size, :size], linear[:size], x) for x in (a, fresh)]
            assert values[0] == pytest.approx(values[1], abs=1e-9 * scale), f"{seed}, {size}"
            support, rows, shift = factor
            assert work >= len(support)
            lower = np.tril(rows[: len(support), : len(support)])
            np.testing.assert_allclose(
                lower @ lower.T, gram[np.ix_(support, support)] + shift, atol=1e-9 * scale
            )


def test_a_factor_of_other_planes_is_not_taken():
    gram, linear = np.diag([1.0, 2.0, 3.0]), np.zeros(3)
    found = solve_simplex_qp(gram, linear, np.array([1.0, 0.0, 0.0]), 1e-12, 100)
    for start in ([0.0, 1.0, 0.0], [0.5, 0.5, 0.0], [0.0, 0.0, 1.0]):
        again = solve_simplex_qp(gram, linear, np.array(start), 1e-12, 100, found.factor)
        np.testing.assert_allclose(again.point, np.array([6.0, 3.0, 2.0]) / 11.0)
    # The same planes, but the first one stands last: made anew, in order.
    turned = found.factor._replace(support=found.factor.support[::-1].copy())
    again = solve_simplex_qp(gram, linear, found.point, 1e-12, 100, turned)
    np.testing.assert_allclose(again.point, np.array([6.0, 3.0, 2.0]) / 11.0)


def test_cholesky_solves_systems():
    rng = np.random.default_rng(0)
    root = rng.normal(size=(6, 6))
    matrix = root @ root.T
    factor = np.zeros((6, 6))
    right = rng.normal(size=6)
    solution = right.copy()
    factorize(matrix, 6, 1e-15, factor)
    solve_factorized(factor, 6, solution)
    np.testing.assert_allclose(matrix @ solution, right, atol=1e-9)
    np.testing.assert_allclose(np.tril(factor) @ np.tril(factor).T, matrix, atol=1e-12)


def test_cholesky_without_a_row():
    rng = np.random.default_rng(0)
    for n in (1, 2, 3, 8):
        half = rng.normal(size=(n, n + 2))
        matrix = half @ half.T
        for i in range(n):
            factor = np.zeros((n, n))
            factorize(matrix, n, 1e-15, factor)
            delete_row(factor, n, i)
            rest = np.delete(np.delete(matrix, i, 0), i, 1)
            expected = np.linalg.cholesky(rest)
            np.testing.assert_allclose(np.tril(factor[: n - 1, : n - 1]), expected, atol=1e-12)


def test_cholesky_of_a_singular_matrix_is_finite():
    matrix = np.ones((3, 3))
    factor = np.zeros((3, 3))
    solution = np.array([1.0, 1.0, 1.0])
    factorize(matrix, 3, 1e-13, factor)
    solve_factorized(factor, 3, solution)
    assert np.all(np.isfinite(solution))
    np.testing.assert_allclose(matrix @ solution, 1.0, atol=1e-6)
