"""What a kind of matrix on disk must be able to do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from vilma.mapped.scratch import Scratch

__all__ = ["Store"]


class Store(ABC):
    """Rows in files, of one kind.

    Attributes
    ----------
    kind : str
        The name of the kind in ``meta.json``.
    shape : tuple of (int, int)
        Number of rows and columns of the matrix that it stands for.
    path : Path
        The file named in messages.
    """

    kind: ClassVar[str]
    shape: tuple[int, int]
    path: Path

    @abstractmethod
    def row_bytes(self, rows: np.ndarray) -> np.ndarray:
        """Return how much memory each of the rows takes once it is read."""

    @abstractmethod
    def read(
        self,
        rows: np.ndarray,
        places: np.ndarray | None = None,
        scratch: Scratch | None = None,
    ) -> Any:
        """Read rows, and check them.

        Parameters
        ----------
        rows : ndarray of int64
            Ascending; a row may come more than once.
        places : ndarray of int64, optional
            Where each of them goes, a permutation; by default they stay in order.
        scratch : Scratch, optional
            Memory for the container; by default it has its own.

        Returns
        -------
        ndarray, csr_array or OneHotCodes
            The rows in the container of the kind.

        Raises
        ------
        ValueError
            If a row's content is not allowed; the row is named.
        """


def targets(places: np.ndarray | None, first: int, last: int) -> slice | np.ndarray:
    """Return where the rows ``first``, ..., ``last - 1`` of a reading go."""
    return slice(first, last) if places is None else places[first:last]
