"""The certificate says what it has shown: gap, status, rounding, and features of any scale."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

from vilma import IISVOR_EXP, IISVOR_IMC, VILMA
from vilma.design_matrices import center_narrow_columns
from vilma.solvers.certificate import Certificate, relative_gap, rounding_error
from vilma.solvers.oracle import InnerTarget, Oracle
from vilma.solvers.problem import Settings
from vilma.surrogates import ImplicitHinge, LabeledWeights, VShaped

ESTIMATORS = [
    IISVOR_IMC(alpha=0.01, tol=1e-4),
    IISVOR_EXP(alpha=0.01, tol=1e-4),
    VILMA(alpha=0.01, tol=1e-4, loss="squared"),
    IISVOR_IMC(alpha=0.01, tol=1e-4, solver="conic"),
]


def problem(m=80, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(m, 3))
    y = np.clip(np.round(1.5 * X[:, 0] + 0.5 * rng.normal(size=m)) + 3, 0, 6).astype(int)
    return X, np.stack([np.maximum(y - rng.integers(0, 2, m), 0), y], axis=1)


def certificate(max_iter=1000, tol=1e-3):
    labels = LabeledWeights(np.array([0, 1]), np.array([0, 1]), np.ones(2), 2)
    return Certificate(Settings(1.0, tol, max_iter, 0), Oracle(ImplicitHinge(labels), 1.0, 1.0))


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=str)
@pytest.mark.parametrize("alpha", [1.0, 1e-4, 1e-8, 1e-12])
def test_the_gap_is_what_its_formula_says(estimator, alpha):
    X, y = problem()
    X = X[:, :1]
    y = np.repeat(np.digitize(X, [-1.0, 1.0]), 2, axis=1)  # separable: the objective goes to 0
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = estimator.set_params(alpha=alpha, tol=1e-6).fit(X, y)
    assert model.lower_bound_ <= model.objective_
    expected = (model.objective_ - model.lower_bound_) / model.objective_
    assert model.gap_ == pytest.approx(expected, rel=1e-12)
    warned = any(issubclass(w.category, ConvergenceWarning) for w in caught)
    assert warned == (model.gap_ > model.tol)


def test_a_loss_of_zero_does_not_come_out_negative():
    weight = [0.1275424303290098, 0.9717337376380158, 0.5318028057690952, 0.2084240350500094]
    weight += [0.5859480664517217, 0.5086899679181104, 0.07832409521733152]
    lower, upper = np.array([0, 0, 0, 2, 0, 1, 0]), np.array([0, 1, 0, 2, 0, 2, 0])
    surrogate = VShaped(LabeledWeights(lower, upper, np.array(weight), 3), 1.0 - np.eye(3))
    scores = np.where(lower > 0, 1.036858728957704, -0.9631412710422963)
    inner = Oracle(surrogate, 1.0, 1.0)(scores, InnerTarget(1e-13, 3.0))
    assert 0.0 <= inner.value < 1e-15


def test_relative_gap():
    assert relative_gap(2.0, 1.0) == 0.5
    assert relative_gap(0.0, 0.0) == 0.0
    assert relative_gap(1e-300, 0.0) == 1.0


def test_rounding_error_of_scores():
    assert rounding_error(np.array([0.5, -0.5]), np.array([1e16, 1e16]), 0.0) == pytest.approx(
        2.22, rel=1e-3
    )
    assert rounding_error(np.zeros(2), np.array([1e16, 1e16]), 0.0) == 0.0
    assert rounding_error(np.zeros(2), np.zeros(2), 3.0) == 3.0 * np.finfo(float).eps


def test_a_gap_that_does_not_fall_ends_it():
    state = certificate()
    for _ in range(101):
        assert not state.is_closed()
        state.record(2.0, 1.0, 0.0, 1)
    assert state.is_closed()
    state = certificate()
    for i in range(101):
        state.record(2.0, 1.0 + 1e-3 * i, 0.0, 1)
    assert not state.is_closed()


@pytest.mark.parametrize(("objective", "bound"), [(np.nan, 0.0), (np.inf, 0.0), (1.0, np.nan)])
def test_what_is_not_a_number_is_not_passed_over(objective, bound):
    with pytest.raises(FloatingPointError, match="too large for float64"):
        certificate().record(objective, bound, 0.0, 1)


@pytest.mark.parametrize("kind", ["dense", "sparse"])
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=str)
@pytest.mark.parametrize("size", [1e12, 1e15, 1e18])
def test_a_constant_column_moves_thresholds_only(estimator, size, kind):
    X, y = problem()
    with_constant = np.column_stack([X, np.full(len(X), size)])
    if kind == "sparse":
        with_constant = sparse.csr_array(with_constant)
    alone = estimator.set_params(alpha=0.01, tol=1e-6).fit(X, y)
    objective, coef, predicted = alone.objective_, alone.coef_, alone.predict(X)
    model = estimator.fit(with_constant, y)
    assert model.objective_ == pytest.approx(objective, rel=2e-6)
    np.testing.assert_allclose(model.coef_[:3], coef, atol=1e-3)
    assert model.coef_[3] == 0.0
    np.testing.assert_array_equal(model.predict(with_constant), predicted)


def test_time_stamps_in_microseconds():
    X, y = problem()
    stamps = 1.7e15 + np.round(1e5 * X[:, 0])  # within a second, half a century from zero
    near, far = (
        IISVOR_IMC(alpha=0.01, tol=1e-6).fit(np.column_stack([X[:, 1:], column]), y)
        for column in (stamps - stamps.min(), stamps)
    )
    assert far.objective_ == pytest.approx(near.objective_, rel=1e-5)


@pytest.mark.parametrize("estimator", ESTIMATORS[:3], ids=str)
def test_features_of_very_different_scales_are_named(estimator):
    X, y = problem()
    X = np.column_stack([X, 1e15 * np.random.default_rng(1).random(len(X))])
    with pytest.warns(ConvergenceWarning, match=r"feature 3, up to 9\.\d+e\+14.*stay below 3"):
        model = estimator.set_params(alpha=0.01, tol=1e-4).fit(X, y)
    assert model.gap_ > model.tol
    assert model.n_iter_ < model.max_iter  # it does not go on where nothing changes


def test_centered_columns():
    X = np.array([[1e9, 1.0, 7.0, 1e15], [1e9 + 1, 2.0, 7.0, 1e15]])
    centered, center = center_narrow_columns(X)
    np.testing.assert_array_equal(center, [1e9, 0.0, 0.0, 1e15])
    np.testing.assert_array_equal(centered, [[0, 1, 7, 0], [1, 2, 7, 0]])
    as_sparse, sparse_center = center_narrow_columns(sparse.csr_array(X))
    np.testing.assert_array_equal(sparse_center, center)
    np.testing.assert_array_equal(as_sparse.toarray(), centered)
    for plain in (X[:, 1:3], sparse.csr_array(X[:, 1:3]), np.ones((3, 2))):
        assert center_narrow_columns(plain)[0] is plain
        assert center_narrow_columns(plain)[1] is None


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=str)
@pytest.mark.parametrize("weight", [1e308, 1e-308, 1e-320])
def test_weights_do_not_overflow(estimator, weight):
    X, y = problem()
    estimator.set_params(alpha=0.01, tol=1e-5)
    expected = estimator.fit(X, y).objective_
    model = estimator.fit(X, y, np.full(len(X), weight))
    assert model.objective_ == pytest.approx(expected, rel=1e-5)
    assert model.gap_ <= 1e-5


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=str)
def test_features_that_overflow_are_refused(estimator):
    X, y = problem()
    error, message = (
        (RuntimeError, "conic solver failed")
        if estimator.solver == "conic"
        else (ValueError, "norm of row 0 of X overflows")
    )
    with pytest.raises(error, match=message):
        estimator.fit(1e200 * X, y)


@pytest.mark.parametrize("estimator", ESTIMATORS[:3], ids=str)
def test_nothing_but_a_large_constant(estimator):
    y = np.tile([1, 2, 3], 50)
    expected = estimator.set_params(alpha=1e-6, tol=1e-6).fit(np.zeros((150, 1)), y).objective_
    model = estimator.fit(np.full((150, 1), 1e15), y)
    assert model.objective_ == pytest.approx(expected, rel=1e-6)
    assert model.coef_[0] == 0.0
