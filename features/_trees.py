"""The leaves of tree ensembles of several libraries: which a row falls into, and their rules."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor

__all__ = ["Condition", "Leaf", "leaf_numbers", "read_leaves"]

# Their trees are grown on arrays, and warn of a data frame whose names they do not know.
_WITHOUT_NAMES = (GradientBoostingClassifier, GradientBoostingRegressor)


class Condition(NamedTuple):
    """One side of a split."""

    feature: int | str
    operator: str  # "<=", ">", "<", ">=", "in" or "not in"
    value: Any  # a threshold, or the categories of a split by categories


class Leaf(NamedTuple):
    """A leaf of one tree."""

    number: int  # what `leaf_numbers` calls it
    conditions: tuple[Condition, ...]  # from the root down; the tightest of each kind


def leaf_numbers(model: Any, X: Any) -> np.ndarray:
    """Return the number of the leaf of every row in every tree.

    Parameters
    ----------
    model : fitted tree or ensemble of scikit-learn, XGBoost or LightGBM
    X : array-like of shape (n_samples, n_features)
        As the model takes it.

    Returns
    -------
    ndarray of shape (n_samples, n_trees), dtype int64
    """
    if _is_lightgbm(model):
        leaves = model.predict(X, pred_leaf=True)
    elif hasattr(model, "apply"):
        if isinstance(model, _WITHOUT_NAMES) and hasattr(X, "columns"):
            X = np.asarray(X)
        leaves = model.apply(X)
    else:
        raise TypeError(
            f"{type(model).__name__} does not say which leaves rows fall into. Expected a tree or "
            "an ensemble with the method apply, as scikit-learn's forests and GradientBoosting, "
            "XGBoost's or LightGBM's models."
        )
    return np.asarray(leaves).reshape(len(leaves), -1).astype(np.int64)


def read_leaves(model: Any) -> list[list[Leaf]]:
    """Return the leaves of every tree, in the order of `leaf_numbers`."""
    if _is_lightgbm(model):
        info = model.booster_.dump_model(num_iteration=model.best_iteration_ or -1)
        names = info["feature_names"]
        walks = [_walk_lightgbm(tree["tree_structure"], names) for tree in info["tree_info"]]
    elif hasattr(model, "get_booster"):
        dump = model.get_booster().get_dump(dump_format="json")
        walks = [_walk_xgboost(json.loads(tree)) for tree in dump]
    else:
        trees = [model] if hasattr(model, "tree_") else np.ravel(model.estimators_)
        walks = [_walk_sklearn(tree.tree_) for tree in trees]
    return [[Leaf(number, _tightest(path)) for number, path in walk] for walk in walks]


Walk = Iterator[tuple[int, tuple[Condition, ...]]]


def _is_lightgbm(model: Any) -> bool:
    return type(model).__module__.startswith("lightgbm")


def _walk_sklearn(tree: Any, node: int = 0, path: tuple[Condition, ...] = ()) -> Walk:
    left, right = tree.children_left[node], tree.children_right[node]
    if left < 0:
        yield node, path
        return
    feature, threshold = int(tree.feature[node]), float(tree.threshold[node])
    yield from _walk_sklearn(tree, left, (*path, Condition(feature, "<=", threshold)))
    yield from _walk_sklearn(tree, right, (*path, Condition(feature, ">", threshold)))


def _walk_xgboost(node: dict, path: tuple[Condition, ...] = ()) -> Walk:
    if "leaf" in node:
        yield node["nodeid"], path
        return
    name = node["split"]
    feature = int(name[1:]) if name[:1] == "f" and name[1:].isdigit() else name
    children = {child["nodeid"]: child for child in node["children"]}
    value = node.get("split_condition", 1)  # a split without one asks whether the feature is set
    if isinstance(value, list):  # categories that go to the right
        below, above = Condition(feature, "not in", value), Condition(feature, "in", value)
    else:
        below, above = Condition(feature, "<", value), Condition(feature, ">=", value)
    yield from _walk_xgboost(children[node["yes"]], (*path, below))
    yield from _walk_xgboost(children[node["no"]], (*path, above))


def _walk_lightgbm(node: dict, names: list[str], path: tuple[Condition, ...] = ()) -> Walk:
    if "split_index" not in node:
        yield node.get("leaf_index", 0), path
        return
    place = node["split_feature"]
    feature = place if names[place] == f"Column_{place}" else names[place]
    value = node["threshold"]
    if node["decision_type"] == "==":  # categories that go to the left
        value = [int(each) for each in str(value).split("||")]
        below, above = Condition(feature, "in", value), Condition(feature, "not in", value)
    else:
        below, above = Condition(feature, "<=", value), Condition(feature, ">", value)
    yield from _walk_lightgbm(node["left_child"], names, (*path, below))
    yield from _walk_lightgbm(node["right_child"], names, (*path, above))


def _tightest(path: tuple[Condition, ...]) -> tuple[Condition, ...]:
    """Of several conditions on one side of a feature the last is the tightest."""
    kept: dict[Any, Condition] = {}
    for condition in path:
        kind = condition if condition.operator.endswith("in") else condition[:2]
        kept[str(kind)] = condition
    return tuple(kept.values())
