from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GroupKFold, KFold
from sklearn.utils.estimator_checks import parametrize_with_checks

from vilma import (
    IISVOR_EXP,
    IISVOR_EXPCV,
    IISVOR_IMC,
    IISVOR_IMCCV,
    PWVILMACV,
    VILMA,
    VILMACV,
    OneHotCodes,
    OrderedLogitCV,
    vilma_path,
)
from vilma.metrics import (
    estimated_absolute_error,
    interval_insensitive_loss,
    interval_scorer,
    threshold_shares,
)

ALPHAS = [0.01, 1.0, 0.1]


def interval_problem(n_samples=90, n_features=6, n_classes=7, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_samples, n_features))
    s = X @ np.linspace(1.0, 2.0, n_features) + rng.normal(size=n_samples)
    y = np.clip(np.rint(s / 2 + n_classes / 2), 0, n_classes - 1).astype(int)
    width = rng.integers(0, 3, n_samples)
    return X, np.column_stack([np.maximum(y - width, 0), np.minimum(y + width, n_classes - 1)])


@pytest.mark.parametrize(
    "estimator",
    [
        IISVOR_IMC(tol=1e-6),
        IISVOR_EXP(tol=1e-6),
        VILMA(tol=1e-6, loss="squared"),
        VILMA(tol=1e-6, penalize_biases=True),
    ],
    ids=str,
)
@pytest.mark.parametrize("n_features", [6, 400], ids=["features", "samples"])
def test_path_certifies_the_optimum_of_every_alpha(estimator, n_features):
    X, y = interval_problem(n_features=n_features)
    models = vilma_path(X, y, ALPHAS, estimator=estimator)
    assert [model.alpha for model in models] == ALPHAS
    for model in models:
        single = type(estimator)(**{**estimator.get_params(), "alpha": model.alpha}).fit(X, y)
        assert model.gap_ <= 1e-6
        assert model.objective_ == pytest.approx(single.objective_, rel=2e-6)
        assert model.lower_bound_ <= single.objective_ * (1 + 1e-9)
        assert model.n_features_in_ == n_features
    assert not hasattr(estimator, "coef_")


def test_later_alphas_profit_from_earlier_planes():
    X, y = interval_problem(n_samples=400, n_features=40)
    planes = {"solver": "cutting_plane"}
    alphas = [1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001]
    path = vilma_path(X, y, alphas, estimator=IISVOR_IMC(**planes))
    alone = IISVOR_IMC(0.001, **planes).fit(X, y)
    assert path[-1].n_iter_ < alone.n_iter_


def test_path_defaults_and_names():
    pandas = pytest.importorskip("pandas")
    X, y = interval_problem()
    frame = pandas.DataFrame(X, columns=list("abcdef"))
    models = vilma_path(frame, y)
    assert [model.alpha for model in models] == [1.0, 0.1, 0.01, 0.001]
    assert all(isinstance(model, VILMA) for model in models)
    assert all(list(model.feature_names_in_) == list("abcdef") for model in models)


def test_path_takes_weights_and_codes():
    rng = np.random.default_rng(0)
    X = OneHotCodes(rng.integers(0, 4, (30, 5)), 4)
    y = rng.integers(0, 3, 30)
    weight = rng.integers(0, 3, 30)
    (weighted,) = vilma_path(
        X, y, [0.1], estimator=IISVOR_IMC(tol=1e-6), sample_weight=weight.astype(float)
    )
    (repeated,) = vilma_path(
        X[np.repeat(np.arange(30), weight)],
        np.repeat(y, weight),
        [0.1],
        estimator=IISVOR_IMC(tol=1e-6),
    )
    assert weighted.objective_ == pytest.approx(repeated.objective_, rel=2e-6)


@pytest.mark.parametrize(
    ("alphas", "message"),
    [
        ([], "at least one alpha"),
        ([1.0, 0.0], "positive and finite, got 0 at place 1"),
        ([np.inf], "positive and finite, got inf at place 0"),
    ],
)
def test_bad_alphas(alphas, message):
    X, y = interval_problem()
    with pytest.raises(ValueError, match=message):
        vilma_path(X, y, alphas)
    with pytest.raises(ValueError, match=message):
        IISVOR_IMCCV(alphas=alphas).fit(X, y)


def test_path_warns_of_every_gap_left():
    X, y = interval_problem()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        vilma_path(X, y, [0.1, 0.01], estimator=IISVOR_IMC(tol=1e-9, max_iter=2))
    texts = [str(w.message) for w in caught if w.category is ConvergenceWarning]
    assert len(texts) == 2
    assert "alpha=0.1" in texts[0]
    assert "alpha=0.01" in texts[1]


@parametrize_with_checks([IISVOR_IMCCV(cv=5), IISVOR_EXPCV(cv=5), VILMACV(cv=5)])
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize(
    ("searching", "single"),
    [
        (IISVOR_IMCCV(ALPHAS, tol=1e-6), IISVOR_IMC(tol=1e-6)),
        (IISVOR_EXPCV(ALPHAS, tol=1e-6), IISVOR_EXP(tol=1e-6)),
        (VILMACV(ALPHAS, tol=1e-6, losses=["squared"]), VILMA(tol=1e-6, loss="squared")),
    ],
    ids=["imc", "exp", "vilma"],
)
def test_search_agrees_with_a_loop(searching, single):
    X, y = interval_problem()
    shares = threshold_shares(y, classes=range(7))

    def error(truth, predicted):
        if isinstance(single, IISVOR_EXP):
            return interval_insensitive_loss(truth, predicted, loss="zero_one")
        return estimated_absolute_error(truth, predicted, shares=shares, classes=range(7))

    splits = [  # few rows are dealt four times
        split for seed in range(4) for split in KFold(5, shuffle=True, random_state=seed).split(X)
    ]
    expected = [
        [
            -error(
                y[test],
                single.set_params(alpha=alpha, classes=range(7))
                .fit(X[train], y[train])
                .predict(X[test]),
            )
            for train, test in splits
        ]
        for alpha in ALPHAS
    ]
    model = searching.fit(X, y)
    # Optima are unique in the projection, thresholds may be anywhere on a flat stretch.
    np.testing.assert_allclose(model.cv_scores_, expected, atol=0.08)
    assert model.cv_scores_.shape == (3, 20)
    means = model.cv_scores_.mean(axis=1)
    assert model.alpha_ == max(np.asarray(ALPHAS)[means == means.max()])
    best = single.set_params(alpha=model.alpha_, classes=None).fit(X, y)
    np.testing.assert_array_equal(model.coef_, best.coef_)
    np.testing.assert_array_equal(model.predict(X), best.predict(X))


def test_search_is_the_same_with_two_jobs():
    X, y = interval_problem()
    one = IISVOR_IMCCV(ALPHAS).fit(X, y)
    two = IISVOR_IMCCV(ALPHAS, n_jobs=2).fit(X, y)
    np.testing.assert_array_equal(one.cv_scores_, two.cv_scores_)
    np.testing.assert_array_equal(one.coef_, two.coef_)


def test_search_takes_splits_scorers_and_open_ends():
    X, y = interval_problem()
    y = y.astype(float)
    y[y[:, 0] == 0, 0] = -np.inf
    y[y[:, 1] == 6, 1] = np.nan
    splits = list(GroupKFold(3).split(X, groups=np.arange(len(X)) % 9))
    model = VILMACV(
        ALPHAS, cv=splits, scoring=interval_scorer("zero_one", classes=range(7)), classes=range(7)
    ).fit(X, y)
    assert model.cv_scores_.shape == (3, 3)
    assert ((model.cv_scores_ <= 0) & (model.cv_scores_ >= -1)).all()


def test_search_without_refit_cannot_predict():
    X, y = interval_problem()
    for kind in (IISVOR_IMCCV, VILMACV):
        model = kind(ALPHAS, refit=False).fit(X, y)
        assert model.alpha_ in ALPHAS
        assert not hasattr(model, "coef_")
        said = f"was fitted with refit=False: it has chosen alpha_={model.alpha_:g} and cannot"
        for call in (model.predict, model.project, model.decision_function):
            with pytest.raises(NotFittedError, match=said):
                call(X)
        with pytest.raises(NotFittedError, match=said):
            model.score(X, y)
    with pytest.raises(NotFittedError, match="is not fitted yet"):
        VILMACV().score(X, y)
    several = PWVILMACV([0.1], refit=False, cv=2).fit(X, y)
    with pytest.raises(NotFittedError, match="was fitted with refit=False"):
        several.label_scores(X)
    logit = OrderedLogitCV([0.1], refit=False, cv=2).fit(X, y)
    with pytest.raises(NotFittedError, match="was fitted with refit=False"):
        logit.predict_proba(X)


def test_failed_search_leaves_the_estimator_as_it_was():
    X, y = interval_problem()
    model = IISVOR_IMCCV(ALPHAS).fit(X, y)
    before = dict(vars(model))
    with pytest.raises(ValueError, match="classes"):
        model.set_params(classes=range(3)).fit(X[:, :2], y)
    assert model.set_params(classes=None).n_features_in_ == 6
    assert vars(model).keys() == before.keys()


def test_string_intervals_with_open_ends_are_validated_on():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2))
    codes = np.digitize(X[:, 0], [-0.5, 0.5])
    y = [("abc"[code], None if code == 1 else "abc"[code]) for code in codes]
    model = VILMACV(alphas=[1.0, 0.1], classes=list("abc"), cv=3).fit(X, y)
    upper = np.where(codes == 1, 2, codes)
    same = VILMACV(alphas=[1.0, 0.1], classes=[0, 1, 2], cv=3).fit(X, np.c_[codes, upper])
    np.testing.assert_array_equal(model.cv_scores_, same.cv_scores_)
    np.testing.assert_array_equal(model.coef_, same.coef_)
