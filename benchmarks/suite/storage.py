"""A task's data on disk, so that measured processes load what another process has made."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from scipy import sparse

from vilma import MappedMatrix, OneHotCodes

__all__ = ["Data", "append_codes", "codes_to_csr", "load_data", "save_matrix", "save_targets"]

_ROWS_AT_ONCE = 10_000


@dataclass(frozen=True)
class Data:
    """What is learned, and the held-out part with its true labels."""

    X: Any  # (n_samples, n_features) as ndarray, csr_array, OneHotCodes or MappedMatrix
    intervals: np.ndarray  # (n_samples, 2)
    X_test: Any
    truth: np.ndarray  # (n_test,)
    classes: np.ndarray  # (n_classes,) consecutive whole numbers


def save_targets(
    folder: Path, intervals: np.ndarray, truth: np.ndarray, classes: np.ndarray
) -> None:
    """Save all but the matrices."""
    np.savez(folder / "targets.npz", intervals=intervals, truth=truth, classes=classes)


def save_matrix(folder: Path, X: Any) -> None:
    """Save a dense array, or a CSR array of ones without its values."""
    folder.mkdir(parents=True)
    if not sparse.issparse(X):
        np.save(folder / "dense.npy", X)
        return
    np.save(folder / "indices.npy", X.indices)
    np.save(folder / "indptr.npy", X.indptr)
    (folder / "shape.json").write_text(json.dumps(X.shape))


@contextmanager
def append_codes(folder: Path, shape: tuple[int, int], block_size: int) -> Iterator[BinaryIO]:
    """Write one-hot codes row block by row block: the bytes of uint8 arrays, in row order."""
    folder.mkdir(parents=True)
    (folder / "block_size.json").write_text(json.dumps(block_size))
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    with (folder / "codes.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        yield file


def codes_to_csr(folder: Path) -> None:
    """Replace saved codes by the same matrix as CSR."""
    X = _load_codes(folder).tocsr()
    for name in ("codes.npy", "block_size.json"):
        (folder / name).unlink()
    folder.rmdir()
    save_matrix(folder, X)


def load_data(folder: Path, max_memory: int | None = None) -> Data:
    """Load a task's data into memory, without copies on the way that would count as its peak.

    With a budget, the matrices stay on disk and take at most so many bytes at a time.
    """

    def load(part: str) -> Any:
        if max_memory is None:
            return _load_matrix(folder / part)
        return _map_matrix(folder / part, max_memory)

    with np.load(folder / "targets.npz") as targets:
        intervals, truth, classes = (targets[name] for name in ("intervals", "truth", "classes"))
    return Data(load("train"), intervals, load("test"), truth, classes)


def _load_matrix(folder: Path) -> Any:
    if (folder / "dense.npy").exists():
        return np.load(folder / "dense.npy")
    if (folder / "codes.npy").exists():
        return _load_codes(folder)
    indices = np.load(folder / "indices.npy")
    return sparse.csr_array(
        (np.ones(len(indices)), indices, np.load(folder / "indptr.npy")),
        shape=json.loads((folder / "shape.json").read_text()),
    )


def _map_matrix(folder: Path, max_memory: int) -> MappedMatrix:
    if (folder / "dense.npy").exists():
        return MappedMatrix.from_npy(folder / "dense.npy", max_memory=max_memory)
    if (folder / "codes.npy").exists():
        block_size = json.loads((folder / "block_size.json").read_text())
        return MappedMatrix.from_codes(folder / "codes.npy", block_size, max_memory=max_memory)
    return MappedMatrix.from_csr(
        folder / "indices.npy",
        folder / "indptr.npy",
        n_features=json.loads((folder / "shape.json").read_text())[1],
        max_memory=max_memory,
    )


def _load_codes(folder: Path) -> OneHotCodes:
    """Fill the column-major array that OneHotCodes keeps, a few rows at a time."""
    with (folder / "codes.npy").open("rb") as file:
        np.lib.format.read_magic(file)
        (n_rows, n_blocks), _, dtype = np.lib.format.read_array_header_1_0(file)
        codes = np.empty((n_rows, n_blocks), dtype, order="F")
        for start in range(0, n_rows, _ROWS_AT_ONCE):
            rows = codes[start : start + _ROWS_AT_ONCE]
            rows[:] = np.fromfile(file, dtype, rows.size).reshape(rows.shape)
    return OneHotCodes(codes, json.loads((folder / "block_size.json").read_text()))
