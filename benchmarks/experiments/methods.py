"""Ways of learning from intervals, all under one rule for their options."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from benchmarks.adapters import Adapter
from vilma import VILMA, CalibratedOrdinalClassifier, vilma_path
from vilma.estimators.base import LinearOrdinalClassifier

__all__ = [
    "AdapterMethod",
    "CalibratedMethod",
    "EncodedMethod",
    "EstimatorMethod",
    "MedianMethod",
    "Method",
    "Predictor",
]


class Predictor(Protocol):
    """Anything fitted."""

    def predict(self, X: Any) -> np.ndarray: ...


class Method(ABC):
    """A row of a table.

    Attributes
    ----------
    name : str
        What tables call it.
    view : str
        The form of X it takes, see `benchmarks.experiments.views.Views`.
    candidates : sequence
        Options among which validation decides, from the most regularised on.
    """

    name: str
    view: str = "own"
    candidates: Sequence[Any]

    @abstractmethod
    def fit(
        self, X: Any, intervals: np.ndarray, classes: np.ndarray, candidates: Sequence[Any]
    ) -> list[Predictor]:
        """Return a fit for each of the candidates.

        Parameters
        ----------
        X : matrix of shape (n_samples, n_features)
            In the form of `view`.
        intervals : ndarray of shape (n_samples, 2)
            Labels of the scale.
        classes : ndarray of shape (n_classes,)
            The scale: consecutive whole numbers.
        candidates : sequence
            Some of those of the method, in their order.
        """

    def missing(self) -> str | None:
        """Say what to install for it, if anything."""
        return None


class EstimatorMethod(Method):
    """One of vilma's estimators, along the path of alphas.

    Parameters
    ----------
    name : str
        What tables call it.
    estimator : estimator
        With everything but alpha and the scale.
    alphas : sequence of float
        From the largest down.
    """

    def __init__(
        self, name: str, estimator: LinearOrdinalClassifier, alphas: Sequence[float]
    ) -> None:
        self.name = name
        self.candidates = alphas
        self._estimator = estimator

    def fit(self, X, intervals, classes, candidates):
        estimator = self._estimator.set_params(classes=classes)
        return vilma_path(X, intervals, candidates, estimator=estimator)


class CalibratedMethod(Method):
    """Medians of the probabilities that a cumulative link makes of VILMA's projection.

    Parameters
    ----------
    name : str
        What tables call it.
    alphas : sequence of float
        From the largest down.
    """

    def __init__(self, name: str, alphas: Sequence[float]) -> None:
        self.name = name
        self.candidates = alphas

    def fit(self, X, intervals, classes, candidates):
        return [
            CalibratedOrdinalClassifier(
                VILMA(alpha, loss="squared", max_iter=10_000), cv=3, classes=classes
            ).fit(X, intervals)
            for alpha in candidates
        ]


class EncodedMethod(EstimatorMethod):
    """One of vilma's estimators on columns that a transformer makes of the others.

    Parameters
    ----------
    name : str
        What tables call it.
    transformer : transformer
        Fitted to the training rows without their labels.
    estimator : estimator
        With everything but alpha and the scale.
    alphas : sequence of float
        From the largest down.
    """

    def __init__(
        self,
        name: str,
        transformer: Any,
        estimator: LinearOrdinalClassifier,
        alphas: Sequence[float],
    ) -> None:
        super().__init__(name, estimator, alphas)
        self._transformer = transformer

    def fit(self, X, intervals, classes, candidates):
        transformer = clone(self._transformer)
        models = super().fit(transformer.fit_transform(X), intervals, classes, candidates)
        return [make_pipeline(transformer, model) for model in models]


class AdapterMethod(Method):
    """A competitor of the benchmark suite.

    Parameters
    ----------
    name : str
        What tables call it.
    adapter : type of Adapter
        How it is called.
    view : str
        The form of X it takes.
    **changes
        Lists of options that replace those of the adapter.
    """

    def __init__(self, name: str, adapter: type[Adapter], view: str, **changes: Any) -> None:
        self.name = name
        self.view = view
        self.candidates = adapter.candidates(changes)
        self._adapter = adapter

    def fit(self, X, intervals, classes, candidates):
        fits: list[Predictor] = []
        for options in candidates:
            model = self._adapter(options, classes, threads=1)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # competitors use what others have deprecated
                model.fit(X, intervals)
            fits.append(model)
        return fits

    def missing(self):
        return None if self._adapter.installed() else f"install {self._adapter.package}"


class MedianMethod(Method):
    """The one label with the least interval-insensitive absolute error.

    It is a median of the intervals' ends, since a distance from [l, u] is half the sum of those
    from l and from u, less half the width.
    """

    name = "median"
    candidates = (None,)

    def fit(self, X, intervals, classes, candidates):
        label = np.sort(intervals, axis=None)[intervals.size // 2]
        return [_Constant(label) for _ in candidates]


class _Constant:
    def __init__(self, label: Any) -> None:
        self._label = label

    def predict(self, X: Any) -> np.ndarray:
        return np.full(X.shape[0], self._label)
