"""lifelines: a log-normal regression of interval-censored times."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.adapters.base import Adapter
from benchmarks.adapters.label_forms import LATENT_RANGE, LatentScale

__all__ = ["LifelinesAFT"]


class LifelinesAFT(Adapter):
    """LogNormalAFTFitter: the logarithm of the time is the label, up to a linear map."""

    name = "lifelines"
    package = module = "lifelines"
    labels = "intervals"

    def fit(self, X: Any, intervals: np.ndarray) -> None:
        import pandas as pd
        from lifelines import LogNormalAFTFitter

        self._latent = LatentScale(self.classes)
        lower, upper = self._latent.bounds(intervals)
        # At a time of 0 its gradient is not a number: open means a time as good as 0 instead.
        lower = np.maximum(lower, -LATENT_RANGE)
        frame = pd.DataFrame(X, columns=_names(X)).assign(lower=np.exp(lower), upper=np.exp(upper))
        self._model = LogNormalAFTFitter().fit_interval_censoring(frame, "lower", "upper")

    def predict(self, X: Any) -> np.ndarray:
        import pandas as pd

        times = self._model.predict_median(pd.DataFrame(X, columns=_names(X)))
        return self.on_scale(self._latent.labels(np.log(np.asarray(times))))


def _names(X: np.ndarray) -> list[str]:
    return [f"x{column}" for column in range(X.shape[1])]
