"""What annotations say of each threshold between neighbouring labels, and where all agree."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["common_labels", "count_sides", "count_support"]


def count_support(
    lower: NDArray[np.int64], upper: NDArray[np.int64], weight: NDArray[np.float64], n_classes: int
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the weight of the annotations that support, and that cross, each threshold.

    Threshold k separates label k from k + 1. It is *supported* by the annotations that end at k or
    begin at k + 1, and *crossed* by those that contain both labels and so say nothing about it.

    Parameters
    ----------
    lower, upper : ndarray of shape (n_samples,), dtype=int64
        Codes of the first and the last label that each annotation allows.
    weight : ndarray of shape (n_samples,)
        Nonnegative weights.
    n_classes : int
        Number of labels.

    Returns
    -------
    support, crossing : ndarray of shape (n_classes - 1,), dtype=float64
        Sums of weights.
    """
    ending = np.bincount(upper, weight, minlength=n_classes)
    beginning = np.bincount(lower, weight, minlength=n_classes)
    crossing = np.maximum(np.cumsum(beginning - ending)[:-1], 0.0)  # below 0 by rounding alone
    return ending[:-1] + beginning[1:], crossing


def count_sides(
    lower: NDArray[np.int64], upper: NDArray[np.int64], n_classes: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Count the annotations wholly below, and wholly above, each threshold.

    A threshold can be learned if there are both. None lies wholly below a threshold that is lower
    than the lowest such one, and none wholly above one that is higher than the highest.

    Parameters
    ----------
    lower, upper : ndarray of shape (n_samples,), dtype=int64
        Codes of the first and the last label that each annotation allows.
    n_classes : int
        Number of labels.

    Returns
    -------
    below, above : ndarray of shape (n_classes - 1,), dtype=int64
        Numbers of annotations.
    """
    ending = np.bincount(upper, minlength=n_classes)
    beginning = np.bincount(lower, minlength=n_classes)
    return np.cumsum(ending)[:-1], len(lower) - np.cumsum(beginning)[:-1]


def common_labels(lower: NDArray[np.int64], upper: NDArray[np.int64]) -> tuple[int, int] | None:
    """Return the first and last label that every annotation contains, None if there is none.

    Where there is one, no threshold has annotations wholly below it and others wholly above, and
    the label satisfies everybody.

    Parameters
    ----------
    lower, upper : ndarray of shape (n_samples,), dtype=int64
        Codes of the first and the last label that each annotation allows; one at least.

    Returns
    -------
    tuple of (int, int) or None
        Codes.
    """
    first, last = int(lower.max()), int(upper.min())
    return (first, last) if first <= last else None
