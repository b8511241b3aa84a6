"""The estimators as scikit-learn's users meet them."""

import pickle
import re
import warnings

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MaxAbsScaler, StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from vilma import (
    IISVOR_EXP,
    IISVOR_IMC,
    IISVOR_IMCCV,
    PWVILMA,
    VILMA,
    OrderedLogit,
    OrderedLogitCV,
)
from vilma.metrics import interval_coverage, interval_insensitive_loss, interval_scorer
from vilma.surrogates import ImplicitHinge

# Small problems with large alphas: the median for everybody is what these tests ask for.

VARIANTS = {
    "IISVOR_EXP": IISVOR_EXP,
    "IISVOR_IMC": IISVOR_IMC,
    "VILMA": VILMA,
    "VILMA penalized": lambda **kw: VILMA(penalize_biases=True, **kw),
}


@pytest.fixture(params=VARIANTS)
def make(request):
    """A function that makes an estimator, for each of the four variants."""
    return VARIANTS[request.param]


def data(m=60, n=4, n_classes=5, seed=0):
    """Features, exact labels and intervals around them; labels start at 10."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(m, n))
    score = X @ rng.normal(size=n) + 0.3 * rng.normal(size=m)
    y = 10 + np.argsort(np.argsort(score)) * n_classes // m
    lower = np.maximum(y - rng.integers(0, 2, size=m), 10)
    upper = np.minimum(y + rng.integers(0, 2, size=m), 9 + n_classes)
    return X, y, np.stack([lower, upper], axis=1)


@parametrize_with_checks([make() for make in VARIANTS.values()])
def test_scikit_learn_compatible(estimator, check):
    check(estimator)


# Labels ---------------------------------------------------------------------------------------


def test_exact_labels_are_degenerate_intervals(make):
    X, y, _ = data()
    a, b = make().fit(X, y), make().fit(X, np.stack([y, y], axis=1))
    np.testing.assert_array_equal(a.coef_, b.coef_)
    np.testing.assert_array_equal(a.thresholds_, b.thresholds_)


def test_strings_follow_the_order_given(make):
    X, y, intervals = data(n_classes=3)
    sizes = np.array(["small", "medium", "large"])
    named = make(classes=sizes).fit(X, sizes[intervals - 10])
    coded = make(classes=[10, 11, 12]).fit(X, intervals)
    np.testing.assert_array_equal(named.predict(X), sizes[coded.predict(X) - 10])
    assert named.scale_.tolist() == ["small", "medium", "large"]
    assert named.classes_.tolist() == ["large", "medium", "small"]
    assert named.score(X, sizes[y - 10]) == coded.score(X, y)


def test_none_leaves_a_string_interval_open(make):
    X, _, _ = data(m=6)
    y = [["low", "low"], ["low", None], [None, "mid"], ["mid", "high"], ["high", None]]
    y.append(["high", "high"])
    closed = [[lower or "low", upper or "high"] for lower, upper in y]
    scale = ["low", "mid", "high"]
    a, b = make(classes=scale).fit(X, y), make(classes=scale).fit(X, closed)
    np.testing.assert_array_equal(a.coef_, b.coef_)


@pytest.mark.parametrize(
    "labels", [[-3, -1, 0, 2, 7], [0.25, 0.5, 1.5, 2.0, 10.0], [-2.0, -1.0, 0.0, 1.0, 2.0]]
)
def test_the_values_of_labels_do_not_matter(make, labels):
    X, _, intervals = data()
    labels = np.array(labels)
    relabelled = make(classes=labels).fit(X, labels[intervals - 10])
    plain = make(classes=range(10, 15)).fit(X, intervals)
    np.testing.assert_array_equal(relabelled.coef_, plain.coef_)
    np.testing.assert_array_equal(relabelled.predict(X), labels[plain.predict(X) - 10])


def test_booleans(make):
    X, y, _ = data(n_classes=2)
    model = make().fit(X, y == 11)
    assert model.predict(X).dtype == bool
    assert model.score(X, y == 11) > 0.8


@pytest.mark.parametrize("open_end", [np.nan, np.inf])
def test_open_ends_reach_to_the_end_of_the_scale(make, open_end):
    X, _, intervals = data()
    opened = intervals.astype(float)
    opened[intervals[:, 1] == 14, 1] = open_end
    opened[intervals[:, 0] == 10, 0] = -open_end if open_end == np.inf else open_end
    a = make(classes=range(10, 15)).fit(X, opened)
    b = make(classes=range(10, 15)).fit(X, intervals)
    np.testing.assert_array_equal(a.coef_, b.coef_)


def test_classes_without_examples(make):
    X, y, _ = data()
    model = make(classes=range(5, 20)).fit(X, y)
    assert len(model.classes_) == 15
    assert model.thresholds_.shape == (14,)
    assert np.all(np.diff(model.thresholds_) >= 0)
    assert model.decision_function(X).shape == (60, 15)


def test_data_frames_as_y(make):
    X, _, intervals = data()
    frame = pd.DataFrame(intervals, columns=["from", "to"])
    expected = make().fit(X, intervals)
    for y in (frame, frame.astype("Int64"), intervals.tolist(), pl.DataFrame(intervals)):
        np.testing.assert_array_equal(make().fit(X, y).coef_, expected.coef_)


# Containers of X ------------------------------------------------------------------------------


def containers(X):
    read_only = X.copy()
    read_only.flags.writeable = False
    return {
        "list": X.tolist(),
        "F": np.asfortranarray(X),
        "read-only": read_only,
        "csr": sparse.csr_array(X),
        "csr_matrix": sparse.csr_matrix(X),
        "csc": sparse.csc_array(X),
        "coo": sparse.coo_array(X),
        "float32": X.astype(np.float32),
        "int": X.astype(np.int64),
    }


def test_all_containers_give_the_same_predictions(make):
    X, _, intervals = data()
    X = np.round(2 * X)  # whole numbers and zeros, exact in all types
    expected = make(tol=1e-6).fit(X, intervals)
    for name, container in containers(X).items():
        # Other orders of summation take other ways to the same optimum.
        model = make(tol=1e-6).fit(container, intervals)
        assert model.objective_ == pytest.approx(expected.objective_, rel=2e-6), name
        np.testing.assert_allclose(model.coef_, expected.coef_, atol=0.02, err_msg=name)
        np.testing.assert_array_equal(expected.predict(container), expected.predict(X), name)
        np.testing.assert_allclose(expected.project(container), expected.project(X), atol=1e-12)


def test_binary_data_without_values(make):
    X, _, intervals = data()
    X = (X > 0).astype(float)
    a, b = make(tol=1e-6).fit(X, intervals), make(tol=1e-6).fit(sparse.csr_array(X), intervals)
    assert b.objective_ == pytest.approx(a.objective_, rel=2e-6)


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_feature_names(make, frame):
    X, _, intervals = data()
    named = frame(dict(zip("abcd", X.T, strict=True)))
    model = make().fit(named, intervals)
    assert model.feature_names_in_.tolist() == ["a", "b", "c", "d"]
    assert model.n_features_in_ == 4
    np.testing.assert_array_equal(model.predict(named), make().fit(X, intervals).predict(X))
    wrong = frame(dict(zip("abdc", X.T, strict=True)))
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(wrong)


def test_sparse_data_many_features_and_threads_give_the_same_bits(make, monkeypatch):
    from vilma.design_matrices import csr

    monkeypatch.setattr(csr, "_WORK_PER_BLOCK", 100)
    rng = np.random.default_rng(0)
    X = sparse.random_array((80, 300), density=0.1, rng=rng, format="csr")
    y = rng.integers(0, 4, size=80)
    models = [make(n_jobs=n_jobs, alpha=1.0).fit(X, y) for n_jobs in (None, 1, 2, 3)]
    for model in models[1:]:
        np.testing.assert_array_equal(model.coef_, models[0].coef_)
        np.testing.assert_array_equal(model.thresholds_, models[0].thresholds_)


# Tools of scikit-learn ------------------------------------------------------------------------


def test_pipeline_of_sparse_data(make):
    X, _, intervals = data()
    model = make_pipeline(StandardScaler(with_mean=False), make())
    model.fit(sparse.csr_array(X), intervals)
    assert model.score(X, intervals) > 0.7
    np.testing.assert_array_equal(model.predict(X), model.predict(sparse.csr_array(X)))


def test_grid_search_in_processes(make):
    X, _, intervals = data()
    search = GridSearchCV(
        make(),
        {"alpha": [0.001, 0.1, 10.0]},
        scoring=interval_scorer("mae"),
        cv=KFold(3),
        n_jobs=2,
        error_score="raise",
    )
    with joblib.parallel_config(backend="loky"):
        search.fit(X, intervals.astype(float))
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.best_score_ == max(search.cv_results_["mean_test_score"])
    predicted = search.best_estimator_.predict(X)
    assert interval_insensitive_loss(intervals, predicted) < 0.5


def test_grid_search_of_exact_labels(make):
    X, y, _ = data()
    search = GridSearchCV(make(), {"alpha": [0.01, 1.0]}, cv=3, error_score="raise").fit(X, y)
    assert search.best_score_ > 0.4


def test_cross_val_score_of_intervals(make):
    X, _, intervals = data()
    scores = cross_val_score(make(), X, intervals, cv=KFold(3), error_score="raise")
    assert scores.shape == (3,)
    assert scores.min() > 0.4


def test_clone_and_parameters(make):
    model = make(alpha=0.5, classes=[1, 2, 3], tol=0.1, n_jobs=2, warm_start=True)
    copy = clone(model)
    assert copy.get_params() == model.get_params()
    assert copy.classes is not None
    assert not hasattr(copy, "coef_")


@pytest.mark.parametrize("way", ["pickle", "joblib"])
def test_saved_models_predict_the_same(make, way, tmp_path):
    X, _, intervals = data()
    model = make().fit(X, intervals)
    if way == "pickle":
        copy = pickle.loads(pickle.dumps(model))
    else:
        joblib.dump(model, tmp_path / "model.joblib")
        copy = joblib.load(tmp_path / "model.joblib", mmap_mode="r")
    np.testing.assert_array_equal(copy.predict(X), model.predict(X))
    np.testing.assert_array_equal(copy.decision_function(X), model.decision_function(X))
    np.testing.assert_array_equal(copy.history_, model.history_)


def test_sample_weights_are_routed(make):
    X, _, intervals = data()
    weight = np.random.default_rng(0).integers(0, 3, size=len(X)).astype(float)
    expected = make(alpha=0.1).fit(MaxAbsScaler().fit_transform(X), intervals, weight)
    with config_context(enable_metadata_routing=True):
        estimator = make(alpha=0.1).set_fit_request(sample_weight=True)
        estimator.set_score_request(sample_weight=True)
        pipe = Pipeline([("scale", MaxAbsScaler()), ("model", estimator)])
        pipe.fit(X, intervals, sample_weight=weight)
        np.testing.assert_array_equal(pipe[-1].coef_, expected.coef_)
        search = GridSearchCV(pipe, {"model__alpha": [0.1]}, cv=KFold(3), error_score="raise").fit(
            X, intervals, sample_weight=weight
        )
        np.testing.assert_array_equal(search.best_estimator_[-1].coef_, expected.coef_)


def test_assume_finite(make):
    X, _, intervals = data()
    expected = make().fit(X, intervals).predict(X)
    with config_context(assume_finite=True):
        np.testing.assert_array_equal(make().fit(X, intervals).predict(X), expected)


# What fit leaves ------------------------------------------------------------------------------


def test_sample_weights_are_repetitions(make):
    X, _, intervals = data(m=40)
    counts = np.random.default_rng(0).integers(0, 4, size=40)
    rows = np.repeat(np.arange(40), counts)
    a = make(tol=1e-7, classes=range(10, 15)).fit(X, intervals, sample_weight=counts)
    b = make(tol=1e-7, classes=range(10, 15)).fit(X[rows], intervals[rows])
    assert a.objective_ == pytest.approx(b.objective_, rel=1e-6)
    np.testing.assert_allclose(a.coef_, b.coef_, atol=1e-2)


def test_the_size_of_weights_does_not_matter(make):
    X, _, intervals = data()
    weight = np.random.default_rng(0).exponential(size=60)
    a = make().fit(X, intervals, weight)
    for factor in (2.0**20, 2.0**-20):
        b = make().fit(X, intervals, factor * weight)
        np.testing.assert_allclose(b.coef_, a.coef_, atol=1e-9)


def test_rows_of_weight_zero_are_not_there(make):
    X, _, intervals = data()
    weight = np.ones(60)
    weight[::3] = 0.0
    X_wild = X.copy()
    X_wild[::3] *= 1e6
    a = make(classes=range(10, 15)).fit(X_wild, intervals, weight)
    b = make(classes=range(10, 15)).fit(X[weight > 0], intervals[weight > 0])
    np.testing.assert_array_equal(a.coef_, b.coef_)
    np.testing.assert_array_equal(a.thresholds_, b.thresholds_)


def test_fit_is_idempotent(make):
    X, _, intervals = data()
    model = make().fit(X, intervals)
    first = {name: np.copy(value) for name, value in vars(model).items() if name.endswith("_")}
    model.fit(X, intervals)
    for name, value in first.items():
        if name != "history_":  # holds times
            np.testing.assert_array_equal(getattr(model, name), value, err_msg=name)


def test_fit_leaves_its_input_alone(make):
    X, _, intervals = data()
    weight = np.ones(60)
    weight[:5] = 0
    before = X.copy(), intervals.copy(), weight.copy()
    make().fit(X, intervals, weight)
    for array, copy in zip((X, intervals, weight), before, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_shapes_and_order_of_the_attributes(make):
    X, _, intervals = data()
    model = make().fit(X, intervals)
    assert model.coef_.shape == (4,)
    assert model.thresholds_.shape == model.surrogate_thresholds_.shape == (4,)
    assert np.all(np.diff(model.thresholds_) >= 0)
    assert np.all(np.diff(model.surrogate_thresholds_) >= 0)
    assert model.classes_.tolist() == [10, 11, 12, 13, 14]
    assert model.lower_bound_ <= model.objective_
    assert model.gap_ == pytest.approx(1 - model.lower_bound_ / model.objective_, abs=1e-12)
    if isinstance(model, VILMA):
        assert model.biases_.shape == (5,)


def test_history(make):
    X, _, intervals = data()
    model = make(tol=1e-6).fit(X, intervals)
    history = model.history_
    assert history.shape == (model.n_iter_,)
    assert set(history.dtype.names) == {
        "objective",
        "lower_bound",
        "gap",
        "step",
        "n_evaluations",
        "n_planes",
        "inner_seconds",
        "seconds",
    }
    assert np.all(np.diff(history["objective"]) <= 0)
    assert np.all(np.diff(history["lower_bound"]) >= 0)
    assert np.all(np.diff(history["seconds"]) >= 0)
    assert np.all((history["step"] >= 0) & (history["step"] <= 1))
    assert np.all(history["n_evaluations"] > 0)
    assert history["n_planes"][0] == 1
    assert history["gap"][-1] <= 1e-6
    assert np.all(history["gap"][:-1] > 1e-6)


def test_verbose_prints_the_certificate(make, capsys):
    X, _, intervals = data()
    model = make(verbose=1, tol=1e-5).fit(X, intervals)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == model.n_iter_
    pattern = r"iteration +1  objective \S+  lower bound \S+  gap \S+  planes +1  \S+ s"
    assert re.fullmatch(pattern, lines[0])
    make(verbose=3, tol=1e-5).fit(X, intervals)
    assert len(capsys.readouterr().out.splitlines()) == model.n_iter_ // 3
    make().fit(X, intervals)
    assert capsys.readouterr().out == ""


def test_running_out_of_iterations_warns_and_keeps_the_certificate(make):
    X, _, intervals = data()
    name = type(make()).__name__
    message = (
        rf"{name}\(alpha=0.01\) stopped after max_iter=1 iterations with a relative gap of "
        r"\S+ > tol=0.001: .* Increase max_iter, tol or alpha"
    )
    with pytest.warns(
        ConvergenceWarning, match=rf"{message}, or bring .* to a common scale \(the"
    ):
        make(max_iter=1).fit(1000 * X, intervals)
    message += r"\."
    with pytest.warns(ConvergenceWarning, match=message):
        rough = make(max_iter=1).fit(X, intervals)
    exact = make(tol=1e-6).fit(X, intervals)
    assert rough.n_iter_ == 1
    assert rough.lower_bound_ <= exact.objective_ <= rough.objective_
    assert rough.gap_ > 0.001


def test_columns_far_from_0_are_to_be_centred():
    rng = np.random.default_rng(0)
    X, y = 9.0 * rng.normal(size=(40, 60)), rng.integers(0, 5, 40)
    model = IISVOR_IMC(alpha=1e-3, tol=1e-8)
    message = r"up to 6\.3e\+04, which differ by 56\.4 at most: subtract their mean; half"
    for far in (X + 63_000, sparse.csr_array(X + 63_000)):
        with pytest.warns(ConvergenceWarning, match=message):
            model.fit(far, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(X, y)
    with pytest.warns(ConvergenceWarning, match=r"up to 3\.51e\+06; half"):
        model.set_params(tol=1e-15).fit(1e5 * X, y)


def test_warm_start_needs_fewer_iterations(make):
    X, _, intervals = data(m=200)
    model = make(warm_start=True, tol=1e-6).fit(X, intervals)
    cold = model.n_iter_
    objective = model.objective_
    model.fit(X, intervals)
    assert model.n_iter_ < cold
    assert model.objective_ == pytest.approx(objective, rel=2e-6)
    # Another number of features or of classes: starts from nothing.
    model.fit(X[:, :2], intervals)
    assert model.coef_.shape == (2,)
    model.fit(X[:, :2], np.minimum(intervals, 12))
    fresh = make(tol=1e-6).fit(X[:, :2], np.minimum(intervals, 12))
    assert model.objective_ == pytest.approx(fresh.objective_, rel=2e-6)


def test_warm_start_reuses_the_planes(make):
    X, _, intervals = data(m=200)
    model = make(warm_start=True, tol=1e-6, alpha=0.1).fit(X, intervals)
    cold = make(tol=1e-6, alpha=0.09).fit(X, intervals)
    model.set_params(alpha=0.09).fit(X.copy(), intervals.copy())
    assert model.n_iter_ < cold.n_iter_
    assert model.objective_ == pytest.approx(cold.objective_, rel=2e-6)
    model.fit(X, intervals)
    assert model.n_iter_ == 1
    # Pickles and copies come without the planes; the solution is still the start.
    assert "_kept" not in vars(pickle.loads(pickle.dumps(model)))
    # One label changed: none of the planes holds any more.
    other = intervals.copy()
    other[0] = intervals[:, 0].min(), intervals[:, 0].min()
    model.fit(X, other)
    fresh = make(tol=1e-6, alpha=0.09).fit(X, other)
    assert model.objective_ == pytest.approx(fresh.objective_, rel=2e-6)
    assert model.lower_bound_ <= fresh.objective_


def test_an_interrupted_fit_leaves_no_planes(make, monkeypatch):
    X, _, intervals = data(m=200)
    model = make(warm_start=True, tol=1e-6, alpha=0.1).fit(X, intervals)
    before = model.coef_.copy()

    def interrupt(self, settings):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("vilma.solvers.Solver.minimize", interrupt)
        with pytest.raises(KeyboardInterrupt):
            model.fit(X, intervals)
    np.testing.assert_array_equal(model.coef_, before)
    model.fit(X, intervals)
    assert model.objective_ == pytest.approx(
        make(tol=1e-6, alpha=0.1).fit(X, intervals).objective_, rel=2e-6
    )


def test_without_warm_start_the_past_does_not_count(make):
    X, _, intervals = data()
    other_X, _, other = data(seed=1)
    model = make().fit(other_X, other).fit(X, intervals)
    np.testing.assert_array_equal(model.coef_, make().fit(X, intervals).coef_)


def test_brackets_are_spread():
    rng = np.random.default_rng(0)
    score = rng.uniform(0, 30, size=600)
    X = np.c_[score, rng.normal(size=600)]
    y = np.minimum(score.astype(int), 29)
    intervals = np.stack([y // 10 * 10, y // 10 * 10 + 9], axis=1)
    settings = {"classes": range(30), "alpha": 1e-3}
    for kind in (IISVOR_EXP, IISVOR_IMC, VILMA):
        spread = kind(**settings).fit(X, intervals)
        left = kind(spread_thresholds=False, **settings).fit(X, intervals)
        np.testing.assert_array_equal(spread.coef_, left.coef_)
        np.testing.assert_array_equal(spread.surrogate_thresholds_, left.thresholds_)
        np.testing.assert_array_equal(left.thresholds_, left.surrogate_thresholds_)
        assert spread.objective_ == left.objective_
        # The borders of the brackets stay, the rest stands evenly between them.
        np.testing.assert_allclose(np.diff(spread.thresholds_, 2), 0.0, atol=1e-9)
        np.testing.assert_array_equal(spread.thresholds_[[9, 19]], left.thresholds_[[9, 19]])
        error, worse = (np.abs(model.predict(X) - y).mean() for model in (spread, left))
        assert error < 0.7
        assert error < 0.5 * worse


# Predictions ----------------------------------------------------------------------------------


def test_predictions_by_hand(make):
    model = make().fit(*data()[:2])
    model.coef_ = np.array([1.0])
    model.n_features_in_ = 1
    model.thresholds_ = np.array([0.0, 1.0, 1.0, 2.0])
    scores = np.array([[-1.0], [0.0], [0.5], [1.0], [1.5], [2.0], [2.5]])
    # A projection on a threshold is not above it; equal thresholds leave no room for label 12.
    assert model.predict(scores).tolist() == [10, 10, 11, 11, 13, 13, 14]
    np.testing.assert_array_equal(model.project(scores), scores.ravel())


@pytest.mark.parametrize("spread", [False, True])
@pytest.mark.parametrize("n_classes", [3, 5])
def test_the_largest_score_is_predicted(make, n_classes, spread):
    X, _, intervals = data(n_classes=n_classes)
    model = make(spread_thresholds=spread, classes=range(9, 11 + n_classes)).fit(X, intervals)
    scores = model.decision_function(X)
    assert scores.shape == (60, n_classes + 2)
    np.testing.assert_array_equal(model.classes_[scores.argmax(axis=1)], model.predict(X))
    assert ((scores > 0).sum(axis=1) == 1).all()


def test_scores_are_margins_to_the_best_other_label(make):
    X, _, intervals = data()
    model = make().fit(X, intervals)
    biases = getattr(model, "biases_", np.append(0.0, -np.cumsum(model.thresholds_)))
    plain = model.project(X)[:, None] * np.arange(5) + biases
    others = np.array([[np.delete(row, k).max() for k in range(5)] for row in plain])
    np.testing.assert_allclose(model.decision_function(X), plain - others, atol=1e-12)


def test_scores_follow_the_sorted_labels(make):
    X, _, intervals = data(n_classes=3)
    sizes = np.array(["small", "medium", "large"])  # large, medium, small in classes_
    named = make(classes=sizes).fit(X, sizes[intervals - 10])
    coded = make(classes=[10, 11, 12]).fit(X, intervals)
    scores = named.decision_function(X)
    np.testing.assert_array_equal(scores, coded.decision_function(X)[:, ::-1])
    np.testing.assert_array_equal(named.classes_[scores.argmax(axis=1)], named.predict(X))


def test_two_classes_have_one_score(make):
    X, y, _ = data(n_classes=2)
    model = make().fit(X, y)
    scores = model.decision_function(X)
    assert scores.shape == (60,)
    np.testing.assert_array_equal(np.where(scores > 0, 11, 10), model.predict(X))
    named = make(classes=["slight", "heavy"]).fit(X, np.where(y == 10, "slight", "heavy"))
    np.testing.assert_array_equal(named.decision_function(X), -scores)
    np.testing.assert_array_equal(
        named.classes_[(named.decision_function(X) > 0).astype(int)], named.predict(X)
    )


def test_score_is_coverage(make):
    X, y, intervals = data()
    model = make().fit(X, intervals)
    predicted = model.predict(X)
    inside = (intervals[:, 0] <= predicted) & (predicted <= intervals[:, 1])
    assert model.score(X, intervals) == inside.mean()
    assert model.score(X, y) == (predicted == y).mean()
    weight = np.arange(60.0)
    assert model.score(X, intervals, sample_weight=weight) == pytest.approx(
        np.average(inside, weights=weight)
    )
    assert interval_coverage(intervals, predicted) == inside.mean()


@pytest.mark.parametrize("method", ["predict", "decision_function", "project"])
def test_unfitted(make, method):
    with pytest.raises(NotFittedError, match="is not fitted yet"):
        getattr(make(), method)(np.zeros((1, 2)))


# Interrupted and refused ----------------------------------------------------------------------


def fail_after(monkeypatch, n_calls, error):
    original = ImplicitHinge.minimize
    calls = []

    def minimize(self, *args):
        calls.append(1)
        if len(calls) > n_calls:
            raise error
        return original(self, *args)

    monkeypatch.setattr(ImplicitHinge, "minimize", minimize)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), MemoryError("no room")])
@pytest.mark.parametrize("n_calls", [0, 3, 7])
def test_an_interrupted_fit_changes_nothing(monkeypatch, n_calls, error):
    X, _, intervals = data()
    other_X, _, other = data(n=3, n_classes=7)
    model = IISVOR_IMC().fit(other_X, other)
    before = dict(vars(model))
    fresh = IISVOR_IMC()
    fail_after(monkeypatch, n_calls, error)
    with pytest.raises(type(error)):
        model.fit(pd.DataFrame(X, columns=list("abcd")), intervals)
    assert vars(model) == before
    assert model.predict(other_X).shape == (60,)
    with pytest.raises(type(error)):
        fresh.fit(X, intervals)
    with pytest.raises(NotFittedError):
        fresh.predict(X)
    assert vars(fresh) == vars(IISVOR_IMC())


def test_refused_input_changes_nothing(make):
    X, _, intervals = data()
    model = make().fit(X, intervals)
    before = dict(vars(model))
    for bad_X, bad_y in ((X[:, :2], intervals[:7]), (X * np.nan, intervals), (X, intervals * 0)):
        with pytest.raises(ValueError, match=r"\w"):
            model.fit(bad_X, bad_y)
        assert vars(model) == before


def refused(error, match, X, y, make, sample_weight=None, **parameters):
    with pytest.raises(error, match=match):
        make(**parameters).fit(X, y, sample_weight=sample_weight)


def test_bad_X(make):
    X, y, intervals = data()
    infected = X.copy()
    infected[7, 2] = np.nan
    refused(ValueError, "Input X contains NaN", infected, intervals, make)
    refused(ValueError, "Input X contains NaN", sparse.csr_array(infected), intervals, make)
    infected[7, 2] = np.inf
    refused(ValueError, "Input X contains infinity", infected, intervals, make)
    refused(ValueError, r"Found array with 0 sample\(s\)", X[:0], intervals[:0], make)
    refused(ValueError, r"Found array with 0 feature\(s\)", X[:, :0], intervals, make)
    refused(ValueError, "Expected 2D array, got 1D array", X[:, 0], intervals, make)
    refused(ValueError, "dim 3", X[None], intervals, make)
    refused(ValueError, "could not convert string to float", X.astype(str) + "a", y, make)
    refused(ValueError, "Complex data not supported", X + 1j, intervals, make)


def test_X_of_another_width(make):
    X, _, intervals = data()
    model = make().fit(X, intervals)
    for method in (model.predict, model.project, model.decision_function):
        with pytest.raises(ValueError, match=r"X has 3 features, but .* is expecting 4 features"):
            method(X[:, :3])


def test_bad_y(make):
    X, y, intervals = data()
    n = r"inconsistent numbers of samples: \[60, 59\]"
    refused(ValueError, n, X, intervals[:-1], make)
    refused(ValueError, "requires y to be passed, but the target y is None", X, None, make)
    refused(ValueError, r"got an array of shape \(60, 3\)", X, np.c_[intervals, y], make)
    refused(ValueError, r"got an array of shape \(1, 60, 2\)", X, intervals[None], make)
    reversed_ = intervals.copy()
    reversed_[[4, 9]] = [13, 12]
    match = r"lower end above the upper end in row 4: \[13, 12\]"
    refused(ValueError, match, X, reversed_, make)
    match = r"label 13 in row 3, which is not in classes \[10, 11, 12\]"
    refused(ValueError, match, X, np.arange(60) % 5 + 10, make, classes=[10, 11, 12])
    missing = y.astype(float)
    missing[3] = np.nan
    refused(ValueError, "contains NaN. The first one is in row 3", X, missing, make)
    infinite = y.astype(float)
    infinite[5] = np.inf
    refused(ValueError, "contains infinity .* in row 5", X, infinite, make)
    swapped = intervals.astype(float)
    swapped[2, 0] = np.inf
    refused(ValueError, r"\+inf as the lower end of row 2", X, swapped, make)
    refused(ValueError, "continuous", X, y + 0.5, make)


def test_labels_without_a_common_order(make):
    X, y, _ = data()
    mixed = y.astype(object)
    mixed[8] = "eleven"
    refused(TypeError, "no common order: row 8 has a string", X, mixed, make)
    refused(TypeError, "entry of type dict in row 0", X, [{}] * 60, make)
    refused(TypeError, "holds numbers but classes holds strings", X, y, make, classes=["a", "b"])
    named = np.array(["a", "b"])[y % 2]
    refused(ValueError, "need `classes`", X, np.c_[named, named], make)


def test_nothing_to_learn(make):
    X, _, _ = data()
    full = np.tile([10, 14], (60, 1))
    refused(ValueError, "each of its 60 annotations covers the whole scale", X, full, make)
    open_ = np.full((60, 2), np.nan)
    refused(ValueError, "each of its 60 annotations is open at both ends", X, open_, make)
    refused(ValueError, "greater than one; got 1 class, 12", X, np.full(60, 12), make)
    # Informative rows of weight zero do not count.
    full[0] = [10, 10]
    weight = np.ones(60)
    weight[0] = 0.0
    match = "Every annotation of positive weight covers the whole scale"
    refused(ValueError, match, X, full, make, sample_weight=weight)


def test_bad_classes(make):
    X, y, _ = data()
    refused(ValueError, "strictly increasing", X, y, make, classes=[14, 13, 12, 11, 10])
    refused(ValueError, "repeats the label 'a'", X, y, make, classes=["a", "b", "a"])
    refused(ValueError, "at least 2 labels", X, y, make, classes=[10])
    refused(ValueError, "classes should be a 1d sequence", X, y, make, classes=[[10, 11]])
    match = "The 'classes' parameter .* must be an array-like or None"
    refused(ValueError, match, X, y, make, classes=5)


def test_bad_weights(make):
    X, _, intervals = data()
    weight = np.ones(60)
    weight[[6, 8]] = -0.5
    match = "Negative values in data passed to `sample_weight`: row 6 has -0.5"
    refused(ValueError, match, X, intervals, make, sample_weight=weight)
    zeros = np.zeros(60)
    refused(
        ValueError,
        "[Ss]ample weights (are zero|must contain)",
        X,
        intervals,
        make,
        sample_weight=zeros,
    )
    match = r"sample_weight.shape == \(59,\), expected \(60,\)"
    refused(ValueError, match, X, intervals, make, sample_weight=np.ones(59))
    weight[6] = np.nan
    refused(ValueError, "NaN", X, intervals, make, sample_weight=weight)
    match = "Sample weights must be 1D"
    refused(ValueError, match, X, intervals, make, sample_weight=np.ones((60, 2)))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("alpha", 0.0),
        ("alpha", -1.0),
        ("alpha", np.nan),
        ("alpha", np.inf),
        ("alpha", "1"),
        ("alpha", None),
        ("tol", -1e-3),
        ("tol", np.nan),
        ("max_iter", 0),
        ("max_iter", 1.5),
        ("solver", "simplex"),
        ("spread_thresholds", "yes"),
        ("warm_start", 2),
        ("n_jobs", 1.5),
        ("verbose", -1),
    ],
)
def test_bad_parameters(make, name, value):
    X, y, _ = data()
    refused(ValueError, f"The '{name}' parameter of", X, y, make, **{name: value})


def test_bad_losses():
    X, y, _ = data()
    three = [[0, 1, 1], [1, 0, 1], [1, 1, 0]]
    falling = np.abs(np.subtract.outer(np.arange(5.0), np.arange(5.0)))
    falling[4, 0] = 1.0
    asymmetric = falling.copy()
    asymmetric[4, 0] = np.inf
    for loss, match in [
        ("absolute", "Unknown loss 'absolute'; expected one of"),
        (three, r"shape \(3, 3\), but the scale has 5 labels"),
        (
            falling,
            r"should not fall away .* true label 0, cost\[3, 0\] is 3 and cost\[4, 0\] is 1",
        ),
        (asymmetric, r"finite, but cost\[4, 0\] is inf"),
        (falling - 1.0, r"cost 0, but cost\[0, 0\] is -1"),
        (lambda d: d + 1, "0 at the distance 0, but is 1"),
        (lambda d: -d, "should not fall as the distance grows"),
        (lambda d: np.nan if d else 0, "finite number at every distance"),
        (np.zeros((5, 5)), "0 everywhere|nothing to"),
        (lambda d: 0.0, "0 everywhere|nothing to"),
    ]:
        refused(ValueError, match, X, y, VILMA, loss=loss)
    refused(ValueError, "The 'loss' parameter of VILMA must be", X, y, VILMA, loss=3.0)


def test_fit_does_not_warn(make):
    X, _, intervals = data()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make().fit(X, intervals)
        make().fit(np.zeros((60, 2)), intervals)
        make().fit(np.ones((60, 1)), intervals)


def test_one_informative_example(make):
    # Everything but one row says nothing; the optimum satisfies it at no cost.
    X, _, _ = data(m=5)
    y = np.tile([10, 14], (5, 1))
    y[2] = [10, 12]
    model = make(classes=range(10, 15), tol=1e-6).fit(X, y)
    if not getattr(model, "penalize_biases", False):
        assert model.objective_ == pytest.approx(0.0, abs=1e-6)
    assert model.predict(X[2:3])[0] <= 12


def test_labels_never_seen_are_missed(make):
    X = np.arange(9.0)[:, None]
    model = make().fit(X[:6], [1, 1, 2, 2, 3, 3])
    assert (
        model.score(X, [1, 1, 2, 2, 3, 3, 7, 7, 0])
        == model.score(X[:6], [1, 1, 2, 2, 3, 3]) * 6 / 9
    )
    names, later = np.repeat(["no", "yes"], 3), ["yes", "yes", "yes", "zero", "zero", "zero"]
    assert 0 < make().fit(X[:6], names).score(X[3:], later) <= 0.5


# Data frames that would be read wrongly ---------------------------------------------------------

EVERY_KIND = [
    VILMA(),
    IISVOR_IMC(),
    PWVILMA(),
    OrderedLogit(),
    IISVOR_IMCCV([0.1], cv=2),
    OrderedLogitCV([0.1], cv=2),
]


def a_frame(m=60):
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.normal(size=m), "code": rng.integers(1, 4, m)})
    return X, pd.Series(np.digitize(X["a"] + 0.3 * rng.normal(size=m), [-0.5, 0.5]))


@pytest.mark.parametrize("estimator", EVERY_KIND, ids=lambda each: type(each).__name__)
def test_the_same_index_in_another_order_is_refused(estimator):
    X, y = a_frame()
    X = X[["a"]]
    plain = clone(estimator).fit(X, y.to_numpy())
    other = y.sample(frac=1.0, random_state=0)
    with pytest.raises(ValueError, match=r"X and y have the same index .*Pass y\.loc\[X\.index\]"):
        clone(estimator).fit(X, other)
    weight = pd.Series(1.0, index=X.index)[::-1]
    with pytest.raises(ValueError, match="X and sample_weight have the same index"):
        clone(estimator).fit(X, y, sample_weight=weight)
    with pytest.raises(ValueError, match="y and sample_weight have the same index"):
        clone(estimator).fit(X.to_numpy(), y, sample_weight=weight)
    for right in (other.loc[X.index], y.set_axis(range(1000, 1060))):  # or one of its own
        np.testing.assert_array_equal(clone(estimator).fit(X, right).coef_, plain.coef_)


def test_groups_in_another_order_are_refused():
    X, y = a_frame()
    groups = pd.Series(np.arange(60) % 40, index=X.index[::-1])
    model = OrderedLogit().fit(X, y, groups=groups.to_numpy())
    with pytest.raises(ValueError, match="X and groups have the same index"):
        OrderedLogit().fit(X, y, groups=groups)
    with pytest.raises(ValueError, match="X and groups have the same index"):
        model.proportional_odds_test(X, y, groups=groups)
    with pytest.raises(ValueError, match="X and groups have the same index"):
        IISVOR_IMCCV([0.1], cv=GroupKFold(3)).fit(X, y, groups=groups)


@pytest.mark.parametrize("estimator", EVERY_KIND, ids=lambda each: type(each).__name__)
@pytest.mark.parametrize("ordered", [False, True])
def test_categories_are_no_column_of_numbers(estimator, ordered):
    X, y = a_frame()
    categories = pd.Categorical(X["code"], ordered=ordered)
    with pytest.raises(ValueError, match=r"X has categories in code\..*OneHotEncoder"):
        clone(estimator).fit(X.assign(code=categories), y)
    numerals = pd.Categorical(X["code"].astype(str), ordered=ordered)
    with pytest.raises(ValueError, match=r"X has categories in code\..*X\.astype\(float\)"):
        clone(estimator).fit(X.assign(code=numerals), y)
    as_numbers = X.assign(code=categories).astype(float)
    np.testing.assert_array_equal(
        clone(estimator).fit(as_numbers, y).coef_, clone(estimator).fit(X, y).coef_
    )
