"""Blocks of one-hot features, kept as one small code per block."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

from vilma._masked import refuse_masked
from vilma._numbers import as_numbers, numbers_expected, require_integer
from vilma._row_container import RowContainer
from vilma._sparse import check_sparse

__all__ = ["OneHotCodes", "read_block_sizes"]


class OneHotCodes(RowContainer):
    """Rows with exactly one 1 in every block of columns, kept as codes.

    Column ``block_starts[b] + codes[i, b]`` of row i is 1 for every block b, all others are 0.
    Multi-scale LBP features of a 60 x 40 image take 623 bytes this way, 5 kB as CSR. Codes can be
    indexed by rows like an array, so they pass through `train_test_split`, `Pipeline`,
    `GridSearchCV` and `cross_val_score`, and vilma's estimators take them as X.

    Parameters
    ----------
    codes : array-like of shape (n_samples, n_blocks)
        Nonnegative integers below the size of their block.
    block_sizes : int or array-like of shape (n_blocks,)
        Number of columns of every block, at most 65,536.

    Attributes
    ----------
    codes : ndarray of shape (n_samples, n_blocks), dtype uint8 or uint16
        Stored block after block (in Fortran order).
    block_sizes : ndarray of shape (n_blocks,), dtype int64
    block_starts : ndarray of shape (n_blocks + 1,), dtype int64
        First column of every block, and the number of columns.
    shape : tuple of (int, int)
        Number of rows and of columns.

    Raises
    ------
    ValueError
        If a code is negative or as large as its block, naming its place, or shapes do not fit.
    TypeError
        If codes or sizes are not integers.

    See Also
    --------
    vilma.features.MultiScaleLBP : Makes codes of images with ``output="codes"``.

    Examples
    --------
    >>> from vilma import OneHotCodes
    >>> X = OneHotCodes([[0, 2], [1, 0]], block_sizes=[2, 3])
    >>> X.shape
    (2, 5)
    >>> X.toarray()
    array([[1., 0., 0., 0., 1.],
           [0., 1., 1., 0., 0.]])
    >>> X[:1]
    OneHotCodes(1 row, 2 blocks, 5 columns)
    """

    def __init__(self, codes: ArrayLike, block_sizes: ArrayLike) -> None:
        refuse_masked(codes, "codes")
        with numbers_expected("codes"):
            codes = np.asarray(codes)
        if codes.ndim != 2:
            raise ValueError(
                f"Expected codes of shape (n_samples, n_blocks), got shape {codes.shape}."
            )
        sizes = read_block_sizes(block_sizes, codes.shape[1])
        if codes.dtype.kind not in "iu":
            raise TypeError(f"Expected integer codes, got dtype {codes.dtype}.")
        _check_codes(codes, sizes)
        small = np.uint8 if sizes.max(initial=0) <= 256 else np.uint16
        self._set(np.asfortranarray(codes, dtype=small), sizes)

    def _set(self, codes: np.ndarray, sizes: np.ndarray) -> None:
        self.codes = codes
        self.block_sizes = sizes
        self.block_starts = np.concatenate([[0], np.cumsum(sizes)])
        self.shape = (codes.shape[0], int(self.block_starts[-1]))

    @classmethod
    def _trusted(cls, codes: np.ndarray, sizes: np.ndarray) -> OneHotCodes:
        """Make codes out of parts that have been checked."""
        self = cls.__new__(cls)
        self._set(np.asfortranarray(codes), sizes)
        return self

    @classmethod
    def from_csr(cls, X: Any, block_sizes: ArrayLike) -> OneHotCodes:
        """Make codes of a sparse matrix with exactly one 1 in every block of every row.

        Parameters
        ----------
        X : sparse matrix of shape (n_samples, n_features)
            Of zeros and ones.
        block_sizes : int or array-like of shape (n_blocks,)
            Number of columns of every block; a single size is repeated.

        Returns
        -------
        OneHotCodes
            The same matrix.

        Raises
        ------
        ValueError
            If some block of some row does not hold exactly one 1; the first such row is named.
        """
        check_sparse(X)
        if not sparse.issparse(X):
            X = as_numbers(X, "X")
        if X.ndim != 2:
            raise ValueError(f"Expected a matrix, got an array of shape {X.shape}.")
        if X.dtype.kind not in "biuf":
            raise TypeError(f"X should hold zeros and ones, got dtype {X.dtype}.")
        X = sparse.csr_array(X, copy=True)
        X.sum_duplicates()
        X.eliminate_zeros()
        sizes = np.asarray(block_sizes)
        if sizes.ndim == 0:
            require_integer("block_sizes", block_sizes, 1)
            sizes = np.full(X.shape[1] // int(sizes), int(sizes))
        sizes = read_block_sizes(sizes, len(sizes))
        starts = np.concatenate([[0], np.cumsum(sizes)])
        if starts[-1] != X.shape[1]:
            raise ValueError(
                f"The blocks have {starts[-1]} columns together, but X has {X.shape[1]}."
            )
        wrong = np.diff(X.indptr) != len(sizes)
        if not wrong.any():
            columns = X.indices.reshape(X.shape[0], len(sizes))
            outside = (columns < starts[:-1]) | (columns >= starts[1:])
            wrong = outside.any(axis=1) | (X.data.reshape(columns.shape) != 1).any(axis=1)
        if wrong.any():
            raise ValueError(
                f"Row {int(np.argmax(wrong))} of X does not hold exactly one 1 in every block. "
                "Check block_sizes, or keep X as a sparse matrix."
            )
        return cls(columns - starts[:-1], sizes)

    def tocsr(self) -> sparse.csr_array:
        """Return the matrix in compressed row storage, of float64 ones.

        Returns
        -------
        scipy.sparse.csr_array of shape (n_samples, n_features)
            The matrix that the codes stand for.
        """
        n_samples, n_blocks = self.codes.shape
        index = np.int32 if max(self.shape[1], self.codes.size) < 2**31 else np.int64
        indices = self.codes.astype(index, order="C") + self.block_starts[:-1].astype(index)
        indptr = np.arange(n_samples + 1, dtype=index) * index(n_blocks)
        return sparse.csr_array(
            (np.ones(self.codes.size), indices.ravel(), indptr), shape=self.shape
        )

    def toarray(self) -> np.ndarray:
        """Return the matrix as a dense array.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            Of float64 zeros and ones.
        """
        return self.tocsr().toarray()

    def __array__(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError(
            "OneHotCodes are not turned into a dense array unasked, because most of it would be "
            "zeros. Other estimators take X.tocsr(), or MultiScaleLBP(output='csr'). Beside other "
            "columns they are put by vilma.hstack, or in a pipeline by vilma.features.Union."
        )

    def __getitem__(self, key: Any) -> OneHotCodes:
        rows = self._rows_of(key)
        return self._trusted(self.codes[rows], self.block_sizes)

    def __matmul__(self, other: np.ndarray) -> np.ndarray:
        other = as_numbers(other, "The other factor")
        if other.ndim not in {1, 2} or other.shape[0] != self.shape[1]:
            raise ValueError(f"Cannot multiply shapes {self.shape} and {other.shape}.")
        total = np.zeros((self.shape[0], *other.shape[1:]), dtype=other.dtype)
        part = np.empty_like(total)
        for b, start in enumerate(self.block_starts[:-1]):
            block = other[start : self.block_starts[b + 1]]
            # No code is beyond its block; "clip" only spares NumPy a copy of `part`.
            np.take(block, self.codes[:, b], axis=0, out=part, mode="clip")
            total += part
        return total

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, OneHotCodes)
            and np.array_equal(self.block_sizes, other.block_sizes)
            and np.array_equal(self.codes, other.codes)
        )

    __hash__ = None  # type: ignore[assignment]  # its arrays may be changed

    def __repr__(self) -> str:
        n_samples, n_blocks = self.codes.shape
        rows = "1 row" if n_samples == 1 else f"{n_samples} rows"
        return f"OneHotCodes({rows}, {n_blocks} blocks, {self.shape[1]} columns)"


def read_block_sizes(block_sizes: ArrayLike, n_blocks: int) -> np.ndarray:
    """Check one size for all blocks or one for each; return them, of shape (n_blocks,)."""
    sizes = np.asarray(block_sizes)
    if sizes.size and sizes.dtype.kind not in "iu":
        raise TypeError(f"Expected integer block sizes, got dtype {sizes.dtype}.")
    if sizes.ndim == 0:
        sizes = np.full(n_blocks, int(sizes))
    if sizes.shape != (n_blocks,):
        raise ValueError(f"Expected one size for each of {n_blocks} blocks, got {sizes.shape}.")
    if sizes.size and not (sizes.min() >= 1 and sizes.max() <= 2**16):
        raise ValueError(
            f"Block sizes must be from 1 to 65536, got {sizes.min()} to {sizes.max()}."
        )
    return sizes.astype(np.int64)


def _check_codes(codes: np.ndarray, sizes: np.ndarray) -> None:
    if not codes.size:
        return
    wrong = (codes.max(axis=0) >= sizes) | (codes.min(axis=0) < 0)
    if wrong.any():
        block = int(np.argmax(wrong))
        column = codes[:, block]
        row = int(np.argmax((column < 0) | (column >= sizes[block])))
        raise ValueError(
            f"Row {row} has the code {column[row]} in block {block}, which has only the codes "
            f"0 to {sizes[block] - 1}."
        )
