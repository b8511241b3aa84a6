"""Encoders that are used where none is given, and around given ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vilma.deep._torch import torch

__all__ = ["ImageAdapter", "dense_encoder", "embedding_size"]


class Standardize(torch.nn.Module):
    """Bring columns to mean 0 and deviation 1; constant columns stay constant.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Whose means and deviations are used.
    """

    mean: torch.Tensor
    deviation: torch.Tensor

    def __init__(self, X: NDArray) -> None:
        super().__init__()
        mean = X.mean(axis=0, dtype=np.float64)
        deviation = X.std(axis=0, dtype=np.float64)
        # Rounding leaves a constant column a deviation of about its last digit.
        constant = deviation <= 1e-6 * np.maximum(np.abs(mean), 1e-30)
        self.register_buffer("mean", torch.from_numpy(mean).float())
        scale = torch.from_numpy(np.where(constant, 1.0, deviation)).float()
        self.register_buffer("deviation", scale)

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        return (X - self.mean) / self.deviation


def dense_encoder(X: NDArray, hidden_layer_sizes: Sequence[int], dropout: float):
    """Return standardised columns followed by dense layers with ReLU.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Training rows, by which columns are standardised.
    hidden_layer_sizes : sequence of int
        Width of each layer; none leaves the columns themselves.
    dropout : float
        Share of each layer's outputs that is set to zero in training.

    Returns
    -------
    torch.nn.Sequential
        Maps (n, n_features) to (n, last width).
    """
    layers: list[torch.nn.Module] = [Standardize(X)]
    width = X.shape[1]
    for size in hidden_layer_sizes:
        layers += [torch.nn.Linear(width, size), torch.nn.ReLU()]
        if dropout:
            layers.append(torch.nn.Dropout(dropout))
        width = size
    return torch.nn.Sequential(*layers)


def embedding_size(encoder: torch.nn.Module, rows: torch.Tensor) -> int:
    """Find out how wide the embedding is, from a few rows.

    Parameters
    ----------
    encoder : torch.nn.Module
        The encoder.
    rows : Tensor of shape (n, ...)
        Some rows.

    Returns
    -------
    int
        Columns of the encoder's output.

    Raises
    ------
    ValueError
        If the encoder cannot take such rows, or does not return a matrix with one row each.
    """
    training = encoder.training
    encoder.eval()
    try:
        with torch.inference_mode():
            found = encoder(rows)
    except (RuntimeError, ValueError, IndexError, TypeError) as error:
        raise ValueError(
            f"The encoder cannot take rows of shape {tuple(rows.shape[1:])}: {error}"
        ) from error
    finally:
        encoder.train(training)
    shape = tuple(found.shape) if isinstance(found, torch.Tensor) else type(found).__name__
    if not isinstance(shape, tuple) or len(shape) != 2 or shape[0] != len(rows):
        raise ValueError(
            "The encoder should return a tensor of shape (n_rows, n_outputs), got "
            f"{shape} for {len(rows)} rows of shape {tuple(rows.shape[1:])}."
        )
    return shape[1]


class ImageAdapter(torch.nn.Module):
    """Mix embeddings, brought to length 1, with what two dense layers make of them.

    The last layer begins at zero, and with it the mixture at the direction of what was given.

    Parameters
    ----------
    n_features : int
        Width of the embeddings.
    ratio : float
        Share of the layers' output in the mixture, below 1.

    References
    ----------
    Gao et al.: CLIP-Adapter: Better vision-language models with feature adapters, IJCV, 2024.
    """

    def __init__(self, n_features: int, ratio: float) -> None:
        super().__init__()
        narrow = max(n_features // 4, 1)
        self.ratio = ratio
        last = torch.nn.Linear(narrow, n_features)
        torch.nn.init.zeros_(last.weight)
        torch.nn.init.zeros_(last.bias)
        self.layers = torch.nn.Sequential(
            torch.nn.Linear(n_features, narrow), torch.nn.ReLU(), last
        )

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        X = torch.nn.functional.normalize(X, dim=1)
        mixed = self.ratio * self.layers(X) + (1.0 - self.ratio) * X
        return torch.nn.functional.normalize(mixed, dim=1)
