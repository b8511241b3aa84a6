"""Estimators inside of pipelines, searches and frozen estimators."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import has_fit_parameter

from vilma.labels.fitted_scale import fitted_scale

__all__ = ["declared_scale", "label_scores", "project", "weight_arguments", "with_scale"]


def project(estimator: Any, X: Any) -> np.ndarray:
    """Project rows onto the line, or the lines, of a fitted estimator.

    Parameters
    ----------
    estimator : object
        With a method `project`, or a pipeline, search or frozen estimator around such.
    X : array-like of shape (n_samples, n_features)
        What its `predict` takes.

    Returns
    -------
    ndarray of shape (n_samples,) or (n_samples, n_pieces)
        The projections.

    Raises
    ------
    TypeError
        If there is no method `project`.
    """
    last, X = _last_step(estimator, X)
    if not hasattr(last, "project"):
        raise TypeError(
            f"{type(last).__name__} has no method `project`. Expected an estimator of "
            "vilma such as VILMA(loss='squared'), or a Pipeline or search that ends in one."
        )
    return last.project(X)


def label_scores(estimator: Any, X: Any) -> np.ndarray | None:
    """Return the label scores of a fitted estimator with several projections, else None.

    Parameters
    ----------
    estimator : object
        A fitted estimator, or a pipeline, search or frozen estimator around such.
    X : array-like of shape (n_samples, n_features)
        What its `predict` takes.

    Returns
    -------
    ndarray of shape (n_samples, n_classes) or None
        In the order of the scale.
    """
    last, X = _last_step(estimator, X)
    return last.label_scores(X) if hasattr(last, "label_scores") else None


def _last_step(estimator: Any, X: Any) -> tuple[Any, Any]:
    """Return the estimator inside of pipelines, searches and frozen ones, and what it is given."""
    if isinstance(estimator, FrozenEstimator):
        return _last_step(estimator.estimator, X)
    if isinstance(estimator, Pipeline):
        for _, step in estimator.steps[:-1]:
            if step not in (None, "passthrough"):
                X = step.transform(X)
        return _last_step(estimator.steps[-1][1], X)
    if hasattr(estimator, "best_estimator_"):
        return _last_step(estimator.best_estimator_, X)
    return estimator, X


def declared_scale(estimator: Any) -> Any:
    """Return the scale that an estimator was given or, if frozen, has learnt; else None."""
    if isinstance(estimator, FrozenEstimator):
        return fitted_scale(estimator)
    if isinstance(estimator, Pipeline):
        return declared_scale(estimator.steps[-1][1])
    if not isinstance(estimator, BaseEstimator):
        return None
    params = estimator.get_params(deep=False)
    classes = params.get("classes")
    return declared_scale(params.get("estimator")) if classes is None else classes


def with_scale(estimator: Any, classes: np.ndarray) -> Any:
    """Return an unfitted clone that takes labels to be on a scale, where it can be told so."""
    copy = clone(estimator)
    holder = None if isinstance(copy, FrozenEstimator) else _scale_holder(copy)
    if holder is not None:
        holder.set_params(classes=classes)
    return copy


def weight_arguments(estimator: Any, sample_weight: np.ndarray) -> dict[str, np.ndarray]:
    """Return the keyword arguments by which `fit` takes sample weights.

    Parameters
    ----------
    estimator : object
        Estimator or pipeline.
    sample_weight : ndarray of shape (n_samples,)
        The weights.

    Returns
    -------
    dict
        One argument.

    Raises
    ------
    TypeError
        If it takes none.
    """
    prefix, last = "", estimator
    while isinstance(last, Pipeline):
        name, last = last.steps[-1]
        prefix += f"{name}__"
    if not has_fit_parameter(last, "sample_weight"):
        raise TypeError(
            f"fit of {type(last).__name__} takes no sample_weight. Leave the weights out, or "
            "route them with sklearn.set_config(enable_metadata_routing=True)."
        )
    return {f"{prefix}sample_weight": sample_weight}


def _scale_holder(estimator: Any) -> Any:
    """Return the outermost estimator that has a parameter `classes`, if there is one."""
    if isinstance(estimator, Pipeline):
        return _scale_holder(estimator.steps[-1][1])
    if not isinstance(estimator, BaseEstimator):
        return None
    params = estimator.get_params(deep=False)
    if "classes" in params:
        return estimator
    return _scale_holder(params["estimator"]) if "estimator" in params else None
