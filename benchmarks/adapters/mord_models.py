"""mord: all-threshold ordinal logistic regression."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from benchmarks.adapters.base import Adapter
from benchmarks.adapters.label_forms import PointLabels

__all__ = ["MordAT"]


class MordAT(Adapter):
    """LogisticAT; its labels must be 0, 1, ... without gaps."""

    name = "mord-at"
    package = module = "mord"
    containers = frozenset({"dense", "csr"})
    defaults: ClassVar[dict[str, Any]] = {"alpha": (100.0, 10.0, 1.0, 0.1)}

    def fit(self, X: Any, intervals: np.ndarray) -> None:
        from mord import LogisticAT

        self._points = PointLabels(intervals)
        self._model = LogisticAT(**self.options).fit(X, self._points.codes)

    def predict(self, X: Any) -> np.ndarray:
        return self._points.decode(self._model.predict(X))
