"""The reference has to be right before anything is compared with it."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from tests.reference import (
    KINDS,
    Problem,
    inner_objective,
    joint_objective,
    random_problem,
    reference_inner,
    reference_optimum,
)


def make_problem(kind, X, lower, upper, n_classes, *, cost=None, weights=None, alpha=1.0):
    codes = np.arange(n_classes)
    return Problem(
        X=np.asarray(X, dtype=float),
        lower=np.asarray(lower),
        upper=np.asarray(upper),
        n_classes=n_classes,
        cost=np.abs(codes[:, None] - codes).astype(float) if cost is None else cost,
        weights=None if weights is None else np.asarray(weights, dtype=float),
        alpha=alpha,
        kind=kind,
    )


@pytest.mark.parametrize("kind", ["exp", "imc", "vshaped"])
def test_two_classes_are_a_support_vector_machine(kind):
    # X = -1 is the first label, X = 1 the second; by symmetry theta = 0, and
    # w^2 / 2 + max(0, 1 - w) has its minimum 1/2 at w = 1.
    optimum = reference_optimum(make_problem(kind, [[-1], [1]], [0, 1], [0, 1], 2))
    assert optimum.upper == pytest.approx(0.5, abs=1e-9)
    assert optimum.lower == pytest.approx(0.5, abs=1e-9)
    np.testing.assert_allclose(optimum.w, [1], atol=1e-6)


def test_regularised_biases_by_hand():
    # The same data: by symmetry the biases stay equal, and regularising them changes nothing.
    optimum = reference_optimum(make_problem("vshaped_reg", [[-1], [1]], [0, 1], [0, 1], 2))
    assert optimum.upper == pytest.approx(0.5, abs=1e-9)
    np.testing.assert_allclose(optimum.biases, [0, 0], atol=1e-6)
    # One example of the second label without features: only the biases can help. With
    # b = (-t, t) the objective t^2 + max(0, 1 - 2t) has its minimum 1/4 at t = 1/2.
    optimum = reference_optimum(make_problem("vshaped_reg", [[0]], [1], [1], 2))
    assert optimum.upper == pytest.approx(0.25, abs=1e-9)
    np.testing.assert_allclose(optimum.biases, [-0.5, 0.5], atol=1e-6)


@pytest.mark.parametrize("kind", ["exp", "imc", "vshaped"])
def test_equal_scores_by_hand(kind):
    # All scores are 0, and there is one example of each of three labels.
    # exp: max(0, 1 - t0) + max(0, 1 + t0) >= 2 for the labels 0 and 1, and 2 likewise for t1.
    # imc: t0 has the hinges max(0, 1 - t0) once and max(0, 1 + t0) twice, with minimum 2 at -1;
    # t1 mirrors it.
    problem = make_problem(kind, np.zeros((3, 1)), [0, 1, 2], [0, 1, 2], 3)
    optimum = reference_optimum(problem)
    assert optimum.upper == pytest.approx(4 / 3, abs=1e-9)
    assert optimum.lower == pytest.approx(4 / 3, abs=1e-9)


def test_objectives_by_hand():
    # Label 1 of 0 .. 3, annotated [1, 2]; s = 2.
    exp = make_problem("exp", [[2]], [1], [2], 4)
    theta = np.array([1.5, 1.75, 2.5])
    # 1 - 2 + 1.5 = 0.5 below; 1 + 2 - 2.5 = 0.5 above; w^2 / 2 = 0.5.
    assert joint_objective(exp, np.ones(1), theta) == pytest.approx(1.5)
    assert joint_objective(replace(exp, kind="imc"), np.ones(1), theta) == pytest.approx(1.5)
    assert joint_objective(exp, np.ones(1), theta[::-1]) == np.inf
    wide = replace(exp, lower=np.array([2]), upper=np.array([2]))
    assert inner_objective(wide, np.array([2.0]), theta) == pytest.approx(0.75 + 0.5)
    imc = replace(wide, kind="imc")
    assert inner_objective(imc, np.array([2.0]), theta) == pytest.approx(0.5 + 0.75 + 0.5)
    b = np.array([0.0, -1.5, -3.25, -5.75])  # the biases that belong to theta
    vshaped = replace(wide, kind="vshaped")
    # below: labels 0, 1, 2 give 2 - 4 + 3.25 = 1.25, 1 - 2 + 1.75 = 0.75, 0.
    # above: labels 2, 3 give 0, 1 + 2 - 2.5 = 0.5.
    assert inner_objective(vshaped, np.array([2.0]), b) == pytest.approx(1.75)
    regularised = joint_objective(replace(vshaped, kind="vshaped_reg"), np.ones(1), b)
    assert regularised == pytest.approx(0.5 + (b @ b) / 2 + 1.75)


def test_full_intervals_cost_nothing():
    for kind in KINDS:
        problem = make_problem(kind, np.ones((2, 1)), [0, 0], [2, 2], 3)
        optimum = reference_optimum(problem)
        assert optimum.upper == optimum.lower == 0


@pytest.mark.parametrize("kind", KINDS)
def test_bounds_meet(kind):
    for seed in range(15):
        optimum = reference_optimum(random_problem(seed, kind=kind))
        assert -1e-12 < optimum.upper - optimum.lower < 1e-9, f"seed {seed}"


def test_nothing_is_better_than_the_lower_bound():
    rng = np.random.default_rng(0)
    for seed in range(20):
        problem = random_problem(seed)
        optimum = reference_optimum(problem)
        for scale in (1e-4, 1e-2, 1.0):
            w = optimum.w + scale * rng.normal(size=optimum.w.shape)
            biases = optimum.biases + scale * rng.normal(size=optimum.biases.shape)
            if problem.kind in ("exp", "imc"):
                biases = np.sort(biases)
            assert joint_objective(problem, w, biases) >= optimum.lower - 1e-12


def test_vilma_with_mae_has_the_optimum_of_imc():
    # Proposition 2 of the paper.
    for seed in range(20):
        imc = random_problem(seed, kind="imc")
        Y = imc.n_classes
        mae = np.abs(np.subtract.outer(np.arange(Y), np.arange(Y))).astype(float)
        vilma = reference_optimum(replace(imc, kind="vshaped", cost=mae))
        assert vilma.upper == pytest.approx(reference_optimum(imc).upper, rel=1e-9, abs=1e-10)


@pytest.mark.parametrize("kind", ["exp", "imc", "vshaped"])
def test_inner_minimum(kind):
    rng = np.random.default_rng(1)
    for seed in range(10):
        problem = random_problem(seed, kind=kind)
        scores = problem.dense_X @ rng.normal(size=problem.X.shape[1])
        value, biases = reference_inner(problem, scores)
        assert value == inner_objective(problem, scores, biases)
        for scale in (1e-3, 1.0):
            other = biases + scale * rng.normal(size=biases.shape)
            if kind != "vshaped":
                other = np.sort(other)
            assert inner_objective(problem, scores, other) >= value - 1e-12


def test_weights_count_like_repetitions():
    for seed in range(8):
        problem = random_problem(seed)
        counts = np.random.default_rng(seed).integers(0, 4, size=len(problem.lower))
        counts[0] = 1
        weighted = replace(problem, weights=counts.astype(float))
        repeated = replace(
            problem,
            X=np.repeat(problem.dense_X, counts, axis=0),
            lower=np.repeat(problem.lower, counts),
            upper=np.repeat(problem.upper, counts),
            weights=None,
        )
        expected = reference_optimum(weighted).upper
        assert reference_optimum(repeated).upper == pytest.approx(expected, rel=1e-9, abs=1e-10)


def test_random_problems_cover_the_ground():
    problems = [random_problem(seed) for seed in range(300)]
    assert {problem.kind for problem in problems} == set(KINDS)
    assert {problem.n_classes for problem in problems} == set(range(2, 13))
    assert {sparse.issparse(problem.X) for problem in problems} == {True, False}
    assert any(problem.weights is None for problem in problems)
    assert any(problem.weights is not None and 0 in problem.weights for problem in problems)
    assert any(np.ptp(problem.dense_X) == 0 for problem in problems)
    assert any(len(np.unique(problem.lower)) < problem.n_classes / 2 for problem in problems)
    for problem in problems:
        assert np.all(problem.lower >= 0)
        assert np.all(problem.lower <= problem.upper)
        assert np.all(problem.upper < problem.n_classes)
        assert problem.shares.sum() == pytest.approx(1)
        assert 1e-3 <= problem.alpha <= 10
    same = random_problem(7)
    np.testing.assert_array_equal(same.dense_X, problems[7].dense_X)
    np.testing.assert_array_equal(same.cost, problems[7].cost)
    assert {random_problem(seed, kind="imc").kind for seed in range(5)} == {"imc"}
