"""intreg: a normal regression of intervals by maximum likelihood."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.adapters.base import Adapter
from benchmarks.adapters.label_forms import LatentScale

__all__ = ["IntregModel"]


class IntregModel(Adapter):
    """MeIntReg without random effects; its BFGS differentiates numerically."""

    name = "intreg"
    package = module = "intreg"
    labels = "intervals"

    def fit(self, X: Any, intervals: np.ndarray) -> None:
        from intreg import MeIntReg

        self._latent = LatentScale(self.classes)
        lower, upper = self._latent.bounds(intervals)
        self._coef = MeIntReg(lower, upper, _with_constant(X)).fit().result.x[: X.shape[1] + 1]

    def predict(self, X: Any) -> np.ndarray:
        return self.on_scale(self._latent.labels(_with_constant(X) @ self._coef))


def _with_constant(X: np.ndarray) -> np.ndarray:
    return np.column_stack([X, np.ones(len(X))])
