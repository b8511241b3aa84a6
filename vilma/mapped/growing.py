"""Matrices on disk that grow by rows."""

from __future__ import annotations

import io
import os
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import DTypeLike

from vilma.mapped.meta import write_meta

__all__ = ["GrowingArray", "GrowingMatrix"]


class GrowingArray:
    """Rows appended to a ``.npy`` file, which can be taken up again where it was left.

    NumPy leaves room in the header for any number of rows; it is filled in by :meth:`finish`,
    and until then the file says it has none. The content depends on the rows alone, not on how
    they came.

    Parameters
    ----------
    path : Path
        The file; made if there is none.
    dtype : dtype
        Of the numbers.
    n_columns : int
        Of each row.
    n_rows : int, default=0
        How many rows of the file to keep; what follows them is cut off.

    Raises
    ------
    ValueError
        If the file has fewer rows.
    """

    def __init__(self, path: Path, dtype: DTypeLike, n_columns: int, *, n_rows: int = 0) -> None:
        self._dtype = np.dtype(dtype)
        self._n_columns = n_columns
        self.n_rows = n_rows
        self.path = path
        self._file = path.open("r+b" if path.exists() else "x+b")
        size = len(self._header(0)) + n_rows * n_columns * self._dtype.itemsize
        if n_rows and self._file.seek(0, os.SEEK_END) < size:
            self._file.close()
            raise ValueError(f"{path} has fewer than the {n_rows} rows it should have.")
        self._file.seek(0)
        self._file.write(self._header(0))
        self._file.truncate(size)
        self._file.seek(size)

    def _header(self, n_rows: int) -> bytes:
        stream = io.BytesIO()
        np.lib.format.write_array_header_1_0(
            stream,
            {
                "descr": np.lib.format.dtype_to_descr(self._dtype),
                "fortran_order": False,
                "shape": (n_rows, self._n_columns),
            },
        )
        return stream.getvalue()

    def append(self, rows: np.ndarray) -> None:
        """Write rows behind the last.

        Parameters
        ----------
        rows : ndarray of shape (n, n_columns)
            Of a type that the array's can hold.
        """
        self._file.write(np.ascontiguousarray(rows, dtype=self._dtype).data)
        self.n_rows += len(rows)

    def sync(self) -> None:
        """Return when all rows are on the disk."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def finish(self) -> None:
        """Say in the header how many rows there are."""
        end = self._file.tell()
        self._file.seek(0)
        self._file.write(self._header(self.n_rows))
        self._file.seek(end)
        self.sync()

    def close(self) -> None:
        """Close the file, as it is."""
        self._file.close()


class GrowingMatrix:
    """A folder of a matrix that is written row by row.

    Make one by :meth:`dense` or :meth:`codes`. It is a context that closes its file; a folder
    without :meth:`finish` is taken up again by giving the number of rows to keep.

    Attributes
    ----------
    n_rows : int
        How many there are.
    path : Path
        The file of the rows.
    """

    def __init__(
        self,
        folder: Path,
        kind: str,
        array: GrowingArray,
        n_features: int,
        block_sizes: np.ndarray | None = None,
    ) -> None:
        self._folder = folder
        self._kind = kind
        self._array = array
        self._n_features = n_features
        self._block_sizes = block_sizes

    @classmethod
    def dense(
        cls, folder: Path, n_features: int, dtype: DTypeLike, *, n_rows: int = 0
    ) -> GrowingMatrix:
        """Write a dense matrix.

        Parameters
        ----------
        folder : Path
            An existing folder.
        n_features : int
        dtype : dtype
        n_rows : int, default=0
            How many rows in the folder to keep.

        Returns
        -------
        GrowingMatrix

        Raises
        ------
        ValueError
            If the folder has fewer rows.
        """
        array = GrowingArray(folder / "dense.npy", dtype, n_features, n_rows=n_rows)
        return cls(folder, "dense", array, n_features)

    @classmethod
    def codes(cls, folder: Path, block_sizes: np.ndarray, *, n_rows: int = 0) -> GrowingMatrix:
        """Write one-hot codes.

        Parameters
        ----------
        folder : Path
            An existing folder.
        block_sizes : ndarray of shape (n_blocks,)
        n_rows : int, default=0
            How many rows in the folder to keep.

        Returns
        -------
        GrowingMatrix

        Raises
        ------
        ValueError
            If the folder has fewer rows.
        """
        small = np.uint8 if block_sizes.max(initial=0) <= 256 else np.uint16
        array = GrowingArray(folder / "codes.npy", small, len(block_sizes), n_rows=n_rows)
        return cls(folder, "one-hot", array, int(block_sizes.sum()), block_sizes)

    @property
    def n_rows(self) -> int:
        """Number of rows so far."""
        return self._array.n_rows

    @property
    def path(self) -> Path:
        """The file of the rows."""
        return self._array.path

    def append(self, rows: np.ndarray) -> None:
        """Write rows, or rows of codes, behind the last.

        Parameters
        ----------
        rows : ndarray of shape (n, n_features) or (n, n_blocks)
        """
        self._array.append(rows)

    def sync(self) -> None:
        """Return when all rows are on the disk."""
        self._array.sync()

    def finish(self) -> None:
        """Write what makes the folder complete."""
        self._array.finish()
        if self._block_sizes is not None:
            np.save(self._folder / "block_sizes.npy", self._block_sizes)
        write_meta(self._folder, self._kind, (self.n_rows, self._n_features))

    def close(self) -> None:
        """Close the file, as it is."""
        self._array.close()

    def __enter__(self) -> GrowingMatrix:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
