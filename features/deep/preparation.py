"""What a preprocessing returns for one image, as an array without the batch axis."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray


def as_item(prepared: Any) -> NDArray[Any]:
    """Turn what a preprocessing made of a list of one image into one array.

    Parameters
    ----------
    prepared : array, tensor, list of one of them, or mapping with the key ``"pixel_values"``
        With one entry along the first axis.

    Returns
    -------
    ndarray
        That entry.

    Raises
    ------
    ValueError
        If it has not exactly one entry, or is not made of numbers.
    """
    if isinstance(prepared, Mapping) and "pixel_values" in prepared:
        prepared = prepared["pixel_values"]
    try:
        n_images = len(prepared)
        # Contiguous: kernels for other layouts add up in another order.
        item = np.ascontiguousarray(prepared[0]) if n_images else np.empty(0)
    except (KeyError, TypeError) as error:
        raise _wrong(type(prepared).__name__) from error
    if n_images != 1:
        raise _wrong(f"{n_images} entries")
    if item.dtype.kind not in "biuf":
        raise _wrong(f"an entry of dtype {item.dtype} and shape {item.shape}")
    return item


def _wrong(what: str) -> ValueError:
    return ValueError(
        "preprocessing is given a list of RGB images, uint8 of shape (height, width, 3), and must "
        "return an array or tensor with one entry per image; for a list of one image it returned "
        f"{what}."
    )
