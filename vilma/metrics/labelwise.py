"""Errors label by label, for scales on which some labels are rare.

An interval belongs to each of its labels in equal parts; an exact label belongs to itself.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vilma.labels import encode_endpoints
from vilma.labels.scale import IntArray
from vilma.metrics._reading import FloatArray, read_pair, read_weights


class LabelErrors(NamedTuple):
    """Mean absolute error and weight of each label that has a part in an annotation.

    Parameters
    ----------
    labels : ndarray of shape (n_labels,)
        The labels, in the order of the scale.
    errors : ndarray of shape (n_labels,)
        Mean absolute error of each.
    weights : ndarray of shape (n_labels,)
        What the samples of each label weigh.
    """

    labels: NDArray[Any]
    errors: FloatArray
    weights: FloatArray


def error_by_label(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    classes: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> LabelErrors:
    """Mean absolute error of each true label.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,) or (n_samples, 2)
        Exact labels or intervals. An interval of w labels counts for each of them with the
        weight 1 / w; its error is the distance of the prediction to the interval.
    y_pred : array-like of shape (n_samples,)
        Predicted labels.
    classes : array-like of shape (n_classes,), default=None
        The ordered scale. By default the numbers that occur in `y_true`.
    sample_weight : array-like of shape (n_samples,), default=None
        Nonnegative weights of the samples.

    Returns
    -------
    labels : ndarray of shape (n_labels,)
        The labels that some sample of positive weight allows, in the order of the scale.
    errors : ndarray of shape (n_labels,)
        Mean absolute error of each, in the labels' own unit, in steps for strings.
    weights : ndarray of shape (n_labels,)
        What the samples of each label weigh; their number if all are exact and of weight 1.

    Raises
    ------
    ValueError, TypeError
        As for :func:`interval_insensitive_loss`.

    Examples
    --------
    >>> from vilma.metrics import error_by_label
    >>> error_by_label([1, 1, 2], [1, 2, 4]).errors
    array([0.5, 2. ])
    """
    pair = read_pair(y_true, y_pred, classes)
    distances = pair.distances()
    scale = pair.scale_in_use()
    lower, upper = encode_endpoints(pair.truth, scale, name="y_true")
    weights = read_weights(sample_weight, len(distances))
    support = spread(lower, upper, weights, len(scale))
    errors = spread(lower, upper, weights * distances, len(scale))
    # What is left of sums of differences is rounding where no interval lies.
    used = spread(lower, upper, (weights > 0).astype(np.float64), len(scale)) > 1e-9
    return LabelErrors(scale[used], np.maximum(errors[used], 0.0) / support[used], support[used])


def macro_averaged_mean_absolute_error(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    classes: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Mean over the labels of the mean absolute error of each.

    Rare labels count as much as frequent ones.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,) or (n_samples, 2)
        Exact labels or intervals, see :func:`error_by_label`.
    y_pred : array-like of shape (n_samples,)
        Predicted labels.
    classes : array-like of shape (n_classes,), default=None
        The ordered scale. By default the numbers that occur in `y_true`.
    sample_weight : array-like of shape (n_samples,), default=None
        Nonnegative weights of the samples.

    Returns
    -------
    error : float
        In the labels' own unit, in steps for strings. The best value is 0.

    Raises
    ------
    ValueError, TypeError
        As for :func:`interval_insensitive_loss`.

    References
    ----------
    Baccianella, Esuli, Sebastiani: Evaluation measures for ordinal regression, ISDA, 2009.

    Examples
    --------
    >>> from vilma.metrics import macro_averaged_mean_absolute_error
    >>> macro_averaged_mean_absolute_error([1, 1, 2], [1, 2, 4])
    1.25
    """
    by_label = error_by_label(y_true, y_pred, classes=classes, sample_weight=sample_weight)
    return float(by_label.errors.mean())


def maximum_mean_absolute_error(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    classes: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Mean absolute error of the label where it is largest.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,) or (n_samples, 2)
        Exact labels or intervals, see :func:`error_by_label`.
    y_pred : array-like of shape (n_samples,)
        Predicted labels.
    classes : array-like of shape (n_classes,), default=None
        The ordered scale. By default the numbers that occur in `y_true`.
    sample_weight : array-like of shape (n_samples,), default=None
        Nonnegative weights of the samples.

    Returns
    -------
    error : float
        In the labels' own unit, in steps for strings. The best value is 0.

    Raises
    ------
    ValueError, TypeError
        As for :func:`interval_insensitive_loss`.

    References
    ----------
    Cruz-Ramirez et al.: Metrics to guide a multi-objective evolutionary algorithm for ordinal
    classification, Neurocomputing 135, 2014.

    Examples
    --------
    >>> from vilma.metrics import maximum_mean_absolute_error
    >>> maximum_mean_absolute_error([1, 1, 2], [1, 2, 4])
    2.0
    """
    by_label = error_by_label(y_true, y_pred, classes=classes, sample_weight=sample_weight)
    return float(by_label.errors.max())


def spread(lower: IntArray, upper: IntArray, values: FloatArray, n_classes: int) -> FloatArray:
    """Divide each value equally among the labels of its interval, and add up by label."""
    parts = values / (upper - lower + 1)
    added = np.bincount(lower, parts, minlength=n_classes)
    removed = np.bincount(upper + 1, parts, minlength=n_classes + 1)[:n_classes]
    if (lower == upper).all():  # sums without rounding
        return np.asarray(added, dtype=np.float64)
    return np.asarray(np.cumsum(added - removed), dtype=np.float64)
