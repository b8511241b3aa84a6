"""Warnings where the optimum is certified and yet says little."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from vilma import (
    IISVOR_EXP,
    IISVOR_IMC,
    PWVILMA,
    PWVILMACV,
    VILMA,
    VILMACV,
    CalibratedOrdinalClassifier,
    OrderedLogit,
    OrderedLogitCV,
)
from vilma.datasets import load_anes96
from vilma.estimators._diagnosis import undivided_ends, warn_of_weak_signal
from vilma.exceptions import AnnotationWarning, WeakSignalWarning
from vilma.features import TableFeatures
from vilma.labels.support import common_labels
from vilma.surrogates import LabeledWeights


def incomes():
    data = load_anes96(target="income")
    level = np.unique(data.target[:, 0], return_inverse=True)[1]
    return StandardScaler().fit_transform(data.data), level


def questions(thresholds, n_samples=300, seed=0):
    """Answers to "at least k?" of ten labels that follow a column."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n_samples)
    label = np.digitize(x, np.linspace(-1.5, 1.5, 9))
    asked = rng.choice(thresholds, n_samples)
    yes = label >= asked
    intervals = np.column_stack([np.where(yes, asked, 0), np.where(yes, 9, asked - 1)])
    return x.reshape(-1, 1), intervals, label


@pytest.mark.parametrize("alpha", [1.0, 0.01])
def test_the_median_for_everybody_is_told(alpha):
    X, level = incomes()
    with pytest.warns(WeakSignalWarning) as caught:
        model = IISVOR_IMC(alpha).fit(X, level)
    assert len(np.unique(model.predict(X))) == 1
    text = str(caught[0].message)
    assert text.startswith(f"IISVOR_IMC(alpha={alpha:g}) predicts 16 for every training row.")
    assert 'VILMA(loss="squared")' in text
    assert "weak_signals.rst" in text
    assert caught[0].filename == __file__


def weak(caught):
    return [each for each in caught if each.category is WeakSignalWarning]


def test_a_search_tells_of_weak_candidates_once():
    X, level = incomes()
    search = GridSearchCV(IISVOR_IMC(), {"alpha": [1.0, 0.1]}, cv=KFold(2))
    for _ in range(2):  # not silent for good
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            search.fit(X, level)
        first, refit = weak(caught)
        assert "Other fits of this search" in str(first.message)
        assert "category=vilma.exceptions.WeakSignalWarning" in str(first.message)
        assert "Other fits" not in str(refit.message)  # the model that the search returns
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        cross_val_score(make_pipeline(StandardScaler(), IISVOR_IMC()), X, level, cv=KFold(3))
        for _ in range(2):
            IISVOR_IMC().fit(X, level)
    assert len(weak(caught)) == 3


def test_a_search_tells_of_every_kind_of_estimator():
    X, level = incomes()
    pipeline = Pipeline([("model", IISVOR_IMC())])
    grid = {"model": [IISVOR_IMC(), IISVOR_IMC(0.1), VILMA(1e6, loss="squared")]}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        GridSearchCV(pipeline, grid, cv=KFold(2), refit=False).fit(X, level)
    names = [str(each.message).partition("(")[0] for each in weak(caught)]
    assert names == ["IISVOR_IMC", "VILMA"]


def test_a_search_tells_of_open_ends_and_codes_once():
    rng = np.random.default_rng(0)
    X, label = rng.normal(size=(60, 1)), np.arange(60) % 4
    for y, text in (
        (np.column_stack([label, np.where(label == 3, np.inf, label)]), "open end"),
        (np.where(np.arange(60) < 6, 99, label), "codes"),
    ):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            cross_val_score(IISVOR_IMC(), X, y, cv=KFold(5))
        messages = [str(each.message) for each in caught if text in str(each.message)]
        assert len(messages) == 1
        assert "filterwarnings" not in messages[0]


def test_a_filter_silences_a_search():
    X, level = incomes()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", category=WeakSignalWarning)
        GridSearchCV(IISVOR_IMC(), {"alpha": [1.0, 0.1]}, cv=KFold(2)).fit(X, level)


def test_the_loss_that_is_named_does_better_and_is_silent():
    X, level = incomes()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = VILMA(0.01, loss="squared").fit(X, level)
    assert np.abs(model.predict(X) - level).mean() < 4.2


def test_another_loss_is_not_advised_to_those_who_have_it():
    X, level = incomes()
    with pytest.warns(WeakSignalWarning, match="Too large an alpha does that"):
        VILMA(1e6, loss="squared").fit(X, level)


def test_those_who_have_chosen_are_not_advised_to_choose():
    X, level = incomes()
    with pytest.warns(WeakSignalWarning) as caught:
        VILMACV([1e5, 1e6], cv=2).fit(X, level)
    (told,) = caught
    text = str(told.message)
    assert text.startswith("VILMA(alpha=1e+06, loss=")
    assert "the choice of VILMACV, predicts" in text
    assert "found nothing better among the alphas and losses that were tried" in text
    assert "VILMACV()" not in text


def test_piecewise_models_tell_what_they_predict():
    X, level = incomes()
    with pytest.warns(WeakSignalWarning, match=r"^PWVILMA\(alpha=1\) predicts .*VILMACV\(\)"):
        PWVILMA(1.0).fit(X, level)
    with pytest.warns(WeakSignalWarning, match="Too large an alpha does that"):
        PWVILMA(1e6, loss="squared").fit(X, level)
    with pytest.warns(WeakSignalWarning, match="the choice of PWVILMACV, predicts") as caught:
        PWVILMACV([1e5, 1e6], cv=2).fit(X, level)
    assert "found nothing better" in str(caught[0].message)


@pytest.mark.parametrize(
    "estimator",
    [VILMACV(), VILMA(loss="squared"), VILMA(), PWVILMA(), OrderedLogit(1.0), OrderedLogitCV()],
)
def test_that_there_may_be_no_signal_is_told(estimator):
    rng = np.random.default_rng(0)
    noise, label = rng.normal(size=(300, 5)), rng.integers(0, 8, 300)
    with pytest.warns(WeakSignalWarning, match="predicts .*with those of one guess") as caught:
        estimator.fit(noise, label)
    (text,) = (str(each.message) for each in weak(caught))
    assert "these columns say nothing of the labels" in text
    assert "TableFeatures makes some" in text
    for advice in ("smaller alpha, or", "ecrease alpha", "VILMACV chooses among"):
        assert advice not in text


@pytest.mark.filterwarnings("ignore:VILMACV chose alpha")
def test_columns_that_were_made_need_no_making():
    rng = np.random.default_rng(0)
    noise, label = rng.normal(size=(300, 5)), rng.integers(0, 8, 300)
    with pytest.warns(WeakSignalWarning, match="Other columns may say more") as caught:
        make_pipeline(TableFeatures(), VILMACV()).fit(noise, label)
    (told,) = weak(caught)
    assert "TableFeatures" not in str(told.message)
    assert "there may be no signal" in str(told.message)


@pytest.mark.parametrize("estimator", [VILMACV, VILMA, PWVILMA, OrderedLogitCV])
def test_small_columns_are_named_and_standardised_ones_do_better(estimator):
    X, label = grades()
    level = np.digitize(label, [3, 5])
    with pytest.warns(WeakSignalWarning, match="of standard deviation 1e-06 at most") as caught:
        estimator().fit(1e-6 * X, level)
    assert "StandardScaler()" in str(weak(caught)[0].message)
    assert "at any alpha" not in str(weak(caught)[0].message)
    with warnings.catch_warnings():
        warnings.simplefilter("error", WeakSignalWarning)
        model = make_pipeline(StandardScaler(), estimator()).fit(1e-6 * X, level)
    assert (model.predict(1e-6 * X) == level).mean() > 0.9


@pytest.mark.parametrize("prediction", ["median", "mode", "mean"])
def test_penalised_likelihoods_tell_what_they_predict(prediction):
    X, level = incomes()
    with pytest.warns(WeakSignalWarning) as caught:
        model = OrderedLogit(100.0, prediction=prediction).fit(X, level)
    assert len(np.unique(model.predict(X))) <= 2
    text = str(caught[0].message)
    assert text.startswith("OrderedLogit(alpha=100) predicts ")
    assert "predict_proba tells the rows apart" in text
    assert caught[0].filename == __file__


def test_choices_of_the_likelihood_tell_what_they_predict():
    X, level = incomes()
    with pytest.warns(
        WeakSignalWarning, match=r"Logit\(alpha=100\) predicts.* too large: OrderedL"
    ):
        OrderedLogit(100.0).fit(X, level)
    chosen = r"OrderedLogit\(alpha=100\), the choice of OrderedLogitCV, predicts"
    with pytest.warns(WeakSignalWarning, match=chosen) as caught:
        OrderedLogitCV([100.0], cv=2).fit(X, level)
    assert "too large" not in str(caught[-1].message)


def test_maximum_likelihood_is_asked_for_coefficients():
    X, level = incomes()
    noise = np.random.default_rng(0).normal(size=X.shape)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        OrderedLogit().fit(noise, level)


def test_few_labels_for_most_rows_are_told():
    codes = np.tile(np.arange(10), 5)
    labels = LabeledWeights(codes, codes, np.ones(50), 10)
    said = "M predicts only 2 of the 10 labels: for 80% of the training rows none of these 2 is"
    with pytest.warns(WeakSignalWarning, match=said):
        warn_of_weak_signal("M", str, np.repeat([4, 5], 25), labels, np.arange(10), 50)
    longer = LabeledWeights(codes, codes, np.ones(50), 12)
    said = r"M predicts only 2 of the 12 labels \(10 occur in annotations\): for 80%"
    with pytest.warns(WeakSignalWarning, match=said):
        warn_of_weak_signal("M", str, np.repeat([4, 5], 25), longer, np.arange(12), 50)
    few = LabeledWeights(codes[:49], codes[:49], np.ones(49), 10)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_weak_signal("M", str, np.repeat([4, 5], 25)[:49], few, np.arange(10), 49)


@pytest.mark.parametrize(
    ("predicted", "lower", "upper", "weight"),
    [
        ([1, 2, 3, 4, 5] * 2, np.arange(10), np.arange(10), np.ones(10)),  # half of the labels
        ([4] * 10, [4] * 9 + [0], [9] * 9 + [4], np.ones(10)),  # one label, right for all
        # Two labels of many, which most rows have.
        ([4, 5] * 5, [4, 5] * 4 + [0, 9], [4, 5] * 4 + [1, 9], np.ones(10)),
        # Rows of no weight do not count, see `read_problem`; here one of little.
        ([4, 5] * 5, [4, 5, 0, 9, 1, 2, 3, 6, 7, 8], [4, 5, 0, 9, 1, 2, 3, 6, 7, 8],
         [9.0, 9.0, *[0.1] * 8]),
    ],
)  # fmt: skip
def test_what_is_no_weak_signal(predicted, lower, upper, weight):
    rows = (np.tile(np.array(values), 5) for values in (lower, upper, weight))
    labels = LabeledWeights(*rows, 10)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_weak_signal("M", str, np.tile(np.array(predicted), 5), labels, np.arange(10), 50)


def test_calibrated_probabilities_of_a_constant_projection_are_told_once():
    X, level = incomes()
    with pytest.warns(UserWarning, match="predicts|projection") as caught:
        CalibratedOrdinalClassifier(IISVOR_IMC(1.0)).fit(X, level)
    weak, constant = caught  # not one for every fold
    assert weak.category is WeakSignalWarning
    assert "projection is the same for all rows" in str(constant.message)


@pytest.mark.parametrize("estimator", [IISVOR_IMC, IISVOR_EXP, PWVILMA, OrderedLogit])
def test_one_threshold_for_all_cannot_teach(estimator):
    X, y, _ = questions([5])
    with pytest.warns(
        AnnotationWarning, match="among the labels 10 to 14 and the labels 15 to 19: where"
    ):
        estimator(0.01, classes=range(10, 20)).fit(X, y + 10)


def test_high_thresholds_alone_cannot_teach():
    X, y, _ = questions([6, 7, 8, 9])
    with pytest.warns(AnnotationWarning, match="threshold among the labels 0 to 5: where"):
        IISVOR_IMC(0.01, classes=range(10)).fit(X, y)


def grades(seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(300, 2))
    return X, np.clip(np.round(2 * X[:, 0] + 4), 1, 7).astype(int)


@pytest.mark.parametrize("estimator", [VILMA, IISVOR_EXP, IISVOR_IMC, PWVILMA, VILMACV, PWVILMACV])
def test_annotations_that_share_a_label_cannot_teach(estimator):
    X, label = grades()
    with pytest.warns(AnnotationWarning, match="contains the label 7: predicting 7") as caught:
        model = estimator(classes=range(1, 8)).fit(X, np.column_stack([label, np.full(300, 7)]))
    assert (model.predict(X) == 7).all()
    assert len([each for each in caught if each.category is AnnotationWarning]) == 1


def test_labels_that_all_annotations_share_are_named():
    X, label = grades()
    around = np.column_stack([np.minimum(label, 3), np.maximum(label, 5)])
    with pytest.warns(AnnotationWarning, match="contains the labels 3 to 5: .* one of them"):
        VILMA(classes=range(1, 8)).fit(X, around)
    with pytest.warns(UserWarning, match="contains|projection") as caught:
        CalibratedOrdinalClassifier(VILMA(classes=range(1, 8))).fit(
            X, np.column_stack([np.minimum(label, 4), np.maximum(label, 4)])
        )
    shared, constant = (str(each.message) for each in caught)  # not one for every fold
    assert "contains the label 4: predicting 4" in shared
    assert "neither helps where all annotations share a label" in constant
    weight = np.r_[0.0, np.ones(299)]  # who says otherwise does not count
    around[0] = 1
    with pytest.warns(AnnotationWarning, match="contains the labels 3 to 5"):
        VILMA(classes=range(1, 8)).fit(X, around, weight)


def test_a_label_is_shared_where_no_threshold_has_two_sides():
    rng = np.random.default_rng(0)
    found = 0
    for _ in range(300):
        n_classes, m = rng.integers(2, 7), rng.integers(1, 6)
        lower, upper = np.sort(rng.integers(0, n_classes, (m, 2)), axis=1).T
        within = [k for k in range(n_classes) if ((lower <= k) & (k <= upper)).all()]
        shared = common_labels(lower, upper)
        assert shared == ((within[0], within[-1]) if within else None)
        two_sided = [(upper <= k).any() and (lower > k).any() for k in range(n_classes - 1)]
        assert (shared is None) == any(two_sided)
        found += shared is not None
    assert 50 < found < 250


def test_answers_with_one_end_teach_where_thresholds_have_two_sides():
    X, label = grades()
    for upper in (
        np.where(np.arange(300) % 2, 7, label),  # half of them censored
        np.where(np.arange(300) % 10, 7, np.maximum(label, 3)),
    ):
        with warnings.catch_warnings():
            warnings.simplefilter("error", AnnotationWarning)
            VILMA(classes=range(1, 8)).fit(X, np.column_stack([label, upper]))
            bracket = (label - 1) // 2 * 2 + 1
            brackets = np.column_stack([bracket, np.minimum(bracket + 1, 7)])
            cross_val_score(VILMA(classes=range(1, 8)), X, brackets, cv=KFold(10))


def ends(lower, upper, n_classes=10, weight=None):
    lower, upper = np.array(lower), np.array(upper)
    weight = np.ones(len(lower)) if weight is None else np.array(weight, float)
    return undivided_ends(LabeledWeights(lower, upper, weight, n_classes))


def naive_ends(lower, upper, n_classes):
    """Thresholds with an annotation on either side, by trying all."""
    learned = [
        k
        for k in range(n_classes - 1)
        if any(u <= k for u in upper) and any(low > k for low in lower)
    ]
    if not learned:
        return []
    runs = [(0, learned[0]), (learned[-1] + 1, n_classes - 1)]
    spanned = [
        all(any(lo <= k < up for lo, up in zip(lower, upper, strict=True)) for k in range(a, b))
        for a, b in runs
    ]
    return [
        (a, b)
        for (a, b), each in zip(runs, spanned, strict=True)
        if each and b > a and (len(learned) == 1 or 2 * (b - a + 1) >= n_classes)
    ]


def test_undivided_ends_agree_with_trying_all_thresholds():
    rng = np.random.default_rng(0)
    found = 0
    for _ in range(500):
        n_classes, m = rng.integers(2, 9), rng.integers(1, 6)
        pairs = np.sort(rng.integers(0, n_classes, (m, 2)), axis=1)
        result = ends(*pairs.T, n_classes)
        assert result == naive_ends(*pairs.T, n_classes)
        found += bool(result)
    assert 50 < found < 450


def test_usual_designs_are_no_reason_to_warn():
    label = np.arange(10)
    assert ends(label, label) == []
    assert ends(np.maximum(label - 3, 0), np.minimum(label + 3, 9)) == []  # sliding
    assert ends(label // 4 * 4, np.minimum(label // 4 * 4 + 3, 9)) == []  # brackets
    assert ends([5, 6, 7], [5, 6, 7]) == []  # low labels that nobody mentions
    X, y, label = questions(range(1, 10))
    model = IISVOR_IMC(0.01, classes=range(10)).fit(X, y)
    assert np.abs(model.predict(X) - label).mean() < 0.5
