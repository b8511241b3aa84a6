"""A small convolutional network for grey crops of faces, trained from scratch."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from benchmarks.deep.methods import METHODS, Encoder
from vilma.deep._torch import torch
from vilma.deep.views import ImageViews

__all__ = ["Training", "convolutional_encoder", "convolutional_model"]


@dataclass(frozen=True)
class Training:
    """The network, and how long and how fast it learns.

    Parameters
    ----------
    widths : tuple of int
        Filters of the convolutions; each halves the sides of the image.
    n_outputs : int
        Width of the embedding.
    dropout : float
        Share of the inputs of the last layer that is dropped.
    epochs, batch_size : int
    learning_rate : float
    mixed_precision : bool
        Compute in bfloat16, which is faster where the processor has it.
    """

    widths: tuple[int, ...] = (16, 32, 64, 128)
    n_outputs: int = 128
    dropout: float = 0.5
    epochs: int = 25
    batch_size: int = 64
    learning_rate: float = 1e-3
    mixed_precision: bool = False

    def key(self) -> dict[str, Any]:
        """Return what a record is known by."""
        return {**asdict(self), "widths": list(self.widths)}


def convolutional_encoder(
    size: tuple[int, int], training: Training, seed: int
) -> torch.nn.Sequential:
    """Return a fresh network from grey images to embeddings.

    Parameters
    ----------
    size : tuple of (int, int)
        Height and width of the images, in pixels.
    training : Training
        Its shape.
    seed : int
        Of the initial weights.

    Returns
    -------
    torch.nn.Sequential
        Takes float32 of shape (B, 1, height, width); any range of grey values will do, as every
        image is brought to mean 0 and deviation 1 first.
    """
    nn = torch.nn
    height, width = (side >> len(training.widths) for side in size)
    n_left = height * width * training.widths[-1]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = nn.Sequential(
            nn.InstanceNorm2d(1),
            *(
                layer
                for n_inputs, n_outputs in pairwise((1, *training.widths))
                for layer in (
                    nn.Conv2d(n_inputs, n_outputs, 3, padding=1, bias=False),
                    nn.BatchNorm2d(n_outputs),
                    nn.ReLU(),
                    nn.MaxPool2d(2),
                )
            ),
            nn.Flatten(),
            nn.Dropout(training.dropout),
            nn.Linear(n_left, training.n_outputs),
            nn.ReLU(),
        )
    # Twice as fast on a CPU. The signatures that torch declares leave this argument out.
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def convolutional_model(
    name: str, classes: np.ndarray, size: tuple[int, int], training: Training, seed: int
) -> BaseEstimator:
    """Return a method of the other experiments, with a convolutional encoder.

    Parameters
    ----------
    name : str
        Of :data:`benchmarks.deep.methods.METHODS`.
    classes : ndarray of shape (n_classes,)
        The scale.
    size : tuple of (int, int)
        Height and width of the images, in pixels.
    training : Training
        Network and training.
    seed : int
        Of initial weights and training.
    """
    return (
        METHODS[name]
        .make(classes, seed, Encoder())
        .set_params(
            encoder=convolutional_encoder(size, training, seed),
            # Brightness and contrast are taken out by the first layer.
            augmentation=ImageViews(shift=3, brightness=0.0, contrast=0.0),
            max_epochs=training.epochs,
            batch_size=training.batch_size,
            learning_rate=training.learning_rate,
            mixed_precision=training.mixed_precision,
        )
    )
