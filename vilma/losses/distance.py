"""Losses which depend on the distance between two labels.

Such a loss is a function ``delta`` with ``delta(0) = 0`` that grows, weakly, with the distance.
To add a named one, write it as a function of an array of distances into ``NAMED_LOSSES``.
"""

from __future__ import annotations

import numbers
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]

LossName = Literal["mae", "zero_one", "squared"]
# What users give as a loss: a name, a function of the distance, or a matrix of costs.
Loss: TypeAlias = LossName | Callable[[float], float] | NDArray[Any] | Sequence[Sequence[float]]

NAMED_LOSSES: dict[str, Callable[[FloatArray], FloatArray]] = {
    "mae": lambda d: d,
    "zero_one": lambda d: (d > 0).astype(np.float64),
    "squared": lambda d: d * d,
}


def distance_loss(loss: str | Callable[[float], float], distances: ArrayLike) -> FloatArray:
    """Evaluate a loss at distances between labels.

    Parameters
    ----------
    loss : {"mae", "zero_one", "squared"} or callable
        The name of a loss, or a function ``delta`` of one distance, which is called with one
        number at a time, once for each distinct distance in increasing order; whole distances
        are passed as int, others as float.
    distances : array-like of any shape
        Nonnegative distances.

    Returns
    -------
    costs : ndarray, same shape as `distances`, dtype=float64
        ``delta(d)`` for every distance ``d``.

    Raises
    ------
    ValueError
        If the name is unknown, or the function is not zero at zero, returns what is not a finite
        number, or falls as the distance grows.
    TypeError
        If `loss` is neither a name nor callable.

    Examples
    --------
    >>> from vilma.losses import distance_loss
    >>> distance_loss("squared", [0, 1, 3])
    array([0., 1., 9.])
    >>> distance_loss(lambda d: min(d, 2), [0, 1, 3])
    array([0., 1., 2.])
    """
    d = np.asarray(distances, dtype=np.float64)
    if isinstance(loss, str):
        if loss not in NAMED_LOSSES:
            raise ValueError(
                f"Unknown loss {loss!r}; expected one of {sorted(NAMED_LOSSES)}, a function of "
                "the distance between two labels, or a cost matrix."
            )
        return NAMED_LOSSES[loss](d)
    if not callable(loss):
        raise TypeError(
            f"A loss is one of {sorted(NAMED_LOSSES)} or a function of the distance between two "
            f"labels; got {loss!r} of type {type(loss).__name__}."
        )
    # Zero is always evaluated, so that the function is checked there.
    distinct, place = np.unique(np.concatenate([[0.0], d.ravel()]), return_inverse=True)
    costs = np.array([_call(loss, distance) for distance in distinct.tolist()])
    _check_v_shape(costs, distinct)
    return costs[place.ravel()[1:]].reshape(d.shape)


def _call(delta: Callable[[float], float], distance: float) -> float:
    argument = int(distance) if distance.is_integer() else distance
    cost = delta(argument)
    if isinstance(cost, np.ndarray) and cost.ndim == 0:
        cost = cost.item()
    if not isinstance(cost, (numbers.Real, np.bool_)) or not np.isfinite(cost):
        raise ValueError(
            "The loss should be a finite number at every distance, but is "
            f"{cost!r} at the distance {argument}."
        )
    return float(cost)


def _check_v_shape(costs: FloatArray, distances: FloatArray) -> None:
    if costs[0] != 0:
        raise ValueError(f"The loss should be 0 at the distance 0, but is {costs[0]:g} there.")
    falls = costs[1:] < costs[:-1]
    if falls.any():
        k = int(np.argmax(falls))
        raise ValueError(
            "The loss should not fall as the distance grows, but is "
            f"{costs[k]:g} at the distance {distances[k]:g} and {costs[k + 1]:g} at "
            f"{distances[k + 1]:g}."
        )
