"""skordinal: all-threshold logistic regression and the proportional odds model."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from benchmarks.adapters.base import Adapter
from benchmarks.adapters.label_forms import PointLabels

__all__ = ["SkordinalAT", "SkordinalPOM"]


class _SkordinalModel(Adapter):
    package = module = "skordinal"
    defaults: ClassVar[dict[str, Any]] = {"alpha": (100.0, 10.0, 1.0, 0.1)}
    estimator: ClassVar[str]

    def fit(self, X: Any, intervals: np.ndarray) -> None:
        from skordinal import classifiers

        self._points = PointLabels(intervals)
        make = getattr(classifiers, self.estimator)
        self._model = make(**self.options).fit(X, self._points.codes)

    def predict(self, X: Any) -> np.ndarray:
        return self._points.decode(self._model.predict(X))


class SkordinalAT(_SkordinalModel):
    """LogisticAT."""

    name = "skordinal-at"
    estimator = "LogisticAT"


class SkordinalPOM(_SkordinalModel):
    """POM, which predicts the most probable label."""

    name = "skordinal-pom"
    estimator = "POM"
