"""What the estimators share: training a network on annotated rows."""

from __future__ import annotations

from abc import abstractmethod
from copy import deepcopy
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_random_state

from vilma._fingerprint import fingerprint
from vilma.deep._torch import torch
from vilma.deep.callbacks import Callback
from vilma.deep.checkpoint import Checkpoint
from vilma.deep.device import find_device, seeded, threads
from vilma.deep.label_weights import weigh_labels
from vilma.deep.network import Network
from vilma.deep.objectives import Task
from vilma.deep.optimization import read_learning_rate
from vilma.deep.plan import Phase
from vilma.deep.prediction import NetworkPredictor
from vilma.deep.reading import find_task, hold_back, label_pairs, take_labels, weighted_rows
from vilma.deep.rows import Rows
from vilma.deep.scale import Scale
from vilma.deep.sources import DatasetSource, Source
from vilma.deep.trainable import Settings
from vilma.deep.training import Training
from vilma.estimators._problem import unchanged_on_error
from vilma.labels import IntervalLabels, in_class_order
from vilma.probability.annotated import read_rows

__all__ = ["DeepOrdinalEstimator"]

# Parameters that change neither what is learned nor how, or that the fresh network holds.
# A training can be extended.
_NOT_IN_FINGERPRINT = (
    "checkpoint",
    "callbacks",
    "verbose",
    "device",
    "n_jobs",
    "encoder",
    "text_model",
    "max_epochs",
)


class DeepOrdinalEstimator(NetworkPredictor):
    """A network that predicts a position on an ordered scale.

    Subclasses say what the network is made of; all have the parameters of training.
    """

    _parameter_constraints: ClassVar[dict] = {}
    _random_state: torch.Tensor
    _optimizer_state: dict[Any, Any] | None

    @abstractmethod
    def _make_network(self, rows: Rows, task: Task) -> Network:
        """Return a fresh network for training rows and the labels of the task."""

    def _phases(self, labels: NDArray, scale: Scale, seed: int) -> list[Phase]:
        """Return what to train when; `labels` are those of the training rows, as intervals."""
        return [Phase(self.max_epochs)]

    def _finish(self, rows: Rows) -> None:
        """Do what follows the training of `network_` on rows."""

    def fit(self, X, y=None, sample_weight=None) -> Self:
        """Train a fresh network on exact or interval labels.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, ...), Dataset or paths
            Training data. Rows of more than one dimension need an encoder for them. An array
            mapped from a file (:class:`numpy.memmap`) stays there, a ``torch.utils.data.Dataset``
            is read batch by batch, a ``DataLoader`` by its workers, and a list of image files, for
            an encoder, through `preprocessing`.
        y : array-like of shape (n_samples,) or (n_samples, 2), default=None
            Exact labels, or intervals ``[lower, upper]`` with both ends included, in all forms
            that :func:`vilma.labels.read_labels` takes. An end may be open. None only with a data
            set whose items have their annotation in the second place.
        sample_weight : array-like of shape (n_samples,), default=None
            Nonnegative weights of the loss; rows of weight 0 are left out.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If data, labels, weights or parameters are not as described, the loss stops being a
            number, or the checkpoint belongs to another training. The estimator is then left as
            it was.
        """
        with unchanged_on_error(self):
            self._validate_params()
            source = self._read_X(X, reset=True)
            y = _labels_of(source, y)
            annotated = read_rows(self, np.arange(len(source)), y, sample_weight, self.classes)
            annotated = annotated.take(annotated.counted())
            seed = self._draw_seed()
            kept, held_back = np.arange(len(annotated)), np.arange(0)
            if self.early_stopping:
                kept, held_back = hold_back(len(annotated), self.validation_fraction, seed)
            labels = take_labels(annotated.labels, kept)
            self._begin(labels)
            rows = weighted_rows(source, annotated, self._label_weights)
            train = rows.take(kept)
            device = find_device(self.device)
            with seeded(seed, device), threads(self._n_threads()):
                self.network_ = self._make_network(train, self._task)
                training = Training(
                    self.network_, self._settings(device), callbacks=self._read_callbacks()
                )
                training.run(
                    train,
                    self._phases(label_pairs(labels), self._task.scale, seed),
                    rows.take(held_back) if len(held_back) else None,
                    self._checkpoint(rows, seed),
                )
                self._end(training)
                self._finish(train)
            self.history_ = training.history
            self.n_iter_ = len(self.history_)
        return self

    def partial_fit(self, X, y=None, classes=None, sample_weight=None) -> Self:
        """Train one more epoch, or the first one, on some rows.

        The learning rate stays the same, and there is no validation, no pretraining and no
        curriculum. Columns are standardised, and labels are weighted, by the first call's rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, ...)
            Training data.
        y : array-like of shape (n_samples,) or (n_samples, 2)
            Exact labels or intervals.
        classes : array-like of shape (n_classes,), default=None
            The ordered scale. Needed in the first call, unless it is a parameter of the
            estimator or all labels are in `y`.
        sample_weight : array-like of shape (n_samples,), default=None
            Nonnegative weights.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            As for `fit`, and if `classes` is not the scale of the first call or of the parameter
            `classes`, in its order or sorted.
        """
        with unchanged_on_error(self):
            first = not hasattr(self, "network_")
            self._validate_params()
            source = self._read_X(X, reset=first)
            y = _labels_of(source, y)
            scale = self._scale_of_call(classes, first)
            annotated = read_rows(self, np.arange(len(source)), y, sample_weight, scale)
            annotated = annotated.take(annotated.counted())
            if first:
                self._begin(annotated.labels)
            rows = weighted_rows(source, annotated, self._label_weights)
            device = find_device(self.device)
            random = self._draw_seed() if first else self._random_state
            with seeded(random, device), threads(self._n_threads()):
                if first:
                    self.network_ = self._make_network(rows, self._task)
                    self._optimizer_state = None
                else:
                    self.network_ = deepcopy(self.network_)  # kept as it was if training fails
                settings = self._settings(device, constant=True)
                training = Training(self.network_, settings, self._optimizer_state)
                training.run(rows, [Phase(1)])
                self._end(training)
            before = [] if first else [self.history_]
            self.history_ = np.concatenate([*before, training.history])
            self.n_iter_ = len(self.history_)
        return self

    def _begin(self, labels: IntervalLabels) -> None:
        """Note what the labels of the rows to train on are."""
        self._task = find_task(labels)
        self.scale_ = self._task.scale.classes
        self.classes_ = self.scale_[in_class_order(self.scale_)]
        self._label_weights = weigh_labels(self.label_weights, self._task.counts)

    def _scale_of_call(self, classes: ArrayLike | None, first: bool) -> Any:
        known = self.classes if first else self.scale_
        if classes is None or known is None:
            return known if classes is None else classes
        given, scale = np.asarray(classes), np.asarray(known)
        # scikit-learn passes sorted labels, whatever their order means.
        if not (np.array_equal(given, scale) or np.array_equal(given, np.sort(scale))):
            origin = "the parameter `classes`" if first else "in the first call"
            raise ValueError(
                f"`classes={given.tolist()!r}` is not the same as {origin}: {scale.tolist()!r}."
            )
        return known

    def _draw_seed(self) -> int:
        return int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))

    def _settings(self, device: torch.device, constant: bool = False) -> Settings:
        return Settings(
            batch_size=self.batch_size,
            accumulate=self.accumulate,
            optimizer=self.optimizer,
            learning_rate=read_learning_rate(self.learning_rate),
            weight_decay=self.weight_decay,
            schedule="constant" if constant else self.schedule,
            warmup_epochs=0 if constant else self.warmup_epochs,
            max_grad_norm=self.max_grad_norm,
            patience=self.n_iter_no_change if self.early_stopping else None,
            device=device,
            verbose=int(self.verbose),
        )

    def _checkpoint(self, rows: Rows, seed: int) -> Checkpoint | None:
        if self.checkpoint is None:
            return None
        if not isinstance(self.random_state, (int, np.integer)):
            raise ValueError(
                "checkpoint needs an integer as random_state, got "
                f"{self.random_state!r}: a training only goes on with the random numbers that "
                "it began with."
            )
        parameters = self.get_params(deep=False)
        for name in _NOT_IN_FINGERPRINT:
            parameters.pop(name, None)
        data = (
            rows.source.identity(),
            rows.numbers,
            rows.lower,
            rows.upper,
            rows.weight,
            self.scale_,
        )
        digest = fingerprint(type(self).__name__, parameters, seed, self.network_, *data)
        return Checkpoint(self.checkpoint, digest)

    def _read_callbacks(self) -> list[Callback]:
        callbacks = [] if self.callbacks is None else list(self.callbacks)
        for each in callbacks:
            if not isinstance(each, Callback):
                raise ValueError(
                    "callbacks should be a list of objects of vilma.deep.callbacks.Callback, got "
                    f"{each!r} among them."
                )
        return callbacks

    def _end(self, training: Training) -> None:
        """Keep what prediction and another call of `partial_fit` need."""
        self._optimizer_state = training.optimizer_state
        self._random_state = torch.get_rng_state()


def _labels_of(source: Source, y: Any) -> Any:
    """Return the annotations, those that a data set has beside its inputs if none are given."""
    return source.labels() if y is None and isinstance(source, DatasetSource) else y
