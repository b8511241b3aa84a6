"""Folders of matrices: ``meta.json`` and ``.npy`` files that anyone can open.

====================  ==========================================================================
``meta.json``         ``format`` ("vilma-matrix-1"), ``kind``, ``shape``
kind ``"dense"``      ``dense.npy`` (n_samples, n_features)
kind ``"csr"``        ``indices.npy``, ``indptr.npy``, and ``data.npy`` unless all entries are 1
kind ``"one-hot"``    ``codes.npy`` (n_samples, n_blocks), ``block_sizes.npy`` (n_blocks,)
``checksums.json``    of all files, with ``*.sums.npy``; see :mod:`vilma.mapped.checksums`
====================  ==========================================================================
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from vilma._arguments import require_path
from vilma._atomic import atomic_folder
from vilma._sparse import check_sparse, without_spare_entries
from vilma.mapped.checksums import Checksums, write_checksums
from vilma.mapped.codes import CodesStore
from vilma.mapped.csr import CSRStore
from vilma.mapped.dense import DenseStore
from vilma.mapped.disk_array import DiskArray
from vilma.mapped.growing import GrowingMatrix
from vilma.mapped.meta import read_meta, write_meta
from vilma.mapped.store import Store
from vilma.one_hot import OneHotCodes

__all__ = ["open_store", "save_mapped"]

_ROWS_AT_ONCE = 4096


def save_mapped(X: Any, folder: str | os.PathLike[str]) -> None:
    """Write a matrix to a new folder that :meth:`MappedMatrix.open` reads.

    Parameters
    ----------
    X : ndarray, sparse matrix or OneHotCodes of shape (n_samples, n_features)
        Dense numbers keep their type. Of a sparse matrix of ones the values are not stored.
    folder : path
        Must not exist. It appears when everything is written, or not at all.

    Raises
    ------
    FileExistsError
        If there is something of that name.
    FileNotFoundError
        If the folder above is missing.
    TypeError
        If X is something else, or of numbers that are not real or take more than 8 bytes each.
    ValueError
        If X does not have two dimensions, or is sparse with indices outside of it.

    See Also
    --------
    vilma.MappedMatrix : Uses the folder as X of the estimators.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from vilma import MappedMatrix, OneHotCodes, save_mapped
    >>> folder = Path(tempfile.mkdtemp()) / "codes"
    >>> save_mapped(OneHotCodes([[0, 2], [1, 0]], block_sizes=[2, 3]), folder)
    >>> MappedMatrix.open(folder)
    MappedMatrix(one-hot, 2 rows, 5 columns)
    """
    write = _writer(X)
    require_path("folder", folder)
    if X.ndim != 2:
        raise ValueError(f"Expected a matrix, got an array of shape {X.shape}.")
    with atomic_folder(Path(folder).absolute()) as new:
        write(X, new)
        write_checksums(new)


def _writer(X: Any) -> Callable[[Any, Path], None]:
    """Return what writes a matrix of this type."""
    if isinstance(X, OneHotCodes):
        return _write_codes
    has_dtype = isinstance(X, np.ndarray) or sparse.issparse(X)
    if not has_dtype or X.dtype.kind not in "biuf" or X.dtype.itemsize > 8:
        what = f"{type(X).__name__} of dtype {X.dtype}" if has_dtype else type(X).__name__
        raise TypeError(
            "Expected a numeric array, a sparse matrix or OneHotCodes, of real numbers of at most "
            f"8 bytes, got {what}. Convert it by numpy.asarray(X, dtype=float) or "
            "X.astype(float) first."
        )
    return _write_csr if sparse.issparse(X) else _write_dense


def open_store(folder: str | os.PathLike[str]) -> Store:
    """Open the files of a folder.

    Parameters
    ----------
    folder : path

    Returns
    -------
    Store

    Raises
    ------
    FileNotFoundError
        If the folder or one of its files is missing.
    ValueError
        If it is not a folder of a matrix, or its files do not fit together.
    """
    require_path("folder", folder)
    folder = Path(folder).absolute()
    checksums = Checksums(folder)
    checksums.verify(["meta.json", "block_sizes.npy"])
    kind, shape = read_meta(folder)
    store = _OPENERS[kind](folder, checksums, shape)
    if store.shape != shape:
        raise ValueError(
            f"{folder / 'meta.json'} says the shape is {shape}, but the arrays have "
            f"{store.shape}. Write the folder again."
        )
    return store


def _open_array(folder: Path, checksums: Checksums, name: str) -> DiskArray:
    return DiskArray.of(folder / name, checksums.of_blocks(name))


def _open_dense(folder: Path, checksums: Checksums, shape: tuple[int, int]) -> Store:
    return DenseStore(_open_array(folder, checksums, "dense.npy"))


def _open_csr(folder: Path, checksums: Checksums, shape: tuple[int, int]) -> Store:
    has_data = (folder / "data.npy").exists()
    return CSRStore(
        _open_array(folder, checksums, "indices.npy"),
        _open_array(folder, checksums, "indptr.npy"),
        _open_array(folder, checksums, "data.npy") if has_data else None,
        shape[1],
    )


def _open_codes(folder: Path, checksums: Checksums, shape: tuple[int, int]) -> Store:
    sizes = DiskArray.of(folder / "block_sizes.npy").read()
    return CodesStore(_open_array(folder, checksums, "codes.npy"), sizes)


_OPENERS = {"dense": _open_dense, "csr": _open_csr, "one-hot": _open_codes}


def _write_dense(X: np.ndarray, folder: Path) -> None:
    with GrowingMatrix.dense(folder, X.shape[1], X.dtype) as rows:
        _write_rows(X, rows)


def _write_codes(X: OneHotCodes, folder: Path) -> None:
    with GrowingMatrix.codes(folder, X.block_sizes) as rows:
        _write_rows(X.codes, rows)


def _write_csr(X: Any, folder: Path) -> None:
    check_sparse(X)
    X = without_spare_entries(sparse.csr_array(X))
    if not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    np.save(folder / "indices.npy", X.indices)
    np.save(folder / "indptr.npy", X.indptr)
    if not (X.data == 1).all():
        np.save(folder / "data.npy", X.data)
    write_meta(folder, "csr", X.shape)


def _write_rows(X: np.ndarray, rows: GrowingMatrix) -> None:
    """Write rows in C order, a few at a time: X may be in the other order, and large."""
    for start in range(0, len(X), _ROWS_AT_ONCE):
        rows.append(X[start : start + _ROWS_AT_ONCE])
    rows.finish()
