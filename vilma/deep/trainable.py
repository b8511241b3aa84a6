"""What is trained, and how."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass

from vilma.deep._torch import torch
from vilma.deep.plan import Part
from vilma.deep.rows import Batch

__all__ = ["Settings", "Trainable"]


class Trainable(torch.nn.Module, ABC):
    """A network that says how it is trained."""

    @abstractmethod
    def training_loss(self, batch: Batch, part: Part) -> torch.Tensor:
        """Return the loss of a batch, a scalar."""

    @abstractmethod
    def parameters_of(self, part: Part) -> Iterable[torch.nn.Parameter]:
        """Return the parameters that are trained in a phase."""

    @abstractmethod
    def begin_stage(self, stage: int) -> None:
        """Prepare for the next curriculum."""

    @abstractmethod
    def error(self, batch: Batch) -> torch.Tensor:
        """Return the distances of the predictions to the intervals, of shape (n_rows,)."""


@dataclass(frozen=True)
class Settings:
    """How a network is trained.

    Parameters
    ----------
    batch_size : int
        Most rows in a batch. Batches of an epoch differ by one row at most.
    learning_rate : float
        Of AdamW.
    weight_decay : float
        Of AdamW.
    cosine : bool
        Let the learning rate fall to zero along a cosine, within each part that is trained.
    patience : int or None
        Epochs without a smaller validation error after which training ends.
    device : torch.device
        Where to compute.
    verbose : int
        Show a progress bar if positive.
    """

    batch_size: int
    learning_rate: float
    weight_decay: float
    cosine: bool
    patience: int | None
    device: torch.device
    verbose: int = 0
