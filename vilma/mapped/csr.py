"""Sparse matrices in three files."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse

from vilma._numbers import require_integer
from vilma.mapped.disk_array import DiskArray
from vilma.mapped.scratch import Scratch
from vilma.mapped.spans import are_consecutive, element_ranges, spans
from vilma.mapped.store import Store

__all__ = ["CSRStore"]

_INT32 = 2**31 - 1


class CSRStore(Store):
    """Compressed rows with ascending columns; without `data`, every entry is 1.

    The offsets of the rows are kept in memory, 8 bytes a row.
    """

    kind = "csr"

    def __init__(
        self, indices: DiskArray, indptr: DiskArray, data: DiskArray | None, n_columns: int
    ) -> None:
        require_integer("n_features", n_columns, 0)
        for array, kinds in ((indices, "iu"), (indptr, "iu"), (data, "biuf")):
            if array is not None and (len(array.shape) != 1 or array.dtype.kind not in kinds):
                raise ValueError(
                    f"{array.path} has the shape {array.shape} and dtype {array.dtype}; a CSR "
                    "matrix needs one-dimensional arrays, integers but for its data."
                )
        if data is not None and data.shape != indices.shape:
            raise ValueError(
                f"{data.path} has {data.shape[0]} entries, but {indices.path} has "
                f"{indices.shape[0]}. Write the matrix again."
            )
        if not indptr.shape[0]:
            raise ValueError(f"{indptr.path} is empty; expected one more entry than rows.")
        self._indices, self._offsets, self._data = indices, indptr, data
        self.path = indices.path
        self.shape = (indptr.shape[0] - 1, int(n_columns))

    @cached_property
    def _indptr(self) -> np.ndarray:
        indptr = self._offsets.read().astype(np.int64, copy=False)
        n_entries = self._indices.shape[0]
        falling = np.flatnonzero(np.diff(indptr) < 0)
        if len(falling) or indptr[0] != 0 or indptr[-1] != n_entries:
            where = f"falls at row {falling[0]}" if len(falling) else "does not"
            raise ValueError(
                f"{self._offsets.path} {where}; expected offsets that ascend from 0 to the "
                f"{n_entries} entries of {self._indices.path}. Write the matrix again."
            )
        return indptr

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in vars(self).items() if key != "_indptr"}

    def row_bytes(self, rows: np.ndarray) -> np.ndarray:
        index = 4 if self.shape[1] <= _INT32 else 8
        value = 1 if self._data is None else 8
        return (self._indptr[rows + 1] - self._indptr[rows]) * (index + value) + 8

    def read(
        self,
        rows: np.ndarray,
        places: np.ndarray | None = None,
        scratch: Scratch | None = None,
    ) -> sparse.csr_array:
        begin, end = self._indptr[rows], self._indptr[rows + 1]
        if places is None:
            places = np.arange(len(rows))
        indptr = np.zeros(len(rows) + 1, np.int64)
        indptr[places + 1] = end - begin
        np.cumsum(indptr, out=indptr)
        n_entries = int(indptr[-1])
        # One type for both, the small one where it fits: scipy would convert, and copy.
        index = np.int32 if max(self.shape[1], n_entries) <= _INT32 else np.int64
        memory = np if scratch is None else scratch
        indices = memory.empty(n_entries, index)
        data = memory.empty(n_entries, np.int8 if self._data is None else np.float64)
        for first, last, columns in self._read_pieces(self._indices, rows):
            self._check_columns(columns, rows[first:last])
            indices[self._target(indptr, places, rows, first, last)] = columns
        if self._data is None:
            data[:] = 1
        else:
            for first, last, values in self._read_pieces(self._data, rows):
                self._check_values(values, rows[first:last])
                data[self._target(indptr, places, rows, first, last)] = values
        X = sparse.csr_array(
            (data, indices, indptr.astype(index, copy=False)), shape=(len(rows), self.shape[1])
        )
        X.has_canonical_format = True  # spares the check: it has been done
        return X

    def _read_pieces(
        self, array: DiskArray, rows: np.ndarray
    ) -> Iterator[tuple[int, int, np.ndarray]]:
        """Yield ``first, last`` and the entries of ``rows[first:last]``, one row after another."""
        begin, end = self._indptr[rows], self._indptr[rows + 1]
        with array.reader() as read:
            for first, last in spans(begin * array.row_bytes, end * array.row_bytes):
                start = int(begin[first])
                piece = read(start, int(end[last - 1]))
                if not are_consecutive(rows[first:last]):
                    lengths = end[first:last] - begin[first:last]
                    piece = piece[element_ranges(begin[first:last] - start, lengths)]
                yield first, last, piece

    def _lengths(self, rows: np.ndarray) -> np.ndarray:
        return self._indptr[rows + 1] - self._indptr[rows]

    def _target(
        self, indptr: np.ndarray, places: np.ndarray, rows: np.ndarray, first: int, last: int
    ) -> slice | np.ndarray:
        """Return where the entries of ``rows[first:last]`` go."""
        there = places[first:last]
        if are_consecutive(there):
            return slice(int(indptr[there[0]]), int(indptr[there[-1] + 1]))
        return element_ranges(indptr[there], self._lengths(rows[first:last]))

    def _check_columns(self, columns: np.ndarray, rows: np.ndarray) -> None:
        from vilma.mapped._csr_kernels import first_unsorted_row  # Numba takes a while to import

        if columns.dtype not in (np.int32, np.int64):
            columns = columns.astype(np.int64)
        offsets = np.concatenate([[0], np.cumsum(self._lengths(rows))])
        wrong = first_unsorted_row(columns, offsets, self.shape[1])
        if wrong >= 0:
            raise ValueError(
                f"Row {rows[wrong]} of {self.path} has columns that do not ascend, or are not "
                f"from 0 to {self.shape[1] - 1}. Call X.sum_duplicates() before saving, or use "
                "vilma.save_mapped."
            )

    def _check_values(self, values: np.ndarray, rows: np.ndarray) -> None:
        finite = np.isfinite(values)
        if not finite.all():
            ends = np.cumsum(self._lengths(rows))
            wrong = int(np.searchsorted(ends, int(np.argmin(finite)), side="right"))
            raise ValueError(
                f"Row {rows[wrong]} of {self.path} contains NaN or infinity. Every entry must be "
                "finite: impute or drop it and write the matrix again."
            )
