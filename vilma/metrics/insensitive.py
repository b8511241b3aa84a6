"""Scores of predictions against exact or interval labels."""

from __future__ import annotations

from numpy.typing import ArrayLike

from vilma.losses import cost_matrix, distance_loss, interval_insensitive
from vilma.losses.distance import Loss
from vilma.metrics._reading import read_pair, require_scale, weighted_mean


def interval_insensitive_loss(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    loss: Loss = "mae",
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
        open; all forms of :func:`vilma.labels.read_labels` are welcome.
    y_pred : array-like of shape (n_samples,)
        Predicted labels.
    loss : {"mae", "zero_one", "squared"}, callable or array-like of shape (n_classes, n_classes)
        The name of a loss, or a function of one distance. The distances between numbers are in
        the labels' own unit; those between strings count steps of the scale. A matrix holds the
        costs of predictions (rows) for true labels (columns) and needs `classes`.
    classes : array-like of shape (n_classes,), default=None
        The labels from the lowest to the highest; needed for cost matrices, and for strings
        that are no ordered categories. All labels must be on the scale if it is given.
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
    pair = read_pair(y_true, y_pred, classes)
    if isinstance(loss, str) or callable(loss):
        losses = distance_loss(loss, pair.distances())
    else:
        scale = require_scale(pair.scale, "The rows and columns of a cost matrix")
        losses = interval_insensitive(cost_matrix(loss, len(scale)), *pair.on_scale(scale))
    return weighted_mean(losses, sample_weight)


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
        open; all forms of :func:`vilma.labels.read_labels` are welcome.
    y_pred : array-like of shape (n_samples,)
        Predicted labels.
    classes : array-like of shape (n_classes,), default=None
        The labels from the lowest to the highest; needed for intervals of strings that are no
        ordered categories. All labels must be on the scale if it is given.
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
    pair = read_pair(y_true, y_pred, classes)
    if classes is None and pair.truth.exact:  # being equal needs no order
        return weighted_mean(pair.truth.lower == pair.predicted.lower, sample_weight)
    lower, upper, at = pair.on_number_line()
    return weighted_mean((lower <= at) & (at <= upper), sample_weight)
