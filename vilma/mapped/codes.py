"""One-hot codes in one file, a row after the other."""

from __future__ import annotations

import numpy as np

from vilma.mapped.dense import read_pieces, require_matrix
from vilma.mapped.disk_array import DiskArray
from vilma.mapped.scratch import Scratch
from vilma.mapped.store import Store, targets
from vilma.one_hot import OneHotCodes, read_block_sizes

__all__ = ["CodesStore"]


class CodesStore(Store):
    """Codes of one or two bytes, read as `OneHotCodes`."""

    kind = "one-hot"

    def __init__(self, codes: DiskArray, block_sizes: np.ndarray) -> None:
        require_matrix(codes, "matrix of codes")
        if codes.dtype.kind != "u" or codes.dtype.itemsize > 2:
            raise TypeError(f"{codes.path} holds {codes.dtype}; expected uint8 or uint16 codes.")
        self._sizes = read_block_sizes(block_sizes, codes.shape[1])
        self._codes = codes
        self._small = np.dtype(np.uint8 if self._sizes.max(initial=0) <= 256 else np.uint16)
        # Every byte is a code of a block of 256: nothing to check.
        self._any_fits = self._sizes.min(initial=2**16) > np.iinfo(codes.dtype).max
        self.path = codes.path
        self.shape = (codes.shape[0], int(self._sizes.sum()))

    def row_bytes(self, rows: np.ndarray) -> np.ndarray:
        return np.full(len(rows), self._codes.shape[1] * self._small.itemsize)

    def read(
        self,
        rows: np.ndarray,
        places: np.ndarray | None = None,
        scratch: Scratch | None = None,
    ) -> OneHotCodes:
        # Block after block, as the kernels want them. Pieces that fit the cache are turned on
        # the way; kernels that go through the rows as stored take twice the time in all.
        shape = (len(rows), self._codes.shape[1])
        out = (np if scratch is None else scratch).empty(shape, self._small, order="F")
        for first, last, piece in read_pieces(self._codes, rows):
            if not self._any_fits and (piece.max(axis=0) >= self._sizes).any():
                self._refuse(piece, rows[first:last])
            out[targets(places, first, last)] = piece
        return OneHotCodes._trusted(out, self._sizes)

    def _refuse(self, piece: np.ndarray, rows: np.ndarray) -> None:
        place, block = np.argwhere(piece >= self._sizes)[0]
        raise ValueError(
            f"Row {rows[place]} of {self.path} has the code {piece[place, block]} in block "
            f"{block}, which has only the codes 0 to {self._sizes[block] - 1}. Write the file "
            "again, or correct the block sizes."
        )
