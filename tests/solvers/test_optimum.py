"""The acceptance test: public estimators against an independent optimum, on awkward problems.

Every random problem goes through `fit` as a user would write it; what comes out is held against
the feasible point and the dual bound of ``tests.reference``.
"""

import numpy as np
import pytest

from tests.fits import TOL, as_intervals, close, make_estimator, says_nothing
from tests.reference import (
    KINDS,
    inner_objective,
    joint_objective,
    random_problem,
    reference_optimum,
)
from vilma import IISVOR_EXP, IISVOR_IMC, VILMA
from vilma.thresholds import to_biases

N_BLOCKS = 20
BLOCK = 16


@pytest.mark.parametrize("block", range(N_BLOCKS))
def test_the_optimum_is_reached_and_certified(block):
    for seed in range(block * BLOCK, (block + 1) * BLOCK):
        problem = random_problem(seed, kind=KINDS[seed % 4])
        y = as_intervals(problem, np.random.default_rng(seed))
        estimator = make_estimator(problem)
        at = f"seed {seed}, {problem.kind}"
        if says_nothing(problem):
            with pytest.raises(ValueError, match=r"covers? the whole scale|open at both ends"):
                estimator.fit(problem.X, y, sample_weight=problem.weights)
            continue
        if problem.kind.startswith("vshaped") and not problem.cost.any():
            continue  # refused: a loss that is 0 everywhere
        estimator.fit(problem.X, y, sample_weight=problem.weights)
        reference = reference_optimum(problem)
        assert close(estimator.objective_, reference.upper, TOL), at
        slack = 1e-9 * reference.upper + 1e-12
        assert estimator.objective_ >= reference.lower - slack, at
        assert estimator.lower_bound_ <= reference.upper + slack, at
        assert np.all(estimator.history_["lower_bound"] <= reference.upper + slack), at
        assert estimator.lower_bound_ <= estimator.objective_, at
        assert 0.0 <= estimator.gap_ <= TOL, at

        # The objective is that of the attributes, not only of something inside the solver.
        if problem.kind in ("exp", "imc"):
            naive = joint_objective(problem, estimator.coef_, estimator.surrogate_thresholds_)
            assert close(naive, estimator.objective_, 1e-10), at


@pytest.mark.parametrize("block", range(5))
def test_vilma_with_mae_is_imc(block):
    # Proposition 2 of the paper.
    for seed in range(1000 + 12 * block, 1012 + 12 * block):
        problem = random_problem(seed, kind="imc")
        if says_nothing(problem):
            continue
        y = as_intervals(problem, np.random.default_rng(seed))
        imc = make_estimator(problem).fit(problem.X, y, sample_weight=problem.weights)
        mae = VILMA(problem.alpha, loss="mae", tol=TOL, classes=range(problem.n_classes)).fit(
            problem.X, y, sample_weight=problem.weights
        )
        assert close(mae.objective_, imc.objective_, 2 * TOL), f"seed {seed}"
        assert mae.lower_bound_ <= imc.objective_ * (1 + 1e-9) + 1e-12, f"seed {seed}"
        assert imc.lower_bound_ <= mae.objective_ * (1 + 1e-9) + 1e-12, f"seed {seed}"


@pytest.mark.parametrize("penalize", [False, True])
def test_the_biases_have_the_objective_reported(penalize):
    # With nothing spread, VILMA's biases are those of the minimiser.
    for seed in range(2000, 2012):
        problem = random_problem(seed, kind="vshaped_reg" if penalize else "vshaped")
        if says_nothing(problem) or not problem.cost.any():
            continue
        estimator = make_estimator(problem, spread_thresholds=False, tol=1e-3)
        y = np.stack([problem.lower, problem.upper], axis=1)
        estimator.fit(problem.X, y, sample_weight=problem.weights)
        naive = joint_objective(problem, estimator.coef_, estimator.biases_)
        # The shift of the biases is the best one, not that of the solver's point.
        assert naive <= estimator.objective_ * (1 + 1e-9) + 1e-12, f"seed {seed}"
        if not penalize:
            assert close(naive, estimator.objective_, 1e-9), f"seed {seed}"
            loss = inner_objective(
                problem,
                problem.dense_X @ estimator.coef_,
                to_biases(estimator.biases_[:-1] - estimator.biases_[1:]),
            )
            assert loss <= naive + 1e-12


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tol", [0.5, 0.01, 1e-3])
def test_every_tolerance_is_reached_without_a_warning(kind, tol):
    # The point that is returned must keep the gap at which the iterations stopped.
    for seed in range(3200, 3240):
        problem = random_problem(seed, kind=kind)
        if says_nothing(problem) or not problem.cost.any():
            continue
        y = np.stack([problem.lower, problem.upper], axis=1)
        estimator = make_estimator(problem, tol=tol)
        estimator.fit(problem.X, y, sample_weight=problem.weights)
        assert estimator.gap_ <= tol, f"seed {seed}"
        last = estimator.history_[-1]
        assert close(estimator.objective_, last["objective"], tol), f"seed {seed}"


def test_far_more_features_than_examples():
    # Vectors are then kept among the samples; the bounds have to be as good.
    rng = np.random.default_rng(0)
    for alpha in (1e-3, 1e-1, 10.0):
        X = rng.normal(size=(12, 60))
        codes = rng.integers(0, 4, size=12)
        optima = [
            estimator.fit(X, codes)
            for estimator in (
                IISVOR_IMC(alpha, tol=1e-7),
                VILMA(alpha, tol=1e-7),
                IISVOR_IMC(alpha, tol=1e-7, solver="conic"),
            )
        ]
        for a in optima:
            for b in optima:
                slack = 1e-9 * b.objective_
                assert a.lower_bound_ <= b.objective_ + slack
                assert close(a.objective_, b.objective_, 1e-6)


@pytest.mark.parametrize("kind", [IISVOR_EXP, IISVOR_IMC, VILMA])
def test_far_more_examples_than_features(kind):
    # The planes are then taken at the best points.
    rng = np.random.default_rng(1)
    X = rng.integers(-2, 3, size=(300, 3)).astype(float)
    codes = np.clip(np.round(X @ [1.0, 0.5, 0.0] + rng.normal(size=300)) + 3, 0, 6)
    y = np.c_[codes - (rng.random(300) < 0.5), codes + (rng.random(300) < 0.5)]
    for alpha in (1e-3, 1e-1, 10.0):
        model = kind(alpha, tol=1e-6).fit(X, y)
        exact = kind(alpha, tol=1e-6, solver="conic").fit(X, y)
        assert model.lower_bound_ <= exact.objective_ * (1.0 + 1e-9)
        assert exact.lower_bound_ <= model.objective_ * (1.0 + 1e-9)
        assert close(model.objective_, exact.objective_, 2e-6)


@pytest.mark.parametrize("loss", ["mae", "zero_one", "squared"])
def test_a_usual_size(loss):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 5))
    score = X @ rng.normal(size=5) + rng.normal(size=500)
    codes = np.argsort(np.argsort(score)) * 30 // 500
    models = [VILMA(loss=loss, tol=tol).fit(X, codes) for tol in (1e-3, 1e-6)]
    if loss == "mae":
        models.append(IISVOR_IMC(tol=1e-6).fit(X, codes))
    best = min(model.objective_ for model in models)
    for model in models:
        assert 0.0 < model.lower_bound_ <= best * (1 + 1e-9)
        assert model.gap_ <= model.tol
        assert model.objective_ <= best * (1 + model.tol)
        assert model.n_iter_ < 100


@pytest.mark.parametrize("scale", [1e-4, 1e4])
def test_badly_scaled_features(scale):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 5))
    codes = np.clip(np.round(X[:, 0] + 2), 0, 4).astype(int)
    # Scaling X by c and alpha by c^2 is the same problem.
    a = VILMA(0.1, tol=1e-6).fit(X, codes)
    b = VILMA(0.1 * scale**2, tol=1e-6).fit(scale * X, codes)
    assert b.objective_ == pytest.approx(a.objective_, rel=1e-5)
    np.testing.assert_allclose(b.project(scale * X), a.project(X), atol=0.05)
