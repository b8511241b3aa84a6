"""How the rows of features are kept: one-hot codes, or dense numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from vilma import OneHotCodes
from vilma.mapped.growing import GrowingMatrix


class RowFormat(Protocol):
    """Where computed rows go."""

    def open(self, folder: Path, n_rows: int) -> GrowingMatrix:
        """Open the matrix in a folder.

        Parameters
        ----------
        folder : Path
        n_rows : int
            How many of the rows in it to keep.

        Returns
        -------
        GrowingMatrix

        Raises
        ------
        ValueError
            If the folder has fewer.
        """

    def join(self, blocks: Sequence[NDArray]) -> sparse.csr_array | NDArray:
        """Make one matrix in memory.

        Parameters
        ----------
        blocks : sequence of ndarray
            At least one block of rows.

        Returns
        -------
        csr_array or ndarray of shape (n_rows, n_features)
        """


@dataclass(frozen=True)
class CodeRows:
    """One-hot codes.

    Attributes
    ----------
    block_sizes : ndarray of shape (n_blocks,)
    """

    block_sizes: NDArray[np.int64]

    def open(self, folder: Path, n_rows: int) -> GrowingMatrix:
        return GrowingMatrix.codes(folder, self.block_sizes, n_rows=n_rows)

    def join(self, blocks: Sequence[NDArray]) -> sparse.csr_array:
        return OneHotCodes(np.concatenate(blocks), self.block_sizes).tocsr()


@dataclass(frozen=True)
class DenseRows:
    """Numbers of single precision.

    Attributes
    ----------
    n_features : int
    """

    n_features: int

    def open(self, folder: Path, n_rows: int) -> GrowingMatrix:
        return GrowingMatrix.dense(folder, self.n_features, np.float32, n_rows=n_rows)

    def join(self, blocks: Sequence[NDArray]) -> NDArray[np.float32]:
        return np.concatenate(blocks, dtype=np.float32)
