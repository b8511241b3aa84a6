"""OrderedLogit as its users meet it."""

import pickle
import re
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from vilma import (
    VILMA,
    CalibratedOrdinalClassifier,
    OneHotCodes,
    OrderedLogit,
    OrderedLogitCV,
    save_mapped,
    vilma_path,
)
from vilma.datasets import load_anes96, load_wine_quality
from vilma.mapped import MappedMatrix
from vilma.metrics import interval_log_loss, interval_scorer, ranked_probability_score
from vilma.mixed import hstack


def data(m=400, n=3, n_classes=5, seed=0):
    """Features, exact labels from 1 and intervals around them."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(m, n))
    latent = X @ np.linspace(1.0, -0.5, n) + rng.logistic(size=m)
    y = 1 + np.argsort(np.argsort(latent)) * n_classes // m
    lower = np.maximum(y - rng.integers(0, 2, size=m), 1)
    upper = np.minimum(y + rng.integers(0, 2, size=m), n_classes)
    return X, y, np.stack([lower, upper], axis=1)


MEDIAN = "predicts the median label, not the most likely one"


def expected_failures(estimator):
    """The checks that a prediction other than the mode cannot pass."""
    return {"check_classifiers_train": MEDIAN} if estimator.prediction != "mode" else {}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks(
    [
        OrderedLogit(),
        OrderedLogit(alpha=0.01, prediction="mean"),
        OrderedLogit(link="probit", prediction="mode"),
        OrderedLogit(link="cloglog", alpha=0.1),
        OrderedLogitCV([1.0, 0.01], cv=2),
    ],
    expected_failed_checks=expected_failures,
)
def test_scikit_learn_compatible(estimator, check):
    check(estimator)


# The fit --------------------------------------------------------------------------------------


@pytest.mark.parametrize("link", ["logit", "probit"])
@pytest.mark.parametrize("load", [load_anes96, load_wine_quality])
def test_exact_labels_equal_statsmodels(load, link):
    ordinal_model = pytest.importorskip("statsmodels.miscmodels.ordinal_model")
    X, y = load(return_X_y=True)
    mean, scale = X.mean(axis=0), X.std(axis=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = ordinal_model.OrderedModel(y, (X - mean) / scale, distr=link).fit(
            method="bfgs", maxiter=2000, gtol=1e-8, disp=False
        )
    n = X.shape[1]
    thresholds = theirs.model.transform_threshold_params(theirs.params)[1:-1]
    ours = OrderedLogit(link=link).fit(X, y)
    np.testing.assert_allclose(ours.coef_ * scale, theirs.params[:n], atol=1e-5)
    np.testing.assert_allclose(ours.thresholds_ - mean @ ours.coef_, thresholds, atol=1e-5)
    errors = np.sqrt(np.diag(ours.covariance_))[:n] * scale
    np.testing.assert_allclose(errors, theirs.bse[:n], atol=1e-5)
    assert ours.log_likelihood_ == pytest.approx(theirs.llf, abs=1e-5)
    assert ours.null_log_likelihood_ == pytest.approx(theirs.llnull, abs=1e-4)
    proba = theirs.model.predict(theirs.params)
    np.testing.assert_allclose(ours.predict_proba(X), proba, atol=1e-5)


def test_exact_labels_are_degenerate_intervals_and_open_ends_reach_the_end():
    X, y, intervals = data()
    a = OrderedLogit().fit(X, y)
    b = OrderedLogit().fit(X, np.stack([y, y], axis=1))
    np.testing.assert_array_equal(a.coef_, b.coef_)
    opened = intervals.astype(float)
    opened[intervals[:, 0] == 1, 0] = -np.inf
    opened[intervals[:, 1] == 5, 1] = np.nan
    a = OrderedLogit(classes=range(1, 6)).fit(X, intervals)
    b = OrderedLogit(classes=range(1, 6)).fit(X, opened)
    np.testing.assert_array_equal(a.coef_, b.coef_)


def test_weights_are_repetitions():
    X, _, intervals = data(m=150)
    weight = np.random.default_rng(0).integers(0, 4, size=150)
    a = OrderedLogit().fit(X, intervals, sample_weight=weight)
    b = OrderedLogit().fit(np.repeat(X, weight, axis=0), np.repeat(intervals, weight, axis=0))
    np.testing.assert_allclose(a.coef_, b.coef_, atol=1e-8)
    np.testing.assert_allclose(a.covariance_, b.covariance_, atol=1e-8)
    assert a.log_likelihood_ == pytest.approx(b.log_likelihood_)
    assert a.summary().fit_statistics()["bic"] == pytest.approx(
        b.summary().fit_statistics()["bic"]
    )


@pytest.mark.parametrize("alpha", [0.0, 0.01])
def test_containers_agree(alpha, tmp_path):
    rng = np.random.default_rng(0)
    codes = OneHotCodes(rng.integers(0, 3, size=(300, 4)).astype(np.uint8), np.full(4, 3))
    dense = np.asarray(codes @ np.eye(12))
    if alpha == 0.0:  # without the columns that the others sum up to
        dense = dense[:, [0, 1, 3, 4, 6, 7, 9, 10]]
    y = np.digitize(dense @ rng.normal(size=dense.shape[1]) + rng.logistic(size=300), [-1, 1])
    reference = OrderedLogit(alpha=alpha, tol=1e-12).fit(dense, y)
    save_mapped(sparse.csr_array(dense), tmp_path / "rows")
    kinds = [
        sparse.csr_array(dense),
        np.asfortranarray(dense),
        MappedMatrix.open(tmp_path / "rows"),
    ]
    if alpha > 0.0:
        kinds.append(codes)
    for X in kinds:
        model = OrderedLogit(alpha=alpha, tol=1e-12).fit(X, y)
        np.testing.assert_allclose(model.coef_, reference.coef_, atol=1e-6)
        np.testing.assert_allclose(model.thresholds_, reference.thresholds_, atol=1e-6)
        np.testing.assert_allclose(model.predict_proba(X), reference.predict_proba(dense))
        if alpha == 0.0:
            np.testing.assert_allclose(model.covariance_, reference.covariance_, rtol=1e-5)


def test_many_columns_by_products_are_certified():
    rng = np.random.default_rng(0)
    codes = OneHotCodes(rng.integers(0, 50, size=(300, 10)).astype(np.uint8), np.full(10, 50))
    y = np.digitize(np.asarray(codes @ rng.normal(size=500)), [-3, -1, 1, 3])
    many = OrderedLogit(alpha=0.01).fit(codes, y)
    few = OrderedLogit(alpha=0.01).fit(np.asarray(codes @ np.eye(500)), y)
    assert many.gap_ <= 1e-8
    assert many.lower_bound_ <= few.objective_ <= many.objective_ + 1e-8
    np.testing.assert_allclose(many.coef_, few.coef_, atol=1e-3)


def test_inference_from_more_sparse_columns():
    rng = np.random.default_rng(0)
    X = sparse.random_array((3000, 230), density=0.05, format="csr", rng=rng)
    y = np.digitize(X @ rng.normal(size=230) + rng.logistic(size=3000), [-1.0, 1.0])
    a, b = OrderedLogit().fit(X, y), OrderedLogit().fit(X.toarray(), y)
    np.testing.assert_allclose(a.coef_, b.coef_, atol=1e-6)
    np.testing.assert_allclose(a.covariance_, b.covariance_, rtol=1e-4, atol=1e-8)


def test_units_of_columns_do_not_matter():
    X, _, intervals = data()
    moved = X * [1e-6, 1.0, 1e9] + [0.0, 2000.0, 1e12]
    a, b = OrderedLogit().fit(X, intervals), OrderedLogit().fit(moved, intervals)
    np.testing.assert_allclose(b.coef_ * [1e-6, 1.0, 1e9], a.coef_, rtol=1e-4)
    np.testing.assert_allclose(b.predict_proba(moved), a.predict_proba(X), atol=1e-4)


# Labels that the annotations leave open -------------------------------------------------------


def test_brackets_identify_their_borders_and_the_rest_is_placed_evenly():
    X, y, _ = data(m=2000, n_classes=9)
    cell = (y - 1) // 3
    model = OrderedLogit(classes=range(1, 10)).fit(
        X, np.stack([3 * cell + 1, 3 * cell + 3], axis=1)
    )
    coarse = OrderedLogit().fit(X, cell)
    np.testing.assert_allclose(model.coef_, coarse.coef_, atol=1e-8)
    np.testing.assert_allclose(model.likelihood_thresholds_[[2, 5]], coarse.thresholds_)
    assert np.isnan(model.likelihood_thresholds_[[0, 1, 3, 4, 6, 7]]).all()
    np.testing.assert_allclose(np.diff(model.thresholds_), np.diff(coarse.thresholds_)[0] / 3)
    assert model.summary().thresholds_to_frame().index.tolist() == ["3|4", "6|7"]
    assert "No annotation ends at the thresholds 1|2, 2|3, 4|5" in str(model.summary())
    proba = model.predict_proba(X).reshape(-1, 3, 3).sum(axis=2)
    np.testing.assert_allclose(proba, coarse.predict_proba(X), atol=1e-12)


def test_labels_that_nobody_has_get_no_probability():
    X, y, _ = data()
    y = np.where(y == 3, 4, y)
    model = OrderedLogit(classes=range(0, 7)).fit(X, y)
    proba = model.predict_proba(X)
    np.testing.assert_allclose(proba[:, [0, 3, 6]], 0.0)
    np.testing.assert_allclose(proba.sum(axis=1), 1.0)
    few = OrderedLogit().fit(X, y)
    np.testing.assert_allclose(model.coef_, few.coef_, atol=1e-9)
    assert model.summary().thresholds_to_frame().index.tolist() == ["1|2", "2|4", "4|5"]
    assert str(model.summary()).endswith("if nobody has the labels 0, 3, 6.")
    assert set(model.predict(X)) <= {1, 2, 4, 5}
    assert np.isfinite(model.decision_function(X)).all()


def test_a_few_exact_labels_among_brackets_predict_through_even_thresholds():
    X, y, _ = data(m=2000, n_classes=9)
    cell = (y - 1) // 3
    ends = np.stack([3 * cell + 1, 3 * cell + 3], axis=1)
    ends[:4] = y[:4, None]
    spread = OrderedLogit(classes=range(1, 10)).fit(X, ends)
    plain = OrderedLogit(classes=range(1, 10), spread_thresholds=False).fit(X, ends)
    np.testing.assert_array_equal(spread.likelihood_thresholds_, plain.likelihood_thresholds_)
    assert spread.predict_proba(X).min(axis=0).min() > 0.0
    assert (plain.predict_proba(X) == 0.0).any()  # the maximum gives a bracket to its exact label


def test_nothing_to_estimate_is_refused():
    message = r"One class satisfies every annotation.*exclude each other"
    with pytest.raises(ValueError, match=message):
        OrderedLogit(classes=[1, 2, 3]).fit([[0.0], [1.0]], [[1, 2], [2, 3]])


def test_a_fold_without_a_threshold_is_named():
    X = np.arange(12.0).reshape(-1, 1)
    ends = np.tile([1, 3], (12, 1))
    ends[[0, 11]] = [[1, 1], [3, 3]]
    rows = np.arange(12)
    splits = [(rows[rows % 3 != fold], rows[rows % 3 == fold]) for fold in (1, 0)]
    weight = np.ones(12)
    weight[11] = 0.0
    with pytest.raises(ValueError, match=r"rows of fold 2 of 2 one class .*list of splits"):
        OrderedLogitCV([1.0], cv=splits, classes=[1, 2, 3]).fit(X, ends)
    with pytest.raises(ValueError, match=r"^One class satisfies every annotation"):
        OrderedLogitCV([1.0], cv=splits, classes=[1, 2, 3]).fit(X, ends, sample_weight=weight)
    trains_on_both = [splits[0], (rows[rows != 5], [5])]
    model = OrderedLogitCV([1.0], cv=trains_on_both, classes=[1, 2, 3]).fit(X, ends)
    assert model.cv_scores_.shape == (1, 2)


# Prediction -----------------------------------------------------------------------------------


def test_medians_modes_and_means():
    X, _, intervals = data()
    for link in ("logit", "probit", "cloglog"):
        model = OrderedLogit(link=link).fit(X, intervals)
        proba = model.predict_proba(X)
        median = (np.cumsum(proba, axis=1) < 0.5).sum(axis=1)
        np.testing.assert_array_equal(model.predict(X), model.classes_[median])
        for prediction, expected in (
            ("mode", proba.argmax(axis=1)),
            ("mean", np.floor(proba @ np.arange(5) + 0.5).astype(int)),
        ):
            other = clone(model).set_params(prediction=prediction).fit(X, intervals)
            np.testing.assert_array_equal(other.predict(X), other.classes_[expected])
            decided = other.decision_function(X).argmax(axis=1)
            np.testing.assert_array_equal(decided, expected)
        np.testing.assert_array_equal(model.decision_function(X).argmax(axis=1), median)


def test_columns_follow_the_sorted_labels():
    X, y, _ = data(n_classes=3)
    names = np.array(["low", "medium", "high"])
    named = OrderedLogit(classes=names).fit(X, names[y - 1])
    plain = OrderedLogit().fit(X, y)
    assert named.classes_.tolist() == ["high", "low", "medium"]
    assert named.scale_.tolist() == names.tolist()
    np.testing.assert_array_equal(named.predict_proba(X), plain.predict_proba(X)[:, [2, 0, 1]])
    np.testing.assert_array_equal(named.predict(X), names[plain.predict(X) - 1])
    decided = named.classes_[named.decision_function(X).argmax(axis=1)]
    np.testing.assert_array_equal(decided, named.predict(X))
    loss = interval_log_loss(names[y - 1], named.predict_proba(X), classes=names)
    assert loss == pytest.approx(-named.log_likelihood_ / len(X))
    two = np.where(y == 3, "a", "b")  # "a" is the higher one
    model = OrderedLogit(classes=["b", "a"]).fit(X, two)
    assert ((model.decision_function(X) > 0) == (model.predict(X) == "b")).all()


def test_logarithms_of_small_probabilities():
    X, y, _ = data()
    model = OrderedLogit().fit(X, y)
    logs = model.predict_log_proba(np.array([[-1000.0, 0.0, 0.0]]))
    distance = model.thresholds_[-1] + 1000.0 * model.coef_[0]
    assert logs[0, -1] == pytest.approx(-distance, rel=1e-9)


def test_pipelines_searches_and_pickles():
    X, _, intervals = data()
    search = GridSearchCV(
        make_pipeline(StandardScaler(), OrderedLogit()),
        {"orderedlogit__alpha": [0.0, 1.0]},
        scoring=None,
    ).fit(X, intervals)
    assert search.best_score_ > 0.5
    model = OrderedLogit().fit(X, intervals)
    again = pickle.loads(pickle.dumps(model))
    assert str(again.summary()) == str(model.summary())


def test_warm_start_takes_fewer_steps():
    X, _, intervals = data()
    model = OrderedLogit(alpha=0.01, warm_start=True).fit(X, intervals)
    steps = model.n_iter_
    model.set_params(alpha=0.0101).fit(X, intervals)
    assert model.n_iter_ < steps
    np.testing.assert_allclose(
        model.coef_, OrderedLogit(alpha=0.0101).fit(X, intervals).coef_, atol=1e-5
    )


def test_the_path_is_that_of_single_fits():
    X, _, intervals = data()
    models = vilma_path(X, intervals, [0.001, 1.0, 0.1], estimator=OrderedLogit())
    for model in models:
        alone = OrderedLogit(alpha=model.alpha).fit(X, intervals)
        np.testing.assert_allclose(model.coef_, alone.coef_, atol=1e-4)
        assert model.gap_ <= model.tol


def test_alpha_by_cross_validation():
    X, _, intervals = data(m=120, n=20)
    alphas = [1.0, 0.1, 0.01, 0.001]
    model = OrderedLogitCV(alphas, cv=KFold(3)).fit(X, intervals)
    assert not isinstance(model, OrderedLogit)
    scores = np.empty((4, 3))
    for fold, (train, test) in enumerate(KFold(3).split(X)):
        for place, alpha in enumerate(alphas):
            single = OrderedLogit(alpha=alpha, classes=range(1, 6)).fit(X[train], intervals[train])
            below = np.cumsum(np.c_[np.zeros(len(test)), single.predict_proba(X[test])], axis=1)
            rows, (lower, upper) = np.arange(len(test)), intervals[test].T
            scores[place, fold] = np.log(below[rows, upper] - below[rows, lower - 1]).mean()
    np.testing.assert_allclose(model.cv_scores_, scores, atol=1e-3)
    assert model.alpha_ == alphas[int(np.argmax(scores.mean(axis=1)))]
    again = OrderedLogit(alpha=model.alpha_, tol=1e-6).fit(X, intervals)
    np.testing.assert_array_equal(model.predict_proba(X), again.predict_proba(X))
    by_error = OrderedLogitCV(alphas, scoring=interval_scorer("mae", range(1, 6)))
    assert (by_error.fit(X, intervals).cv_scores_ > -3.0).all()


@pytest.mark.parametrize("load", [load_anes96, load_wine_quality])
def test_probabilities_are_level_with_calibrated_ones(load):
    X, y = load(return_X_y=True)
    kept = np.random.default_rng(0).permutation(len(y))[:2000]
    X, y = StandardScaler().fit_transform(X[kept]), y[kept]
    scores = np.empty((2, 3))
    for fold, (train, test) in enumerate(KFold(3, shuffle=True, random_state=0).split(X)):
        classes = np.unique(y)
        squared = VILMA(0.01, loss="squared", classes=classes)
        for row, model in enumerate([OrderedLogit(classes=classes), squared]):
            model = CalibratedOrdinalClassifier(model) if row else model
            proba = model.fit(X[train], y[train]).predict_proba(X[test])
            scores[row, fold] = ranked_probability_score(y[test], proba, classes=classes)
    ours, theirs = scores.mean(axis=1)
    assert ours < 1.01 * theirs  # by five folds of all rows 0.996 and 0.999 of it


def test_displays_take_it():
    pytest.importorskip("matplotlib").use("Agg")
    from vilma.displays import ConvergenceDisplay, ThresholdsDisplay

    X, _, intervals = data()
    model = OrderedLogit(alpha=0.01).fit(X, intervals)
    ConvergenceDisplay.from_estimator(model, kind="gap").figure_.clear()
    ThresholdsDisplay.from_estimator(model, X, intervals).figure_.clear()


# Warnings and errors --------------------------------------------------------------------------


def test_separation_is_named():
    X, y, _ = data(n=2)
    X = pd.DataFrame({"a": X[:, 0], "b": np.where(y > 3, 1.0, 0.0)})
    message = r"labels are separated: the likelihood grows for ever with the coefficient"
    with pytest.warns(ConvergenceWarning, match=message) as caught:
        model = OrderedLogit().fit(X, y)
    assert "b (+)" in str(caught[0].message)
    assert "separated" in str(model.summary())


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("covariance", ["observed", "robust"])
def test_infinite_estimates_have_no_tests(covariance):
    rng = np.random.default_rng(0)
    z = rng.normal(size=400)
    y = np.digitize(z + rng.logistic(size=400), [-1, 1])
    y[:15] = 2
    X = pd.DataFrame({"top": 1.0 * (np.arange(400) < 15), "z": z})
    model = OrderedLogit(covariance=covariance).fit(X, y)
    table = model.summary().to_frame()
    assert table.loc["top", "coef"] > 10.0
    assert table.loc["top", ["std_err", "z", "p", "lower", "upper"]].isna().all()
    assert table.loc["z"].notna().all()
    for columns in (["top"], [0, 1], None):
        with pytest.raises(
            ValueError, match=r"labels are separated: .* no standard error, for top"
        ):
            model.wald_test(columns)
    assert model.wald_test(["z"]).statistic > 10.0
    if covariance == "robust":
        assert "no test: the labels are separated" in str(model.summary())
    else:
        assert model.likelihood_ratio_test().statistic > 100.0


def test_separation_spares_other_columns():
    X, y, _ = data(n=2)
    X = pd.DataFrame({"a": X[:, 0], "b": X[:, 1]})
    X["top"] = 1.0 * ((y == y.max()) & (X["b"] > 0.0))
    with pytest.warns(ConvergenceWarning, match=r"of top \(\+\), so that its estimate"):
        model = OrderedLogit().fit(X, y)
    assert "other coefficients are those of the rows that are not separated" in str(
        model.summary()
    )
    left = X["top"] == 0.0
    rest = OrderedLogit().fit(X.loc[left, ["a", "b"]], y[left])
    np.testing.assert_allclose(model.coef_[:2], rest.coef_, rtol=1e-5)
    errors = model.summary().to_frame()["std_err"].iloc[:2]
    np.testing.assert_allclose(errors, rest.summary().to_frame()["std_err"], rtol=1e-5)
    with pytest.warns(ConvergenceWarning, match="so that no estimate and no standard error"):
        OrderedLogit().fit(X[["a"]], np.digitize(X["a"], [-0.5, 0.5]))


def test_collinear_columns_are_named_and_left_at_zero():
    X, _, intervals = data(n=2)
    X = pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "one": 1.0, "sum": X.sum(axis=1)})
    with pytest.warns(ConvergenceWarning, match=r"Not identified: one, sum\. .*left at 0"):
        model = OrderedLogit().fit(X, intervals)
    few = OrderedLogit().fit(X[["a", "b"]], intervals)
    np.testing.assert_allclose(model.coef_, [*few.coef_, 0.0, 0.0], atol=1e-8)
    table, expected = model.summary().to_frame(), few.summary().to_frame()
    np.testing.assert_allclose(table.loc[["a", "b"], "std_err"], expected["std_err"])
    assert table.loc[["one", "sum"]].isna().all(axis=None)


@pytest.mark.parametrize("outlier", [1e6, 1e7, 1e10])
def test_columns_with_the_same_outlier_are_identified(outlier):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 3))
    y = np.append(np.digitize(X.sum(axis=1) + rng.logistic(size=500), [-1, 1]), 0)
    X = np.vstack([X, np.full(3, outlier)])
    even = np.column_stack([X[:, 0] / outlier, X[:, 1] - X[:, 0], X[:, 2] - X[:, 0]])

    def objective(parameters):
        scores, first, width = even @ parameters[:3], parameters[3], np.exp(parameters[4])
        borders = np.array([-np.inf, first, first + width, np.inf])
        return -np.log(expit(borders[y + 1] - scores) - expit(borders[y] - scores)).sum()

    best = minimize(objective, [-5.0, 0.0, 0.0, -1.0, 1.0], options={"gtol": 1e-7})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = OrderedLogit().fit(X, y)
    assert model.log_likelihood_ == pytest.approx(-best.fun, abs=1e-5)
    first, *others = best.x[:3]
    expected = [first / outlier - sum(others), *others]
    np.testing.assert_allclose(model.coef_, expected, rtol=1e-4, atol=1e-6)
    table = model.summary().to_frame()
    assert table["std_err"].between(0.05, 0.2).all()
    assert model.likelihood_ratio_test(OrderedLogit().fit(X[:, :1], y)).df == 2


@pytest.mark.parametrize("code", [9999999.0, 99999999.0])
@pytest.mark.parametrize("kind", ["dense", "sparse", "mixed"])
def test_codes_of_missing_answers_in_two_columns(code, kind):
    rng = np.random.default_rng(1)
    X = np.column_stack([rng.integers(18, 90, 800), np.round(rng.lognormal(10, 0.6, 800))])
    y = np.digitize(0.03 * X[:, 0] + X[:, 1] / 3e4 + rng.logistic(size=800), [1.5, 3])
    X[:5] = code
    even = np.column_stack([X[:, 0] - X[:, 1], X[:, 1]]) @ np.diag([1e-4, 1.0 / code])
    expected = OrderedLogit().fit(even, y)
    container = {
        "dense": lambda: X,
        "sparse": lambda: sparse.csr_array(X),
        "mixed": lambda: hstack([X[:, :1], sparse.csr_array(X[:, 1:])]),
    }[kind]()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = OrderedLogit().fit(container, y)
    assert model.log_likelihood_ == pytest.approx(expected.log_likelihood_, abs=1e-7)
    back = np.array([[1e-4, 0.0], [-1e-4, 1.0 / code]])
    np.testing.assert_allclose(model.coef_, back @ expected.coef_, rtol=1e-5)
    covariance = back @ expected.covariance_[:2, :2] @ back.T
    np.testing.assert_allclose(model.covariance_[:2, :2], covariance, rtol=1e-5)


@pytest.mark.filterwarnings("error::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("link", ["logit", "probit", "cloglog"])
@pytest.mark.parametrize("outlier", [1e7, 1e8, 1e10, 1e12, 1e14])
def test_the_maximum_is_found_behind_an_outlier_that_becomes_certain(outlier, link):
    """Until its probability is 1, steps are a billionth of what the other rows ask for."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3))
    noise = rng.logistic(size=300)
    y = np.digitize(X @ [1.0, -0.5, 0.2] + noise, [-1.5, -0.3, 0.5, 1.7])
    y[7] = 4
    X[7, 0] = 1e3  # certain already
    near = OrderedLogit(link=link).fit(X, y)
    X[7, 0] = outlier
    far = OrderedLogit(link=link).fit(X, y)
    assert far.log_likelihood_ == pytest.approx(near.log_likelihood_, abs=1e-6)
    np.testing.assert_allclose(far.coef_, near.coef_, rtol=1e-5)


@pytest.mark.filterwarnings("error::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(("seed", "outlier"), [(10, -1e9), (10, -1e12), (21, -1e12)])
def test_an_outlier_of_the_first_label_leaves_cloglog_its_maximum(seed, outlier):
    """Its loss falls as exp(-e^z): a step moves its score by 0.1 and less."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(120, 1))
    y = np.digitize(X[:, 0] + rng.logistic(size=120), [-1, 1])
    X[0], y[0] = outlier, 0
    far, others = (OrderedLogit(link="cloglog").fit(X[i:], y[i:]) for i in (0, 1))
    assert far.log_likelihood_ == pytest.approx(others.log_likelihood_, abs=1e-6)
    np.testing.assert_allclose(far.coef_, others.coef_, rtol=1e-5)


@pytest.mark.filterwarnings("error::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("link", ["logit", "probit", "cloglog"])
def test_a_smaller_tolerance_finds_no_more_beside_outliers(link):
    """Several rows hold the others back, some with weights that make steps look small."""
    for seed in range(40):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(60, 200))
        X = rng.normal(size=(n, 3))
        y = np.digitize(X @ rng.normal(size=3) + rng.logistic(size=n), [-1.0, 0.0, 1.0])
        for row in rng.integers(0, n, 3):
            X[row, rng.integers(3)] = rng.choice([-1.0, 1.0]) * 10.0 ** rng.uniform(2, 11)
        weight = 10.0 ** rng.uniform(-3, 3, n) if seed % 2 else None
        found, exact = (
            OrderedLogit(link=link, tol=tol, max_iter=400).fit(X, y, weight).log_likelihood_
            for tol in (1e-8, 1e-13)
        )
        assert found == pytest.approx(exact, rel=1e-6)


@pytest.mark.parametrize("outlier", [1e2, 1e5, 1e8, 1e11])
def test_an_outlier_that_is_certain_leaves_the_other_rows_their_maximum(outlier):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 2))
    y = np.digitize(X @ [0.5, 0.3] + rng.logistic(size=400), [-1, 1])
    rows = np.vstack([X, np.full((3, 2), -outlier)])
    rows[-3:, 1] *= 1.001
    model = OrderedLogit().fit(rows, np.append(y, np.zeros(3)))
    np.testing.assert_allclose(model.coef_, OrderedLogit().fit(X, y).coef_, rtol=1e-6)


def test_sums_in_single_precision_are_collinear():
    X, _, intervals = data(n=2)
    X = np.column_stack([X, X.sum(axis=1)]).astype(np.float32)
    with pytest.warns(ConvergenceWarning, match=r"Not identified: x2\."):
        OrderedLogit().fit(X, intervals)
    with pytest.warns(ConvergenceWarning, match=r"Not identified: x2\."):
        OrderedLogit().fit(pd.DataFrame(X).set_axis(["x0", "x1", "x2"], axis=1), intervals)


def test_too_few_steps_are_said():
    X, _, intervals = data()
    with pytest.warns(
        ConvergenceWarning, match=r"after 1 steps.*Increase max_iter or take alpha > 0\."
    ):
        OrderedLogit(max_iter=1).fit(X, intervals)
    said = r"relative gap of .* > tol=1e-08.*Increase max_iter, tol or alpha\.$"
    with pytest.warns(ConvergenceWarning, match=said):
        OrderedLogit(alpha=0.01, max_iter=1).fit(X, intervals)
    X[:, 1] *= 1e4
    said = r"Increase max_iter or take alpha > 0, or bring the features to a common scale \(the"
    with pytest.warns(ConvergenceWarning, match=said):
        OrderedLogit(max_iter=1).fit(X, intervals)


@pytest.mark.filterwarnings("ignore::vilma.exceptions.WeakSignalWarning")
@pytest.mark.filterwarnings("error::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("alpha", [1e-3, 0.1])
def test_the_gap_closes_with_thousands_of_labels(alpha):
    X = np.random.default_rng(0).normal(size=(2000, 3))
    model = OrderedLogit(alpha=alpha).fit(X, np.arange(2000))
    assert model.gap_ < 1e-9
    assert model.n_iter_ <= 4


def test_rounding_is_named_where_it_keeps_the_gap_open():
    X, _, intervals = data()
    with pytest.warns(ConvergenceWarning, match="lost in rounding.* increase tol, to") as caught:
        OrderedLogit(alpha=0.01, tol=0.0).fit(X, intervals)
    advised = float(re.search(r"tol, to (\S+) or", str(caught[0].message)).group(1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        OrderedLogit(alpha=0.01, tol=advised).fit(X, intervals)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"alpha": -1.0}, "'alpha' parameter"),
        ({"link": "cauchit"}, "'link' parameter"),
        ({"prediction": "best"}, "'prediction' parameter"),
        ({"covariance": "HC3"}, "'covariance' parameter"),
    ],
)
def test_wrong_parameters(params, message):
    X, y, _ = data(m=50)
    with pytest.raises(ValueError, match=re.escape(message)):
        OrderedLogit(**params).fit(X, y)


def test_groups_need_maximum_likelihood_and_two_groups():
    X, y, _ = data(m=50)
    with pytest.raises(ValueError, match=r"need alpha=0, but alpha=0\.1"):
        OrderedLogit(alpha=0.1).fit(X, y, groups=np.arange(50))
    with pytest.raises(ValueError, match="two groups or more"):
        OrderedLogit().fit(X, y, groups=np.zeros(50))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        OrderedLogit().fit(X, y, groups=np.zeros(49))


def test_columns_of_no_digits_and_missing_groups_are_refused():
    rng = np.random.default_rng(0)
    x = rng.normal(size=200)
    y = np.digitize(x + rng.normal(size=200), [-0.7, 0.7])
    for alpha in (0.0, 0.01):
        with pytest.raises(
            ValueError, match=r"column 0 are near 1e\+15 and differ by .* Subtract"
        ):
            OrderedLogit(alpha).fit((1e15 + x)[:, None], y)
    groups = np.repeat(np.arange(20.0), 10)
    groups[7] = np.nan
    with pytest.raises(ValueError, match="no value in row 7, and in 1 rows"):
        OrderedLogit().fit(x[:, None], y, groups=groups)
    named = np.repeat(np.array(["a", "b"], dtype=object), 100)
    named[3] = None
    with pytest.raises(ValueError, match="no value in row 3"):
        OrderedLogit().fit(x[:, None], y, groups=named)


def test_features_that_overflow_are_refused_and_large_ones_certified():
    X, y, _ = data()
    for alpha in (0.0, 0.01):
        with pytest.raises(ValueError, match=r"squares of column 0 of X overflow.*common scale"):
            OrderedLogit(alpha).fit(X * 1e160, y)
        with pytest.raises(ValueError, match=r"norm of row 0 of X overflows.*common scale"):
            OrderedLogit(alpha).fit(sparse.csr_array(X * 1e160), y)
    large, small = OrderedLogit().fit(X * 1e150, y), OrderedLogit().fit(X, y)
    np.testing.assert_allclose(large.coef_ * 1e150, small.coef_, rtol=1e-6)
    with pytest.warns(ConvergenceWarning, match="common scale"):
        model = OrderedLogit(0.01).fit(X * 1e80, y)
    assert 0.0 <= model.lower_bound_ <= model.objective_
    assert model.gap_ <= 1.0


def test_many_labels_converge_by_default():
    rng = np.random.default_rng(2)
    X = rng.normal(size=(400, 3))
    label = np.clip(np.rint(100.0 * X[:, 0] + 300.0 + 20.0 * rng.normal(size=400)), 1, 600)
    y = np.column_stack([np.maximum(label - 30, 1), np.minimum(label + 30, 600)])
    model = OrderedLogit(0.01, classes=range(1, 601)).fit(X, y)
    assert model.n_iter_ > 100
    assert model.gap_ <= model.tol
    assert np.abs(model.predict(X) - label).mean() < 20.0


def test_closed_ends_of_the_scale_are_told_by_neither_estimator():
    X, y, _ = data(m=100)
    ends = np.stack([y, np.where(y == 5, np.nan, y)], axis=1)  # 5 or more
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        opened = OrderedLogit().fit(X, ends)
        OrderedLogitCV([1.0, 0.1], cv=2).fit(X, ends)
        vilma_path(X, ends, [0.1], estimator=OrderedLogit())
    np.testing.assert_array_equal(opened.coef_, OrderedLogit().fit(X, y).coef_)
    assert opened.summary().fit_statistics()["n_open"] == (y == 5).sum()
