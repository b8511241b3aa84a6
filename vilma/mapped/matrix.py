"""Rows on disk, as X of the estimators."""

from __future__ import annotations

import os
from typing import Any, NoReturn

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

from vilma._row_container import RowContainer
from vilma.mapped.codes import CodesStore
from vilma.mapped.csr import CSRStore
from vilma.mapped.dense import DenseStore
from vilma.mapped.disk_array import DiskArray, Source
from vilma.mapped.folder import open_store
from vilma.mapped.scratch import Scratch
from vilma.mapped.spans import cut_blocks
from vilma.mapped.store import Store
from vilma.one_hot import OneHotCodes

__all__ = ["DEFAULT_MEMORY", "MappedMatrix"]

DEFAULT_MEMORY = 256 * 2**20
_BLOCK_BYTES = 16 * 2**20  # larger blocks are no faster, and leave fewer rows in memory


class MappedMatrix(RowContainer):
    """A matrix whose rows stay on disk until they are needed.

    vilma's estimators take it as X and read it in blocks of rows, so they learn from more data
    than fit into memory. Rows can be selected as from an array; the selection stays on disk, so
    `train_test_split`, `Pipeline`, `GridSearchCV` and `cross_val_score` work without loading it.
    It is pickled by its paths.

    Make one by :meth:`open`, :meth:`from_npy`, :meth:`from_csr` or :meth:`from_codes`, or write a
    folder by :func:`vilma.save_mapped`, ``vilma lbp`` or ``vilma embed`` first.

    Parameters
    ----------
    store : Store
        What the methods named above make.
    max_memory : int
        Bytes of X to hold at a time.

    Attributes
    ----------
    shape : tuple of (int, int)
        Number of rows and columns.
    kind : {"dense", "csr", "one-hot"}
    max_memory : int
        See the notes.

    See Also
    --------
    vilma.save_mapped : Write a matrix to a folder.
    vilma.OneHotCodes : One-hot codes in memory.

    Notes
    -----
    A fit holds at most `max_memory` bytes of X (and always one row): a matrix that fits is read
    once; of a larger one the first rows are kept and the others are read again, in blocks, for
    every product, one block ahead. Blocks depend on the data and on `max_memory` alone. Not
    counted are a few numbers for every row (labels, scores, row numbers) and for every column
    (coefficients, planes), and what the system caches of the files.

    The content is checked whenever it is read: finite values, codes within their blocks, columns
    in ascending order. Folders written by vilma have checksums, and a block of 4 kB is compared
    with its own when it is read for the first time. The files must not be changed while they are
    used.

    Examples
    --------
    >>> import numpy as np, tempfile
    >>> from pathlib import Path
    >>> from vilma import IISVOR_IMC, MappedMatrix
    >>> path = Path(tempfile.mkdtemp()) / "X.npy"
    >>> np.save(path, np.arange(8.0).reshape(-1, 1))
    >>> X = MappedMatrix.from_npy(path)
    >>> X.shape
    (8, 1)
    >>> X[2:4].read()
    array([[2.],
           [3.]])
    >>> IISVOR_IMC(alpha=0.01).fit(X, [1, 1, 1, 2, 2, 2, 3, 3]).predict(X[[0, 7]])
    array([1, 3])
    """

    def __init__(self, store: Store, max_memory: int = DEFAULT_MEMORY) -> None:
        if isinstance(max_memory, bool) or not isinstance(max_memory, (int, np.integer)):
            raise TypeError(f"max_memory must be a number of bytes, got {max_memory!r}.")
        if max_memory < 1:
            raise ValueError(f"max_memory must be at least 1 byte, got {max_memory}.")
        self._store = store
        self.max_memory = int(max_memory)
        self._rows: range | np.ndarray = range(store.shape[0])

    @classmethod
    def open(
        cls, folder: str | os.PathLike[str], *, max_memory: int = DEFAULT_MEMORY
    ) -> MappedMatrix:
        """Open a folder of :func:`vilma.save_mapped`, ``vilma lbp`` or ``vilma embed``.

        Parameters
        ----------
        folder : path
            With its ``meta.json`` and ``.npy`` files.
        max_memory : int, default=256 MB
            Bytes of X to hold at a time.

        Returns
        -------
        MappedMatrix

        Raises
        ------
        FileNotFoundError
            If the folder or one of its files is missing.
        ValueError
            If it is not a folder of a matrix, or its files do not fit together.
        """
        return cls(open_store(folder), max_memory)

    @classmethod
    def from_npy(cls, array: Source, *, max_memory: int = DEFAULT_MEMORY) -> MappedMatrix:
        """Use a dense matrix in a ``.npy`` file.

        Parameters
        ----------
        array : path or numpy.memmap of shape (n_samples, n_features)
            Real numbers in C order.
        max_memory : int, default=256 MB
            Bytes of X to hold at a time.

        Returns
        -------
        MappedMatrix

        Raises
        ------
        ValueError
            If the file is cut short, in Fortran order, or not a matrix.
        TypeError
            If it does not hold real numbers.
        """
        return cls(DenseStore(DiskArray.of(array)), max_memory)

    @classmethod
    def from_csr(
        cls,
        indices: Source,
        indptr: Source,
        data: Source | None = None,
        *,
        n_features: int,
        max_memory: int = DEFAULT_MEMORY,
    ) -> MappedMatrix:
        """Use the arrays of a CSR matrix in ``.npy`` files.

        Parameters
        ----------
        indices : path or numpy.memmap of shape (n_entries,)
            Columns, ascending within each row.
        indptr : path or numpy.memmap of shape (n_samples + 1,)
            Offsets of the rows.
        data : path or numpy.memmap of shape (n_entries,), optional
            Values; without them every entry is 1.
        n_features : int
            Number of columns.
        max_memory : int, default=256 MB
            Bytes of X to hold at a time.

        Returns
        -------
        MappedMatrix

        Raises
        ------
        ValueError
            If the arrays do not fit together.
        """
        values = None if data is None else DiskArray.of(data)
        store = CSRStore(DiskArray.of(indices), DiskArray.of(indptr), values, n_features)
        return cls(store, max_memory)

    @classmethod
    def from_codes(
        cls, codes: Source, block_sizes: ArrayLike, *, max_memory: int = DEFAULT_MEMORY
    ) -> MappedMatrix:
        """Use one-hot codes in a ``.npy`` file.

        Parameters
        ----------
        codes : path or numpy.memmap of shape (n_samples, n_blocks)
            Codes of type uint8 or uint16 in C order, see :class:`vilma.OneHotCodes`.
        block_sizes : int or array-like of shape (n_blocks,)
            Number of columns of every block.
        max_memory : int, default=256 MB
            Bytes of X to hold at a time.

        Returns
        -------
        MappedMatrix

        Raises
        ------
        ValueError
            If the sizes do not fit the codes.
        TypeError
            If the codes are of another type.
        """
        return cls(CodesStore(DiskArray.of(codes), np.asarray(block_sizes)), max_memory)

    @property
    def shape(self) -> tuple[int, int]:  # type: ignore[override]
        """Number of rows and columns."""
        return len(self._rows), self._store.shape[1]

    @property
    def kind(self) -> str:
        """What is stored: ``"dense"``, ``"csr"`` or ``"one-hot"``."""
        return self._store.kind

    def row_bytes(self) -> np.ndarray:
        """Return how much memory each row takes once it is read.

        Returns
        -------
        ndarray of shape (n_samples,)
            In bytes.
        """
        return self._store.row_bytes(np.asarray(self._rows, dtype=np.int64))

    def block_bytes(self) -> int:
        """Return how much to read at a time, where the rows are read block after block.

        Returns
        -------
        int
            In bytes.
        """
        return max(min(_BLOCK_BYTES, self.max_memory // 8), 1)

    def read(
        self, start: int = 0, stop: int | None = None, *, scratch: Scratch | None = None
    ) -> np.ndarray | sparse.csr_array | OneHotCodes:
        """Read rows into memory.

        Parameters
        ----------
        start : int, default=0
            First row.
        stop : int, optional
            The row behind the last; by default all rows from `start` on.
        scratch : Scratch, optional
            Memory to put them into, instead of new memory.

        Returns
        -------
        ndarray, csr_array or OneHotCodes of shape (stop - start, n_features)
            Of float64 where dense; the entries of a CSR matrix without data are int8 ones.

        Raises
        ------
        ValueError
            If a value is not finite, a code is outside its block, or columns do not ascend;
            the row of the file is named.
        OSError
            If a file cannot be read.
        """
        rows = np.asarray(self._rows[start:stop], dtype=np.int64)
        if (np.diff(rows) >= 0).all():
            return self._store.read(rows, None, scratch)
        order = np.argsort(rows, kind="stable")
        return self._store.read(rows[order], order, scratch)

    def in_file_order(self) -> tuple[MappedMatrix, np.ndarray | None]:
        """Sort the rows as they are in the file.

        Returns
        -------
        X : MappedMatrix
            The same rows; one pass over them is one pass over the file.
        order : ndarray of shape (n_samples,) or None
            Row i of the result is row ``order[i]`` of this matrix; None where nothing changed.
        """
        if isinstance(self._rows, range) or (np.diff(self._rows) >= 0).all():
            return self, None
        order = np.argsort(self._rows, kind="stable")
        return self._select(self._rows[order]), order

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, key: Any) -> MappedMatrix:
        key = self._row_key(key)
        if isinstance(key, slice) and key.step in (None, 1):
            return self._select(self._rows[key])
        chosen = np.atleast_1d(np.arange(len(self))[key])
        rows = self._rows
        return self._select(chosen + rows.start if isinstance(rows, range) else rows[chosen])

    def _select(self, rows: range | np.ndarray) -> MappedMatrix:
        part = MappedMatrix(self._store, self.max_memory)
        part._rows = rows
        return part

    def __matmul__(self, other: np.ndarray) -> np.ndarray:
        other = np.asarray(other, dtype=np.float64)
        if other.ndim not in (1, 2) or len(other) != self.shape[1]:
            raise ValueError(
                f"Cannot multiply shapes {self.shape} and {other.shape}; expected "
                f"{self.shape[1]} numbers, or as many rows of numbers."
            )
        X, order = self.in_file_order()
        out = np.empty((len(self), *other.shape[1:]))
        for start, stop in cut_blocks(X.row_bytes(), X.block_bytes()):
            rows = slice(start, stop)
            out[rows if order is None else order[rows]] = X.read(start, stop) @ other
        return out

    def __array__(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError(
            "A MappedMatrix is not turned into an array unasked, because it may not fit into "
            "memory. Read it, or some of its rows, by X.read()."
        )

    def __repr__(self) -> str:
        rows = "1 row" if len(self) == 1 else f"{len(self)} rows"
        return f"MappedMatrix({self.kind}, {rows}, {self.shape[1]} columns)"
