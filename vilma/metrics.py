"""Scores of predictions against exact or interval labels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import make_scorer
from sklearn.utils import check_array

from vilma.labels import Endpoints, encode_endpoints, read_endpoints, read_scale
from vilma.losses import cost_matrix, distance_loss, interval_insensitive

__all__ = ["interval_coverage", "interval_insensitive_loss", "interval_scorer"]


def interval_insensitive_loss(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    loss: str | Callable[[float], float] | ArrayLike = "mae",
    classes: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Mean interval-insensitive loss.

    A prediction inside its interval costs nothing; one outside costs what it would cost if the
    nearest end of the interval were true. On exact labels this is the ordinary loss:
    scikit-learn's ``mean_absolute_error`` for "mae", ``zero_one_loss`` for "zero_one".

    Parameters
    ----------
    y_true : array-like of shape (n_samples,) or (n_samples, 2)
        Exact labels, or intervals ``[lower, upper]``, where NaN, None or infinity leaves an end
        open.
    y_pred : array-like of shape (n_samples,)
        Predicted labels.
    loss : {"mae", "zero_one", "squared"}, callable or array-like of shape (n_classes, n_classes)
        The name of a loss, or a function of one distance. The distances between numbers are in
        the labels' own unit; those between strings count steps of the scale. A matrix holds the
        costs of predictions (rows) for true labels (columns) and needs `classes`.
    classes : array-like of shape (n_classes,), default=None
        The labels from the lowest to the highest; needed for strings and for cost matrices. All
        labels must be on the scale if it is given.
    sample_weight : array-like of shape (n_samples,), default=None
        Nonnegative weights of the mean.

    Returns
    -------
    loss : float
        The weighted mean of the losses, in the unit of the loss. The best value is 0.

    Raises
    ------
    ValueError
        If labels or weights are malformed, their lengths differ, a label is not in `classes`,
        `classes` is needed and missing, or the loss is not V-shaped.
    TypeError
        If the one of `y_true`, `y_pred` and `classes` holds strings and the other numbers, or
        `loss` is of another type.

    See Also
    --------
    interval_coverage : The share of predictions inside their intervals.
    vilma.losses.cost_matrix : What makes a loss V-shaped.

    References
    ----------
    Antoniuk, Franc, Hlavac: V-shaped interval insensitive loss for ordinal classification,
    Machine Learning 103, 2016; equation (5).

    Examples
    --------
    >>> import numpy as np
    >>> from vilma.metrics import interval_insensitive_loss
    >>> interval_insensitive_loss([[20, 30], [40, np.inf], [25, 25]], [33, 60, 24])
    1.3333333333333333
    >>> sizes = ["small", "medium", "large"]
    >>> interval_insensitive_loss(["small", "large"], ["large", "large"], classes=sizes)
    1.0
    """
    truth, predicted = _read_pair(y_true, y_pred)
    if isinstance(loss, str) or callable(loss):
        lower, upper, at = _on_number_line(truth, predicted, classes)
        losses = distance_loss(loss, np.abs(at - np.clip(at, lower, upper)))
    else:
        scale = _require_scale(classes, "The rows and columns of a cost matrix")
        codes = _on_scale(truth, predicted, scale)
        losses = interval_insensitive(cost_matrix(loss, len(scale)), *codes)
    return _mean(losses, sample_weight)


def interval_coverage(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    classes: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Share of the predictions that lie inside their intervals.

    On exact labels this is scikit-learn's ``accuracy_score``.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,) or (n_samples, 2)
        Exact labels, or intervals ``[lower, upper]``, where NaN, None or infinity leaves an end
        open.
    y_pred : array-like of shape (n_samples,)
        Predicted labels.
    classes : array-like of shape (n_classes,), default=None
        The labels from the lowest to the highest; needed for intervals of strings. All labels
        must be on the scale if it is given.
    sample_weight : array-like of shape (n_samples,), default=None
        Nonnegative weights of the predictions.

    Returns
    -------
    coverage : float
        A share between 0 and 1. The best value is 1.

    Raises
    ------
    ValueError
        If labels or weights are malformed, their lengths differ, a label is not in `classes`, or
        `classes` is needed and missing.
    TypeError
        If the one of `y_true`, `y_pred` and `classes` holds strings and the other numbers.

    See Also
    --------
    interval_insensitive_loss : How far outside the others are.

    Examples
    --------
    >>> from vilma.metrics import interval_coverage
    >>> interval_coverage([[20, 30], [40, None], [25, 25]], [33, 60, 25])
    0.6666666666666666
    """
    truth, predicted = _read_pair(y_true, y_pred)
    if classes is None and truth.exact:  # being equal needs no order
        return _mean(truth.lower == predicted.lower, sample_weight)
    lower, upper, at = _on_number_line(truth, predicted, classes)
    return _mean((lower <= at) & (at <= upper), sample_weight)


def interval_scorer(
    loss: str | Callable[[float], float] | ArrayLike = "mae", classes: ArrayLike | None = None
) -> Callable[..., float]:
    """Make a scikit-learn scorer of the interval-insensitive loss.

    Parameters
    ----------
    loss : {"mae", "zero_one", "squared"}, callable or array-like of shape (n_classes, n_classes)
        As for :func:`interval_insensitive_loss`.
    classes : array-like of shape (n_classes,), default=None
        As for :func:`interval_insensitive_loss`.

    Returns
    -------
    scorer : callable
        ``scorer(estimator, X, y)`` returns the negated loss of ``estimator.predict(X)``, so that
        greater is better; to be passed as `scoring` to ``GridSearchCV`` or ``cross_val_score``.

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
    return make_scorer(
        interval_insensitive_loss, greater_is_better=False, loss=loss, classes=classes
    )


def _read_pair(y_true: ArrayLike, y_pred: ArrayLike) -> tuple[Endpoints, Endpoints]:
    """Read annotations and predictions and check that they go together."""
    truth = read_endpoints(y_true, name="y_true")
    predicted = read_endpoints(y_pred, name="y_pred")
    if not predicted.exact:
        raise ValueError(
            "y_pred should be a 1d array with one predicted label per sample, got intervals, an "
            f"array of shape {(len(predicted.lower), 2)}."
        )
    if len(truth.lower) != len(predicted.lower):
        raise ValueError(
            f"y_true has {len(truth.lower)} samples but y_pred has {len(predicted.lower)}; "
            "expected one prediction per annotation."
        )
    if truth.strings != predicted.strings:
        strings, others = ("y_true", "y_pred") if truth.strings else ("y_pred", "y_true")
        raise TypeError(f"{strings} holds strings but {others} does not; expected labels alike.")
    return truth, predicted


def _on_number_line(
    truth: Endpoints, predicted: Endpoints, classes: ArrayLike | None
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return the lower and upper ends and the predictions as numbers that can be subtracted.

    Numbers stand for themselves, and open ends are infinite; strings are replaced by their
    positions on the scale.
    """
    if truth.strings:
        return _on_scale(truth, predicted, _require_scale(classes, "Strings"))
    if classes is not None:
        _on_scale(truth, predicted, read_scale(classes))
    lower = np.where(truth.lower_open, -np.inf, truth.lower)
    upper = np.where(truth.upper_open, np.inf, truth.upper)
    return lower, upper, predicted.lower.astype(np.float64)


def _on_scale(
    truth: Endpoints, predicted: Endpoints, scale: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return the lower and upper ends and the predictions as positions on the scale."""
    lower, upper = encode_endpoints(truth, scale, name="y_true")
    at, _ = encode_endpoints(predicted, scale, name="y_pred")
    return lower, upper, at


def _require_scale(classes: ArrayLike | None, what: str) -> NDArray[Any]:
    if classes is None:
        raise ValueError(f"{what} have no order by themselves: pass `classes`, lowest first.")
    return read_scale(classes)


def _mean(values: NDArray[Any], sample_weight: ArrayLike | None) -> float:
    """Average over the samples, checking the weights."""
    if sample_weight is None:
        return float(np.mean(values))
    weights = check_array(
        sample_weight, ensure_2d=False, dtype=np.float64, input_name="sample_weight"
    )
    if weights.shape != values.shape:
        raise ValueError(
            f"sample_weight has shape {weights.shape}, but there are {len(values)} samples; "
            f"expected shape {values.shape}."
        )
    if (weights < 0).any():
        row = int(np.argmax(weights < 0))
        raise ValueError(f"sample_weight should not be negative, but is {weights[row]} at {row}.")
    if weights.sum() == 0:
        raise ValueError("sample_weight is zero for every sample; at least one has to count.")
    return float(np.average(values, weights=weights))
