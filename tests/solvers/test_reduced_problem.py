"""The reduced problem against a conic solver, and what becomes of planes that are not needed."""

import cvxpy as cp
import numpy as np
import pytest

from tests.reference import random_problem, reference_optimum
from vilma.design_matrices.dense import DenseMatrix
from vilma.losses import cost_matrix
from vilma.solvers import Settings, Solver
from vilma.solvers.cutting_plane import reduced_problem
from vilma.solvers.cutting_plane.reduced_problem import ReducedProblem
from vilma.solvers.spaces import FeatureSpace, SampleSpace, choose_space
from vilma.surrogates import ImplicitHinge, LabeledWeights, Plane, VShaped

SPACES = [FeatureSpace, SampleSpace]


def plane(score_gradient, offset, bias_residual=0.0):
    return Plane(np.asarray(score_gradient, float), offset, bias_residual)


def exact(X, planes, alpha):
    w, height = cp.Variable(X.shape[1]), cp.Variable(nonneg=True)  # the zero plane
    program = cp.Problem(
        cp.Minimize(0.5 * alpha * cp.sum_squares(w) + height),
        [height >= p.offset + (p.score_gradient @ X) @ w for p in planes],
    )
    program.solve(solver=cp.CLARABEL)
    return program.value, w.value


@pytest.mark.parametrize("space", SPACES)
def test_one_plane_by_hand(space):
    # min w^2 + 3 + 2 w = 2 at w = -1.
    model = ReducedProblem(space(DenseMatrix(np.array([[2.0]]))))
    model.add(plane([1.0], 3.0))
    point, bound, leak = model.minimize(2.0, 0.0)
    assert bound == pytest.approx(2.0)
    assert leak == 0.0
    np.testing.assert_allclose(point.scores, [-2.0])
    assert len(model) == 1


@pytest.mark.parametrize("space", SPACES)
def test_no_loss_is_negative(space):
    # min w^2 + max(0, 1 + 2 w) = 1/4 at w = -1/2, by half of the plane and half of the zero plane.
    model = ReducedProblem(space(DenseMatrix(np.array([[2.0]]))))
    model.add(plane([1.0], 1.0, bias_residual=0.2))
    point, bound, leak = model.minimize(2.0, 0.0)
    assert bound == pytest.approx(0.25)
    assert leak == pytest.approx(0.1)
    np.testing.assert_allclose(point.scores, [-1.0])


@pytest.mark.parametrize("space", SPACES)
def test_small_multipliers_keep_their_digits(space):
    """Nearly all weight is on the zero plane, and what the others have is right to 1e-9 of it."""
    rng = np.random.default_rng(3)
    X = rng.normal(size=(12, 40))
    model = ReducedProblem(space(DenseMatrix(X)))
    planes = [plane(rng.normal(size=12), 1.0 + rng.random()) for _ in range(10)]
    for p in planes:
        model.add(p)
    alpha = 1e-12
    point, bound, _ = model.minimize(alpha, 1e-24)
    # The bound is alpha times the squared norm of the shortest w on which no plane is above 0.
    gradients = np.array([p.score_gradient @ X for p in planes])
    w = cp.Variable(40)
    program = cp.Problem(
        cp.Minimize(0.5 * cp.sum_squares(w)), [gradients @ w <= [-p.offset for p in planes]]
    )
    program.solve(solver=cp.CLARABEL, tol_gap_rel=1e-11, tol_gap_abs=1e-11)
    assert bound == pytest.approx(alpha * program.value, rel=1e-8)
    slack = [p.offset + p.score_gradient @ point.scores for p in planes]
    assert max(slack) <= 1e-11


@pytest.mark.parametrize("space", SPACES)
def test_two_planes_by_hand(space):
    # max(1 - w, 1 + w) is 1 at w = 0; the leaks are mixed like the planes.
    model = ReducedProblem(space(DenseMatrix(np.eye(1))))
    model.add(plane([1.0], 1.0, bias_residual=0.5))
    model.add(plane([-1.0], 1.0, bias_residual=0.1))
    point, bound, leak = model.minimize(1.0, 1e-12)
    assert bound == pytest.approx(1.0)
    assert leak == pytest.approx(0.3)
    np.testing.assert_allclose(point.scores, [0.0], atol=1e-12)


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("shape", [(4, 9), (9, 4)])
def test_many_planes_against_a_conic_solver(space, shape):
    rng = np.random.default_rng(0)
    X = rng.normal(size=shape)
    design = space(DenseMatrix(X))
    model = ReducedProblem(design)
    planes = []
    for n in range(1, 40):  # more than the first capacity
        planes.append(plane(rng.normal(size=shape[0]), rng.normal()))
        model.add(planes[-1])
        if n % 6:
            continue
        for alpha in (0.1, 3.0):
            value, w = exact(X, planes, alpha)
            point, bound, _ = model.minimize(alpha, 1e-10)
            assert bound == pytest.approx(value, abs=1e-6)
            assert bound <= value + 1e-7
            coef = design.coef(point)
            np.testing.assert_allclose(coef, w, atol=1e-3)
            np.testing.assert_allclose(point.scores, X @ coef, atol=1e-9)
            assert design.inner(point, point) == pytest.approx(coef @ coef, rel=1e-9)


@pytest.mark.parametrize("space", SPACES)
def test_a_rough_solution_is_a_valid_bound(space):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(6, 5))
    planes = [plane(rng.normal(size=6), rng.normal()) for _ in range(30)]
    value, _ = exact(X, planes, 0.5)
    model = ReducedProblem(space(DenseMatrix(X)))
    for p in planes:
        model.add(p)
    for tol in (10.0, 1.0, 0.1, 1e-3):
        _, bound, _ = model.minimize(0.5, tol)
        assert value - tol - 1e-6 <= bound <= value + 1e-7


def test_both_spaces_are_the_same_geometry():
    rng = np.random.default_rng(2)
    X = DenseMatrix(rng.normal(size=(5, 12)))
    models = [ReducedProblem(space(X)) for space in SPACES]
    for _ in range(10):
        p = plane(rng.normal(size=5), rng.normal())
        for model in models:
            model.add(p)
    (a, bound_a, _), (b, bound_b, _) = (model.minimize(0.3, 1e-12) for model in models)
    assert bound_a == pytest.approx(bound_b, rel=1e-10)
    np.testing.assert_allclose(a.scores, b.scores, atol=1e-8)


def test_rows_that_depend_on_one_another_leave_the_bound_valid():
    # Gradients that cancel leave rounding in the scores, and u is large where rows are alike or
    # zero: squared norms of such combinations came out below 0, and bounds above the optimum.
    for seed in range(24, 36):
        rng = np.random.default_rng(seed)
        m, n_classes = rng.integers(4, 10), rng.integers(3, 12)
        X = rng.normal(size=(m, 2 * m + 5)) * (rng.random((m, 2 * m + 5)) < rng.choice([0.1, 1.0]))
        X[rng.random(m) < 0.3] = 0.0
        X[rng.integers(m, size=2)] = X[rng.integers(m, size=2)] * [[2.0], [-1.0]]
        codes = rng.integers(0, n_classes, size=m)
        labels = LabeledWeights(codes, codes, np.ones(m), n_classes)
        surrogate = VShaped(labels, cost_matrix("zero_one", n_classes))
        method = Solver(DenseMatrix(1e3 * X), surrogate, method="cutting_plane")
        alpha = 10.0 ** -rng.integers(3, 6)
        history = method.minimize(Settings(alpha, 1e-4, 100, 0)).history
        objective = method.minimize(Settings(alpha, 1e-9, 500, 0)).objective
        assert history["lower_bound"][-1] <= objective * (1.0 + 1e-12), seed


def test_the_space_with_the_shorter_vectors_is_chosen():
    few, many = DenseMatrix(np.ones((3, 7))), DenseMatrix(np.ones((3, 6)))
    assert isinstance(choose_space(few, None), SampleSpace)
    assert isinstance(choose_space(many, None), FeatureSpace)
    assert isinstance(choose_space(few, np.ones(7)), FeatureSpace)
    with pytest.raises(ValueError, match="Only zero is known to be a combination of samples"):
        SampleSpace(few).start(np.ones(7))


def test_places_of_idle_planes_are_used_again(monkeypatch):
    monkeypatch.setattr(reduced_problem, "_IDLE_LIMIT", 2)
    model = ReducedProblem(FeatureSpace(DenseMatrix(np.eye(2))))
    model.add(plane([1.0, 0.0], 1.0))
    model.add(plane([0.0, 1.0], -100.0))  # never active
    sizes = []
    for k in range(8):
        model.minimize(1.0, 1e-12)
        model.add(plane([1.0, 0.1 * k], 1.0 + 0.1 * k))
        sizes.append(len(model))
    assert sizes[-1] < 10
    point, bound, _ = model.minimize(1.0, 1e-12)
    assert np.all(np.isfinite(point.vector))
    assert bound >= 1.7 - 0.5 * (1.0 + 0.49) - 1e-9  # the last plane alone


@pytest.mark.parametrize("limit", [0, 1, 3])
def test_reuse_keeps_the_bounds_valid(limit, monkeypatch):
    # Planes are forgotten at once: slower, but never wrong.
    monkeypatch.setattr(reduced_problem, "_IDLE_LIMIT", limit)
    for seed in range(12):
        for kind in ("imc", "vshaped"):
            problem = random_problem(seed, kind=kind)
            rows = problem.shares > 0
            labels = LabeledWeights(
                problem.lower[rows],
                problem.upper[rows],
                problem.shares[rows],
                problem.n_classes,
            )
            surrogate = ImplicitHinge(labels) if kind == "imc" else VShaped(labels, problem.cost)
            if kind == "vshaped" and not problem.cost.any():
                continue
            optimum = reference_optimum(problem)
            method = Solver(DenseMatrix(problem.dense_X[rows]), surrogate, method="cutting_plane")
            solution = method.minimize(Settings(problem.alpha, 1e-4, 200, 0))
            slack = 1e-9 * optimum.upper + 1e-12
            assert np.all(solution.history["lower_bound"] <= optimum.upper + slack), seed
            assert solution.lower_bound <= optimum.upper + slack
            assert solution.objective >= optimum.lower - slack


def test_planes_serve_several_alphas():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(200, 4))
    codes = rng.integers(0, 4, size=200)
    labels = LabeledWeights(codes, codes, np.ones(200), 4)
    surrogate = VShaped(labels, cost_matrix("squared", 4))
    method = Solver(DenseMatrix(X), surrogate, method="cutting_plane")
    n_iter, n_iter_alone = 0, 0
    for alpha in (1.0, 0.1, 10.0):
        solution = method.minimize(Settings(alpha, 1e-5, 500, 0))
        alone = Solver(DenseMatrix(X), surrogate, method="cutting_plane").minimize(
            Settings(alpha, 1e-5, 500, 0)
        )
        assert solution.status == "converged"
        assert solution.gap <= 1e-5
        assert solution.lower_bound <= alone.objective
        assert alone.lower_bound <= solution.objective
        n_iter += solution.n_iter
        n_iter_alone += alone.n_iter
    assert n_iter < n_iter_alone


def test_the_last_problem_again_takes_one_iteration():
    rng = np.random.default_rng(4)
    codes = rng.integers(0, 4, size=30)
    labels = LabeledWeights(codes, codes, np.ones(30), 4)
    X = DenseMatrix(rng.normal(size=(30, 4)))
    method = Solver(X, ImplicitHinge(labels), method="cutting_plane")
    settings = Settings(0.1, 1e-4, 500, 0)
    first = method.minimize(settings)
    method.release()
    method.resume(X)
    again = method.minimize(settings)
    assert first.n_iter > 1
    assert again.n_iter == 1
    np.testing.assert_allclose(again.coef, first.coef)
