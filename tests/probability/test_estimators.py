"""Probabilities and prediction intervals as scikit-learn's users meet them."""

import pickle

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, ShuffleSplit, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from vilma import (
    IISVOR_EXP,
    IISVOR_IMC,
    PWVILMA,
    VILMA,
    VILMACV,
    CalibratedOrdinalClassifier,
    ConformalOrdinalClassifier,
    MappedMatrix,
    OneHotCodes,
    save_mapped,
)
from vilma.metrics import ordinal_scorer, ranked_probability_score

# Small problems with large alphas: the median for everybody is what these tests ask for.

META = [CalibratedOrdinalClassifier, ConformalOrdinalClassifier]


def data(m=120, n_classes=5, seed=0):
    """Features, exact labels from 10 on, and intervals around them."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(m, 4))
    score = X @ rng.normal(size=4) + 0.5 * rng.normal(size=m)
    y = 10 + np.argsort(np.argsort(score)) * n_classes // m
    lower = np.maximum(y - rng.integers(0, 2, size=m), 10)
    upper = np.minimum(y + rng.integers(0, 2, size=m), 9 + n_classes)
    return X, y, np.stack([lower, upper], axis=1)


def expected_failures(estimator):
    """Checks that do not go with what the two are for."""
    weights = (
        "repeated rows are dealt to both parts of the split"
        if isinstance(estimator, ConformalOrdinalClassifier)
        else "the prior weighs as much as one row of mean weight"
    )
    return {
        "check_classifiers_train": "predicts the median label, not the most likely one",
        "check_sample_weight_equivalence_on_dense_data": weights,
        "check_sample_weight_equivalence_on_sparse_data": weights,
    }


@pytest.mark.filterwarnings("ignore:The projection is the same for all rows:UserWarning")
@parametrize_with_checks(
    [
        CalibratedOrdinalClassifier(),
        CalibratedOrdinalClassifier(IISVOR_IMC(), link="probit"),
        ConformalOrdinalClassifier(),
    ],
    expected_failed_checks=expected_failures,
    xfail_strict=False,
)
def test_scikit_learn_compatible(estimator, check):
    check(estimator)


# Probabilities --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "estimator",
    [None, IISVOR_IMC(), IISVOR_EXP(), VILMA(), VILMACV([0.1, 0.01], cv=3)],
    ids=["default", "imc", "exp", "vilma", "cv"],
)
@pytest.mark.parametrize("interval", [False, True])
def test_probabilities_beat_frequencies(estimator, interval):
    X, y, intervals = data(m=400)
    model = CalibratedOrdinalClassifier(estimator)
    model.fit(X[:200], intervals[:200] if interval else y[:200])
    proba = model.predict_proba(X[200:])
    assert proba.shape == (200, 5)
    np.testing.assert_allclose(proba.sum(axis=1), 1.0, rtol=1e-12)
    assert (proba > 0).all()
    np.testing.assert_allclose(np.log(proba), model.predict_log_proba(X[200:]), atol=1e-9)
    frequencies = np.full((200, 5), 0.2)
    score, baseline = (ranked_probability_score(y[200:], p) for p in (proba, frequencies))
    assert score < 0.6 * baseline
    assert model.score(X[200:], y[200:]) == np.mean(model.predict(X[200:]) == y[200:]) > 0.5


def test_the_link_is_fitted_to_held_out_projections():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 200)), rng.integers(0, 3, size=60)  # nothing to be learned
    model = CalibratedOrdinalClassifier(VILMA(alpha=1e-4, loss="squared")).fit(X, y)
    assert np.mean(model.estimator_.predict(X) == y) > 0.95
    fresh = rng.normal(size=(200, 200))
    assert model.predict_proba(fresh).max() < 0.75  # not as sure as it was in training


def test_predictions_are_medians():
    X, y, _ = data()
    model = CalibratedOrdinalClassifier().fit(X, y)
    median = (np.cumsum(model.predict_proba(X), axis=1) < 0.5).sum(axis=1)
    np.testing.assert_array_equal(model.predict(X), model.classes_[median])


def test_the_origin_and_scale_of_features_do_not_matter_to_the_link():
    X, y, _ = data()
    # To gaps of 1e-3 and 1e-6 there are projections whose probabilities differ by 0.04 and 2e-5.
    model = CalibratedOrdinalClassifier(VILMA(alpha=1e-6, tol=1e-9))
    a = model.fit(X, y).predict_proba(X)
    b = model.fit(X + 5.0, y).predict_proba(X + 5.0)
    np.testing.assert_allclose(a, b, atol=1e-6)


def test_a_useless_projection_is_reported():
    y = np.repeat([1, 2, 3], [10, 20, 10])
    with pytest.warns(UserWarning, match=r"projection is the same for all rows.*Decrease alpha"):
        model = CalibratedOrdinalClassifier().fit(np.zeros((40, 2)), y)
    np.testing.assert_allclose(
        model.predict_proba(np.ones((1, 2))), [[0.25, 0.5, 0.25]], atol=0.02
    )
    assert model.predict([[0.0, 0.0]]) == [2]


def test_labels_without_examples():
    X, y, _ = data()
    model = CalibratedOrdinalClassifier(classes=range(8, 18)).fit(X, y)
    proba = model.predict_proba(X)
    assert proba.shape == (120, 10)
    unseen = proba[:, [0, 1, 7, 8, 9]].sum(axis=1)
    assert unseen.mean() < 0.02
    assert unseen.max() < 0.3
    assert (np.diff(model.cuts_) > 0).all()


@pytest.mark.parametrize("meta", META)
def test_the_scale_of_the_estimator_counts(meta):
    X, y, _ = data()
    scale = list(range(9, 16))
    for estimator in (
        VILMA(classes=scale),
        make_pipeline(StandardScaler(), IISVOR_IMC(classes=scale)),
        GridSearchCV(VILMA(classes=scale), {"alpha": [0.1]}, cv=KFold(2)),
    ):
        assert meta(estimator).fit(X, y).classes_.tolist() == scale


# Forms of y and X -----------------------------------------------------------------------------


@pytest.mark.parametrize("meta", META)
def test_forms_of_interval_labels(meta):
    X, _, intervals = data()
    expected = meta(classes=range(10, 15)).fit(X, intervals).predict_proba(X)
    opened = intervals.astype(float)
    opened[intervals[:, 0] == 10, 0] = -np.inf
    opened[intervals[:, 1] == 14, 1] = np.nan
    lower, upper = intervals.T
    for y in (
        opened,
        [tuple(row) for row in intervals.tolist()],
        pd.DataFrame(intervals, columns=["from", "to"]),
        pd.arrays.IntervalArray.from_arrays(lower, upper, closed="both"),
        pd.Series(pd.IntervalIndex.from_arrays(lower - 1, upper, closed="right")),
    ):
        found = meta(classes=range(10, 15)).fit(X, y).predict_proba(X)
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("meta", META)
def test_exact_labels_are_degenerate_intervals(meta):
    X, y, _ = data()
    a, b = meta().fit(X, y), meta().fit(X, np.stack([y, y], axis=1))
    np.testing.assert_array_equal(a.predict_proba(X), b.predict_proba(X))


@pytest.mark.parametrize("meta", META)
def test_strings(meta):
    X, _, intervals = data(n_classes=3)
    sizes = np.array(["small", "medium", "large"])
    named = meta(classes=sizes).fit(X, sizes[intervals - 10])
    coded = meta(classes=[10, 11, 12]).fit(X, intervals)
    assert named.scale_.tolist() == ["small", "medium", "large"]
    assert named.classes_.tolist() == ["large", "medium", "small"]
    np.testing.assert_array_equal(named.predict_proba(X), coded.predict_proba(X)[:, ::-1])
    np.testing.assert_array_equal(named.predict(X), sizes[coded.predict(X).astype(int) - 10])


def test_conformal_intervals_of_strings():
    X, y, _ = data(n_classes=3)
    sizes = np.array(["small", "medium", "large"])
    ordered = pd.Categorical(sizes[y[60:] - 10], categories=sizes, ordered=True)
    for named, coded in (
        (CalibratedOrdinalClassifier(classes=sizes), CalibratedOrdinalClassifier()),
        (make_pipeline(CalibratedOrdinalClassifier(classes=sizes)), CalibratedOrdinalClassifier()),
        (LogisticRegression(), LogisticRegression()),  # knows labels, but not their order
    ):
        named = FrozenEstimator(named.fit(X[:60], sizes[y[:60] - 10]))
        coded = FrozenEstimator(coded.fit(X[:60], y[:60]))
        named = ConformalOrdinalClassifier(named).fit(X[60:], ordered)
        coded = ConformalOrdinalClassifier(coded).fit(X[60:], y[60:])
        assert named.scale_.tolist() == sizes.tolist()
        np.testing.assert_allclose(
            named.predict_proba(X), coded.predict_proba(X)[:, ::-1], atol=1e-4
        )
        np.testing.assert_array_equal(
            named.predict_interval(X, 0.8), sizes[coded.predict_interval(X, 0.8) - 10]
        )


@pytest.mark.parametrize("meta", META)
def test_containers_of_features(meta, tmp_path):
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 4, size=(120, 6), dtype=np.uint8)
    y = np.clip(codes.sum(axis=1) // 3, 1, 5)
    one_hot = OneHotCodes(codes, 4)
    csr = sparse.csr_array(np.eye(4)[codes].reshape(120, 24))
    save_mapped(one_hot, tmp_path / "rows")
    mapped = MappedMatrix.open(tmp_path / "rows", max_memory=1000)
    estimator = VILMA(loss="squared", tol=1e-7)
    expected = meta(estimator).fit(csr.toarray(), y).predict_proba(csr.toarray())
    for X in (csr, csr.tocsc(), one_hot, mapped, pd.DataFrame(csr.toarray())):
        np.testing.assert_allclose(meta(estimator).fit(X, y).predict_proba(X), expected, atol=1e-3)


def test_feature_names():
    X, y, _ = data()
    frame = pd.DataFrame(X, columns=list("abcd"))
    model = ConformalOrdinalClassifier().fit(frame, y)
    assert model.feature_names_in_.tolist() == ["a", "b", "c", "d"]
    assert model.n_features_in_ == 4
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict_interval(frame[["b", "a", "c", "d"]])


# Tools of scikit-learn ------------------------------------------------------------------------


@pytest.mark.parametrize("meta", META)
def test_pipelines_inside_and_outside(meta):
    X, y, _ = data()
    X = X * [1.0, 10.0, 0.1, 1.0]
    inside = meta(make_pipeline(StandardScaler(), VILMA())).fit(X, y)
    assert inside.score(X, y) > 0.5
    outside = make_pipeline(MaxAbsScaler(), meta(make_pipeline("passthrough", VILMA())))
    scaled = X / np.abs(X).max(axis=0)
    np.testing.assert_allclose(
        outside.fit(X, y).predict_proba(X), meta(VILMA()).fit(scaled, y).predict_proba(scaled)
    )


def test_search_inside_and_outside():
    X, y, intervals = data()
    inner = GridSearchCV(VILMA(), {"alpha": [1.0, 0.01]}, cv=KFold(2))
    model = CalibratedOrdinalClassifier(inner, cv=2).fit(X, intervals)
    assert model.estimator_.best_estimator_.alpha in (1.0, 0.01)
    np.testing.assert_array_equal(model.project(X), model.estimator_.best_estimator_.project(X))
    search = GridSearchCV(
        CalibratedOrdinalClassifier(VILMA(loss="squared"), cv=2),
        {"estimator__alpha": [100.0, 0.01], "link": ["logit", "probit"]},
        scoring=ordinal_scorer("ranked_probability_score", classes=range(10, 15)),
        cv=KFold(2),
        error_score="raise",
    ).fit(X, y)
    assert search.best_params_["estimator__alpha"] == 0.01
    assert cross_val_score(ConformalOrdinalClassifier(), X, intervals, cv=KFold(2)).min() > 0.4


@pytest.mark.parametrize("meta", META)
def test_clone_and_pickle(meta):
    X, y, _ = data()
    model = meta(IISVOR_IMC(alpha=0.1), classes=range(10, 15)).fit(X, y)
    copy = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(copy.predict_proba(X), model.predict_proba(X))
    fresh = clone(model)
    assert fresh.estimator.alpha == 0.1
    with pytest.raises(NotFittedError):
        fresh.predict(X)


@pytest.mark.parametrize("meta", META)
def test_a_failed_fit_changes_nothing(meta):
    X, y, _ = data()
    model = meta().fit(X, y)
    before = model.predict_proba(X)
    with pytest.raises(ValueError, match="contains NaN"):
        model.fit(np.full_like(X, np.nan), y)
    np.testing.assert_array_equal(model.predict_proba(X), before)


def test_threads_and_processes_do_not_matter():
    X, y, _ = data()
    a, b = (CalibratedOrdinalClassifier(n_jobs=n).fit(X, y).cuts_ for n in (1, 2))
    np.testing.assert_array_equal(a, b)


# Folds ----------------------------------------------------------------------------------------


def test_splitters_and_lists_of_splits():
    X, y, intervals = data()
    groups = np.arange(120) % 7
    for cv in (
        3,
        KFold(3),
        ShuffleSplit(4, random_state=0),
        list(GroupKFold(4).split(X, y, groups)),
    ):
        for labels in (y, intervals):
            assert CalibratedOrdinalClassifier(cv=cv).fit(X, labels).score(X, labels) > 0.4


@pytest.mark.parametrize("routing", [False, True])
@pytest.mark.parametrize("estimator", [VILMA(loss="squared"), PWVILMA()])
def test_groups_go_to_the_splitter(estimator, routing):
    X, y, intervals = data()
    groups = np.arange(120) % 7
    weight = np.random.default_rng(0).uniform(0.0, 2.0, size=120) * (np.arange(120) % 5 > 0)
    listed = list(GroupKFold(4).split(X, y, groups))
    for labels in (y, intervals):
        expected = CalibratedOrdinalClassifier(estimator, cv=listed).fit(X, labels, weight)
        with config_context(enable_metadata_routing=routing):
            if routing:
                estimator = clone(estimator).set_fit_request(sample_weight=True)
            model = CalibratedOrdinalClassifier(estimator, cv=GroupKFold(4))
            model.fit(X, labels, sample_weight=weight, groups=groups)
        np.testing.assert_array_equal(model.predict_proba(X), expected.predict_proba(X))


def test_groups_that_nobody_asks_for():
    X, y, _ = data()
    groups = np.arange(120) % 7
    for cv in (None, 3):
        with pytest.raises(ValueError, match=rf"groups are given, but cv={cv} deals single rows"):
            CalibratedOrdinalClassifier(cv=cv).fit(X, y, groups=groups)
    frozen = FrozenEstimator(VILMA(loss="squared").fit(X, y))
    with pytest.raises(ValueError, match="groups are given, but the estimator is frozen"):
        CalibratedOrdinalClassifier(frozen, cv=GroupKFold(3)).fit(X, y, groups=groups)
    with pytest.raises(ValueError, match=r"Extra parameters passed are: \{'group'\}"):
        CalibratedOrdinalClassifier(cv=GroupKFold(3)).fit(X, y, group=groups)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        CalibratedOrdinalClassifier(cv=GroupKFold(3)).fit(X, y, groups=groups[1:])


def test_frozen_estimators_are_not_fitted_again():
    X, y, _ = data(m=300)
    fitted = VILMA(loss="squared").fit(X[:100], y[:100])
    coef = fitted.coef_.copy()
    model = CalibratedOrdinalClassifier(FrozenEstimator(fitted)).fit(X[100:200], y[100:200])
    np.testing.assert_array_equal(fitted.coef_, coef)
    np.testing.assert_array_equal(model.project(X), fitted.project(X))
    assert ranked_probability_score(y[200:], model.predict_proba(X[200:])) < 0.5


def test_estimators_without_a_projection():
    X, y, _ = data()
    for estimator in (Ridge(), make_pipeline(StandardScaler(), Ridge())):
        with pytest.raises(TypeError, match=r"Ridge has no method `project`. Expected an estim"):
            CalibratedOrdinalClassifier(estimator).fit(X, y)


# Weights --------------------------------------------------------------------------------------


def test_rows_of_weight_zero_are_not_there():
    X, y, _ = data()
    weight = np.ones(120)
    weight[::3] = 0.0
    wild = np.where(weight[:, None] > 0, X, 1e6)
    kept = np.flatnonzero(weight)
    model = CalibratedOrdinalClassifier(classes=range(10, 15))
    a = clone(model).fit(wild, y, weight).predict_proba(X)
    np.testing.assert_array_equal(a, clone(model).fit(X[kept], y[kept]).predict_proba(X))
    # A list of splits has the numbers of all rows.
    splits = [(np.arange(0, 60), np.arange(60, 120)), (np.arange(60, 120), np.arange(0, 60))]
    halves = [(np.arange(0, 40), np.arange(40, 80)), (np.arange(40, 80), np.arange(0, 40))]
    a = clone(model).set_params(cv=splits).fit(wild, y, weight).predict_proba(X)
    b = clone(model).set_params(cv=halves).fit(X[kept], y[kept]).predict_proba(X)
    np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("meta", META)
def test_weights_reach_the_last_step_of_a_pipeline(meta):
    X, y, _ = data()
    weight = np.random.default_rng(0).uniform(0.1, 3.0, size=120)
    a = meta(make_pipeline("passthrough", VILMA())).fit(X, y, weight)
    b = meta(VILMA()).fit(X, y, weight)
    np.testing.assert_array_equal(a.predict_proba(X), b.predict_proba(X))
    assert not np.allclose(a.predict_proba(X), meta(VILMA()).fit(X, y).predict_proba(X))


@pytest.mark.parametrize("meta", META)
def test_weights_are_routed(meta):
    X, y, _ = data()
    weight = np.random.default_rng(0).uniform(0.1, 3.0, size=120)
    expected = meta(VILMA(loss="squared")).fit(X, y, weight).predict_proba(X)
    with config_context(enable_metadata_routing=True):
        requesting = VILMA(loss="squared").set_fit_request(sample_weight=True)
        for estimator in (None, requesting, make_pipeline("passthrough", requesting)):
            found = meta(estimator).fit(X, y, sample_weight=weight).predict_proba(X)
            np.testing.assert_allclose(found, expected, atol=1e-12)


def test_weights_that_the_estimator_does_not_take():
    X, y, _ = data()
    search = GridSearchCV(VILMA(), {"alpha": [0.1]}, cv=KFold(2))
    with pytest.raises(TypeError, match=r"GridSearchCV takes no sample_weight.*metadata_routing"):
        CalibratedOrdinalClassifier(search).fit(X, y, np.ones(120))


def test_malformed_weights():
    X, y, _ = data()
    weight = np.ones(120)
    weight[3] = -1.0
    with pytest.raises(ValueError, match=r"should not be negative, but is -1.0 at 3"):
        CalibratedOrdinalClassifier().fit(X, y, weight)
