"""scikit-learn: regression rounded to labels, and classification that knows no order."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from scipy import sparse

from benchmarks.adapters.base import Adapter
from benchmarks.adapters.label_forms import PointLabels, midpoints

__all__ = ["Logistic", "RoundedRidge", "RoundedSVR"]


class _SklearnModel(Adapter):
    package = "scikit-learn"
    module = "sklearn"
    containers = frozenset({"dense", "csr"})


class RoundedRidge(_SklearnModel):
    """Ridge on midpoints; its solver is sparse_cg for sparse data."""

    name = "ridge"
    defaults: ClassVar[dict[str, Any]] = {"alpha": (1000.0, 100.0, 10.0, 1.0)}

    def fit(self, X: Any, intervals: np.ndarray) -> None:
        from sklearn.linear_model import Ridge

        solver = "sparse_cg" if sparse.issparse(X) else "auto"
        self._model = Ridge(**self.options, solver=solver).fit(X, midpoints(intervals))

    def predict(self, X: Any) -> np.ndarray:
        return self.on_scale(self._model.predict(X))


class RoundedSVR(_SklearnModel):
    """LinearSVR on midpoints."""

    name = "linear-svr"
    defaults: ClassVar[dict[str, Any]] = {"C": (0.001, 0.01, 0.1, 1.0)}

    def fit(self, X: Any, intervals: np.ndarray) -> None:
        from sklearn.svm import LinearSVR

        self._model = LinearSVR(**self.options, random_state=0).fit(X, midpoints(intervals))

    def predict(self, X: Any) -> np.ndarray:
        return self.on_scale(self._model.predict(X))


class Logistic(_SklearnModel):
    """LogisticRegression on rounded midpoints; predictions are the most probable labels."""

    name = "logistic"
    defaults: ClassVar[dict[str, Any]] = {"C": (0.01, 0.1, 1.0)}

    def fit(self, X: Any, intervals: np.ndarray) -> None:
        from sklearn.linear_model import LogisticRegression

        self._points = PointLabels(intervals)
        model = LogisticRegression(**self.options, max_iter=1000)
        self._model = model.fit(X, self._points.codes)

    def predict(self, X: Any) -> np.ndarray:
        return self._points.decode(self._model.predict(X))
