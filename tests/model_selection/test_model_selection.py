"""Out-of-fold predictions, and groups in the estimators that choose alpha."""

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.ensemble import BaggingClassifier, VotingClassifier
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.linear_model import LogisticRegression, Perceptron
from sklearn.metrics import get_scorer, roc_auc_score
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    PredefinedSplit,
    ShuffleSplit,
    StratifiedKFold,
)
from sklearn.model_selection import cross_val_predict as cross_val_predict_of_scikit_learn
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from vilma import IISVOR_IMC, VILMA, VILMACV, CalibratedOrdinalClassifier
from vilma.metrics import interval_scorer, ordinal_scorer
from vilma.model_selection import PositionsClassifier, cross_val_predict


def data(m=90, n_classes=4, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(m, 3))
    score = X @ rng.normal(size=3) + 0.5 * rng.normal(size=m)
    y = np.argsort(np.argsort(score)) * n_classes // m
    lower = np.maximum(y - rng.integers(0, 2, size=m), 0)
    upper = np.minimum(y + rng.integers(0, 2, size=m), n_classes - 1)
    return X, y, np.stack([lower, upper], axis=1)


FOLDS = KFold(3, shuffle=True, random_state=0)

# Out of fold ----------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["predict", "predict_proba", "predict_log_proba", "project"])
def test_each_row_is_predicted_by_a_model_of_the_others(method):
    X, _, intervals = data()
    model = CalibratedOrdinalClassifier(classes=range(4), cv=2)
    found = cross_val_predict(model, X, intervals, cv=FOLDS, method=method)
    for train, test in FOLDS.split(X):
        fitted = CalibratedOrdinalClassifier(classes=range(4), cv=2).fit(
            X[train], intervals[train]
        )
        np.testing.assert_array_equal(found[test], getattr(fitted, method)(X[test]))
    assert not hasattr(model, "scale_")


def test_exact_labels_give_the_numbers_of_scikit_learn():
    X, y, _ = data()
    for method in ("predict", "decision_function"):
        found = cross_val_predict(IISVOR_IMC(), X, y, cv=FOLDS, method=method)
        expected = cross_val_predict_of_scikit_learn(IISVOR_IMC(), X, y, cv=FOLDS, method=method)
        np.testing.assert_array_equal(found, expected)


def test_pipelines_searches_weights_and_processes():
    X, _, intervals = data()
    weight = np.random.default_rng(0).integers(0, 3, size=len(X)).astype(float)
    pipe = make_pipeline(StandardScaler(), IISVOR_IMC())
    expected = cross_val_predict(pipe, X, intervals, method="project", sample_weight=weight)
    for other in (
        cross_val_predict(
            pipe, X, intervals, method="project", sample_weight=weight, n_jobs=2, cv=5
        ),
        cross_val_predict(
            pipe, pd.DataFrame(X), intervals.tolist(), method="project", sample_weight=weight
        ),
    ):
        np.testing.assert_allclose(other, expected, atol=1e-12)
    search = GridSearchCV(IISVOR_IMC(), {"alpha": [0.1]}, cv=KFold(2))
    assert cross_val_predict(search, X, intervals, method="decision_function").shape == (90, 4)
    with pytest.raises(TypeError, match="has no method `project`"):
        cross_val_predict(LogisticRegression(), X, data()[1], method="project")


def test_labels_that_a_fold_lacks():
    X, y, _ = data()
    y[y == 3] = 2
    y[:2] = 3  # both in one fold
    folds = PredefinedSplit(np.repeat([0, 1, 2], 30))
    found = cross_val_predict(LogisticRegression(), X, y, cv=folds, method="predict_proba")
    assert found.shape == (90, 4)
    assert (found[:30, 3] == 0).all()
    assert (found[30:, 3] > 0).all()
    np.testing.assert_allclose(found.sum(axis=1), 1.0)
    with pytest.raises(ValueError, match=r"scores the labels \[0, 1, 2\] only, of \[0, 1, 2, 3\]"):
        cross_val_predict(Perceptron(), X, y, cv=folds, method="decision_function")
    # Estimators of vilma know the whole scale.
    found = cross_val_predict(VILMA(), X, y, cv=folds, method="decision_function")
    assert np.isfinite(found).all()


def test_groups_stay_together():
    X, _, intervals = data()
    persons = np.arange(90) // 3
    found = cross_val_predict(
        VILMA(), X, intervals, cv=GroupKFold(3), groups=persons, method="project"
    )
    splits = list(GroupKFold(3).split(X, groups=persons))
    np.testing.assert_array_equal(
        found, cross_val_predict(VILMA(), X, intervals, cv=splits, method="project")
    )


def test_what_is_refused():
    X, y, intervals = data()
    with pytest.raises(ValueError, match="method should be one of"):
        cross_val_predict(VILMA(), X, y, method="transform")
    with pytest.raises(ValueError, match=r"tests row . 0 times\. Use a splitter such as KFold"):
        cross_val_predict(VILMA(), X, y, cv=ShuffleSplit(2, test_size=0.1, random_state=0))
    with pytest.raises(ValueError, match="cv=3 deals single rows to the folds"):
        cross_val_predict(VILMA(), X, y, cv=3, groups=y)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        cross_val_predict(VILMA(), X, y, cv=GroupKFold(3), groups=y[:5])
    with pytest.raises(ValueError, match="Supported target types"):
        cross_val_predict(VILMA(), X, intervals, cv=StratifiedKFold(3))


# Groups, metadata and scorers -----------------------------------------------------------------


def test_groups_reach_the_splitter():
    X, _, intervals = data()
    persons = np.arange(90) // 3
    splits = list(GroupKFold(3).split(X, groups=persons))
    expected = VILMACV([1.0, 0.1], cv=splits).fit(X, intervals).cv_scores_
    search = VILMACV([1.0, 0.1], cv=GroupKFold(3))
    np.testing.assert_array_equal(search.fit(X, intervals, groups=persons).cv_scores_, expected)
    pipe = make_pipeline(StandardScaler(with_mean=False, with_std=False), search)
    pipe.fit(X, intervals, vilmacv__groups=persons)
    np.testing.assert_array_equal(pipe[-1].cv_scores_, expected)
    with config_context(enable_metadata_routing=True):
        pipe.fit(X, intervals, groups=persons)
    np.testing.assert_array_equal(pipe[-1].cv_scores_, expected)


def test_groups_that_nothing_can_be_done_with():
    X, y, _ = data()
    for cv in (None, 3):
        with pytest.raises(ValueError, match=r"deals single rows to the folds\. Pass a splitter"):
            VILMACV(cv=cv).fit(X, y, groups=y)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        VILMACV(cv=GroupKFold(3)).fit(X, y, groups=y[:5])
    with pytest.raises(ValueError, match="extra keyword arguments"):
        VILMACV().fit(X, y, group=y)


def test_weights_are_routed_to_scorers_that_request_them():
    X, y, _ = data()
    weight = np.random.default_rng(0).exponential(size=90)
    settings = {"alphas": [1.0, 0.1], "cv": KFold(3)}
    weighted = VILMACV(**settings).fit(X, y, sample_weight=weight).cv_scores_
    with config_context(enable_metadata_routing=True):
        scorer = interval_scorer()
        np.testing.assert_array_equal(
            VILMACV(**settings).fit(X, y, sample_weight=weight).cv_scores_, weighted
        )
        with pytest.raises(UnsetMetadataPassedError, match="sample_weight"):
            VILMACV(**settings, scoring=scorer).fit(X, y, sample_weight=weight)
        plain = VILMACV(**settings, scoring=scorer.set_score_request(sample_weight=False))
        assert not np.array_equal(plain.fit(X, y, sample_weight=weight).cv_scores_, weighted)
        asked = VILMACV(
            **settings, scoring=interval_scorer().set_score_request(sample_weight=True)
        )
        np.testing.assert_array_equal(asked.fit(X, y, sample_weight=weight).cv_scores_, weighted)


def test_scorers_of_unknown_losses_are_refused_when_made():
    with pytest.raises(ValueError, match="mea"):
        interval_scorer("mea")
    with pytest.raises(ValueError, match="zero_on"):
        ordinal_scorer("interval_insensitive_loss", loss="zero_on")
    with pytest.raises(ValueError, match=r"\(2, 2\), but the scale has 3 labels"):
        interval_scorer([[0, 1], [1, 0]], classes=[1, 2, 3])
    with pytest.raises(TypeError, match="has no parameter 'kk'; it has k"):
        ordinal_scorer("cumulative_score", kk=1)
    with pytest.raises(TypeError, match="has no parameter 'sample_weight'"):
        ordinal_scorer("cumulative_score", sample_weight=[1.0])


# Positions ------------------------------------------------------------------------------------


def names_out_of_order():
    X, y, intervals = data()
    names = np.array(["low", "medium", "raised", "high"])
    return X, y, intervals, names


@pytest.mark.parametrize("form", ["classes", "dtype"])
def test_ensembles_on_positions_give_the_numbers_of_positions(form):
    X, y, _, names = names_out_of_order()
    bags = BaggingClassifier(CalibratedOrdinalClassifier(cv=2), n_estimators=2, random_state=0)
    plain = bags.fit(X, y)
    expected, proba = plain.predict(X), plain.predict_proba(X)
    if form == "classes":
        model = PositionsClassifier(bags, classes=names).fit(X, names[y])
    else:
        labels = pd.Series(pd.Categorical.from_codes(y, names, ordered=True))
        model = PositionsClassifier(bags).fit(X, labels)
        assert model.score(X, labels) == plain.score(X, y)
    assert model.scale_.tolist() == names.tolist()
    assert model.classes_.tolist() == sorted(names)
    np.testing.assert_array_equal(model.predict(X), names[expected])
    np.testing.assert_array_equal(model.predict_proba(X), proba[:, np.argsort(names)])
    log_loss = get_scorer("neg_log_loss")(model, X, names[y])
    assert log_loss == pytest.approx(get_scorer("neg_log_loss")(plain, X, y))


def test_positions_of_intervals_weights_and_two_labels():
    X, y, intervals, names = names_out_of_order()
    opened = intervals.astype(object)
    opened[intervals == 0] = None
    opened[:, 1][intervals[:, 1] == 0] = 0  # open at the lower end only
    strings = np.where(opened == None, None, names[intervals])  # noqa: E711
    weight = np.linspace(0.5, 1.5, len(y))
    model = PositionsClassifier(VILMA(), classes=names).fit(X, strings, sample_weight=weight)
    alone = VILMA(classes=range(4)).fit(X, intervals, sample_weight=weight)
    np.testing.assert_array_equal(model.predict(X), names[alone.predict(X)])
    np.testing.assert_array_equal(
        model.decision_function(X), alone.decision_function(X)[:, np.argsort(names)]
    )
    two = np.array(["slight", "heavy"])[y // 2]
    model = PositionsClassifier(IISVOR_IMC(), classes=["slight", "heavy"]).fit(X, two)
    alone = IISVOR_IMC().fit(X, y // 2)
    np.testing.assert_array_equal(model.decision_function(X), -alone.decision_function(X))
    assert roc_auc_score(two == model.classes_[1], model.decision_function(X)) > 0.8
    assert not hasattr(model, "predict_proba")


def test_positions_that_an_estimator_has_not_seen():
    X, y, _, names = names_out_of_order()
    seen = y < 3
    model = PositionsClassifier(BaggingClassifier(IISVOR_IMC(), random_state=0), classes=names)
    proba = model.fit(X[seen], names[y[seen]]).predict_proba(X)
    assert (proba[:, model.classes_.tolist().index("high")] == 0.0).all()
    np.testing.assert_allclose(proba.sum(axis=1), 1.0)
    votes = VotingClassifier([("one", IISVOR_IMC())])
    before = dict(vars(model))
    with pytest.raises(ValueError, match="which is not in classes"):
        model.fit(X, np.array(["no"] * len(y)))
    assert vars(model) == before
    with pytest.raises(NotImplementedError, match="multi"):
        PositionsClassifier(votes).fit(X, [[1, 2]] * 45 + [[2, 3]] * 45)
    with pytest.raises(TypeError, match="should be one with a method `fit`"):
        PositionsClassifier(7).fit(X, y)


@parametrize_with_checks([PositionsClassifier(IISVOR_IMC())])
def test_scikit_learn_checks_of_positions(estimator, check):
    check(estimator)
