"""What is trained, and how."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

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
    def parameters_of(self, part: Part) -> Mapping[str, list[torch.nn.Parameter]]:
        """Return the parameters that are trained in a phase, of "encoder" and "head"."""

    @abstractmethod
    def penalizes_itself(self) -> bool:
        """Tell whether the loss has a penalty of the head, in the place of weight decay."""

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
    accumulate : int
        Batches whose gradients make one step.
    optimizer : str or callable
        A name, or a function of groups of parameters.
    learning_rate : mapping of str to float
        Of "encoder" and "head".
    weight_decay : float
        Of the optimizer.
    schedule : str or callable
        How rates change from epoch to epoch of a phase: a name, or a function of the optimizer.
    warmup_epochs : int
        Epochs in which rates grow to what they are, step by step.
    max_grad_norm : float or None
        Largest norm of the gradient of all parameters.
    patience : int or None
        Epochs without a smaller validation error after which a phase ends.
    device : torch.device
        Where to compute.
    verbose : int
        Show a progress bar if positive.
    """

    batch_size: int
    accumulate: int
    optimizer: str | Callable[..., Any]
    learning_rate: Mapping[str, float]
    weight_decay: float
    schedule: str | Callable[..., Any]
    warmup_epochs: int
    max_grad_norm: float | None
    patience: int | None
    device: torch.device
    verbose: int = 0
