"""What the estimators take as X where rows are in partitions, whoever holds them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np

from vilma._row_container import RowContainer
from vilma.distributed.loaded import LoadedRows

__all__ = ["Partitions"]


class Partitions(RowContainer, ABC):
    """Rows in partitions, which are not in one place.

    Attributes
    ----------
    columns : sequence of str or None
        Names of the columns.
    """

    columns: Sequence[str] | None = None

    @abstractmethod
    def load(self, y: Any, sample_weight: Any = None) -> LoadedRows:
        """Bring rows, labels and weights together where they stay."""

    @abstractmethod
    def map_rows(self, function: Callable[[Any], np.ndarray], example: np.ndarray) -> Any:
        """Apply a function to every partition, lazily; `example` is a result without rows."""

    def __getitem__(self, key: Any) -> NoReturn:
        raise TypeError(
            "Rows in partitions are not selected one by one. Select them in the collection they "
            "come from, or give the rows to be ignored the sample weight 0."
        )

    def __array__(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError("Rows in partitions are not put together in one place.")
