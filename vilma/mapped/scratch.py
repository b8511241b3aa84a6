"""Memory that is used again for block after block."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import DTypeLike

__all__ = ["Scratch"]

_ALIGNMENT = 64


class Scratch:
    """A piece of memory that arrays are cut from.

    Memory fresh from the system costs more than the reading of a cached file into it. Arrays are
    valid until :meth:`clear`, which gives their memory to the next ones.

    Parameters
    ----------
    n_bytes : int
        Size of the piece; arrays that do not fit get memory of their own.
    """

    def __init__(self, n_bytes: int) -> None:
        self._bytes = np.empty(n_bytes, np.uint8)
        self._used = 0

    def clear(self) -> None:
        """Take all memory back."""
        self._used = 0

    def empty(
        self, shape: int | tuple[int, ...], dtype: DTypeLike, order: Literal["C", "F"] = "C"
    ) -> np.ndarray:
        """Return an array of any content.

        Parameters
        ----------
        shape : int or tuple of int
        dtype : dtype
        order : {"C", "F"}, default="C"

        Returns
        -------
        ndarray
        """
        dtype = np.dtype(dtype)
        sides = (shape,) if isinstance(shape, int) else shape
        stop = self._used + math.prod(sides) * dtype.itemsize
        if stop > len(self._bytes):
            return np.empty(shape, dtype, order)
        array = self._bytes[self._used : stop].view(dtype).reshape(sides, order=order)
        self._used = -(-stop // _ALIGNMENT) * _ALIGNMENT
        return array
