"""The ordered scale that a fitted estimator has learnt."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline

__all__ = ["fitted_scale"]


def fitted_scale(estimator: Any) -> NDArray[Any] | None:
    """Return the labels that a fitted estimator knows in their order, where it tells.

    Parameters
    ----------
    estimator : object
        A fitted estimator of any package, or a pipeline, search or frozen estimator around one.

    Returns
    -------
    ndarray of shape (n_classes,) or None
        `scale_` of an estimator of vilma. Others have `classes_` only, which is sorted: that is
        the scale of numbers, but says nothing of the order of strings.
    """
    while True:
        if hasattr(estimator, "scale_"):
            return estimator.scale_
        if isinstance(estimator, FrozenEstimator):
            estimator = estimator.estimator
        elif isinstance(estimator, Pipeline):
            estimator = estimator.steps[-1][1]
        elif hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        else:
            break
    classes = getattr(estimator, "classes_", None)
    if classes is None or np.asarray(classes).dtype.kind not in "biuf":
        return None
    return np.asarray(classes)
