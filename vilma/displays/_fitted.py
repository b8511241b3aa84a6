"""Finding the estimator of this package inside what users fit."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from vilma._wording import about_directions


def unwrap(estimator: Any) -> tuple[list[Pipeline], Any]:
    """Take a model out of pipelines and searches.

    Parameters
    ----------
    estimator : object
        An estimator, or a pipeline or a fitted search of one.

    Returns
    -------
    before : list of Pipeline
        What transforms X on its way, in order.
    model : object
        The estimator at the end.
    """
    before = []
    while True:
        if hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        elif isinstance(estimator, Pipeline):
            if len(estimator) > 1:
                before.append(estimator[:-1])
            estimator = estimator[-1]
        else:
            return before, estimator


def certified_model(estimator: Any, caller: str, attribute: str) -> tuple[list[Pipeline], Any]:
    """Take a fitted ordinal classifier out of pipelines and searches.

    Parameters
    ----------
    estimator : object
        An estimator, or a pipeline or a fitted search of one.
    caller : str
        What errors name.
    attribute : str
        The attribute of a fitted estimator that is needed.

    Returns
    -------
    before : list of Pipeline
        What transforms X on its way, in order.
    model : object
        The fitted estimator.

    Raises
    ------
    TypeError
        If there is none, or it has no such attribute.
    sklearn.exceptions.NotFittedError
        If it is not fitted.
    """
    before, model = unwrap(estimator)
    if isinstance(model, type) or not hasattr(model, "project"):
        raise TypeError(
            f"{caller} needs an estimator of vilma, or a pipeline or fitted search of one, got "
            f"{type(model).__name__}."
        )
    check_is_fitted(model)
    if not hasattr(model, attribute):
        raise TypeError(
            f"{caller} draws `{attribute}`, which {type(model).__name__} has not: give it the "
            "linear estimator itself (`estimator_` of what wraps one)."
        )
    return before, model


def linear_model(estimator: Any, caller: str, attribute: str) -> tuple[list[Pipeline], Any]:
    """Take a fitted classifier with a single projection, as :func:`certified_model` does.

    Raises
    ------
    TypeError
        If its weights are those of several directions.
    """
    before, model = certified_model(estimator, caller, attribute)
    if np.ndim(model.coef_) > 1:
        raise TypeError(f"{caller} draws a single projection. {about_directions(model)}")
    return before, model


def predict_labels(estimator: Any, X: Any, caller: str) -> Any:
    """Predict labels, or say that there is nothing that could.

    Parameters
    ----------
    estimator : object
        A fitted estimator of any package.
    X : array-like of shape (n_samples, n_features)
        What its `predict` takes.
    caller : str
        What errors name.

    Returns
    -------
    ndarray of shape (n_samples,)
        The labels.

    Raises
    ------
    TypeError
        If the estimator has no `predict`, or is a class.
    """
    if isinstance(estimator, type) or not hasattr(estimator, "predict"):
        raise TypeError(
            f"{caller} needs a fitted estimator with a method `predict`, got {estimator!r} of "
            f"type {type(estimator).__name__}."
        )
    return estimator.predict(X)


def transform(before: list[Pipeline], X: Any) -> Any:
    """Apply the transformers that stand before the model."""
    for steps in before:
        X = steps.transform(X)
    return X
