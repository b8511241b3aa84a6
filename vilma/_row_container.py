"""What the package's own kinds of X have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

__all__ = ["RowContainer"]


class RowContainer:
    """A matrix of float64 that can be indexed by rows and put beside other columns.

    It passes through scikit-learn's splitters, pipelines and searches, which ask for ``shape``,
    ``len`` and rows. ``numpy.hstack``, which scikit-learn's `FeatureUnion` and `ColumnTransformer`
    join their parts with, gives :class:`vilma.MixedColumns`.
    """

    ndim = 2
    dtype = np.dtype(np.float64)  # of the matrix it stands for
    shape: tuple[int, int]

    def __len__(self) -> int:
        return self.shape[0]

    def __array__(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise NotImplementedError

    def __array_function__(
        self, function: Callable, types: Any, args: tuple, kwargs: dict[str, Any]
    ) -> Any:
        from vilma.mixed import hstack  # it is made of all kinds, this one among them

        if function is np.shape:
            return self.shape
        if function is np.hstack:
            return hstack(*args)
        if function is np.concatenate:
            axis = kwargs.get("axis", args[1] if len(args) > 1 else 0)
            if axis == 1:
                return hstack(args[0])
        return self.__array__()  # says what to do instead

    def _row_key(self, key: Any) -> Any:
        """Return the rows asked for, where scikit-learn asks for X[rows, ...]."""
        if not isinstance(key, tuple):
            return key
        if len(key) == 2 and (key[1] is Ellipsis or _is_all(key[1])):
            return key[0]
        raise IndexError(f"{type(self).__name__} can be indexed by rows only.")

    def _rows_of(self, key: Any) -> np.ndarray:
        """Return the numbers of the rows asked for, of shape (n_rows,)."""
        key = self._row_key(key)
        try:
            rows = np.atleast_1d(np.arange(self.shape[0])[key])
        except IndexError as error:
            raise IndexError(
                f"{type(self).__name__} of {self.shape[0]} rows cannot be indexed by {key!r}: "
                f"{error}."
            ) from error
        if key is None or rows.ndim != 1:
            raise IndexError(
                f"{type(self).__name__} is indexed by a row, a slice or a one-dimensional "
                f"selection of rows, got {key!r}."
            )
        return rows


def _is_all(columns: Any) -> bool:
    return isinstance(columns, slice) and columns == slice(None)
