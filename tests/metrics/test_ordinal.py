"""Metrics on ordered scales agree with scikit-learn and skordinal, and serve interval labels."""

import pickle
import re

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import cohen_kappa_score, log_loss, mean_absolute_error
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.pipeline import make_pipeline

from vilma import IISVOR_IMC, CalibratedOrdinalClassifier
from vilma.metrics import (
    cumulative_score,
    epsilon_error,
    error_by_label,
    geometric_mean_error,
    interval_insensitive_loss,
    interval_log_loss,
    interval_scorer,
    macro_averaged_mean_absolute_error,
    maximum_mean_absolute_error,
    ordinal_scorer,
    prediction_interval_coverage,
    quadratic_weighted_kappa,
    ranked_probability_score,
    shot_report,
)

NAN, INF = np.nan, np.inf
SIZES = ["small", "medium", "large"]


@pytest.fixture(params=[None, "weighted"])
def exact(request):
    rng = np.random.default_rng(0)
    weights = None if request.param is None else rng.random(80)
    truth = rng.integers(0, 6, 80)
    return truth, np.clip(truth + rng.integers(-2, 3, 80), 0, 5), weights


@pytest.fixture
def intervals():
    """Random intervals on 0..9, predictions, weights."""
    rng = np.random.default_rng(1)
    ends = np.sort(rng.integers(0, 10, (70, 2)), axis=1)
    return ends, rng.integers(0, 10, 70), rng.random(70)


def naive_distance(low, up, at):
    return max(low - at, at - up, 0)


def test_scikit_learn_agrees(exact):
    y_true, y_pred, weight = exact
    kappa = cohen_kappa_score(y_true, y_pred, weights="quadratic", sample_weight=weight)
    ours = quadratic_weighted_kappa(y_true, y_pred, sample_weight=weight)
    assert ours == pytest.approx(kappa, rel=1e-12)
    gap = np.array([0, 1, 5, 6, 7, 30])  # steps count, not numbers
    ours = quadratic_weighted_kappa(gap[y_true], gap[y_pred], sample_weight=weight)
    assert ours == pytest.approx(kappa, rel=1e-12)
    labels, errors, weights = error_by_label(gap[y_true], gap[y_pred], sample_weight=weight)
    for label, error, total in zip(labels, errors, weights, strict=True):
        of = gap[y_true] == label
        part = None if weight is None else weight[of]
        assert error == pytest.approx(
            mean_absolute_error(gap[y_true][of], gap[y_pred][of], sample_weight=part)
        )
        assert total == pytest.approx(of.sum() if weight is None else part.sum())


def test_skordinal_agrees(exact):
    theirs = pytest.importorskip("skordinal.metrics", reason="skordinal is not installed")
    y_true, y_pred, weight = exact
    for ours, function in (
        (macro_averaged_mean_absolute_error, theirs.average_mean_absolute_error),
        (maximum_mean_absolute_error, theirs.maximum_mean_absolute_error),
    ):
        value = ours(y_true, y_pred, sample_weight=weight)
        assert value == pytest.approx(function(y_true, y_pred, sample_weight=weight), rel=1e-12)
    near = cumulative_score(y_true, y_pred, k=1, sample_weight=weight)
    expected = theirs.accuracy_off1_score(y_true, y_pred, sample_weight=weight)
    assert near == pytest.approx(expected, rel=1e-12)
    proba = np.random.default_rng(2).dirichlet(np.ones(6), size=80)
    score = ranked_probability_score(y_true, proba, classes=range(6), sample_weight=weight)
    expected = theirs.ranked_probability_score(y_true, proba, sample_weight=weight)
    assert score == pytest.approx(expected, rel=1e-12)


def test_errors_by_hand():
    y_true = [(20, 30), (20, 30), (None, 30), (20, INF), (25, 25)]
    y_pred = [18, 25, 37, 11, 25]  # off by 2, 0, 7, 9, 0
    assert cumulative_score(y_true, y_pred, k=2) == 3 / 5
    assert cumulative_score(y_true, y_pred, k=0) == 2 / 5
    assert cumulative_score(y_true, y_pred) == 3 / 5
    assert cumulative_score(y_true, y_pred, k=8.5, sample_weight=[0, 0, 1, 3, 0]) == 1 / 4
    geometric = (2 * 0.5 * 7 * 9 * 0.5) ** 0.2
    assert geometric_mean_error(y_true, y_pred) == pytest.approx(geometric)
    assert geometric_mean_error(y_true, y_pred, floor=8) == pytest.approx((8**4 * 9) ** 0.2)
    sigma = np.array([2, 1, 7, 3, 1])
    expected = 1 - np.exp(-np.array([1, 0, 1, 9, 0]) / 2)
    assert epsilon_error(y_true, y_pred, sigma=sigma) == pytest.approx(expected.mean())
    assert epsilon_error([2.5], [4.5], sigma=2) == pytest.approx(1 - np.exp(-0.5))


def test_an_interval_belongs_to_its_labels_in_equal_parts(intervals):
    ends, at, weight = intervals
    part, error = np.zeros(10), np.zeros(10)
    for (low, up), prediction, w in zip(ends, at, weight, strict=True):
        for label in range(low, up + 1):
            part[label] += w / (up - low + 1)
            error[label] += w / (up - low + 1) * naive_distance(low, up, prediction)
    result = error_by_label(ends, at, classes=range(10), sample_weight=weight)
    assert result.labels.tolist() == list(range(10))
    np.testing.assert_allclose(result.weights, part)
    np.testing.assert_allclose(result.errors, error / part)
    options = {"classes": range(10), "sample_weight": weight}
    macro = macro_averaged_mean_absolute_error(ends, at, **options)
    assert macro == pytest.approx((error / part).mean())
    assert maximum_mean_absolute_error(ends, at, **options) == pytest.approx(max(error / part))


def test_labels_of_no_annotation_do_not_count():
    result = error_by_label([(1, 2), (4, 4)], [3, 4], classes=range(7))
    assert result.labels.tolist() == [1, 2, 4]
    assert result.errors.tolist() == [1, 1, 0]
    weighted = error_by_label([1, 2, 3], [1, 1, 1], sample_weight=[1, 1, 0])
    assert weighted.labels.tolist() == [1, 2]


def test_kappa_of_intervals_equals_the_naive_one(intervals):
    ends, at, weight = intervals
    weight = weight / weight.sum()
    square = np.array([[naive_distance(low, up, k) ** 2 for k in at] for low, up in ends])
    expected = 1 - (weight @ np.diag(square)) / (weight @ square @ weight)
    kappa = quadratic_weighted_kappa(ends, at, classes=range(10), sample_weight=weight)
    assert kappa == pytest.approx(expected, rel=1e-12)
    assert quadratic_weighted_kappa(ends, ends[:, 0], classes=range(10)) == 1
    assert np.isnan(quadratic_weighted_kappa([2, 2], [2, 2]))


def test_shots_are_counted_in_training():
    y_train = [1] * 30 + [2] * 12 + [3] * 2 + [(4, 5)] * 6
    y_train = [y if isinstance(y, tuple) else (y, y) for y in y_train]
    y_true = [1, 2, 2, 3, 5, 8]
    y_pred = [2, 2, 5, 3, 9, 6]  # off by 1, 0, 3, 0, 4, 2
    report = shot_report(y_true, y_pred, y_train, many=20, few=5)
    assert {name: group.n_samples for name, group in report.items()} == {
        "all": 6, "many": 1, "medium": 2, "few": 3,
    }  # fmt: skip
    assert report["all"].mean_absolute_error == pytest.approx(10 / 6)
    assert report["medium"].mean_absolute_error == 1.5
    assert report["few"].geometric_mean_error == pytest.approx((0.5 * 4 * 2) ** (1 / 3))
    # (4, 5) is six halves for each of its labels; the mean over (3, 5) is (2 + 3 + 3) / 3.
    few = shot_report([(3, 5)], [3], y_train, many=20, few=3, classes=range(1, 9))
    assert few["few"].n_samples == 1
    assert np.isnan(few["many"].mean_absolute_error)


def test_ranked_probabilities_equal_the_naive_ones(intervals):
    ends, _, weight = intervals
    proba = np.random.default_rng(3).dirichlet(np.ones(10), size=70)
    scores = []
    for (low, up), row in zip(ends, proba, strict=True):
        score = 0
        for k in range(9):
            if up <= k:
                score += (1 - row[: k + 1].sum()) ** 2
            elif low > k:
                score += row[: k + 1].sum() ** 2
        scores.append(score)
    value = ranked_probability_score(ends, proba, classes=range(10), sample_weight=weight)
    assert value == pytest.approx(np.average(scores, weights=weight))


def test_ranked_probabilities_of_two_labels_and_of_strings():
    assert ranked_probability_score([0, 1], [0.25, 0.5]) == pytest.approx((0.0625 + 0.25) / 2)
    assert ranked_probability_score([0, 1], [[0.75, 0.25], [0.5, 0.5]]) == pytest.approx(0.15625)
    proba = [[0.0, 0.5, 0.5]]  # columns of the alphabet: large, medium, small
    assert ranked_probability_score(["large"], proba, classes=SIZES) == pytest.approx(1.25)
    column = pd.Series(pd.Categorical(["large"], SIZES, ordered=True))
    assert ranked_probability_score(column, proba) == pytest.approx(1.25)
    assert ranked_probability_score([(None, "large")], proba, classes=SIZES) == 0


def test_the_true_distribution_has_the_best_ranked_probability_score():
    truth = np.array([0.1, 0.6, 0.3])
    rng = np.random.default_rng(0)

    def expected(forecast):
        return sum(
            p * ranked_probability_score([k], [forecast], classes=range(3))
            for k, p in enumerate(truth)
        )

    assert all(expected(truth) < expected(rng.dirichlet(np.ones(3))) for _ in range(50))


def test_log_loss_of_intervals_and_of_exact_labels(intervals):
    ends, _, weight = intervals
    proba = np.random.default_rng(3).dirichlet(np.ones(10), size=70)
    naive = [-np.log(row[low : up + 1].sum()) for (low, up), row in zip(ends, proba, strict=True)]
    value = interval_log_loss(ends, proba, classes=range(10), sample_weight=weight)
    assert value == pytest.approx(np.average(naive, weights=weight))
    lower = ends[:, 0]
    assert interval_log_loss(lower, proba, classes=range(10)) == pytest.approx(
        log_loss(lower, proba, labels=range(10))
    )
    assert interval_log_loss([0], [[0.0, 1.0]], classes=[0, 1]) == pytest.approx(36.0437, abs=1e-4)
    assert interval_log_loss([(None, None)], [[0.3, 0.7]], classes=[0, 1]) == 0.0


def test_coverage_of_prediction_intervals():
    predicted = [(2, 4), (3, 6), (None, 5), (7, None)]
    assert prediction_interval_coverage([3, 7, 1, 7], predicted) == 3 / 4
    truth = [(2, 4), (5, 8), (None, 4), (1, 6)]
    assert prediction_interval_coverage(truth, predicted) == 2 / 4
    assert prediction_interval_coverage(truth, predicted, require="any") == 3 / 4
    weight = [0, 1, 1, 2]
    assert prediction_interval_coverage(truth, predicted, sample_weight=weight) == 1 / 4
    strings = [("small", "medium"), ("large", None)]
    assert prediction_interval_coverage(["medium", "medium"], strings, classes=SIZES) == 0.5


@pytest.mark.parametrize(
    "metric",
    [
        "cumulative_score",
        "epsilon_error",
        "geometric_mean_error",
        "interval_coverage",
        "interval_insensitive_loss",
        "macro_averaged_mean_absolute_error",
        "maximum_mean_absolute_error",
        "quadratic_weighted_kappa",
    ],
)
def test_scorers_search_with_interval_labels(metric):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(90, 3))
    level = np.digitize(X[:, 0], [-1, -0.3, 0.3, 1])
    y = 10.0 * np.column_stack([np.maximum(level - 1, 0), level])
    y[level == 4, 1] = INF
    scale = range(0, 50, 10)
    scorer = pickle.loads(pickle.dumps(ordinal_scorer(metric, classes=scale)))
    search = GridSearchCV(
        IISVOR_IMC(classes=scale), {"alpha": [100.0, 0.01]}, scoring=scorer, cv=KFold(3)
    ).fit(X, y)
    assert search.best_params_ == {"alpha": 0.01}


@pytest.mark.parametrize("metric", [interval_log_loss, ranked_probability_score])
def test_the_scorer_of_probabilities(metric):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 2))
    y = np.digitize(X[:, 0], [-0.5, 0.5])
    model = LogisticRegression().fit(X, y)
    annotations = np.column_stack([y, np.minimum(y + 1, 2)])
    scorer = pickle.loads(pickle.dumps(ordinal_scorer(metric.__name__, classes=range(3))))
    expected = metric(annotations, model.predict_proba(X), classes=range(3))
    assert scorer(model, X, annotations) == -expected


def test_scorers_take_parameters_of_the_metric():
    model = IISVOR_IMC(alpha=1.0).fit([[0.0], [1.0], [2.0]], [0, 1, 2])
    X, y = [[0.0], [2.0]], [(2, 2), (2, 2)]
    assert ordinal_scorer("cumulative_score", k=2)(model, X, y) == 1
    assert ordinal_scorer("cumulative_score", k=0)(model, X, y) < 1
    with pytest.raises(ValueError, match="Unknown metric 'mae'; expected one of"):
        ordinal_scorer("mae")


def test_ordered_categories_and_interval_objects_need_no_classes():
    column = pd.Series(pd.Categorical(["small", "large"], SIZES, ordered=True))
    assert interval_insensitive_loss(column, ["large", "large"]) == 1
    assert macro_averaged_mean_absolute_error(column, ["large", "large"]) == 1
    assert cumulative_score(column, ["medium", "small"], k=1) == 0.5
    pieces = pd.arrays.IntervalArray.from_tuples([(20, 30), (30, np.inf)])
    assert interval_insensitive_loss(pieces, [20, 28]) == (1 + 3) / 2
    assert interval_insensitive_loss(pieces, [20, 40], classes=[20, 25, 40]) == 2.5


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: cumulative_score([1], [1], k=-1), ValueError, "k should not be negative, got -1"),
        (
            lambda: epsilon_error([1], [1], sigma=0),
            ValueError,
            "sigma should be positive, but is 0.",
        ),
        (lambda: epsilon_error([1, 2], [1, 2], sigma=[1, NAN]), ValueError, "but is nan at 1"),
        (
            lambda: epsilon_error([1, 2], [1, 2], sigma=[1]),
            ValueError,
            "sigma has shape (1,), but",
        ),
        (
            lambda: geometric_mean_error([1], [1], floor=0),
            ValueError,
            "floor should be positive, got",
        ),
        (
            lambda: quadratic_weighted_kappa(["a"], ["a"]),
            ValueError,
            "Strings have no order by themselves: pass `classes`",
        ),
        (
            lambda: error_by_label([(None, None)], [1]),
            ValueError,
            "Every annotation is open at both ends, so the scale is unknown",
        ),
        (lambda: error_by_label([1], [5], classes=[1, 2]), ValueError, "y_pred has the label 5"),
        (
            lambda: shot_report([1], [1], [1], many=5, few=9),
            ValueError,
            "Expected 0 < few <= many, got few=9 and many=5",
        ),
        (lambda: shot_report([1], [1], [(3, 1)]), ValueError, "y_train has the lower end above"),
        (
            lambda: ranked_probability_score([1, 2], [[0.5, 0.5, 0.0]] * 2),
            ValueError,
            "y_proba has 3 columns but the scale has 2 labels; pass `classes`",
        ),
        (
            lambda: ranked_probability_score([0, 1], [[0.5, 0.5]], classes=[0, 1]),
            ValueError,
            "y_true has 2 samples but y_proba has 1 rows",
        ),
        (
            lambda: ranked_probability_score([0], [[0.5, 0.6]], classes=[0, 1]),
            ValueError,
            "those of row 0 sum to 1.1",
        ),
        (
            lambda: ranked_probability_score([0], [[1.5, -0.5]], classes=[0, 1]),
            ValueError,
            "y_proba should be between 0 and 1, but row 0 is [1.5, -0.5]",
        ),
        (
            lambda: prediction_interval_coverage([1], [(1, 2)], require="most"),
            ValueError,
            "require should be 'all' or 'any', got 'most'",
        ),
        (
            lambda: prediction_interval_coverage([1, 2], [(1, 2)]),
            ValueError,
            "y_true has 2 samples but y_pred has 1",
        ),
        (
            lambda: prediction_interval_coverage(["a"], [("a", "b")]),
            ValueError,
            "Strings have no order by themselves",
        ),
    ],
)
def test_bad_arguments(call, error, message):
    with pytest.raises(error, match=re.escape(message)):
        call()


WORDS = np.array(["low", "medium", "high"])
BY_PREDICTION = [
    "cumulative_score",
    "interval_coverage",
    "interval_insensitive_loss",
    "macro_averaged_mean_absolute_error",
    "maximum_mean_absolute_error",
    "quadratic_weighted_kappa",
]
BY_PROBABILITY = ["interval_log_loss", "ranked_probability_score"]


def words():
    """Data whose labels are strings, and intervals of them."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(90, 3))
    codes = np.digitize(X[:, 0] + 0.5 * rng.normal(size=90), [-0.5, 0.5])
    wide = np.stack([codes, np.minimum(codes + rng.integers(2, size=90), 2)], axis=1)
    return X, WORDS[codes], WORDS[wide]


@pytest.mark.parametrize("metric", [*BY_PREDICTION, *BY_PROBABILITY])
@pytest.mark.parametrize("around", [lambda model: model, make_pipeline])
def test_scorers_take_the_scale_of_the_estimator(metric, around):
    X, exact, intervals = words()
    kind = CalibratedOrdinalClassifier if metric in BY_PROBABILITY else IISVOR_IMC
    model = around(kind(classes=WORDS)).fit(X, exact)
    known = ordinal_scorer(metric, classes=WORDS)
    scorer = pickle.loads(pickle.dumps(ordinal_scorer(metric)))
    forms = [exact] if metric == "quadratic_weighted_kappa" else [exact, intervals]
    for y in forms:
        assert scorer(model, X, y) == known(model, X, y)
        assert scorer(model, X[:4], y[:4]) == known(model, X[:4], y[:4])  # not every label
        np.testing.assert_array_equal(
            cross_val_score(model, X, y, cv=KFold(3), scoring=scorer, error_score="raise"),
            cross_val_score(model, X, y, cv=KFold(3), scoring=known, error_score="raise"),
        )
    frozen = GridSearchCV(
        model, {}, cv=KFold(2), scoring={"one": scorer, "two": known}, refit="one"
    )
    found = frozen.fit(X, exact).cv_results_
    np.testing.assert_array_equal(found["mean_test_one"], found["mean_test_two"])
    assert scorer(frozen, X, exact) == known(frozen, X, exact)


def test_the_scorer_of_the_loss_takes_the_scale_of_the_estimator():
    X, exact, intervals = words()
    model = IISVOR_IMC(classes=WORDS).fit(X, exact)
    weight = np.random.default_rng(0).uniform(size=90)
    for loss in ("mae", "zero_one", lambda distance: distance**3):
        for y in (exact, intervals):
            found = interval_scorer(loss)(model, X, y, sample_weight=weight)
            known = interval_scorer(loss, classes=WORDS)(model, X, y, sample_weight=weight)
            assert found == known < 0.0


def test_columns_are_those_of_the_estimator():
    X, exact, _ = words()
    y = np.searchsorted(np.sort(WORDS), exact) * 10
    model = CalibratedOrdinalClassifier().fit(X, y)
    few = y < 20  # whose own labels are two
    found = ordinal_scorer("ranked_probability_score")(model, X[few], y[few])
    assert found == -ranked_probability_score(
        y[few], model.predict_proba(X[few]), classes=[0, 10, 20]
    )
    with pytest.raises(ValueError, match=r"label 30 in row 0, which is not in classes"):
        ordinal_scorer("ranked_probability_score")(model, X, np.full(90, 30))


def test_numbers_are_compared_as_such():
    X, exact, _ = words()
    model = IISVOR_IMC().fit(X, np.searchsorted(np.sort(WORDS), exact))
    assert interval_scorer()(model, X, np.full(90, 30)) <= -28.0  # a label of its own


def test_ordered_categories_bring_their_scale():
    X, exact, _ = words()
    y = pd.Series(pd.Categorical(exact, [*WORDS, "extreme"], ordered=True))
    model = IISVOR_IMC().fit(X, y.cat.remove_unused_categories())
    extreme = pd.Series(pd.Categorical(["extreme"] * 90, y.cat.categories, ordered=True))
    assert interval_scorer()(model, X, extreme) <= -1.0


def test_strings_of_estimators_without_a_scale_need_classes():
    X, exact, _ = words()
    model = LogisticRegression().fit(X, exact)
    with pytest.raises(ValueError, match="Strings have no order by themselves"):
        interval_scorer()(model, X, exact)
    assert interval_scorer(classes=WORDS)(model, X, exact) <= 0.0
