"""The score that all classifiers of this package have."""

from __future__ import annotations

from typing import Any

from vilma.labels import scale_with_labels
from vilma.metrics import interval_coverage

__all__ = ["score_inside"]


def score_inside(estimator: Any, X: Any, y: Any, sample_weight: Any) -> float:
    """Return the share of predictions inside their interval.

    Parameters
    ----------
    estimator : object
        Fitted, with `predict` and `classes_`.
    X : array-like of shape (n_samples, n_features)
        Test data.
    y : array-like of shape (n_samples,) or (n_samples, 2)
        Exact labels or intervals; labels that are not in `classes_` are missed.
    sample_weight : array-like of shape (n_samples,) or None
        Sample weights.

    Returns
    -------
    float
        Between 0 and 1.
    """
    classes = scale_with_labels(y, estimator.classes_)
    return interval_coverage(y, estimator.predict(X), classes=classes, sample_weight=sample_weight)
