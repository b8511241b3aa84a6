"""Masked arrays of NumPy, whose masks other functions of NumPy pass over."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["refuse_masked"]


def refuse_masked(array: Any, name: str) -> None:
    """Refuse masked entries, which NumPy would turn into the numbers under the mask.

    Parameters
    ----------
    array : object
        What a user calls data that must be complete.
    name : str
        What error messages call it.

    Raises
    ------
    ValueError
        If an entry is masked; the first such row is named.
    """
    if getattr(getattr(array, "dtype", None), "names", None) or not np.ma.is_masked(array):
        return  # records are no data of any kind here, and refused by their dtype
    mask = np.ma.getmaskarray(array)
    row = int(np.argmax(mask.reshape(len(mask), -1).any(axis=1)))
    raise ValueError(
        f"{name} is a masked array with {int(mask.sum())} masked entries, the first one in row "
        f"{row}. Fill them, or leave these rows out."
    )
