"""Dense matrices in one file."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from vilma.mapped.disk_array import DiskArray
from vilma.mapped.scratch import Scratch
from vilma.mapped.spans import are_consecutive, spans
from vilma.mapped.store import Store, targets

__all__ = ["DenseStore", "read_pieces"]


class DenseStore(Store):
    """Numbers of any type, read as float64."""

    kind = "dense"

    def __init__(self, array: DiskArray) -> None:
        require_matrix(array, "dense matrix")
        if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
            raise TypeError(
                f"{array.path} holds {array.dtype}; expected real numbers of at most 8 bytes."
            )
        self._array = array
        self.path = array.path
        self.shape = (array.shape[0], array.shape[1])

    def row_bytes(self, rows: np.ndarray) -> np.ndarray:
        return np.full(len(rows), 8 * self.shape[1])

    def read(
        self,
        rows: np.ndarray,
        places: np.ndarray | None = None,
        scratch: Scratch | None = None,
    ) -> np.ndarray:
        out = (np if scratch is None else scratch).empty((len(rows), self.shape[1]), np.float64)
        for first, last, piece in read_pieces(self._array, rows):
            if piece.dtype.kind == "f" and not np.isfinite(piece).all():
                self._refuse(piece, rows[first:last])
            out[targets(places, first, last)] = piece
        return out

    def _refuse(self, piece: np.ndarray, rows: np.ndarray) -> None:
        place = int(np.argmin(np.isfinite(piece).all(axis=1)))
        raise ValueError(
            f"Row {rows[place]} of {self.path} contains NaN or infinity. Every entry must be "
            "finite: impute or drop it and write the file again."
        )


def require_matrix(array: DiskArray, what: str) -> None:
    """Refuse anything but two dimensions."""
    if len(array.shape) != 2:
        raise ValueError(
            f"{array.path} has the shape {array.shape}; a {what} needs two dimensions."
        )


def read_pieces(array: DiskArray, rows: np.ndarray) -> Iterator[tuple[int, int, np.ndarray]]:
    """Yield ``first, last`` and what ``rows[first:last]`` hold, for ascending rows."""
    begin = rows * array.row_bytes
    with array.reader() as read:
        for first, last in spans(begin, begin + array.row_bytes):
            wanted = rows[first:last]
            start = int(wanted[0])
            piece = read(start, int(wanted[-1]) + 1)
            yield first, last, piece if are_consecutive(wanted) else piece[wanted - start]
