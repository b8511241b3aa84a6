"""Metrics as scikit-learn scorers."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from numpy.typing import ArrayLike
from sklearn.metrics._scorer import _Scorer

from vilma.labels import read_scale
from vilma.labels.fitted_scale import fitted_scale
from vilma.labels.scale import ordered_categories
from vilma.losses import cost_matrix, distance_loss
from vilma.losses.distance import Loss
from vilma.metrics.errors import cumulative_score, epsilon_error, geometric_mean_error
from vilma.metrics.estimated import estimated_absolute_error
from vilma.metrics.insensitive import interval_coverage, interval_insensitive_loss
from vilma.metrics.kappa import quadratic_weighted_kappa
from vilma.metrics.labelwise import (
    macro_averaged_mean_absolute_error,
    maximum_mean_absolute_error,
)
from vilma.metrics.probabilities import interval_log_loss, ranked_probability_score

_METRICS: dict[str, tuple[Callable[..., float], bool]] = {
    "cumulative_score": (cumulative_score, True),
    "epsilon_error": (epsilon_error, False),
    "estimated_absolute_error": (estimated_absolute_error, False),
    "geometric_mean_error": (geometric_mean_error, False),
    "interval_coverage": (interval_coverage, True),
    "interval_log_loss": (interval_log_loss, False),
    "interval_insensitive_loss": (interval_insensitive_loss, False),
    "macro_averaged_mean_absolute_error": (macro_averaged_mean_absolute_error, False),
    "maximum_mean_absolute_error": (maximum_mean_absolute_error, False),
    "quadratic_weighted_kappa": (quadratic_weighted_kappa, True),
    "ranked_probability_score": (ranked_probability_score, False),
}
_PASSED_WHEN_CALLED = {"y_true", "y_pred", "y_proba", "sample_weight"}

_OF_PROBABILITIES = (interval_log_loss, ranked_probability_score)


class _OrdinalScorer(_Scorer):
    """A scorer of scikit-learn that takes the scale of the estimator where none was given.

    Strings have no order without one, and columns of probabilities are those of the estimator.
    Predictions that are numbers are compared as such: then `y` may have labels that the estimator
    has not seen.
    """

    def _score(self, method_caller, estimator, X, y_true, **kwargs):
        if self._kwargs["classes"] is None and "classes" not in kwargs:
            scale = fitted_scale(estimator)
            if self._response_method == "predict" and (
                scale is None or scale.dtype.kind != "U" or ordered_categories(y_true) is not None
            ):
                scale = None
            made = _OrdinalScorer(
                self._score_func,
                self._sign,
                {**self._kwargs, "classes": scale},
                self._response_method,
            )
            return _Scorer._score(made, method_caller, estimator, X, y_true, **kwargs)
        return super()._score(method_caller, estimator, X, y_true, **kwargs)


def interval_scorer(loss: Loss = "mae", classes: ArrayLike | None = None) -> Callable[..., float]:
    """Make a scikit-learn scorer of the interval-insensitive loss.

    Parameters
    ----------
    loss : {"mae", "zero_one", "squared"}, callable or array-like of shape (n_classes, n_classes)
        As for :func:`interval_insensitive_loss`.
    classes : array-like of shape (n_classes,), default=None
        As for :func:`interval_insensitive_loss`. Of strings, the scale of the estimator by
        default, `scale_`, which those of other packages have not.

    Returns
    -------
    scorer : callable
        ``scorer(estimator, X, y)`` returns the negated loss of ``estimator.predict(X)``, so that
        greater is better; to be passed as `scoring` to ``GridSearchCV`` or ``cross_val_score``.

    Raises
    ------
    ValueError, TypeError
        If there is no such loss, it is not V-shaped at 0, or `classes` is no scale.

    Notes
    -----
    Given an integer `cv`, scikit-learn inspects `y` for classes to stratify by, and refuses the
    NaN or infinity of an open end. Pass a splitter, such as ``KFold(5)``, along with intervals.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.dummy import DummyRegressor
    >>> from vilma.metrics import interval_scorer
    >>> model = DummyRegressor(strategy="constant", constant=2.0).fit([[0], [0]], [1, 3])
    >>> interval_scorer("mae")(model, [[0], [0]], [[3, 4], [-np.inf, 2]])
    -0.5
    """
    _check_scale(classes)
    _check_loss(loss, classes)
    return _OrdinalScorer(interval_insensitive_loss, -1, {"loss": loss, "classes": classes})


def _check_scale(classes: ArrayLike | None) -> None:
    if classes is not None:
        read_scale(classes)


def ordinal_scorer(
    metric: str, *, classes: ArrayLike | None = None, **parameters: Any
) -> Callable[..., float]:
    """Make a scikit-learn scorer of a metric of this package, for exact or interval labels.

    Parameters
    ----------
    metric : str
        The name of the function: "cumulative_score", "epsilon_error", "estimated_absolute_error",
        "geometric_mean_error", "interval_coverage", "interval_insensitive_loss",
        "interval_log_loss", "macro_averaged_mean_absolute_error", "maximum_mean_absolute_error",
        "quadratic_weighted_kappa" or "ranked_probability_score".
    classes : array-like of shape (n_classes,), default=None
        The ordered scale. By default, where it has one, that of the estimator for strings and for
        probabilities; for others the labels in `y`, of which a fold need not have all.
    **parameters
        Other parameters of the metric, such as ``k`` of the cumulative score.

    Returns
    -------
    scorer : callable
        ``scorer(estimator, X, y)`` returns the metric of what the estimator predicts, negated if
        small values are good; to be passed as `scoring` to ``GridSearchCV`` or
        ``cross_val_score``. It can be pickled.

    Raises
    ------
    ValueError
        If there is no such metric, or `classes` is no scale.
    TypeError
        If the metric has no such parameter.

    See Also
    --------
    interval_scorer : The scorer of the interval-insensitive loss.

    Examples
    --------
    >>> from sklearn.dummy import DummyRegressor
    >>> from vilma.metrics import ordinal_scorer
    >>> model = DummyRegressor(strategy="constant", constant=2.0).fit([[0], [0]], [1, 3])
    >>> ordinal_scorer("cumulative_score", k=1)(model, [[0], [0]], [[3, 4], [5, 6]])
    0.5
    """
    if not isinstance(metric, str) or metric not in _METRICS:
        raise ValueError(f"Unknown metric {metric!r}; expected one of {sorted(_METRICS)}.")
    function, greater_is_better = _METRICS[metric]
    _check_scale(classes)
    of_data = {"y_true", "y_pred", "y_proba", "classes", "sample_weight"}  # known when scoring
    known = set(inspect.signature(function).parameters) - of_data
    unknown = sorted(set(parameters) - known)
    if unknown:
        others = ", ".join(sorted(known)) or "no others"
        raise TypeError(f"{metric} has no parameter {unknown[0]!r}; it has {others}.")
    if "loss" in parameters:
        _check_loss(parameters["loss"], classes)
    response = "predict_proba" if function in _OF_PROBABILITIES else "predict"
    sign = 1 if greater_is_better else -1
    return _OrdinalScorer(function, sign, {**parameters, "classes": classes}, response)


def _check_loss(loss: Any, classes: ArrayLike | None) -> None:
    """Refuse a loss that is none, here rather than when the scorer is used."""
    if isinstance(loss, str) or callable(loss):
        distance_loss(loss, [0.0])
    elif classes is None:
        raise ValueError("A matrix of costs needs `classes`, the labels of its rows and columns.")
    else:
        cost_matrix(loss, len(read_scale(classes)))
