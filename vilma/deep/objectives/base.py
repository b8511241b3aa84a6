"""What a method consists of: a loss with its head, and a regularizer of embeddings."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from vilma.deep._torch import torch
from vilma.deep.rows import Batch
from vilma.deep.scale import Scale

__all__ = ["Head", "LabelValues", "Loss", "Regularizer", "Task"]


@dataclass(frozen=True)
class Task:
    """What a head has to know of the labels.

    Parameters
    ----------
    scale : Scale
        The labels and their positions.
    counts : ndarray of shape (n_classes,)
        Training rows of each label; an interval counts for each of its labels in equal parts.
    """

    scale: Scale
    counts: NDArray[np.float64]


class Head(torch.nn.Module, ABC):
    """The last part of a network: from embeddings to scores, a loss, and predictions.

    Predictions are positions in units of the scale, 0 for its first label and 1 for its last.

    Parameters
    ----------
    *args, **kwargs : object
        Those of the subclass; this class has none.

    Attributes
    ----------
    has_penalty : bool
        Whether `loss` has a penalty of the parameters, which then have no weight decay.
    """

    has_penalty: ClassVar[bool] = False

    @abstractmethod
    def forward(self, embedding: torch.Tensor) -> torch.Tensor:
        """Return scores.

        Parameters
        ----------
        embedding : Tensor of shape (n_rows, n_inputs)
            Embeddings.

        Returns
        -------
        Tensor of shape (n_rows, n_scores)
            Scores.
        """

    @abstractmethod
    def loss(self, scores: torch.Tensor, embedding: torch.Tensor, batch: Batch) -> torch.Tensor:
        """Return the weighted mean loss of a batch.

        Parameters
        ----------
        scores : Tensor of shape (n_rows, n_scores)
            What `forward` returned.
        embedding : Tensor of shape (n_rows, n_inputs)
            What it was given.
        batch : Batch
            The rows.

        Returns
        -------
        Tensor of shape ()
            The loss.
        """

    @abstractmethod
    def predict(self, scores: torch.Tensor) -> torch.Tensor:
        """Return predicted positions.

        Parameters
        ----------
        scores : Tensor of shape (n_rows, n_scores)
            What `forward` returned.

        Returns
        -------
        Tensor of shape (n_rows,)
            Positions in units of the scale.
        """

    def log_probabilities(self, scores: torch.Tensor) -> torch.Tensor:
        """Return the logarithms of the probabilities of labels, of shape (n_rows, n_classes).

        Only heads of losses that say so have them.
        """
        raise NotImplementedError(f"{type(self).__name__} has no probabilities of labels.")

    def begin_stage(self, stage: int) -> None:
        """Prepare for the next curriculum; most heads have nothing to prepare."""


class Loss(BaseEstimator, ABC):
    """Settings of a loss; its parameters can be searched like an estimator's.

    Class attributes say what a loss is made for: `gives_probabilities`, whether its head has
    ``log_probabilities``; `regularizer_share`, by what the usual weights of regularizers that
    project are multiplied beside it; `on_unit_vectors`, whether its head is to see what a
    regularizer sees, projections to length 1, where the regularizer makes such. Errors of a
    number gain by that. On faces (600 rows, 117 labels) ACCon took the absolute error from 9.5 to
    6 years with the number read off the projection, and to 9 beside it; cross entropy with
    Gaussian labels went from 4.96 to 13.4 on the projection, to 5.7 at best with a learned scale,
    and to 4.85 beside it.
    """

    _parameter_constraints: ClassVar[dict] = {}
    gives_probabilities: ClassVar[bool] = False
    regularizer_share: ClassVar[float] = 1.0
    on_unit_vectors: ClassVar[bool] = False

    @abstractmethod
    def make_head(self, n_inputs: int, task: Task, *, bias: bool) -> Head:
        """Return a fresh head.

        Parameters
        ----------
        n_inputs : int
            Width of the embedding.
        task : Task
            The labels.
        bias : bool
            Whether linear layers have a bias: not on embeddings of length 1.
        """

    def curricula(
        self, labels: NDArray, scale: Scale, seed: int
    ) -> list[NDArray[np.int64]] | None:
        """Return the rows of a series of curricula, or None for no series.

        Parameters
        ----------
        labels : ndarray of shape (n_samples, 2)
            Ends of the annotations, labels of the scale.
        scale : Scale
            The scale.
        seed : int
            Of whatever is drawn.
        """
        return None


class LabelValues(NamedTuple):
    """Annotations of a batch in label units, as contrastive losses take them.

    Parameters
    ----------
    lower, upper : Tensor of shape (n_rows,)
        Label values, less the first label of the scale.
    span : float
        Distance from the first label of the scale to the last.
    groups : Tensor of shape (n_rows,), dtype=int64
        Rows with the same number have the same annotation.
    samples : Tensor of shape (n_rows,), dtype=int64, or None
        Rows with the same number are views of one sample.
    """

    lower: torch.Tensor
    upper: torch.Tensor
    span: float
    groups: torch.Tensor
    samples: torch.Tensor | None


class Regularizer(BaseEstimator, ABC):
    """Settings of a loss of embeddings; its parameters can be searched like an estimator's.

    Class attributes say whether it compares projections to length 1 (`projects`), whether it
    looks at predictions (`needs_predictions`), and what it weighs beside a loss by default.
    """

    _parameter_constraints: ClassVar[dict] = {}
    usual_weight: ClassVar[float] = 1.0
    projects: ClassVar[bool]
    needs_predictions: ClassVar[bool] = False

    @abstractmethod
    def penalty(
        self, embedding: torch.Tensor, predictions: torch.Tensor, labels: LabelValues
    ) -> torch.Tensor:
        """Return the loss of a batch, a scalar.

        Parameters
        ----------
        embedding : Tensor of shape (n_rows, n_dimensions)
            Embeddings.
        predictions : Tensor of shape (n_rows,)
            Predictions in label units, without gradient.
        labels : LabelValues
            Annotations.
        """
