"""Training rows on their way to the network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vilma.deep._torch import torch
from vilma.deep.sources import Source

__all__ = ["Batch", "Rows", "in_batches"]


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
    """Rows of a source with annotations as codes.

    Parameters
    ----------
    source : Source
        Where the rows are.
    numbers : ndarray of shape (n_rows,), dtype=int64
        Which of them.
    lower, upper : ndarray of shape (n_rows,), dtype=int64
        Codes of the first and the last label that each annotation allows.
    weight : ndarray of shape (n_rows,)
        Nonnegative weights.
    """

    source: Source
    numbers: NDArray[np.int64]
    lower: NDArray[np.int64]
    upper: NDArray[np.int64]
    weight: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.lower)

    def take(self, index: NDArray[np.int64]) -> Rows:
        """Select rows by place. The source stays whole: images can be large."""
        return Rows(
            self.source,
            self.numbers[index],
            self.lower[index],
            self.upper[index],
            self.weight[index],
        )

    def batches(
        self, places: Sequence[NDArray[np.int64]], device: torch.device
    ) -> Iterator[Batch]:
        """Return the rows at the given places as tensors on a device, batch by batch."""
        read = self.source.batches(self.numbers[index] for index in places)
        for index, X in zip(places, read, strict=True):
            yield Batch(
                as_input(X, device),
                torch.from_numpy(self.lower[index]).to(device, non_blocking=True),
                torch.from_numpy(self.upper[index]).to(device, non_blocking=True),
                torch.from_numpy(self.weight[index]).to(device, torch.float32, non_blocking=True),
            )


def as_input(X: torch.Tensor, device: torch.device) -> torch.Tensor:
    """Return a tensor as float32 on a device; bytes travel as bytes."""
    return X.to(device, non_blocking=True).to(torch.float32)


def in_batches(n_rows: int, batch_size: int) -> list[NDArray[np.int64]]:
    """Divide the numbers of rows, in order, into batches of a size or less."""
    return np.array_split(np.arange(n_rows), range(batch_size, n_rows, batch_size))
