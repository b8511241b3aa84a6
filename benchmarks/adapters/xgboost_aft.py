"""XGBoost: accelerated failure time trees, which take interval bounds."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from benchmarks.adapters.base import Adapter
from benchmarks.adapters.label_forms import LATENT_RANGE, LatentScale

__all__ = ["XGBoostAFT"]


class XGBoostAFT(Adapter):
    """The logarithm of the time is the label, up to a linear map; 100 trees by histograms."""

    name = "xgboost-aft"
    package = module = "xgboost"
    labels = "intervals"
    containers = frozenset({"dense", "csr"})
    defaults: ClassVar[dict[str, Any]] = {
        "aft_loss_distribution_scale": (2.0, 1.0, 0.5),
        "num_boost_round": 100,
    }

    def fit(self, X: Any, intervals: np.ndarray) -> None:
        import xgboost

        self._latent = LatentScale(self.classes)
        lower, upper = self._latent.bounds(intervals)
        data = xgboost.DMatrix(
            X,
            label_lower_bound=np.exp(lower),
            label_upper_bound=np.exp(upper),
            nthread=self.threads,
        )
        parameters = {
            "objective": "survival:aft",
            "aft_loss_distribution": "normal",
            "aft_loss_distribution_scale": self.options["aft_loss_distribution_scale"],
            "base_score": float(np.exp(LATENT_RANGE / 2)),
            "tree_method": "hist",
            "nthread": self.threads,
            "seed": 0,
        }
        self._model = xgboost.train(parameters, data, self.options["num_boost_round"])

    def predict(self, X: Any) -> np.ndarray:
        import xgboost

        times = self._model.predict(xgboost.DMatrix(X, nthread=self.threads))
        return self.on_scale(self._latent.labels(np.log(times)))
