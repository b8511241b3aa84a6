"""The score that all classifiers of this package have."""

from __future__ import annotations

from typing import Any

from vilma.labels import scale_with_labels
from vilma.metrics import interval_coverage

__all__ = ["CoverageScoreMixin"]


class CoverageScoreMixin:
    """`score` for fitted classifiers with `predict` and `scale_`.

    It stands before scikit-learn's `ClassifierMixin`, whose `score` knows exact labels only.
    """

    def score(self: Any, X, y, sample_weight=None) -> float:
        """Return the share of predictions inside their interval.

        For exact labels this is the accuracy.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Test data, in any form that `predict` takes.
        y : array-like of shape (n_samples,) or (n_samples, 2)
            Exact labels or intervals. Labels that are not in `scale_` are missed.
        sample_weight : array-like of shape (n_samples,), default=None
            Sample weights.

        Returns
        -------
        float
            Between 0 and 1.
        """
        predicted = self.predict(X)
        classes = scale_with_labels(y, self.scale_)
        return interval_coverage(y, predicted, classes=classes, sample_weight=sample_weight)
