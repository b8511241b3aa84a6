"""What estimators that wrap another one share."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin
from sklearn.frozen import FrozenEstimator
from sklearn.utils import get_tags
from sklearn.utils._metadata_requests import _routing_enabled
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing

from vilma.estimators import VILMA
from vilma.estimators.scoring import CoverageScoreMixin
from vilma.labels import in_class_order
from vilma.probability.annotated import AnnotatedRows
from vilma.probability.wrapped import weight_arguments, with_scale

__all__ = ["OrdinalMetaEstimator"]


class OrdinalMetaEstimator(CoverageScoreMixin, ClassifierMixin, MetaEstimatorMixin, BaseEstimator):
    """An ordinal classifier that fits another one, the parameter `estimator`."""

    estimator: Any
    scale_: np.ndarray
    classes_: np.ndarray

    def _wrapped(self) -> Any:
        """Return what to fit: the estimator given, or the default."""
        if self.estimator is not None:
            return self.estimator
        default = VILMA(loss="squared")
        return default.set_fit_request(sample_weight=True) if _routing_enabled() else default

    def _fit_wrapped(self, estimator: Any, rows: AnnotatedRows) -> Any:
        """Fit a clone, which knows the whole scale, to rows; a frozen estimator stays as it is."""
        if isinstance(estimator, FrozenEstimator):
            return estimator
        copy = with_scale(estimator, rows.labels.classes)
        return copy.fit(rows.X, rows.y, **self._weight_arguments(estimator, rows.weight))

    def _weight_arguments(self, estimator: Any, weight: np.ndarray | None) -> dict[str, Any]:
        if weight is None:
            return {}
        if _routing_enabled():
            return process_routing(self, "fit", sample_weight=weight)["estimator"]["fit"]
        return weight_arguments(estimator, weight)

    def _store_wrapped(self, estimator: Any, scale: np.ndarray) -> None:
        self.scale_ = scale
        self.classes_ = scale[in_class_order(scale)]
        self.estimator_ = estimator
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(estimator, name):
                setattr(self, name, getattr(estimator, name))

    def get_metadata_routing(self) -> MetadataRouter:
        """Return the routing of sample weights.

        Returns
        -------
        MetadataRouter
            `fit` passes them to `fit` of the estimator, if it requests them.
        """
        return (
            MetadataRouter(owner=self)
            .add_self_request(self)
            .add(
                estimator=self._wrapped(),
                method_mapping=MethodMapping().add(caller="fit", callee="fit"),
            )
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = get_tags(self._wrapped()).input_tags.sparse
        tags.classifier_tags.poor_score = True  # as the estimators of vilma
        return tags
