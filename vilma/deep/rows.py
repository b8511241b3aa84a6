"""Training rows on their way to the network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vilma.deep._torch import torch

__all__ = ["Batch", "Rows"]


class Batch(NamedTuple):
    """Some rows as tensors.

    Parameters
    ----------
    X : Tensor of shape (n_rows, ...)
        What the encoder takes, as float32.
    lower, upper : Tensor of shape (n_rows,), dtype=int64
        Codes of the first and the last label that each annotation allows.
    weight : Tensor of shape (n_rows,)
        Weights of the loss.
    """

    X: torch.Tensor
    lower: torch.Tensor
    upper: torch.Tensor
    weight: torch.Tensor


@dataclass(frozen=True)
class Rows:
    """Rows with annotations as codes, in memory of the host.

    Parameters
    ----------
    X : ndarray of shape (n_rows, ...)
        float32, or uint8 which becomes float32 batch by batch.
    lower, upper : ndarray of shape (n_rows,), dtype=int64
        Codes of the first and the last label that each annotation allows.
    weight : ndarray of shape (n_rows,)
        Nonnegative weights.
    """

    X: NDArray
    lower: NDArray[np.int64]
    upper: NDArray[np.int64]
    weight: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.lower)

    def take(self, index: NDArray[np.int64]) -> Rows:
        """Select rows by increasing numbers."""
        if len(index) == len(self):  # all of them: images can be large
            return self
        return Rows(self.X[index], self.lower[index], self.upper[index], self.weight[index])

    def batch(self, index: NDArray[np.int64], device: torch.device) -> Batch:
        """Return the rows with the given numbers as tensors on a device."""
        return Batch(
            as_input(self.X[index], device),
            torch.from_numpy(self.lower[index]).to(device),
            torch.from_numpy(self.upper[index]).to(device),
            torch.from_numpy(self.weight[index]).to(device, torch.float32),
        )


def as_input(X: NDArray, device: torch.device) -> torch.Tensor:
    """Return an array as a float32 tensor on a device; bytes travel as bytes."""
    return torch.from_numpy(np.ascontiguousarray(X)).to(device).to(torch.float32)
