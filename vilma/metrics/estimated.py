"""The error on true labels, estimated from intervals."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vilma._numbers import as_numbers
from vilma.labels import read_labels
from vilma.labels.support import count_support
from vilma.metrics._reading import Pair, read_pair, read_weights, weighted_mean

__all__ = ["estimated_absolute_error", "threshold_shares"]

FloatArray = NDArray[np.float64]


def threshold_shares(
    y: ArrayLike, *, classes: ArrayLike | None = None, sample_weight: ArrayLike | None = None
) -> FloatArray:
    r"""How often annotations speak of a threshold, where they might pass over it.

    Threshold k, between label k and k + 1, has the share of the annotations that end or begin
    there among these and those that contain both labels. Exact labels have 1 everywhere, brackets
    have 1 at their borders, and where every row answers one question, "at least k?", shares are
    small.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, 2)
        Exact or interval labels, in any form that :func:`vilma.labels.read_labels` takes.
    classes : array-like of shape (n_classes,), default=None
        The ordered scale. By default the labels that occur in `y`.
    sample_weight : array-like of shape (n_samples,), default=None
        Nonnegative weights of the annotations.

    Returns
    -------
    shares : ndarray of shape (n_classes - 1,)
        Between 0 and 1. One below half of the mean (over the annotations that end or begin
        somewhere) is raised to that, as few annotations tell it; one that no annotation touches
        is 1.

    Raises
    ------
    ValueError
        If labels or weights are malformed.

    See Also
    --------
    estimated_absolute_error : What they are needed for.
    vilma.intervals.annotation_report : More about annotations.

    Notes
    -----
    If the annotator of every row draws the thresholds to be decided on independently of the label
    and of one another, this is the maximum likelihood estimate of their probabilities: of a label
    y inside, :math:`[l, u]` has the probability :math:`q_l q_{u+1} \prod_{l < k \le u} (1 - q_k)`
    (here with thresholds numbered by the label above them), whatever y is.

    Examples
    --------
    >>> from vilma.metrics import threshold_shares
    >>> threshold_shares([(1, 2), (3, 3), (1, 2), (4, 4)], classes=[1, 2, 3, 4])
    array([0.5, 1. , 1. ])
    """
    labels = read_labels(y, classes)
    weight = read_weights(sample_weight, len(labels.lower))
    return _shares(labels.lower, labels.upper, weight, labels.n_classes)


def estimated_absolute_error(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    shares: ArrayLike | None = None,
    classes: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> float:
    r"""Mean absolute error on true labels, estimated from intervals.

    The interval-insensitive error is too small, since what an annotation does not tell costs
    nothing; and it is too small by more where predictions are nearly right, so that a choice by
    it counts large errors for too much. Here a prediction inside of its interval costs nothing
    either, and one outside costs its distance and, in addition, the distance that wrong
    predictions inside of intervals are expected to have. On exact labels, and on brackets of one
    partition of the scale, it is the interval-insensitive absolute error.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,) or (n_samples, 2)
        Exact labels, or intervals ``[lower, upper]``; an end may be open.
    y_pred : array-like of shape (n_samples,)
        Predicted labels.
    shares : array-like of shape (n_classes - 1,), default=None
        How often annotations speak of each threshold of the scale: the :func:`threshold_shares`
        of all annotations, if those in `y_true` are some of them. By default those of `y_true`,
        with their weights.
    classes : array-like of shape (n_classes,), default=None
        The ordered scale. By default the labels that occur in `y_true` and `y_pred`; needed for
        strings that are no ordered categories, and with `shares`.
    sample_weight : array-like of shape (n_samples,), default=None
        Nonnegative weights of the samples.

    Returns
    -------
    error : float
        In the labels' own unit, or in steps of the scale for strings. The best value is 0.

    Raises
    ------
    ValueError, TypeError
        As for :func:`interval_insensitive_loss`; if a label is not on the scale, or there is not
        one share, above 0 and at most 1, for each threshold.

    See Also
    --------
    interval_insensitive_loss : The part of the error that the intervals prove.
    threshold_shares : How often annotations speak of a threshold.

    Notes
    -----
    A prediction h below an interval :math:`[l, u]` costs :math:`(l - h) + g_l (1 / q_l - 1)` for
    the share :math:`q_l` of the threshold below l and the distance :math:`g_l` of the two labels
    that it separates; above an interval likewise. If every threshold has been decided on with
    probability q, independently of the label y and of the others, the expectation of this is
    :math:`|y - h|`. By induction over y > h, with S(y) for the expectation: the threshold below y
    is decided on with probability :math:`q_y` and is the end then, else all is as for the label
    below it: :math:`S(y) = q_y (S(y - 1) + g_y + g_y (1 / q_y - 1)) + (1 - q_y) S(y - 1)
    = S(y - 1) + g_y`.

    With a single question for each row, or intervals of one width, thresholds are not decided on
    independently of one another. The cost is nearly proportional to the error all the same: with
    questions drawn evenly, it is :math:`q (d - 1) / 2` too large for an error of d steps, in
    relation to one of a single step.

    References
    ----------
    Schick and Yu: Consistency of the GMLE with mixed case interval-censored data, Scandinavian
    Journal of Statistics 27, 2000: thresholds drawn independently of the label.

    Examples
    --------
    Half of the rows are asked whether the label is above 1, half whether it is above 2. All
    predictions are one too small.

    >>> from vilma.metrics import estimated_absolute_error, interval_insensitive_loss
    >>> y = [(2, 3), (1, 2), (2, 3), (3, 3)]  # of the labels 2, 2, 3 and 3
    >>> predicted = [1, 1, 2, 2]
    >>> interval_insensitive_loss(y, predicted)
    0.5
    >>> estimated_absolute_error(y, predicted)
    0.875
    """
    pair = read_pair(y_true, y_pred, classes)
    if pair.truth.exact:
        return weighted_mean(pair.distances(), sample_weight)
    scale = pair.scale_in_use(pair.predicted)
    lower, upper, at = pair.on_scale(scale)
    if shares is None:
        used = _shares(lower, upper, read_weights(sample_weight, len(at)), len(scale))
    else:
        used = _read_shares(shares, len(scale))
    hidden = _gaps(pair, scale) * (1.0 / used - 1.0)
    outside = np.zeros(len(at))
    below, above = at < lower, at > upper
    outside[below] = hidden[lower[below] - 1]
    outside[above] = hidden[upper[above]]
    return weighted_mean(pair.distances() + outside, sample_weight)


def _shares(
    lower: NDArray[np.int64], upper: NDArray[np.int64], weight: FloatArray, n_classes: int
) -> FloatArray:
    support, crossing = count_support(lower, upper, weight, n_classes)
    if not support.any():
        return np.ones(n_classes - 1)
    touching = support + crossing
    shares = np.divide(support, touching, out=np.ones_like(support), where=touching > 0.0)
    return np.maximum(shares, 0.5 * np.average(shares, weights=support))


def _gaps(pair: Pair, scale: NDArray) -> FloatArray:
    """Return the distances of neighbouring labels."""
    return np.ones(len(scale) - 1) if pair.truth.strings else np.diff(scale.astype(np.float64))


def _read_shares(shares: ArrayLike, n_classes: int) -> FloatArray:
    read = as_numbers(shares, "shares")
    if read.shape != (n_classes - 1,):
        raise ValueError(
            f"shares should have shape {(n_classes - 1,)}, one for each threshold between the "
            f"{n_classes} labels, got {read.shape}. Pass `classes`, the scale of the shares."
        )
    if not ((read > 0.0) & (read <= 1.0)).all():
        raise ValueError(
            f"Every share should be above 0 and at most 1, got {read.tolist()}: see "
            "threshold_shares."
        )
    return read
