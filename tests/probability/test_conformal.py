"""Conformal intervals: what is guaranteed, by hand and by simulation."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge

from vilma import IISVOR_IMC, CalibratedOrdinalClassifier, ConformalOrdinalClassifier
from vilma.metrics import prediction_interval_coverage


class Table(ClassifierMixin, BaseEstimator):
    """Probabilities are the rows of X."""

    def __init__(self, classes):
        self.classes = classes
        self.classes_ = np.asarray(classes)

    def __sklearn_is_fitted__(self):
        return True

    def fit(self, X, y):
        return self

    def predict_proba(self, X):
        return np.asarray(X, dtype=float)

    def predict(self, X):
        return self.classes_[np.argmax(X, axis=1)]


def data(m, seed=0, n_classes=7):
    """A linear problem with labels 0, ..., n_classes - 1 and intervals that contain them."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(m, 3))
    score = X @ [1.0, -1.0, 0.5] + rng.standard_t(3, size=m) * (0.3 + np.abs(X[:, 0]))
    y = np.clip(np.round(score + n_classes / 2), 0, n_classes - 1).astype(int)
    lower = np.maximum(y - rng.integers(0, 2, size=m), 0)
    upper = np.minimum(y + rng.integers(0, 2, size=m), n_classes - 1)
    return X, y, np.stack([lower, upper], axis=1)


def frozen(classes=(1, 2, 3, 4)):
    return ConformalOrdinalClassifier(FrozenEstimator(Table(classes)))


# By hand --------------------------------------------------------------------------------------

ROWS = np.array(
    [
        [0.5, 0.25, 0.125, 0.125],
        [0.25, 0.5, 0.125, 0.125],
        [0.125, 0.25, 0.5, 0.125],
        [0.125, 0.125, 0.25, 0.5],
    ]
)


def test_tails_of_exact_labels():
    model = frozen().fit(ROWS, [4, 1, 3, 1])
    # P(y >= 4) = 1/8; P(y <= 1) = 1/4; P(y >= 3) = 5/8 < P(y <= 3); P(y <= 1) = 1/8
    np.testing.assert_array_equal(model.calibration_tails_, [0.125, 0.125, 0.25, 0.625])


def test_an_interval_counts_as_its_worst_label():
    intervals = [[1, 4], [1, 2], [2, 3], [3, np.nan]]
    model = frozen().fit(ROWS, intervals)
    # P(y >= 4) = 1/8; P(y <= 1) = 1/4; P(y <= 2) = 3/8; P(y <= 3) = 1/2 = P(y >= 4)
    np.testing.assert_array_equal(model.calibration_tails_, [0.125, 0.25, 0.375, 0.5])
    for k, (low, high) in enumerate(np.nan_to_num(intervals, nan=4).astype(int)):
        alone = [frozen().fit(ROWS[[k]], [y]).calibration_tails_[0] for y in range(low, high + 1)]
        together = frozen().fit(ROWS[[k, k]], [[low, high], [1, 1]]).calibration_tails_
        assert min(alone) in together


def test_intervals_by_hand():
    model = frozen().fit(ROWS, [4, 1, 3, 1])
    row = [[0.1, 0.3, 0.4, 0.2]]
    # n = 4: coverage 0.8 takes the first tail, 1/8; coverage 0.4 the third, 1/4.
    assert model.predict_interval(row, coverage=0.8).tolist() == [[2, 4]]
    assert model.predict_interval(row, coverage=0.4).tolist() == [[2, 3]]
    # The fourth, 5/8, leaves no label; the median stays.
    assert model.predict_interval(row, coverage=0.2).tolist() == [[3, 3]]


def test_intervals_equal_their_naive_twin():
    rng = np.random.default_rng(0)
    calibration, new = rng.dirichlet(np.ones(6), size=99), rng.dirichlet(np.ones(6), size=50)
    y = rng.integers(0, 6, size=99)
    model = frozen(range(6)).fit(calibration, y)

    def tail(proba, label):
        return min(proba[: label + 1].sum(), proba[label:].sum())

    tails = sorted(tail(proba, label) for proba, label in zip(calibration, y, strict=True))
    for coverage, rank in ((0.5, 50), (0.8, 20), (0.95, 5), (0.99, 1)):
        expected = []
        for proba in new:
            median = next(k for k in range(6) if proba[: k + 1].sum() >= 0.5)
            inside = {k for k in range(6) if tail(proba, k) >= tails[rank - 1]} | {median}
            assert inside == set(range(min(inside), max(inside) + 1))
            expected.append([min(inside), max(inside)])
        np.testing.assert_array_equal(model.predict_interval(new, coverage), expected)


def test_equal_rows_are_covered_in_batches_of_any_size():
    X, y, _ = data(300)
    X = np.round(X)  # many equal rows, whose tails tie with calibration rows
    calibrated = CalibratedOrdinalClassifier(cv=3).fit(X[:150], y[:150])
    model = ConformalOrdinalClassifier(FrozenEstimator(calibrated)).fit(X[150:], y[150:])
    whole = model.predict_interval(X[150:], 0.9)
    single = np.concatenate([model.predict_interval(row[None], 0.9) for row in X[150:]])
    np.testing.assert_array_equal(whole, single)
    assert prediction_interval_coverage(y[150:], whole) >= 0.9


# The guarantee --------------------------------------------------------------------------------


@pytest.mark.parametrize("annotated", ["exact", "intervals"])
def test_coverage_of_true_labels(annotated):
    X, y, intervals = data(6000)
    calibrated = CalibratedOrdinalClassifier(IISVOR_IMC(), cv=3, classes=range(7))
    calibrated.fit(X[:200], y[:200])
    coverages = (0.6, 0.8, 0.9)
    found = []
    rng = np.random.default_rng(1)
    for _ in range(100):
        rows = 200 + rng.permutation(5800)[:160]
        model = ConformalOrdinalClassifier(FrozenEstimator(calibrated), classes=range(7))
        known, new = rows[:60], rows[60:]
        model.fit(X[known], y[known] if annotated == "exact" else intervals[known])
        predicted = [model.predict_interval(X[new], each) for each in coverages]
        found.append([prediction_interval_coverage(y[new], each) for each in predicted])
        if annotated == "intervals":  # then whole annotations are covered, too
            found[-1] = [prediction_interval_coverage(intervals[new], each) for each in predicted]
    mean, error = np.mean(found, axis=0), np.std(found, axis=0) / 10.0
    assert (mean >= np.array(coverages) - 2.0 * error).all()
    if annotated == "exact":
        assert (mean <= np.array(coverages) + 1 / 61 + 3.0 * error).all()


def test_intervals_grow_with_the_coverage_and_contain_the_prediction():
    X, y, _ = data(400)
    model = ConformalOrdinalClassifier().fit(X, y)
    point = model.predict(X)
    before = np.stack([point, point], axis=1)
    for coverage in (0.3, 0.5, 0.8, 0.9, 0.98):
        intervals = model.predict_interval(X, coverage)
        assert intervals.shape == (400, 2)
        assert (intervals[:, 0] <= before[:, 0]).all()
        assert (intervals[:, 1] >= before[:, 1]).all()
        before = intervals


# Calibration rows and coverage ----------------------------------------------------------------


def test_too_few_calibration_rows():
    X, y, _ = data(40)
    model = ConformalOrdinalClassifier(calibration_size=9).fit(X, y)
    assert model.calibration_tails_.shape == (9,)
    model.predict_interval(X, coverage=0.9)  # just enough
    with pytest.raises(
        ValueError,
        match=r"coverage of 0.95 needs at least 19 calibration rows, but there are 9: they allow "
        r"a coverage of 0.9 at most. .*calibration_size",
    ):
        model.predict_interval(X, coverage=0.95)


@pytest.mark.parametrize("coverage", [0.0, 1.0, 90, -0.1, float("nan")])
def test_coverage_outside_of_its_range(coverage):
    model = frozen().fit(ROWS, [4, 1, 3, 1])
    with pytest.raises(ValueError, match=r"coverage should lie between 0 and 1, got"):
        model.predict_interval(ROWS, coverage)


@pytest.mark.parametrize("coverage", ["0.9", None, True])
def test_coverage_of_a_wrong_type(coverage):
    model = frozen().fit(ROWS, [4, 1, 3, 1])
    with pytest.raises(TypeError, match="coverage should be a number between 0 and 1, got"):
        model.predict_interval(ROWS, coverage)


@pytest.mark.parametrize(("size", "expected"), [(0.25, 15), (0.5, 30), (7, 7)])
def test_calibration_size(size, expected):
    X, y, _ = data(60)
    model = ConformalOrdinalClassifier(IISVOR_IMC(), calibration_size=size).fit(X, y)
    assert len(model.calibration_tails_) == expected
    again = ConformalOrdinalClassifier(IISVOR_IMC(), calibration_size=size).fit(X, y)
    np.testing.assert_array_equal(again.calibration_tails_, model.calibration_tails_)


def test_rows_of_weight_zero_do_not_calibrate():
    X, y, _ = data(80)
    weight = np.ones(80)
    weight[::2] = 0.0
    X_wild = np.where(weight[:, None] > 0, X, 1e6)
    a = ConformalOrdinalClassifier(classes=range(7)).fit(X_wild, y, weight)
    b = ConformalOrdinalClassifier(classes=range(7)).fit(X[1::2], y[1::2])
    np.testing.assert_array_equal(a.calibration_tails_, b.calibration_tails_)


def test_not_fitted():
    with pytest.raises(NotFittedError):
        ConformalOrdinalClassifier().predict_interval(np.zeros((2, 3)))


# What can be wrapped --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "estimator",
    [LogisticRegression(), RandomForestClassifier(n_estimators=20, random_state=0)],
    ids=["logistic", "forest"],
)
def test_other_classifiers(estimator):
    X, y, _ = data(600)
    y = np.where(y == 6, 5, y)
    y[:2] = 6  # one rare label, which the classifier need not see
    model = ConformalOrdinalClassifier(estimator).fit(X[:400], y[:400])
    proba = model.predict_proba(X[400:])
    assert proba.shape == (200, 7)
    np.testing.assert_allclose(proba.sum(axis=1), 1.0)
    intervals = model.predict_interval(X[400:], 0.8)
    assert prediction_interval_coverage(y[400:], intervals) > 0.72


def test_strings():
    X, _, intervals = data(200, n_classes=3)
    scale = np.array(["small", "medium", "large"])
    named = ConformalOrdinalClassifier(classes=scale).fit(X, scale[intervals])
    coded = ConformalOrdinalClassifier(classes=[0, 1, 2]).fit(X, intervals)
    np.testing.assert_array_equal(
        named.predict_interval(X), scale[coded.predict_interval(X).astype(int)]
    )


def test_estimators_without_probabilities_or_projection():
    X, y, _ = data(60)
    with pytest.raises(TypeError, match=r"Ridge has no method `project`. Expected an estimator"):
        ConformalOrdinalClassifier(Ridge()).fit(X, y)
