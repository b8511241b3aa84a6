"""Agreement beyond chance on an ordered scale."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from vilma.metrics._reading import read_pair, read_weights


def quadratic_weighted_kappa(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    classes: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Quadratic weighted kappa of Cohen, for exact or interval labels.

    ``1 - D / E``: D is the mean squared distance of the predictions to their intervals, E the
    mean over all pairs of an interval and a prediction, what predictions dealt out at random
    would get. Distances are in steps of the scale. On exact labels this is scikit-learn's
    ``cohen_kappa_score(weights="quadratic")``.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,) or (n_samples, 2)
        Exact labels or intervals.
    y_pred : array-like of shape (n_samples,)
        Predicted labels.
    classes : array-like of shape (n_classes,), default=None
        The ordered scale. By default the numbers that occur in `y_true` or `y_pred`, in which
        case labels that nobody used make no step.
    sample_weight : array-like of shape (n_samples,), default=None
        Nonnegative weights of the samples.

    Returns
    -------
    kappa : float
        1 for predictions inside all intervals, about 0 for what chance gives. NaN if chance could
        not be wrong, as if all labels and all predictions are the same.

    Raises
    ------
    ValueError, TypeError
        As for :func:`interval_insensitive_loss`.

    References
    ----------
    Cohen: Weighted kappa, Psychological Bulletin 70, 1968.

    Examples
    --------
    >>> from vilma.metrics import quadratic_weighted_kappa
    >>> quadratic_weighted_kappa([1, 2, 3, 3], [1, 2, 3, 2])
    0.8
    """
    pair = read_pair(y_true, y_pred, classes)
    scale = pair.scale_in_use(pair.predicted)
    lower, upper, at = pair.on_scale(scale)
    weights = read_weights(sample_weight, len(at))
    weights = weights / weights.sum()
    n = len(scale)
    observed = np.sum(weights * (at - np.clip(at, lower, upper)) ** 2)

    predictions = np.bincount(at, weights, minlength=n)
    key, place = np.unique(lower * n + upper, return_inverse=True)
    annotations = np.bincount(place.ravel(), weights)
    codes = np.arange(n)
    nearest = np.clip(codes, (key // n)[:, np.newaxis], (key % n)[:, np.newaxis])
    expected = annotations @ ((codes - nearest) ** 2) @ predictions
    return float(1.0 - observed / expected) if expected > 0 else float("nan")
