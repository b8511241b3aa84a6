"""Weights of training rows by how frequent their labels are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vilma.deep._torch import torch
from vilma.deep.losses import (
    inverse_weights,
    lds_weights,
    sample_weights,
    sqrt_inverse_weights,
)

__all__ = ["LABEL_WEIGHTS", "LabelWeights", "weigh_labels", "weigh_rows"]

FloatArray = NDArray[np.float64]
LabelWeights = str | Callable[[FloatArray], FloatArray] | None

LabelWeightsName = Literal["inverse", "sqrt_inverse", "lds", "lds_reflect"]

LABEL_WEIGHTS: Mapping[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "inverse": inverse_weights,
    "sqrt_inverse": sqrt_inverse_weights,
    "lds": lds_weights,
    "lds_reflect": partial(lds_weights, reflect=True),
}


def weigh_labels(how: LabelWeights, counts: FloatArray) -> FloatArray:
    """Return a weight for each label.

    Parameters
    ----------
    how : str, callable or None
        A key of ``LABEL_WEIGHTS``, a function of the counts, or None for equal weights.
    counts : ndarray of shape (n_classes,)
        Training rows of each label.

    Returns
    -------
    ndarray of shape (n_classes,)
        Nonnegative weights.

    Raises
    ------
    ValueError
        If a function does not return such.
    """
    if how is None:
        return np.ones(len(counts))
    if isinstance(how, str):
        return np.asarray(LABEL_WEIGHTS[how](torch.from_numpy(counts)), dtype=np.float64)
    weights = np.asarray(how(counts.copy()), dtype=np.float64)
    fit = weights.shape == counts.shape and np.isfinite(weights).all()
    if not fit or (weights < 0).any() or not weights.any():
        raise ValueError(
            "label_weights should turn counts into as many finite nonnegative weights, not all "
            f"zero: expected shape {counts.shape}, got {weights!r}."
        )
    return weights


def weigh_rows(
    weights: FloatArray, lower: NDArray[np.int64], upper: NDArray[np.int64]
) -> FloatArray:
    """Return the mean weight of the labels of each interval.

    Parameters
    ----------
    weights : ndarray of shape (n_classes,)
        Weights of labels.
    lower, upper : ndarray of shape (n_rows,)
        Codes of the first and the last label of each interval.

    Returns
    -------
    ndarray of shape (n_rows,)
        Weights of rows.
    """
    of_rows = sample_weights(
        torch.from_numpy(weights), torch.from_numpy(lower), torch.from_numpy(upper)
    )
    return np.asarray(of_rows, dtype=np.float64)
