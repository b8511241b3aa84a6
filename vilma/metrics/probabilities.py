"""Scores of predicted distributions and of prediction intervals."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_array

from vilma._numbers import as_numbers
from vilma.labels import (
    Endpoints,
    encode_endpoints,
    in_class_order,
    read_endpoints,
    read_scale,
)
from vilma.labels.scale import ordered_categories
from vilma.metrics._reading import (
    FloatArray,
    labels_in_use,
    number_ends,
    read_truth,
    require_match,
    require_scale,
    weighted_mean,
)


def ranked_probability_score(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    *,
    classes: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Squared error of cumulative probabilities, summed over the thresholds of the scale.

    For every threshold k, the predicted probability of a label up to k is compared with whether
    the true one is up to k. Where an interval leaves that open, the threshold does not count.
    The score is proper: on exact labels, nothing is better on average than the true distribution.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,) or (n_samples, 2)
        Exact labels or intervals.
    y_proba : array-like of shape (n_samples, n_classes) or (n_samples,)
        Probabilities of the labels, as `predict_proba` returns them: columns in sorted order of
        the labels, `classes_`, which for strings need not be that of the scale. One column holds
        those of the second of two labels.
    classes : array-like of shape (n_classes,), default=None
        The ordered scale. By default the categories of `y_true` if ordered, otherwise the
        numbers that occur in it, if they are as many as the columns.
    sample_weight : array-like of shape (n_samples,), default=None
        Nonnegative weights of the samples.

    Returns
    -------
    score : float
        Between 0 and n_classes - 1. The best value is 0.

    Raises
    ------
    ValueError
        If labels are malformed or not on the scale, the scale is needed and missing, or the
        probabilities are not numbers between 0 and 1 that sum to 1 in each row.

    References
    ----------
    Epstein: A scoring system for probability forecasts of ranked categories, Journal of Applied
    Meteorology 8, 1969.

    Examples
    --------
    >>> from vilma.metrics import ranked_probability_score
    >>> proba = [[0.5, 0.5, 0.0], [0.0, 0.25, 0.75]]
    >>> ranked_probability_score([1, 3], proba, classes=[1, 2, 3])
    0.15625
    >>> ranked_probability_score([(1, 2), (3, 3)], proba, classes=[1, 2, 3])
    0.03125

    Columns of strings are in the order of the alphabet:

    >>> proba = [[0.0, 0.5, 0.5], [0.75, 0.0, 0.25]]  # high, low, medium
    >>> ranked_probability_score(["low", "high"], proba, classes=["low", "medium", "high"])
    0.15625
    """
    return weighted_mean(_scores(*_read_scored(y_true, y_proba, classes)), sample_weight)


def interval_log_loss(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    *,
    classes: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Mean negative logarithm of the probability of what was annotated.

    For an interval that is the probability of all labels in it together. For exact labels this
    is scikit-learn's ``log_loss``.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,) or (n_samples, 2)
        Exact labels or intervals.
    y_proba : array-like of shape (n_samples, n_classes) or (n_samples,)
        Probabilities of the labels, as for :func:`ranked_probability_score`.
    classes : array-like of shape (n_classes,), default=None
        As for :func:`ranked_probability_score`.
    sample_weight : array-like of shape (n_samples,), default=None
        Nonnegative weights of the samples.

    Returns
    -------
    loss : float
        Nonnegative. Probabilities count as 2.2e-16 at least, as in ``log_loss``, so that a single
        impossible label does not make it infinite.

    Raises
    ------
    ValueError
        As for :func:`ranked_probability_score`.

    Examples
    --------
    >>> from vilma.metrics import interval_log_loss
    >>> proba = [[0.5, 0.5, 0.0], [0.0, 0.25, 0.75]]
    >>> round(interval_log_loss([(1, 2), (3, 3)], proba, classes=[1, 2, 3]), 4)
    0.1438
    """
    proba, lower, upper = _read_scored(y_true, y_proba, classes)
    below = np.concatenate([np.zeros((len(proba), 1)), np.cumsum(proba, axis=1)], axis=1)
    rows = np.arange(len(proba))
    annotated = below[rows, upper + 1] - below[rows, lower]
    # A sum of one is exact; differences of sums lose small probabilities.
    annotated = np.where(lower == upper, proba[rows, lower], annotated)
    least = np.finfo(np.float64).eps
    return weighted_mean(-np.log(np.clip(annotated, least, 1.0)), sample_weight)


def prediction_interval_coverage(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    require: Literal["all", "any"] = "all",
    classes: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Share of the prediction intervals that contain what is true.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,) or (n_samples, 2)
        Exact labels or intervals.
    y_pred : array-like of shape (n_samples, 2)
        First and last label of each prediction interval, both included.
    require : {"all", "any"}, default="all"
        Of an interval in `y_true`, whether all labels or any one must be inside. If annotations
        contain the true label, the coverage of true labels lies between the two.
    classes : array-like of shape (n_classes,), default=None
        The ordered scale; needed for strings that are no ordered categories.
    sample_weight : array-like of shape (n_samples,), default=None
        Nonnegative weights of the samples.

    Returns
    -------
    coverage : float
        A share between 0 and 1.

    Raises
    ------
    ValueError, TypeError
        As for :func:`interval_insensitive_loss`, and if `require` is something else.

    See Also
    --------
    interval_coverage : The share of single predictions inside annotated intervals.

    Examples
    --------
    >>> from vilma.metrics import prediction_interval_coverage
    >>> prediction_interval_coverage([3, 7], [(2, 4), (3, 6)])
    0.5
    """
    if not isinstance(require, str) or require not in {"all", "any"}:
        raise ValueError(f"require should be 'all' or 'any', got {require!r}.")
    given = ordered_categories(y_true) if classes is None else classes
    scale = None if given is None else read_scale(given)
    truth = read_truth(y_true, scale)
    predicted = read_endpoints(y_pred, name="y_pred", scale=scale)
    require_match(truth, predicted)
    (lower, upper), (first, last) = (
        _ends(each, scale, name) for each, name in ((truth, "y_true"), (predicted, "y_pred"))
    )
    if require == "all":
        covered = (first <= lower) & (upper <= last)
    else:
        covered = (first <= upper) & (lower <= last)
    return weighted_mean(covered, sample_weight)


def _ends(
    endpoints: Endpoints, scale: NDArray[Any] | None, name: str
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the ends of intervals as positions on the scale, or as numbers without one."""
    if endpoints.strings or scale is not None:
        return encode_endpoints(endpoints, require_scale(scale, "Strings"), name=name)
    return number_ends(endpoints)


def _scores(proba: FloatArray, lower: NDArray[np.int64], upper: NDArray[np.int64]) -> FloatArray:
    """Sum F_k^2 over the thresholds k < lower, and (1 - F_k)^2 over k >= upper."""
    rows = np.arange(len(proba))
    cumulative = np.cumsum(proba, axis=1)[:, :-1]
    none = np.zeros((len(proba), 1))
    below = np.concatenate([none, np.cumsum(cumulative**2, axis=1)], axis=1)
    above = np.concatenate([none, np.cumsum((1.0 - cumulative) ** 2, axis=1)], axis=1)
    return below[rows, lower] + (above[:, -1] - above[rows, upper])


def _read_scored(
    y_true: ArrayLike, y_proba: ArrayLike, classes: ArrayLike | None
) -> tuple[FloatArray, NDArray[np.int64], NDArray[np.int64]]:
    """Read probabilities and annotations that belong together; both along the scale."""
    proba = _read_probabilities(y_proba)
    given = ordered_categories(y_true) if classes is None else classes
    scale = None if given is None else read_scale(given)
    truth = read_truth(y_true, scale)
    if scale is None:
        scale = require_scale(None, "Strings") if truth.strings else labels_in_use(truth)
    if len(scale) != proba.shape[1]:
        raise ValueError(
            f"y_proba has {proba.shape[1]} columns but the scale has {len(scale)} labels; pass "
            "`classes`, one label per column, lowest first."
        )
    if len(truth.lower) != len(proba):
        raise ValueError(
            f"y_true has {len(truth.lower)} samples but y_proba has {len(proba)} rows; expected "
            "one row of probabilities per annotation."
        )
    along_scale = np.argsort(in_class_order(scale))  # the columns follow the sorted labels
    return proba[:, along_scale], *encode_endpoints(truth, scale, name="y_true")


def _read_probabilities(y_proba: ArrayLike) -> FloatArray:
    proba = check_array(
        as_numbers(y_proba, "y_proba"), ensure_2d=False, dtype=np.float64, input_name="y_proba"
    )
    if proba.ndim == 1 or proba.shape[1] == 1:
        second = proba.reshape(-1, 1)
        proba = np.concatenate([1.0 - second, second], axis=1)
    outside = ((proba < 0) | (proba > 1)).any(axis=1)
    if outside.any():
        row = int(np.argmax(outside))
        raise ValueError(
            f"y_proba should be between 0 and 1, but row {row} is {proba[row].tolist()}."
        )
    sums = proba.sum(axis=1)
    off = np.abs(sums - 1.0) > 1e-6
    if off.any():
        row = int(np.argmax(off))
        raise ValueError(
            f"The probabilities of a row should sum to 1, but those of row {row} sum to "
            f"{sums[row]:.6g}."
        )
    return proba
