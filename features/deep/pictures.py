"""PIL images and torch tensors as arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["as_arrays"]


def as_arrays(X: Any) -> Any:
    """Turn PIL images and tensors in X into arrays of pixels; leave everything else as it is.

    Parameters
    ----------
    X : object
        What a user gave as images.

    Returns
    -------
    object
        The same, or a list of its entries with arrays of uint8 in the place of pictures.

    Raises
    ------
    ValueError
        If a tensor is not of shape (3, height, width), or its numbers are not from 0 to 1.
    """
    if _is_tensor(X):
        return [_from_tensor(each, row) for row, each in enumerate(X)]
    if not isinstance(X, (list, tuple)):
        return X
    return [_as_array(entry, row) for row, entry in enumerate(X)]


def _as_array(entry: Any, row: int) -> Any:
    if isinstance(entry, Image.Image):
        return np.asarray(entry.convert("RGB"))
    return _from_tensor(entry, row) if _is_tensor(entry) else entry


def _is_tensor(value: Any) -> bool:
    # Without an import of torch, which not everybody has.
    return type(value).__module__.split(".")[0] == "torch" and hasattr(value, "detach")


def _from_tensor(value: Any, row: int) -> NDArray[np.uint8]:
    pixels = value.detach().cpu()
    if pixels.ndim != 3 or pixels.shape[0] != 3:
        raise ValueError(
            f"X[{row}]: a tensor should have the shape (3, height, width), got "
            f"{tuple(pixels.shape)}."
        )
    pixels = pixels.permute(1, 2, 0).contiguous()
    if pixels.is_floating_point():
        pixels = pixels.float().numpy()
        if not ((pixels >= 0) & (pixels <= 1)).all():
            raise ValueError(
                f"X[{row}]: a tensor of floating-point numbers should hold brightness from 0 to "
                f"1, got {pixels.min():g} to {pixels.max():g}. Undo what normalised it: the "
                "model's own preprocessing follows."
            )
        return np.round(255 * pixels).astype(np.uint8)
    return pixels.numpy()
