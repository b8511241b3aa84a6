"""Encoders that are used where none is given, and around given ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from vilma.deep._torch import torch
from vilma.deep.rows import Rows, in_batches

__all__ = ["ImageAdapter", "dense_encoder", "embedding_size", "encode"]

_ROWS_AT_ONCE = 4096


def encode(encoder: torch.nn.Module, X: torch.Tensor) -> torch.Tensor:
    """Return the matrix that an encoder makes of rows.

    Models of transformers return several things under names: the projected embedding of a CLIP
    (`image_embeds`) goes before the pooled output, and that before the first token of
    `last_hidden_state`. A whole CLIP is asked for its image side. Maps of one place,
    (n, n_outputs, 1, 1), become rows.

    Parameters
    ----------
    encoder : torch.nn.Module
        The encoder.
    X : Tensor of shape (n_rows, ...)
        Rows.

    Returns
    -------
    Tensor of shape (n_rows, n_outputs), or what the encoder returned if it is neither.
    """
    whole = getattr(encoder, "get_image_features", None)
    found: Any = encoder(X) if whole is None else whole(pixel_values=X)
    if not isinstance(found, torch.Tensor):
        for name in ("image_embeds", "pooler_output", "last_hidden_state"):
            value = getattr(found, name, None)
            if isinstance(value, torch.Tensor):
                found = value[:, 0] if name == "last_hidden_state" else value
                break
    if isinstance(found, torch.Tensor) and found.ndim > 2 and found[0].numel() == found.shape[1]:
        return found.flatten(1)
    return found


class Standardize(torch.nn.Module):
    """Bring columns to mean 0 and deviation 1; constant columns stay constant.

    Parameters
    ----------
    rows : Rows
        Whose means and deviations are used, of shape (n_features,).
    """

    mean: torch.Tensor
    deviation: torch.Tensor

    def __init__(self, rows: Rows) -> None:
        super().__init__()
        mean = _mean(rows, lambda X: X)
        deviation = _mean(rows, lambda X: (X - mean).square()).sqrt()
        # Rounding leaves a constant column a deviation of about its last digit.
        constant = deviation <= 1e-6 * mean.abs().clamp(min=1e-30)
        self.register_buffer("mean", mean.float())
        self.register_buffer("deviation", torch.where(constant, 1.0, deviation).float())

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        return (X - self.mean) / self.deviation


def _mean(rows: Rows, function: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
    """Return the mean over all rows of a function of them, in double precision."""
    places = in_batches(len(rows), _ROWS_AT_ONCE)
    batches = rows.batches(places, torch.device("cpu"))
    return torch.stack([function(each.X.double()).sum(dim=0) for each in batches]).sum(
        dim=0
    ) / len(rows)


def dense_encoder(rows: Rows, hidden_layer_sizes: Sequence[int], dropout: float):
    """Return standardised columns followed by dense layers with ReLU.

    Parameters
    ----------
    rows : Rows
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
    layers: list[torch.nn.Module] = [Standardize(rows)]
    width = rows.source.row_shape[0]
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
            found = encode(encoder, rows)
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
