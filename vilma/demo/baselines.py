"""What people do with interval labels when they have no better way."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.linear_model import Ridge


def midpoints(intervals: NDArray[np.float64], classes: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the middles of intervals; an open end counts as the end of the scale.

    Parameters
    ----------
    intervals : ndarray of shape (n, 2)
        Lower and upper ends; infinite where open.
    classes : ndarray of shape (n_classes,)
        The ordered scale.

    Returns
    -------
    ndarray of shape (n,)
        The middles.

    Examples
    --------
    >>> import numpy as np
    >>> from vilma.demo.baselines import midpoints
    >>> midpoints(np.array([[2.0, 3.0], [5.0, np.inf]]), np.arange(1, 10))
    array([2.5, 7. ])
    """
    return np.clip(intervals, classes[0], classes[-1]).mean(axis=1)


def outside(intervals: NDArray[np.float64], predicted: NDArray[Any]) -> NDArray[np.float64]:
    """Return how far predictions are outside of intervals.

    Parameters
    ----------
    intervals : ndarray of shape (n, 2)
        Lower and upper ends; infinite where open.
    predicted : ndarray of shape (n,)
        Levels.

    Returns
    -------
    ndarray of shape (n,)
        Distances to the nearer end, 0 inside.

    Examples
    --------
    >>> import numpy as np
    >>> from vilma.demo.baselines import outside
    >>> outside(np.array([[2.0, 3.0], [5.0, np.inf]]), np.array([3, 1]))
    array([0., 4.])
    """
    lower, upper = intervals.T
    return np.maximum(np.maximum(lower - predicted, predicted - upper), 0.0)


class RoundedRidge(BaseEstimator):
    """Ridge regression on midpoints, rounded to the nearest level.

    Parameters
    ----------
    alpha : float, default=1.0
        Strength of the regularisation, as :class:`sklearn.linear_model.Ridge` counts it.
    classes : ndarray of shape (n_classes,)
        The ordered scale, consecutive integers.

    Attributes
    ----------
    ridge_ : Ridge
        The regression.
    """

    def __init__(self, alpha: float = 1.0, *, classes: NDArray[np.int64]) -> None:
        self.alpha = alpha
        self.classes = classes

    def fit(
        self, X: Any, y: NDArray[np.float64], sample_weight: NDArray[np.float64] | None = None
    ) -> RoundedRidge:
        """Fit the regression.

        Parameters
        ----------
        X : matrix of shape (n, n_features)
            Features.
        y : ndarray of shape (n, 2)
            Intervals.
        sample_weight : ndarray of shape (n,) or None
            Weights of the rows.

        Returns
        -------
        RoundedRidge
            Itself.
        """
        middles = midpoints(y, self.classes)
        self.ridge_ = Ridge(alpha=self.alpha).fit(X, middles, sample_weight=sample_weight)
        return self

    def predict(self, X: Any) -> NDArray[np.int64]:
        """Predict levels.

        Parameters
        ----------
        X : matrix of shape (n, n_features)
            Features.

        Returns
        -------
        ndarray of shape (n,)
            Levels.
        """
        nearest = np.rint(self.ridge_.predict(X)).astype(np.int64)
        return np.clip(nearest, self.classes[0], self.classes[-1])


class MedianGuess(BaseEstimator):
    """The one level with the least interval-insensitive absolute error, whatever the row.

    It is a median of all ends of the intervals: the distance from [l, u] is half the sum of those
    from l and from u, less half the width.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
        The ordered scale.

    Attributes
    ----------
    guess_ : int
        The level always predicted.
    """

    def __init__(self, *, classes: NDArray[np.int64]) -> None:
        self.classes = classes

    def fit(
        self, X: Any, y: NDArray[np.float64], sample_weight: NDArray[np.float64] | None = None
    ) -> MedianGuess:
        """Find the median.

        Parameters
        ----------
        X : matrix of shape (n, n_features)
            Ignored.
        y : ndarray of shape (n, 2)
            Intervals.
        sample_weight : ndarray of shape (n,) or None
            Weights of the rows.

        Returns
        -------
        MedianGuess
            Itself.
        """
        ends = np.clip(y, self.classes[0], self.classes[-1]).ravel()
        weights = np.ones(len(ends)) if sample_weight is None else np.repeat(sample_weight, 2)
        order = np.argsort(ends, kind="stable")
        reached = np.cumsum(weights[order])
        self.guess_ = int(ends[order[np.searchsorted(reached, reached[-1] / 2, side="right")]])
        return self

    def predict(self, X: Any) -> NDArray[np.int64]:
        """Repeat the guess.

        Parameters
        ----------
        X : matrix of shape (n, n_features)
            Features.

        Returns
        -------
        ndarray of shape (n,)
            Levels.
        """
        return np.repeat(self.guess_, X.shape[0])
