"""What comes into `fit` of the meta-estimators, checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import _safe_indexing, check_consistent_length, indexable

from vilma.labels import IntervalLabels, read_labels
from vilma.metrics._reading import read_weights
from vilma.probability.wrapped import declared_scale
from vilma.surrogates import LabeledWeights

__all__ = ["AnnotatedRows", "read_rows"]


@dataclass(frozen=True)
class AnnotatedRows:
    """Rows with annotations as codes.

    Parameters
    ----------
    X : object
        Whatever the wrapped estimator takes, with rows that can be selected.
    labels : IntervalLabels
        The annotations.
    weight : ndarray of shape (n_samples,) or None
        Nonnegative weights, if any were given.
    """

    X: Any
    labels: IntervalLabels
    weight: np.ndarray | None

    def __len__(self) -> int:
        return len(self.labels.lower)

    @property
    def y(self) -> np.ndarray:
        """Labels of the scale for `fit`: one column if all are exact, else two."""
        classes = self.labels.classes
        if self.labels.exact.all():
            return classes[self.labels.lower]
        return classes[np.stack([self.labels.lower, self.labels.upper], axis=1)]

    def counted(self, rows: np.ndarray | None = None) -> np.ndarray:
        """Return the numbers of the rows, or of some of them, that have a positive weight."""
        rows = np.arange(len(self)) if rows is None else np.arange(len(self))[rows]
        return rows if self.weight is None else rows[self.weight[rows] > 0.0]

    def take(self, rows: np.ndarray) -> AnnotatedRows:
        """Select rows by number."""
        if len(rows) == len(self) and (rows == np.arange(len(self))).all():
            return self
        labels = IntervalLabels(
            self.labels.lower[rows], self.labels.upper[rows], self.labels.classes
        )
        weight = None if self.weight is None else self.weight[rows]
        return AnnotatedRows(_safe_indexing(self.X, rows), labels, weight)

    def weighted(self) -> LabeledWeights:
        """Return codes with weights, 1 where none were given."""
        weight = np.ones(len(self)) if self.weight is None else self.weight
        return LabeledWeights(self.labels.lower, self.labels.upper, weight, self.labels.n_classes)


def read_rows(
    estimator: Any, X: Any, y: ArrayLike, sample_weight: ArrayLike | None, classes: Any
) -> AnnotatedRows:
    """Check labels and weights; X is left to the wrapped estimator.

    Parameters
    ----------
    estimator : object
        The wrapped estimator, whose scale counts if `classes` is None.
    X : array-like of shape (n_samples, n_features)
        Data.
    y : array-like of shape (n_samples,) or (n_samples, 2)
        Exact or interval labels, in any form.
    sample_weight : array-like of shape (n_samples,) or None
        Nonnegative weights.
    classes : array-like of shape (n_classes,) or None
        The ordered scale.

    Returns
    -------
    AnnotatedRows
        All rows.

    Raises
    ------
    ValueError, TypeError
        As `fit` of vilma's estimators does.
    """
    if X is None:
        raise ValueError("X is None; expected the rows that the labels belong to.")
    labels = read_labels(y, declared_scale(estimator) if classes is None else classes)
    (X,) = indexable(X)
    check_consistent_length(X, labels.lower)
    weight = None if sample_weight is None else read_weights(sample_weight, len(labels.lower))
    return AnnotatedRows(X, labels, weight)
