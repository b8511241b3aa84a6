"""Columns of several kinds side by side."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn, TypeAlias

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from sklearn.utils import check_array

from vilma._numbers import numbers_expected, refuse_dates
from vilma._row_container import RowContainer
from vilma._sparse import check_sparse, without_spare_entries
from vilma.mapped import MappedMatrix
from vilma.one_hot import OneHotCodes

__all__ = ["MixedColumns", "hstack"]

_CHUNK = 1024  # rows that are put together at a time

Block: TypeAlias = "np.ndarray | sparse.csr_array | OneHotCodes | MappedMatrix"
Remake: TypeAlias = "Callable[[np.ndarray, np.ndarray], tuple[MixedColumns, MixedColumns]]"


class MixedColumns(RowContainer):
    """Columns of several kinds side by side, each kept, and multiplied, in its own form.

    It stands for the matrix ``[s_1 X_1, s_2 X_2, ...]`` of blocks X and their scales s. Rows can
    be indexed like those of an array, so it passes through `train_test_split`, `Pipeline`,
    `GridSearchCV` and `cross_val_score`, and vilma's estimators take it as X. Make one by
    :func:`vilma.hstack`.

    Parameters
    ----------
    blocks : sequence of ndarray, csr_array, OneHotCodes or MappedMatrix
        Checked, with the same number of rows.
    scales : ndarray of shape (n_blocks,)
        Factor of every block.
    names : tuple of str or None
        Name of every block; blocks of one name belong together.
    remake : callable, default=None
        Where labels helped to make the columns: ``remake(train, others)`` returns those of the
        rows `train` and of the rows `others`, both made with the labels of `train` alone.
        Cross-validated estimators take them for their folds.

    Attributes
    ----------
    blocks : tuple of ndarray, csr_array, OneHotCodes or MappedMatrix
        As they are, without their scales.
    scales : ndarray of shape (n_blocks,)
    names : tuple of str or None
    block_starts : ndarray of shape (n_blocks + 1,), dtype int64
        First column of every block, and the number of columns.
    remake : callable or None
        Some of the rows do not have it; some of the blocks do, and what :func:`vilma.hstack`
        makes of several.
    shape : tuple of (int, int)
        Number of rows and of columns.

    See Also
    --------
    vilma.hstack : Makes them.
    vilma.features.TableFeatures : Makes them of a table.
    """

    def __init__(
        self,
        blocks: Sequence[Block],
        scales: np.ndarray,
        names: tuple[str, ...] | None,
        remake: Remake | None = None,
    ) -> None:
        self.blocks = tuple(blocks)
        self.scales = scales
        self.names = names
        self.remake = remake
        widths = [block.shape[1] for block in blocks]
        self.block_starts = np.concatenate([[0], np.cumsum(widths, dtype=np.int64)])
        self.shape = (self.blocks[0].shape[0], int(self.block_starts[-1]))

    def select(self, chosen: Iterable[int | str]) -> MixedColumns:
        """Return some of the blocks.

        Parameters
        ----------
        chosen : iterable of int or str
            Numbers or names of blocks; a name stands for all blocks that have it.

        Returns
        -------
        MixedColumns
            Of these blocks, in the order given.

        Raises
        ------
        ValueError
            If there is no such block, or none is asked for.
        """
        places = [place for block in chosen for place in self._places(block)]
        if not places:
            raise ValueError("Expected at least one block, got none.")
        names = None if self.names is None else tuple(self.names[place] for place in places)
        remake = None if self.remake is None else _RemakeSome(self.remake, places)
        blocks = [self.blocks[place] for place in places]
        return MixedColumns(blocks, self.scales[places], names, remake)

    def column_ranges(self) -> list[tuple[int, int]]:
        """Return the first column of every block and the one behind its last.

        Returns
        -------
        list of tuple of (int, int)
            One for each block.
        """
        return list(itertools.pairwise(self.block_starts.tolist()))

    def tocsr(self) -> sparse.csr_array:
        """Return the matrix in compressed row storage, scales applied.

        Returns
        -------
        scipy.sparse.csr_array of shape (n_samples, n_features)
            The matrix that the blocks stand for.
        """
        blocks = [each.read() if isinstance(each, MappedMatrix) else each for each in self.blocks]
        size = sum(_count_entries(block) for block in blocks)
        index = np.int32 if max(size, self.shape[1]) < 2**31 else np.int64
        data, indices = np.empty(size), np.empty(size, dtype=index)
        indptr = np.zeros(len(self) + 1, dtype=index)
        # Some rows at a time: parts of the whole matrix would take as much as the result again.
        for start in range(0, len(self), _CHUNK):
            rows = slice(start, start + _CHUNK)
            some = sparse.hstack(
                [
                    scale * _as_csr(block[rows])
                    for block, scale in zip(blocks, self.scales, strict=True)
                ],
                format="csr",
            )
            first = int(indptr[start])
            entries = slice(first, first + some.nnz)
            data[entries], indices[entries] = some.data, some.indices
            indptr[start + 1 : start + some.shape[0] + 1] = first + some.indptr[1:]
        return sparse.csr_array((data, indices, indptr), shape=self.shape)

    def toarray(self) -> np.ndarray:
        """Return the matrix as a dense array.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            Scales applied.
        """
        return self.tocsr().toarray()

    def __array__(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError(
            "MixedColumns are not turned into a dense array unasked, because most of it may be "
            "zeros. Other estimators take X.tocsr() or X.toarray()."
        )

    def __getitem__(self, key: Any) -> MixedColumns:
        key = self._row_key(key)
        if not isinstance(key, slice):
            key = np.atleast_1d(np.arange(len(self))[key])
        return MixedColumns([block[key] for block in self.blocks], self.scales, self.names)

    def __matmul__(self, other: np.ndarray) -> np.ndarray:
        other = np.asarray(other)
        if other.shape[0] != self.shape[1]:
            raise ValueError(f"Cannot multiply shapes {self.shape} and {other.shape}.")
        return sum(
            scale * (block @ other[start:stop])
            for block, scale, (start, stop) in zip(
                self.blocks, self.scales, self.column_ranges(), strict=True
            )
        )

    def __repr__(self) -> str:
        rows = "1 row" if len(self) == 1 else f"{len(self)} rows"
        kinds = [_kind(block) for block in self.blocks]
        if self.names is not None:
            kinds = [f"{name}: {kind}" for name, kind in zip(self.names, kinds, strict=True)]
        return f"MixedColumns({rows}, {self.shape[1]} columns: {', '.join(kinds)})"

    def _places(self, block: int | str) -> list[int]:
        if isinstance(block, str):
            places = [place for place, name in enumerate(self.names or ()) if name == block]
            if not places:
                known = ", ".join(map(repr, dict.fromkeys(self.names or ()))) or "no names"
                raise ValueError(f"There is no block {block!r}; the blocks have {known}.")
            return places
        if not 0 <= block < len(self.blocks):
            raise ValueError(f"There is no block {block}; there are {len(self.blocks)}.")
        return [int(block)]


class _RemakeSome:
    """Columns of some blocks, made with the labels of some rows."""

    def __init__(self, remake: Remake, places: list[int]) -> None:
        self._remake, self._places = remake, places

    def __call__(self, train: np.ndarray, others: np.ndarray) -> tuple[MixedColumns, MixedColumns]:
        known, rest = self._remake(train, others)
        return known.select(self._places), rest.select(self._places)


class _RemakeEach:
    """Blocks side by side of which some are made with the labels of some rows."""

    def __init__(self, blocks: list[Any], scales: np.ndarray, names: list[str] | None) -> None:
        self._blocks, self._scales, self._names = blocks, scales, names

    def __call__(self, train: np.ndarray, others: np.ndarray) -> tuple[MixedColumns, MixedColumns]:
        pairs = [
            block.remake(train, others)
            if isinstance(block, MixedColumns) and block.remake is not None
            else (block[train], block[others])
            for block in self._blocks
        ]
        known, rest = zip(*pairs, strict=True)
        return self._stack(known), self._stack(rest)

    def _stack(self, blocks: tuple[Any, ...]) -> MixedColumns:
        return hstack(blocks, scales=self._scales, names=self._names)


def hstack(
    blocks: Iterable[Any],
    *,
    scales: ArrayLike | None = None,
    names: Iterable[str] | None = None,
) -> MixedColumns:
    r"""Put columns of several kinds side by side, without changing their form.

    Dense columns, sparse ones, one-hot codes and rows on disk become one X for vilma's estimators.
    Every block keeps its own products, so the result is that of the whole as one sparse matrix,
    in the time and memory of the parts.

    Parameters
    ----------
    blocks : iterable of array-like, sparse matrix, OneHotCodes, MappedMatrix or MixedColumns
        All with the same number of rows. The blocks of `MixedColumns` are taken one by one.
    scales : array-like of shape (n_blocks,), default=None
        Positive factor of every block, by default 1. One alpha suits all blocks if their rows
        have about the same norm: ``1 / sqrt(p)`` for p standardised columns, ``1 / sqrt(b)`` for
        one-hot codes of b blocks.
    names : iterable of str, default=None
        Name of every block; blocks of one name belong together. Cross-validated estimators
        choose among named blocks. By default the names of `MixedColumns`, if nothing else is put
        together, and none otherwise.

    Returns
    -------
    MixedColumns
        The blocks side by side. What `TableFeatures` grew on labels is grown anew for the folds of
        cross-validated estimators, as it is by itself.

    Raises
    ------
    ValueError
        If there is no block, blocks have different numbers of rows or values that are not finite,
        a scale is not positive, or names do not fit.

    Notes
    -----
    Scaling a block by s is the same as dividing alpha by :math:`s^2` for its coefficients.

    Examples
    --------
    >>> import numpy as np
    >>> import vilma
    >>> codes = vilma.OneHotCodes([[0, 2], [1, 0]], block_sizes=[2, 3])
    >>> X = vilma.hstack([np.array([[0.5], [-0.5]]), codes], scales=[1.0, 0.5])
    >>> X
    MixedColumns(2 rows, 6 columns: dense 1, one-hot 5)
    >>> X.toarray()
    array([[ 0.5,  0.5,  0. ,  0. ,  0. ,  0.5],
           [-0.5,  0. ,  0.5,  0.5,  0. ,  0. ]])
    """
    given = list(blocks)
    if not given:
        raise ValueError("Expected at least one block of columns, got none.")
    factors = _read_scales(scales, len(given))
    given_names = None if names is None else _read_names(names, len(given))
    given = [
        block if isinstance(block, MixedColumns) else _read_block(block, place)
        for place, block in enumerate(given)
    ]
    parts: list[Block] = []
    part_scales: list[float] = []
    part_names: list[str | None] = []
    for place, (block, factor) in enumerate(zip(given, factors, strict=True)):
        own: list[str | None]
        if isinstance(block, MixedColumns):
            parts += block.blocks
            part_scales += (factor * block.scales).tolist()
            own = list(block.names or [None] * len(block.blocks))
        else:
            parts.append(block)
            part_scales.append(float(factor))
            own = [None]
        part_names += own if given_names is None else [given_names[place]] * len(own)
    rows = [part.shape[0] for part in parts]
    if len(set(rows)) > 1:
        raise ValueError(f"All blocks must have the same number of rows, got {rows}.")
    known = [name for name in part_names if name is not None]
    complete = len(known) == len(parts)
    remade = any(isinstance(each, MixedColumns) and each.remake is not None for each in given)
    remake = _RemakeEach(given, factors, given_names) if remade else None
    return MixedColumns(parts, np.array(part_scales), tuple(known) if complete else None, remake)


def _read_block(block: Any, place: int) -> Block:
    if isinstance(block, (OneHotCodes, MappedMatrix)):
        return block
    check_sparse(block, f"block {place}")
    refuse_dates(block, f"block {place}")
    with numbers_expected(f"block {place}"):
        checked = check_array(
            block,
            accept_sparse="csr",
            dtype=np.float64,
            ensure_min_samples=0,
            ensure_min_features=0,
            input_name=f"block {place}",
        )
    return (
        without_spare_entries(sparse.csr_array(checked)) if sparse.issparse(checked) else checked
    )


def _read_scales(scales: ArrayLike | None, n_blocks: int) -> np.ndarray:
    if scales is None:
        return np.ones(n_blocks)
    factors = np.asarray(scales, dtype=np.float64)
    if factors.shape != (n_blocks,):
        raise ValueError(f"Expected one scale for each of {n_blocks} blocks, got {factors.shape}.")
    if not (np.isfinite(factors) & (factors > 0.0)).all():
        raise ValueError(f"Scales must be positive and finite, got {factors.tolist()}.")
    return factors


def _read_names(names: Iterable[str], n_blocks: int) -> list[str]:
    read = [str(name) for name in names]
    if len(read) != n_blocks:
        raise ValueError(f"Expected a name for each of {n_blocks} blocks, got {read}.")
    return read


def _count_entries(block: np.ndarray | sparse.csr_array | OneHotCodes) -> int:
    if isinstance(block, OneHotCodes):
        return block.codes.size
    return int(np.count_nonzero(block)) if isinstance(block, np.ndarray) else int(block.nnz)


def _as_csr(block: np.ndarray | sparse.csr_array | OneHotCodes) -> sparse.csr_array:
    return block.tocsr() if isinstance(block, OneHotCodes) else sparse.csr_array(block)


def _kind(block: Block) -> str:
    if isinstance(block, OneHotCodes):
        kind = "one-hot"
    elif isinstance(block, MappedMatrix):
        kind = f"{block.kind} on disk"
    else:
        kind = "csr" if sparse.issparse(block) else "dense"
    return f"{kind} {block.shape[1]}"
