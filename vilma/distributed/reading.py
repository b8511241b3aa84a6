"""Partitions as they come, checked where they are: on the workers."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse
from sklearn.utils import check_array

from vilma._sparse import check_sparse, without_spare_entries
from vilma.mapped import MappedMatrix
from vilma.one_hot import OneHotCodes

__all__ = ["Block", "n_rows", "pack_blocks", "read_block"]


class Block(NamedTuple):
    """A partition, checked."""

    X: Any  # ndarray, CSR, OneHotCodes or MappedMatrix of shape (m, n_features)
    y: Sequence[Any]  # pieces of m labels in all
    weight: np.ndarray | None  # (m,)
    first: int  # number of the partition, or of the first one of several


def read_block(rows: Any, y: Any, weight: Any, number: int) -> Block:
    """Check a partition.

    Parameters
    ----------
    rows : array, data frame, sparse matrix, OneHotCodes, MappedMatrix, or path of a folder
    y : array-like
    weight : array-like or None
    number : int
        Of the partition, for errors.

    Raises
    ------
    ValueError
        If something is wrong, or cannot be read; the partition is named.
    """
    try:
        X = _read_rows(rows)
        if len(y) != X.shape[0]:
            raise ValueError(f"it has {X.shape[0]} rows of X and {len(y)} of y")
        if weight is not None:
            weight = np.asarray(weight, dtype=np.float64).ravel()
            if len(weight) != X.shape[0]:
                raise ValueError(f"it has {X.shape[0]} rows of X and {len(weight)} weights")
            if not (np.isfinite(weight) & (weight >= 0.0)).all():
                raise ValueError("it has weights that are negative or not finite")
        return Block(X, [y], weight, number)
    except Exception as error:
        raise ValueError(f"Partition {number}{_source(rows)}: {error}") from error


def n_rows(rows: Any) -> int:
    """Return the number of rows of a partition."""
    return _read_rows(rows).shape[0] if _is_path(rows) else rows.shape[0]


def _is_path(rows: Any) -> bool:
    return isinstance(rows, (str, os.PathLike))


def _source(rows: Any) -> str:
    return f" ({os.fspath(rows)})" if _is_path(rows) else ""


def _read_rows(rows: Any) -> Any:
    if _is_path(rows):
        rows = MappedMatrix.open(rows)
    if isinstance(rows, MappedMatrix):
        return rows.read() if rows.row_bytes().sum() <= rows.max_memory else rows
    if isinstance(rows, OneHotCodes):
        return rows
    check_sparse(rows)
    X = check_array(
        rows,
        accept_sparse="csr",
        dtype=np.float64,
        ensure_min_samples=0,
        input_name="X",
    )
    if not sparse.issparse(X) and not X.flags.writeable:
        X = X.copy()  # the kernels are compiled for arrays that may be written to
    return without_spare_entries(X)


def pack_blocks(blocks: Sequence[Block], rows_per_part: int) -> Iterator[Block]:
    """Put neighbouring blocks of one kind together, up to so many rows."""
    packed: list[Block] = []
    for block in blocks:
        size = sum(each.X.shape[0] for each in packed) + block.X.shape[0]
        if packed and (size > rows_per_part or not _fit(packed[-1], block)):
            yield _join(packed)
            packed = []
        packed.append(block)
    if packed:
        yield _join(packed)


def _fit(one: Block, other: Block) -> bool:
    """Whether two blocks can be put together."""
    if one.X.shape[1] != other.X.shape[1] or (one.weight is None) != (other.weight is None):
        return False
    if isinstance(one.X, OneHotCodes) and isinstance(other.X, OneHotCodes):
        return np.array_equal(one.X.block_sizes, other.X.block_sizes)
    if isinstance(one.X, np.ndarray):
        return isinstance(other.X, np.ndarray)
    return sparse.issparse(one.X) and sparse.issparse(other.X)


def _join(blocks: Sequence[Block]) -> Block:
    if len(blocks) == 1:
        return blocks[0]
    first = blocks[0].X
    X: Any
    if isinstance(first, OneHotCodes):
        X = OneHotCodes(np.concatenate([each.X.codes for each in blocks]), first.block_sizes)
    elif isinstance(first, np.ndarray):
        X = np.concatenate([each.X for each in blocks])
    else:
        X = sparse.vstack([each.X for each in blocks], format="csr")
    weights = [each.weight for each in blocks if each.weight is not None]
    return Block(
        X,
        [piece for each in blocks for piece in each.y],
        np.concatenate(weights) if weights else None,
        blocks[0].first,
    )
