"""Labels and weights as the surrogates take them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

__all__ = ["LabeledWeights"]


class LabeledWeights(NamedTuple):
    """The labels and weights of one problem, checked: what every surrogate is built from.

    Labels are the codes 0, ..., n_classes - 1; threshold k separates label k from k + 1.
    """

    lower: np.ndarray  # (m,) int64
    upper: np.ndarray  # (m,) int64, lower <= upper
    weight: np.ndarray  # (m,) float64, positive
    n_classes: int
