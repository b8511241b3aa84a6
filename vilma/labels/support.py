"""How many annotations speak of each threshold between neighbouring labels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["count_support"]


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
