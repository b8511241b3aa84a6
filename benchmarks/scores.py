"""Errors of predictions."""

from __future__ import annotations

import numpy as np

__all__ = ["losses_outside", "score"]


def score(truth: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """Return mean absolute error and macro-averaged mean absolute error."""
    # Not above: these imports must not count as memory of what has been fitted.
    from sklearn.metrics import mean_absolute_error

    from vilma.metrics import macro_averaged_mean_absolute_error

    return {
        "mae": float(mean_absolute_error(truth, predicted)),
        "macro_mae": float(macro_averaged_mean_absolute_error(truth, predicted)),
    }


def losses_outside(intervals: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Return every prediction's distance from its interval."""
    return np.abs(predicted - np.clip(predicted, intervals[:, 0], intervals[:, 1]))
