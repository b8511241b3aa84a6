"""Scores of the distance between predictions and intervals."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from vilma._numbers import as_numbers, require_number
from vilma.metrics._reading import read_pair, weighted_mean


def cumulative_score(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    k: float = 5,
    classes: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Share of the predictions that are off by at most k, CS(k).

    Parameters
    ----------
    y_true : array-like of shape (n_samples,) or (n_samples, 2)
        Exact labels or intervals; the distance to an interval is 0 inside.
    y_pred : array-like of shape (n_samples,)
        Predicted labels.
    k : float, default=5
        Largest distance that counts as good, in the labels' own unit, or in steps of the scale
        for strings.
    classes : array-like of shape (n_classes,), default=None
        The ordered scale; needed for strings that are no ordered categories.
    sample_weight : array-like of shape (n_samples,), default=None
        Nonnegative weights of the samples.

    Returns
    -------
    score : float
        A share between 0 and 1. The best value is 1.

    Raises
    ------
    ValueError, TypeError
        As for :func:`interval_insensitive_loss`, and if `k` is negative.

    Examples
    --------
    >>> from vilma.metrics import cumulative_score
    >>> cumulative_score([[20, 30], [40, None], [25, 25]], [33, 60, 24], k=1)
    0.6666666666666666
    """
    require_number("k", k)
    if not k >= 0:
        raise ValueError(f"k should not be negative, got {k!r}.")
    distances = read_pair(y_true, y_pred, classes).distances()
    return weighted_mean(distances <= k, sample_weight)


def epsilon_error(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    sigma: ArrayLike = 1.0,
    classes: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Error of predictions of a quantity that annotators see differently.

    The mean of ``1 - exp(-d**2 / (2 sigma**2))`` for the distance d between prediction and
    label, or interval.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,) or (n_samples, 2)
        Mean opinions, or intervals. Fractions are allowed.
    y_pred : array-like of shape (n_samples,)
        Predictions.
    sigma : float or array-like of shape (n_samples,), default=1.0
        Standard deviation of the opinions on each sample, or one for all.
    classes : array-like of shape (n_classes,), default=None
        The ordered scale; needed for strings that are no ordered categories.
    sample_weight : array-like of shape (n_samples,), default=None
        Nonnegative weights of the samples.

    Returns
    -------
    error : float
        Between 0 and 1. The best value is 0.

    Raises
    ------
    ValueError, TypeError
        As for :func:`interval_insensitive_loss`, and if `sigma` is not positive or of another
        length.

    References
    ----------
    Escalera et al.: ChaLearn Looking at People 2015: apparent age and cultural event
    recognition, ICCV Workshops, 2015.

    Examples
    --------
    >>> from vilma.metrics import epsilon_error
    >>> round(epsilon_error([20, 30.5], [22, 30.5], sigma=[2, 5]), 4)
    0.1967
    """
    distances = read_pair(y_true, y_pred, classes).distances()
    deviation = as_numbers(sigma, "sigma")
    if deviation.shape not in {(), distances.shape}:
        raise ValueError(
            f"sigma has shape {deviation.shape}, but there are {len(distances)} samples; expected "
            "one number or one per sample."
        )
    bad = ~((deviation > 0) & np.isfinite(deviation))
    if bad.any():
        where = f" at {int(np.argmax(bad))}" if deviation.ndim else ""
        raise ValueError(f"sigma should be positive, but is {deviation[bad].flat[0]:g}{where}.")
    return weighted_mean(-np.expm1(-((distances / deviation) ** 2) / 2), sample_weight)


def geometric_mean_error(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    floor: float = 0.5,
    classes: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Geometric mean of the absolute errors, none counted below a floor.

    Without a floor, one prediction without error would make the whole mean 0.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,) or (n_samples, 2)
        Exact labels or intervals; the error is 0 inside an interval.
    y_pred : array-like of shape (n_samples,)
        Predicted labels.
    floor : float, default=0.5
        What errors below it count as. One half is the largest error that rounding to whole
        labels hides.
    classes : array-like of shape (n_classes,), default=None
        The ordered scale; needed for strings that are no ordered categories.
    sample_weight : array-like of shape (n_samples,), default=None
        Nonnegative weights of the samples.

    Returns
    -------
    error : float
        At least the floor, which is the best value.

    Raises
    ------
    ValueError, TypeError
        As for :func:`interval_insensitive_loss`, and if the floor is not positive.

    Examples
    --------
    >>> from vilma.metrics import geometric_mean_error
    >>> geometric_mean_error([1, 1, 1], [1, 2, 5])
    1.2599210498948732
    """
    require_number("floor", floor)
    if not (floor > 0 and np.isfinite(floor)):
        raise ValueError(
            f"floor should be positive, got {floor!r}: with a floor of 0, one perfect prediction "
            "would make the mean 0."
        )
    distances = read_pair(y_true, y_pred, classes).distances()
    return float(np.exp(weighted_mean(np.log(np.maximum(distances, floor)), sample_weight)))
