"""What fitted estimators say of rows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import numpy as np
from joblib import effective_n_jobs
from numpy.typing import NDArray
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, validate_data

from vilma._numbers import numbers_expected, refuse_dates
from vilma.deep._torch import torch
from vilma.deep.device import find_device, threads
from vilma.deep.network import Network
from vilma.deep.objectives import Task
from vilma.deep.rows import as_input, in_batches
from vilma.deep.sources import ArraySource, DatasetSource, ImageFiles, Source, is_dataset, is_paths
from vilma.estimators.scoring import CoverageScoreMixin
from vilma.labels import in_class_order

__all__ = ["NetworkPredictor"]


class NetworkPredictor(
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    CoverageScoreMixin,
    ClassifierMixin,
    BaseEstimator,
    ABC,
):
    """Predictions of a network that has been trained."""

    network_: Network
    scale_: NDArray
    classes_: NDArray
    _task: Task
    _row_shape: tuple[int, ...]

    @abstractmethod
    def _takes_images(self) -> bool:
        """Tell whether X may have rows of any shape."""

    @abstractmethod
    def _gives_probabilities(self) -> bool:
        """Tell whether there are probabilities of labels."""

    def project(self, X) -> NDArray[np.float64]:
        """Predict where on the scale rows are, between labels too.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, ...), Dataset or paths
            Data to predict.

        Returns
        -------
        ndarray of shape (n_samples,)
            Label values, from the first label to the last; positions 0, 1, 2, ... if labels are
            strings.
        """
        found = self._infer(X, lambda network, Z: network.head.predict(network.head(Z)))
        return self._task.scale.to_values(found)

    def predict(self, X) -> NDArray:
        """Predict labels: those nearest to the projections.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, ...), Dataset or paths
            Data to predict.

        Returns
        -------
        ndarray of shape (n_samples,)
            Labels of `scale_`.
        """
        projected = self.project(X)
        return self._task.scale.nearest(projected)

    @available_if(lambda self: self._gives_probabilities())
    def predict_proba(self, X) -> NDArray[np.float64]:
        """Predict probabilities of labels; only for losses on distributions over labels.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, ...), Dataset or paths
            Data to predict.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        logs = self._infer(X, lambda net, Z: net.head.log_probabilities(net.head(Z)))
        probabilities = np.exp(logs.astype(np.float64))
        probabilities /= probabilities.sum(axis=1, keepdims=True)
        return probabilities[:, in_class_order(self.scale_)]

    def transform(self, X) -> NDArray[np.float32]:
        """Return the learned embedding, which is what the last layer sees.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, ...)
            Data to embed.

        Returns
        -------
        ndarray of shape (n_samples, n_outputs)
            Embeddings.
        """
        return self._infer(X, lambda network, Z: Z)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = self._takes_images()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def __getstate__(self):
        state = super().__getstate__()
        if "network_" in state:  # readable where there is no such device
            state["network_"] = deepcopy(self.network_).cpu()
        return state

    @property
    def _n_features_out(self) -> int:
        return self.network_.embedding_size

    def _read_X(self, X: Any, *, reset: bool) -> Source:
        source = self._make_source(X, reset)
        if reset:
            self._row_shape = source.row_shape
        elif source.row_shape != self._row_shape:
            raise ValueError(
                f"X has rows of shape {source.row_shape}, but {type(self).__name__} was fitted "
                f"with rows of shape {self._row_shape}."
            )
        return source

    def _make_source(self, X: Any, reset: bool) -> Source:
        images = self._takes_images()
        if images and is_paths(X):
            X = ImageFiles(X, self.preprocessing)
        if not is_dataset(X):
            refuse_dates(X, "X")
            with numbers_expected("X"):
                X = validate_data(
                    self,
                    X,
                    reset=reset,
                    dtype=[np.float32, np.uint8] if images else np.float32,
                    allow_nd=images,
                )
            return ArraySource(X)
        source = DatasetSource(X)
        if not images and len(source.row_shape) != 1:
            raise ValueError(
                f"The data set has items of shape {source.row_shape}; without an encoder they "
                "should be rows of numbers."
            )
        if reset:
            self.n_features_in_ = source.row_shape[0] if source.row_shape else 1
            if hasattr(self, "feature_names_in_"):
                del self.feature_names_in_
        return source

    def _n_threads(self) -> int | None:
        """Return how many threads to use; a small model is slower with several."""
        if self.n_jobs is None:
            return None if self._takes_images() else 1
        return effective_n_jobs(self.n_jobs)

    def _infer(self, X: Any, read: Callable[[Network, torch.Tensor], torch.Tensor]) -> NDArray:
        """Return what `read` makes of network and embeddings, for rows that are checked here."""
        check_is_fitted(self)
        source = self._read_X(X, reset=False)
        with threads(self._n_threads()):
            return self._infer_rows(source, np.arange(len(source)), read)

    def _infer_rows(
        self,
        source: Source,
        numbers: NDArray[np.int64],
        read: Callable[[Network, torch.Tensor], torch.Tensor],
    ) -> NDArray:
        """Return what `read` makes of network and embeddings, for rows of a source."""
        device = find_device(self.device)
        network = self.network_.to(device).eval()
        batches = [numbers[places] for places in in_batches(len(numbers), self.batch_size)]
        # The caller's random numbers stay.
        with torch.inference_mode(), torch.random.fork_rng(devices=[]):
            parts = [
                read(network, network.embed(as_input(rows, device))).float().cpu().numpy()
                for rows in source.batches(batches)
            ]
        return np.concatenate(parts)
