"""The interval-insensitive loss: what is wrong beyond doubt, and nothing else, costs."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from vilma.losses.distance import FloatArray


def interval_insensitive(
    cost: FloatArray, lower: ArrayLike, upper: ArrayLike, predicted: ArrayLike
) -> FloatArray:
    """Evaluate the interval-insensitive loss of a V-shaped loss.

    A prediction ``y`` against the annotation ``[l, u]`` costs nothing if ``l <= y <= u``,
    ``cost[y, l]`` if it is below, and ``cost[y, u]`` if it is above. For ``l = u`` this is the
    loss itself.

    Parameters
    ----------
    cost : ndarray of shape (n_classes, n_classes)
        Costs of predictions (rows) for true labels (columns), from
        :func:`~vilma.losses.cost_matrix`.
    lower, upper : array-like of int
        Codes of the first and the last label that each annotation allows, ``lower <= upper``.
    predicted : array-like of int
        Codes of the predictions. The three are broadcast against each other.

    Returns
    -------
    losses : ndarray, dtype=float64
        The loss of every prediction.

    References
    ----------
    Antoniuk, Franc, Hlavac: V-shaped interval insensitive loss for ordinal classification,
    Machine Learning 103, 2016; equation (5).

    Examples
    --------
    >>> from vilma.losses import cost_matrix, interval_insensitive
    >>> interval_insensitive(cost_matrix("mae", 5), lower=1, upper=2, predicted=[0, 1, 2, 3, 4])
    array([1., 0., 0., 1., 2.])
    """
    predicted = np.asarray(predicted)
    # The nearest allowed label is the prediction itself inside, where the diagonal gives 0.
    nearest = np.clip(predicted, lower, upper)
    return cost[predicted, nearest]
