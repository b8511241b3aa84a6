"""The table of the page on scikit-learn's tools: which of them goes with which form of labels."""

from __future__ import annotations

import inspect
import warnings
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import ClassifierMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_selection import RFE, RFECV
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import cohen_kappa_score
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    KFold,
    RandomizedSearchCV,
    cross_val_predict,
    cross_val_score,
)
from sklearn.multioutput import MultiOutputClassifier

import vilma
from vilma import IISVOR_IMC, VILMA, CalibratedOrdinalClassifier
from vilma.metrics import interval_scorer, ordinal_scorer
from vilma.model_selection import PositionsClassifier
from vilma.model_selection import cross_val_predict as out_of_fold

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "scikit_learn.rst"

# Parameters that make a fit quick; other public estimators are taken as they are.
QUICK = {
    "CalibratedOrdinalClassifier": {"estimator": VILMA(alpha=0.1, tol=0.01), "cv": 2},
    "OrderedLogit": {"alpha": 0.1},
    "DeepOrdinalClassifier": {"loss": "symmetric", "max_epochs": 2, "random_state": 0},
    "RegCLIPClassifier": {"max_epochs": 2, "random_state": 0},
}


def estimators():
    """Every public classifier, quick."""
    found = {}
    for package in (vilma, vilma.deep):
        for name in package.__all__:
            each = getattr(package, name)
            if inspect.isclass(each) and issubclass(each, ClassifierMixin):
                search = {"alphas": [0.1], "cv": 2} if name.endswith("CV") else {}
                found[name] = each(**search, **QUICK.get(name, {}))
    return found


ESTIMATORS = estimators()
NAMES = np.array(["low", "medium", "raised", "high"])
TWO = np.array(["slight", "heavy"])
FOLDS = KFold(2, shuffle=True, random_state=0)


def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(72, 4))
    score = X @ rng.normal(size=4) + 0.5 * rng.normal(size=72)
    return X, np.argsort(np.argsort(score)) * 4 // 72


X, CODES = data()


def labels(form, codes, names):
    """Return labels in a form, and what the estimator is told of the scale."""
    if form == "numbers":
        return codes, None
    if form == "strings and `classes`":
        return names[codes], names
    if form == "ordered categories":
        return pd.Series(pd.Categorical.from_codes(codes, names, ordered=True)), None
    pairs = np.stack([codes, codes], axis=1)
    if form == "intervals":
        return pairs, None
    assert form == "open intervals"
    opened = np.where(pairs == [0, len(names) - 1], [-np.inf, np.inf], pairs)
    return opened, np.arange(len(names))


def to_codes(predicted, names):
    if predicted.dtype.kind in "OU":
        return np.array([names.tolist().index(label) for label in predicted])
    return predicted


def score(scoring=None, cv=FOLDS):
    def use(model, y, names):
        return cross_val_score(model, X, y, cv=cv, scoring=scoring, error_score="raise")

    return use


def search(kind, **parameters):
    def use(model, y, names):
        found = kind(model, {}, cv=FOLDS, error_score="raise", **parameters).fit(X, y)
        return found.cv_results_["mean_test_score"]

    return use


def predict(make):
    def use(model, y, names):
        return to_codes(make(model).fit(X, y).predict(X), names)

    return use


def columns(function):
    """Columns of out-of-fold probabilities or scores, in the order of the scale."""

    def use(model, y, names):
        method = next(m for m in ("predict_proba", "decision_function") if hasattr(model, m))
        found = function(model, X, y, cv=FOLDS, method=method)
        strings = isinstance(y, pd.Series) or y.dtype.kind == "U"
        return found[:, np.argsort(np.argsort(names))] if strings else found

    return use


def selected(make):
    return lambda model, y, names: make(model).fit(X, y).ranking_


def on_positions(make):
    """A tool that is handed positions on the scale, which it need not know."""

    def use(model):
        inner = clone(model)
        if "classes" in inner.get_params():
            inner.set_params(classes=None)
        return PositionsClassifier(make(inner), classes=model.classes)

    return use


TOOLS = {
    "``cross_val_score(cv=KFold())``": score(),
    "``cross_val_score(cv=3)``": score(cv=3),
    '``scoring="accuracy"``': score("accuracy"),
    '``scoring="roc_auc"``': score("roc_auc"),
    '``scoring="average_precision"``': score("average_precision"),
    '``scoring="neg_log_loss"``': score("neg_log_loss"),
    '``scoring="roc_auc_ovr"``': score("roc_auc_ovr"),
    "``scoring=interval_scorer()``": score(interval_scorer()),
    '``scoring=ordinal_scorer("ranked_probability_score")``': score(
        ordinal_scorer("ranked_probability_score")
    ),
    "``GridSearchCV``, ``RandomizedSearchCV``": lambda model, y, names: np.append(
        search(GridSearchCV)(model, y, names),
        search(RandomizedSearchCV, n_iter=1)(model, y, names),
    ),
    "``HalvingGridSearchCV(min_resources=40)``": search(
        HalvingGridSearchCV, min_resources=40, random_state=0
    ),
    '``cross_val_predict(method="predict")``': lambda model, y, names: to_codes(
        cross_val_predict(model, X, y, cv=FOLDS), names
    ),
    "``cross_val_predict`` with another method": columns(cross_val_predict),
    "``vilma.model_selection.cross_val_predict``": columns(out_of_fold),
    "``CalibratedClassifierCV``": predict(lambda model: CalibratedClassifierCV(model, cv=FOLDS)),
    "``VotingClassifier``": predict(
        lambda model: VotingClassifier([("one", model), ("two", clone(model))])
    ),
    "``BaggingClassifier``": predict(
        lambda model: BaggingClassifier(model, n_estimators=2, random_state=0)
    ),
    "``StackingClassifier``": predict(
        lambda model: StackingClassifier([("one", model)], LogisticRegression(), cv=FOLDS)
    ),
    "``AdaBoostClassifier``": predict(
        lambda model: AdaBoostClassifier(model, n_estimators=2, random_state=0)
    ),
    "``PositionsClassifier`` of Voting, Bagging, Stacking": lambda model, y, names: np.concatenate(
        [
            predict(on_positions(kind))(model, y, names)
            for kind in (
                lambda inner: VotingClassifier([("one", inner), ("two", clone(inner))]),
                lambda inner: BaggingClassifier(inner, n_estimators=2, random_state=0),
                lambda inner: StackingClassifier([("one", inner)], LogisticRegression(), cv=FOLDS),
            )
        ]
    ),
    "``PositionsClassifier`` of ``RFE``, ``RFECV``": lambda model, y, names: np.append(
        on_positions(lambda inner: RFE(inner, n_features_to_select=1))(model)
        .fit(X, y)
        .estimator_.ranking_,
        on_positions(lambda inner: RFECV(inner, cv=FOLDS, scoring=interval_scorer()))(model)
        .fit(X, y)
        .estimator_.ranking_,
    ),
    "``RFE``": selected(lambda model: RFE(model, n_features_to_select=1)),
    "``RFECV(scoring=interval_scorer())``": selected(
        lambda model: RFECV(model, cv=FOLDS, scoring=interval_scorer())
    ),
}


def read_table():
    """Return what the page says: {tool: {form: word}}."""
    text = PAGE.read_text(encoding="utf-8").split(".. list-table::")[1].split('\n\nHere "yes"')[0]
    rows = [
        [cell.strip() for cell in row.split("\n     - ")] for row in text.split("\n   * - ")[1:]
    ]
    forms = rows[0][1:]
    return {tool: dict(zip(forms, words, strict=True)) for tool, *words in rows[1:]}


TABLE = read_table()


def goes_with(tool, model):
    """Tell whether an estimator has what a tool needs of every estimator."""
    if "RFE" in tool:
        return hasattr(clone(model).fit(X, CODES), "coef_")
    if "roc_auc" in tool or "precision" in tool or "with another" in tool or "vilma." in tool:
        scores = hasattr(model, "decision_function") and "ovr" not in tool
        return scores or hasattr(model, "predict_proba")
    if "log_loss" in tool or "ranked" in tool:
        return hasattr(model, "predict_proba")
    if "Calibrated" in tool:
        return hasattr(model, "decision_function") or hasattr(model, "predict_proba")
    return not ("AdaBoost" in tool and "Deep" in type(model).__name__ + type(model).__module__)


def test_the_table_names_every_tool():
    assert list(TABLE) == list(TOOLS)


@cache
def use(name, tool, form):
    two = tool in ('``scoring="roc_auc"``', '``scoring="average_precision"``')
    names = TWO if two else NAMES
    y, classes = labels(form, CODES // 2 if two else CODES, names)
    model = clone(ESTIMATORS[name])
    if classes is not None:
        model.set_params(classes=classes)
    return TOOLS[tool](model, y, names)


# One estimator with scores and one with probabilities meet every tool; the others meet those that
# differ in what they do with labels.
EVERYWHERE = {"IISVOR_IMC", "CalibratedOrdinalClassifier"}
SOME = (
    '``scoring="accuracy"``',
    '``scoring="roc_auc"``',
    '``scoring="neg_log_loss"``',
    '``scoring="roc_auc_ovr"``',
    "``scoring=interval_scorer()``",
    "``cross_val_predict`` with another method",
    "``vilma.model_selection.cross_val_predict``",
    "``BaggingClassifier``",
)


@pytest.mark.parametrize(
    ("name", "tool"),
    [(name, tool) for name in ESTIMATORS for tool in (TOOLS if name in EVERYWHERE else SOME)],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore:The projection is the same for all rows:UserWarning")
@pytest.mark.filterwarnings("ignore:Number of classes in training fold:RuntimeWarning")
# Of a scale that a calibrated model hands on, after what it says of the alphabet itself.
@pytest.mark.filterwarnings("ignore:The scale is .*high.*, as the alphabet does:UserWarning")
def test_every_word_of_the_table(name, tool):
    if not goes_with(tool, ESTIMATORS[name]):
        pytest.skip("the estimator has no such scores")
    expected = use(name, tool, "numbers")
    for form, word in TABLE[tool].items():
        if word == "yes":
            np.testing.assert_allclose(use(name, tool, form), expected, atol=1e-5, err_msg=form)
        elif word == "refused":
            refusals = (ValueError, TypeError, NotImplementedError, IndexError)
            with _silence(), pytest.raises(refusals):
                use(name, tool, form)
        elif word == "if exact":
            np.testing.assert_allclose(use(name, tool, form), expected, atol=1e-5, err_msg=form)
            wide = np.stack([CODES, np.minimum(CODES + 1, 3)], axis=1)
            with pytest.raises((ValueError, NotImplementedError), match=r"multi|1d array"):
                TOOLS[tool](clone(ESTIMATORS[name]), wide, NAMES)
        elif word == "unstratified":
            model, (y, _) = ESTIMATORS[name], labels(form, CODES, NAMES)
            plain = score(cv=KFold(3))(model, CODES, NAMES)
            np.testing.assert_array_equal(TOOLS[tool](model, y, NAMES), plain)
        elif word == "warns":
            with pytest.warns(UserWarning, match="put into the order of the alphabet"):
                _use_or_fail(name, tool, form)
        else:
            assert word == "order lost"
            assert not np.array_equal(use(name, tool, form), expected)


@contextmanager
def _silence():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _use_or_fail(name, tool, form):
    """Use a tool that may be stopped by what it was warned of: a first stage of wrong labels."""
    with suppress(ValueError):
        use(name, tool, form)


@pytest.mark.parametrize("tool", ["VotingClassifier", "BaggingClassifier", "StackingClassifier"])
def test_codes_in_place_of_strings_are_explained(tool):
    with pytest.raises(TypeError, match="replaced them by positions among the sorted labels"):
        use("IISVOR_IMC", f"``{tool}``", "strings and `classes`")


def test_columns_encoded_one_by_one_are_explained():
    pairs = NAMES[np.stack([CODES, CODES], axis=1)]
    for model in (IISVOR_IMC(classes=NAMES), CalibratedOrdinalClassifier(classes=NAMES)):
        method = "predict_proba" if hasattr(model, "predict_proba") else "decision_function"
        with pytest.raises(TypeError, match=r"use vilma\.model_selection\.cross_val_predict"):
            cross_val_predict(model, X, pairs, cv=FOLDS, method=method)
    pairs = np.stack([CODES, np.maximum(CODES, 1)], axis=1)
    with pytest.raises(ValueError, match="has encoded each column by itself"):
        cross_val_predict(VILMA(), X, pairs, cv=FOLDS, method="decision_function")


GAPS = np.array([0, 1, 3, 9])
ENSEMBLES = {
    "VotingClassifier": lambda model: VotingClassifier([("one", model), ("two", clone(model))]),
    "BaggingClassifier": lambda model: BaggingClassifier(model, n_estimators=2, random_state=0),
    "StackingClassifier": lambda model: StackingClassifier(
        [("one", model)], LogisticRegression(max_iter=10_000), cv=FOLDS
    ),
}


@pytest.mark.parametrize("tool", ENSEMBLES)
@pytest.mark.filterwarnings("ignore:Number of classes in training fold:RuntimeWarning")
def test_numbers_with_gaps(tool):
    make, y = ENSEMBLES[tool], GAPS[CODES]
    expected = GAPS[make(IISVOR_IMC()).fit(X, CODES).predict(X)]
    np.testing.assert_array_equal(make(IISVOR_IMC()).fit(X, y).predict(X), expected)
    with pytest.raises(ValueError, match="replaced them by positions among the sorted labels"):
        make(IISVOR_IMC(classes=GAPS)).fit(X, y)
    around = PositionsClassifier(make(IISVOR_IMC()), classes=GAPS)
    np.testing.assert_array_equal(around.fit(X, y).predict(X), expected)
    whole = PositionsClassifier(make(IISVOR_IMC()), classes=range(10))
    with pytest.warns(UserWarning, match="2, 4, 5, 6, 7, 8 lie between labels of y and are not"):
        np.testing.assert_array_equal(whole.fit(X, y).predict(X), expected)


@pytest.mark.parametrize("tool", ENSEMBLES)
@pytest.mark.parametrize("kind", [IISVOR_IMC, CalibratedOrdinalClassifier])
@pytest.mark.filterwarnings("ignore:Number of classes in training fold:RuntimeWarning")
def test_labels_that_do_not_occur(kind, tool):
    """Labels of `classes` beyond those of y: never a wrong number, and a way that works."""
    make = ENSEMBLES[tool]
    model = kind(**QUICK.get(kind.__name__, {}))
    longer = clone(model).set_params(classes=range(6))
    if tool == "StackingClassifier" or (
        tool == "BaggingClassifier" and hasattr(model, "predict_proba")
    ):
        with pytest.raises(IndexError, match="is out of bounds"):
            make(longer).fit(X, CODES).predict(X)
    else:
        one = clone(longer).fit(X, CODES) if tool == "VotingClassifier" else make(model)
        expected = one.fit(X, CODES).predict(X)
        np.testing.assert_array_equal(make(longer).fit(X, CODES).predict(X), expected)
    expected = make(model).fit(X, CODES)
    around = PositionsClassifier(make(model), classes=range(6)).fit(X, CODES)
    np.testing.assert_array_equal(around.predict(X), expected.predict(X))
    if hasattr(around, "predict_proba"):
        proba = around.predict_proba(X)
        np.testing.assert_allclose(proba[:, :4], expected.predict_proba(X))
        assert not proba[:, 4:].any()


@pytest.mark.parametrize("tool", ENSEMBLES)
def test_ordered_categories_lose_their_order_and_the_page_says_so(tool):
    y, _ = labels("ordered categories", CODES, NAMES)
    make, model = ENSEMBLES[tool], IISVOR_IMC()
    truth = np.array(NAMES)[CODES]
    assert np.mean(make(model).fit(X, y).predict(X) == truth) < 0.75
    assert np.mean(PositionsClassifier(make(model)).fit(X, y).predict(X) == truth) > 0.75
    text = " ".join(PAGE.read_text(encoding="utf-8").split())
    assert (
        "loses its order, and no message says so. Use :class:`~vilma.model_selection.Pos" in text
    )
    assert f"`{tool}`" in text.split(".. warning::")[1].split("Use :class:")[0]


def test_kappa_of_scikit_learn_takes_the_order_of_the_alphabet():
    y, _ = labels("ordered categories", CODES, NAMES)
    model = IISVOR_IMC().fit(X, y)
    predicted = model.predict(X)
    expected = cohen_kappa_score(CODES, to_codes(predicted, NAMES), weights="quadratic")
    assert cohen_kappa_score(y, predicted, weights="quadratic") < expected - 0.05
    assert cohen_kappa_score(y, predicted, weights="quadratic", labels=NAMES) == expected
    assert ordinal_scorer("quadratic_weighted_kappa")(model, X, y) == pytest.approx(expected)


def test_two_tasks_are_no_intervals():
    pairs = np.stack([CODES, np.minimum(CODES + 1, 3)], axis=1)
    assert MultiOutputClassifier(IISVOR_IMC()).fit(X, pairs).predict(X).shape == (72, 2)


def test_the_order_of_the_alphabet_is_named():
    with pytest.warns(UserWarning, match=r"alphabet: \['high', 'low', 'medium', 'raised'\]"):
        VILMA().fit(X, NAMES[CODES])
    with pytest.warns(UserWarning, match=r"alphabet: \['heavy', 'slight'\]"):
        VILMA().fit(X, TWO[CODES // 2])


def test_calibration_one_against_the_rest_keeps_the_accuracy():
    rng = np.random.default_rng(0)
    Z = rng.normal(size=(600, 5))
    s = Z @ rng.normal(size=5) + 0.2 * rng.normal(size=600)
    y = np.argsort(np.argsort(s)) * 5 // 600
    train, test = np.arange(400), np.arange(400, 600)
    model = IISVOR_IMC(alpha=0.01)
    alone = model.fit(Z[train], y[train]).score(Z[test], y[test])
    calibrated = CalibratedClassifierCV(model).fit(Z[train], y[train])
    assert abs(calibrated.score(Z[test], y[test]) - alone) <= 0.02


def containers(pairs):
    """Two columns in every form that people hold them in."""
    return {
        "array": pairs,
        "frame": pd.DataFrame(pairs, columns=["lower", "upper"]),
        "pandas intervals": pd.Series(pd.arrays.IntervalArray.from_arrays(*pairs.T, "both")),
        "structured": np.array(
            [tuple(pair) for pair in pairs.tolist()], dtype=[("lower", int), ("upper", int)]
        ),
    }


@pytest.mark.parametrize(
    "kind", [GridSearchCV, RandomizedSearchCV, HalvingGridSearchCV, HalvingRandomSearchCV]
)
@pytest.mark.filterwarnings("ignore:The projection is the same for all rows:UserWarning")
def test_searches_take_every_container_of_intervals(kind):
    pairs = np.stack([CODES, np.minimum(CODES + 1, 3)], axis=1)
    values = {"alpha": [1.0, 0.1, 0.01]}
    options = {"scoring": interval_scorer(), "cv": FOLDS, "error_score": "raise"}
    if "Halving" in kind.__name__:
        options |= {"min_resources": 40, "random_state": 0}
    if "Random" in kind.__name__:
        options |= {"random_state": 0}
        options |= {"n_candidates": 3} if "Halving" in kind.__name__ else {"n_iter": 3}
    scores = {
        name: kind(VILMA(classes=range(4)), values, **options).fit(X, y).cv_results_
        for name, y in containers(pairs).items()
    }
    for name, found in scores.items():
        np.testing.assert_allclose(
            found["mean_test_score"], scores["array"]["mean_test_score"], err_msg=name
        )
