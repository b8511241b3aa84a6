"""statsmodels: the ordered logit model, without regularisation."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.adapters.base import Adapter
from benchmarks.adapters.label_forms import PointLabels

__all__ = ["StatsmodelsOrdered"]


class StatsmodelsOrdered(Adapter):
    """OrderedModel, fitted by BFGS; predictions are the medians of its probabilities."""

    name = "statsmodels"
    package = module = "statsmodels"

    def fit(self, X: Any, intervals: np.ndarray) -> None:
        from statsmodels.miscmodels.ordinal_model import OrderedModel

        self._points = PointLabels(intervals)
        model = OrderedModel(self._points.codes, X, distr="logit")
        self._result = model.fit(method="bfgs", maxiter=1000, disp=False)

    def predict(self, X: Any) -> np.ndarray:
        return self._points.median(np.asarray(self._result.predict(X)))
