import re

import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.metrics import (
    accuracy_score,
    mean_absolute_error,
    mean_squared_error,
    zero_one_loss,
)
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score

from vilma.metrics import interval_coverage, interval_insensitive_loss, interval_scorer

NAN, INF = np.nan, np.inf
SIZES = ["small", "medium", "large"]


@pytest.fixture(params=[None, "weighted"])
def exact(request):
    rng = np.random.default_rng(0)
    weights = None if request.param is None else rng.random(50)
    return rng.integers(0, 9, size=50), rng.integers(0, 9, size=50), weights


def test_exact_labels_agree_with_scikit_learn(exact):
    y_true, y_pred, weights = exact
    for loss, twin in (
        ("mae", mean_absolute_error),
        ("squared", mean_squared_error),
        ("zero_one", zero_one_loss),
    ):
        expected = twin(y_true, y_pred, sample_weight=weights)
        for truth in (y_true, np.stack([y_true, y_true], axis=1)):
            value = interval_insensitive_loss(truth, y_pred, loss=loss, sample_weight=weights)
            assert type(value) is float
            assert value == pytest.approx(expected, rel=1e-14)
    coverage = interval_coverage(y_true, y_pred, sample_weight=weights)
    assert coverage == pytest.approx(accuracy_score(y_true, y_pred, sample_weight=weights))


def test_intervals_by_hand():
    y_true = [(20, 30), (20, 30), (20, 30), (NAN, 30), (20, None), (-INF, INF)]
    y_pred = [18, 25, 37, 33, 11, 1000]  # off by 2, 0, 7, 3, 9, 0
    assert interval_insensitive_loss(y_true, y_pred) == pytest.approx(21 / 6)
    assert interval_insensitive_loss(y_true, y_pred, loss="zero_one") == pytest.approx(4 / 6)
    squares = interval_insensitive_loss(y_true, y_pred, loss="squared")
    assert squares == pytest.approx((4 + 49 + 9 + 81) / 6)
    truncated = interval_insensitive_loss(y_true, y_pred, loss=lambda d: min(d, 5))
    assert truncated == pytest.approx((2 + 5 + 3 + 5) / 6)
    assert interval_coverage(y_true, y_pred) == pytest.approx(2 / 6)
    weights = [1, 0, 0, 0, 0, 3]
    assert interval_insensitive_loss(y_true, y_pred, sample_weight=weights) == 0.5
    assert interval_coverage(y_true, y_pred, sample_weight=weights) == 0.75


def test_numbers_keep_their_unit_on_a_scale():
    brackets = [0, 2, 5, 20, 50]
    y_true, y_pred = [(5, 20), (50, None)], [2, 20]
    assert interval_insensitive_loss(y_true, y_pred, classes=brackets) == (3 + 30) / 2
    assert interval_insensitive_loss([0.5], [0.25]) == 0.25


def test_strings_are_counted_in_steps():
    y_true = [("medium", "large"), (None, "small"), ("large", None), ("medium", "medium")]
    y_pred = ["small", "large", "medium", "medium"]  # off by 1, 2, 1, 0
    assert interval_insensitive_loss(y_true, y_pred, classes=SIZES) == 1
    assert interval_insensitive_loss(y_true, y_pred, classes=SIZES, loss="squared") == 6 / 4
    assert interval_coverage(y_true, y_pred, classes=SIZES) == 0.25
    assert interval_coverage(["a", "b"], ["b", "b"]) == 0.5
    assert interval_coverage(["a"], ["a"]) == 1


@pytest.mark.parametrize("classes", [SIZES, [10, 20, 35]])
def test_cost_matrix(classes):
    cost = np.array([[0, 5, 9], [1, 0, 5], [2, 1, 0]])
    low, mid, high = classes
    y_true = [(mid, high), (low, mid), (None, low), (high, None), (low, low)]
    y_pred = [low, high, mid, mid, low]
    expected = (cost[0, 1] + cost[2, 1] + cost[1, 0] + cost[1, 2] + 0) / 5
    value = interval_insensitive_loss(y_true, y_pred, loss=cost, classes=classes)
    assert value == pytest.approx(expected)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"y_true": [1, 2], "y_pred": [1]}, ValueError, "y_true has 2 samples but y_pred has 1"),
        ({"y_true": [1], "y_pred": [(1, 2)]}, ValueError, "y_pred should be a 1d array with one"),
        ({"y_true": [1], "y_pred": [NAN]}, ValueError, "Input y_pred contains NaN"),
        ({"y_true": [NAN], "y_pred": [1]}, ValueError, "Input y_true contains NaN"),
        ({"y_true": [(2, 1)], "y_pred": [1]}, ValueError, "y_true has the lower end above"),
        ({"y_true": ["a"], "y_pred": [1]}, TypeError, "y_true holds strings but y_pred does not"),
        ({"y_true": [1], "y_pred": ["a"]}, TypeError, "y_pred holds strings but y_true does not"),
        ({"y_true": ["a"], "y_pred": ["a"]}, ValueError, "Strings have no order by themselves"),
        (
            {"y_true": [1], "y_pred": [1], "loss": np.zeros((2, 2))},
            ValueError,
            "The rows and columns of a cost matrix have no order by themselves: pass `classes`",
        ),
        (
            {"y_true": [1], "y_pred": [1], "loss": np.zeros((2, 2)), "classes": [1, 2, 3]},
            ValueError,
            "has shape (2, 2), but the scale has 3 labels",
        ),
        (
            {"y_true": [1], "y_pred": [4], "classes": [1, 2]},
            ValueError,
            "y_pred has the label 4 in",
        ),
        (
            {"y_true": [5], "y_pred": [1], "classes": [1, 2]},
            ValueError,
            "y_true has the label 5 in",
        ),
        ({"y_true": [1], "y_pred": [1], "loss": "hinge"}, ValueError, "Unknown loss 'hinge'"),
        (
            {"y_true": [1], "y_pred": [3], "loss": lambda d: -d},
            ValueError,
            "is 0 at the distance 0 and -2 at 2",
        ),
        (
            {"y_true": [1, 2], "y_pred": [1, 2], "sample_weight": [1]},
            ValueError,
            "sample_weight has shape (1,), but there are 2 samples",
        ),
        (
            {"y_true": [1, 2], "y_pred": [1, 2], "sample_weight": [1, -1]},
            ValueError,
            "sample_weight should not be negative, but is -1.0 at 1",
        ),
        (
            {"y_true": [1, 2], "y_pred": [1, 2], "sample_weight": [0, 0]},
            ValueError,
            "sample_weight is zero for every sample",
        ),
        (
            {"y_true": [1], "y_pred": [1], "sample_weight": [NAN]},
            ValueError,
            "Input sample_weight contains NaN",
        ),
    ],
)
def test_bad_arguments(arguments, error, message):
    with pytest.raises(error, match=re.escape(message)):
        interval_insensitive_loss(**arguments)


class Constant(RegressorMixin, BaseEstimator):
    """Predicts one label, whatever comes."""

    def __init__(self, label=0):
        self.label = label

    def fit(self, X, y):
        return self

    def predict(self, X):
        return np.full(len(X), self.label)


def test_scorer_serves_model_selection():
    X = np.zeros((6, 1))
    y = np.array([(4, INF), (4, 5), (5, 5), (NAN, 5), (4, 5), (5, INF)])
    search = GridSearchCV(
        Constant(), {"label": [0, 5, 9]}, scoring=interval_scorer("mae"), cv=KFold(2)
    )
    search.fit(X, y)
    assert search.best_params_ == {"label": 5}
    np.testing.assert_allclose(search.cv_results_["mean_test_score"][1], 0)
    scores = cross_val_score(
        Constant(9), X, y, scoring=interval_scorer("zero_one", classes=[4, 5, 9]), cv=KFold(2)
    )
    np.testing.assert_allclose(scores, [-2 / 3, -2 / 3])


def test_numbers_between_labels_are_no_labels():
    y_true, between = [[1, 2], [2, 4]], [1.0, 4.5]
    match = r"y_pred has 4\.5 in row 1, .*\. Round what .* leave `classes` out"
    with pytest.raises(ValueError, match=match):
        interval_insensitive_loss(y_true, between, classes=range(1, 6))
    assert interval_insensitive_loss(y_true, between) == 0.25
    assert interval_insensitive_loss(y_true, np.rint(between), classes=range(1, 6)) == 0.0
