from __future__ import annotations

import operator

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingRegressor,
    RandomForestRegressor,
)
from sklearn.tree import DecisionTreeRegressor
from sklearn.utils.estimator_checks import parametrize_with_checks

from vilma import IISVOR_IMC, OneHotCodes
from vilma.features import LeafCodes

OPERATORS = {"<=": operator.le, ">": operator.gt, "<": operator.lt, ">=": operator.ge}


def table(n_samples=200, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_samples, 3))
    return X, np.digitize(X[:, 0] * X[:, 1], [-0.5, 0.5])


def xgboost_model(kind):
    return getattr(pytest.importorskip("xgboost"), kind)(n_estimators=4, max_depth=3, n_jobs=1)


def lightgbm_model(kind):
    return getattr(pytest.importorskip("lightgbm"), kind)(n_estimators=4, verbose=-1, n_jobs=1)


MODELS = {
    "random trees": lambda: None,
    "tree": lambda: DecisionTreeRegressor(max_depth=3),
    "forest": lambda: RandomForestRegressor(4, max_depth=3, random_state=0),
    "classifying forest": lambda: ExtraTreesClassifier(4, max_depth=3, random_state=0),
    "boosting": lambda: GradientBoostingRegressor(n_estimators=4, random_state=0),
    "classifying boosting": lambda: GradientBoostingClassifier(n_estimators=2, random_state=0),
    "XGBoost": lambda: xgboost_model("XGBRegressor"),
    "classifying XGBoost": lambda: xgboost_model("XGBClassifier"),
    "LightGBM": lambda: lightgbm_model("LGBMRegressor"),
    "classifying LightGBM": lambda: lightgbm_model("LGBMClassifier"),
}


@parametrize_with_checks([LeafCodes(n_trees=3, output="csr")])
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("name", MODELS)
def test_every_row_obeys_the_rule_of_its_leaf_and_of_no_other(name):
    X, y = table()
    leaves = LeafCodes(MODELS[name](), n_trees=4, max_depth=3)
    codes = leaves.fit_transform(X, np.column_stack([y, np.minimum(y + 1, 2)]))
    np.testing.assert_array_equal(codes.block_sizes, leaves.n_leaves_)
    assert codes.shape[1] == len(leaves.get_feature_names_out())
    other, _ = table(60, seed=1)  # rows that no tree has seen
    codes = leaves.transform(other).toarray()
    column = 0
    for tree in leaves._leaves:
        for leaf in tree:
            obeys = np.ones(len(other), bool)
            for feature, sign, value in leaf.conditions:
                obeys &= OPERATORS[sign](other[:, feature].astype(np.float32), value)
            np.testing.assert_array_equal(codes[:, column], obeys)
            column += 1


@pytest.mark.parametrize("name", MODELS)
def test_names_of_columns_are_known_to_all(name):
    """Warnings are errors here: no library complains of names that it has or has not seen."""
    X, y = table()
    frame = pd.DataFrame(X, columns=["age", "income", "size"])
    leaves = LeafCodes(MODELS[name](), n_trees=4, max_depth=3, random_state=0)
    named = leaves.fit(frame, y).transform(frame).toarray()
    assert any("income" in rule for rule in leaves.get_feature_names_out())
    plain = LeafCodes(MODELS[name](), n_trees=4, max_depth=3, random_state=0).fit(X, y)
    np.testing.assert_array_equal(named, plain.transform(X).toarray())
    with pytest.raises(ValueError, match="feature names"):
        leaves.transform(frame[["income", "age", "size"]])


def test_random_trees_need_no_labels_and_are_always_the_same():
    X, y = table()
    first = LeafCodes(n_trees=5).fit_transform(X)
    assert first == LeafCodes(n_trees=5).fit(X, y).transform(X)
    assert first != LeafCodes(n_trees=5, random_state=1).fit_transform(X)
    assert first.codes.dtype == np.uint8
    assert first.block_sizes.max() <= 32


def test_a_given_ensemble_is_trained_on_the_middle_of_intervals():
    X, y = table()
    intervals = np.column_stack([y - 1.0, y + 1.0])  # labels -1, ..., 3
    forest = RandomForestRegressor(3, max_depth=3, random_state=0)
    leaves = LeafCodes(forest).fit(X, intervals)
    expected = forest.fit(X, y + 1)  # positions on the scale
    np.testing.assert_array_equal(leaves.estimator_.apply(X), expected.apply(X))


def test_a_fitted_ensemble_is_taken_as_it_is():
    X, y = table()
    forest = RandomForestRegressor(3, max_depth=3, random_state=0).fit(X, y)
    leaves = LeafCodes(forest, prefit=True).fit(X[:10])
    assert leaves.estimator_ is forest
    assert leaves.transform(X).codes.max() > 1  # leaves that the ten rows may not have met
    with pytest.raises(ValueError, match="not fitted yet"):
        LeafCodes(RandomForestRegressor(), prefit=True).fit(X)


def test_rules_use_names():
    pandas = pytest.importorskip("pandas")
    X, _ = table()
    frame = pandas.DataFrame(X, columns=["age", "height", "income"])
    leaves = LeafCodes(n_trees=3, max_depth=1, min_samples_leaf=1).fit(frame)
    low, high = leaves.get_feature_names_out()[:2]
    assert low.split()[1] in frame.columns
    assert high == low.replace("<=", ">")
    assert leaves.transform(frame).codes.tolist() == leaves.fit(X).transform(X).codes.tolist()


def test_missing_values_and_sparse_data():
    X, _ = table()
    X[::3, 0] = np.nan
    codes = LeafCodes(n_trees=20).fit_transform(X)
    assert len(codes) == 200
    X = sparse.csr_array(np.nan_to_num(X))
    assert LeafCodes(n_trees=3).fit_transform(X) == LeafCodes(n_trees=3).fit_transform(X.toarray())


def test_more_than_256_leaves_take_two_bytes():
    X, _ = table(600)
    tree = DecisionTreeRegressor().fit(X, np.arange(600))
    codes = LeafCodes(tree, prefit=True).fit_transform(X)
    assert codes.codes.dtype == np.uint16
    assert codes.shape == (600, 600)


def test_a_linear_model_on_leaves_learns_an_interaction():
    X, y = table(800)
    codes = LeafCodes().fit_transform(X)
    assert isinstance(codes, OneHotCodes)
    # Signs of a product are beyond any straight line.
    assert IISVOR_IMC(0.01).fit(X, y).score(X, y) < 0.65
    assert IISVOR_IMC(0.01).fit(codes[:600], y[:600]).score(codes[600:], y[600:]) > 0.75


def test_what_is_not_a_tree_is_refused():
    X, y = table()
    with pytest.raises(TypeError, match="HistGradientBoostingRegressor does not say which leaves"):
        LeafCodes(HistGradientBoostingRegressor()).fit(X, y)
    with pytest.raises(ValueError, match="'n_trees' parameter of LeafCodes"):
        LeafCodes(n_trees=0).fit(X)
