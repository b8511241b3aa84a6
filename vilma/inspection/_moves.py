"""Tables in which one column was moved, all else as it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from vilma.features._columns import as_categories, is_numeric, read_columns

__all__ = ["Move", "column_names", "list_moves"]

_TRUTH_VALUES = {0.0, 1.0}


@dataclass(frozen=True)
class Move:
    """A change of one column of X.

    Parameters
    ----------
    name : str
        What moves: the column, or a category of it and the one that it is compared with.
    place : int
        The column.
    low, high : Any
        Values for all rows; for a column of numbers None, and the step that is added.
    deviation : float
        Standard deviation of a column of numbers, NaN for others.
    """

    name: str
    place: int
    low: Any
    high: Any
    deviation: float

    def unmoved(self, X: Any) -> Any:
        """Return the table that the moved one is compared with."""
        return X if self.low is None else _with_column(X, self.place, self.low)

    def moved(self, X: Any, *, by_deviation: bool = False) -> Any:
        """Return the table with the column moved: by one unit, or by its standard deviation."""
        if self.low is not None:
            return _with_column(X, self.place, self.high)
        column = read_columns(X)[self.place]
        return _with_column(X, self.place, column + (self.deviation if by_deviation else 1.0))


def column_names(X: Any, names: Any) -> list[str]:
    """Return names of the columns of X: the given ones, its own, or x0, x1, ...

    Raises
    ------
    ValueError
        If there is not a name for every column.
    """
    n_columns = X.shape[1]
    own = getattr(X, "columns", None)
    if names is None:
        names = [f"x{place}" for place in range(n_columns)] if own is None else own
    if not isinstance(names, Iterable) or isinstance(names, (str, bytes)):
        raise TypeError(f"names should be a list of names, got {names!r}.")
    found = [str(name) for name in names]
    if len(found) != n_columns:
        raise ValueError(
            f"names has {len(found)} names for {n_columns} columns of X. Expected one for each, "
            "of the columns before the model's own transformers."
        )
    return found


def list_moves(X: Any, names: list[str], weights: np.ndarray) -> list[Move]:
    """Return a move for every column of numbers, and one for every category but the first.

    Standard deviations are those of rows with these weights.

    Columns of nothing but 0 and 1 move from 0 to 1. Categories are compared with the most frequent
    one. Constant columns do not move.

    Raises
    ------
    TypeError
        If X is sparse.
    """
    if sparse.issparse(X):
        raise TypeError(
            "coefficient_table moves the columns of a table, but X is sparse. Give the table, and "
            "a pipeline as the model; or read `coef_` itself."
        )
    moves = []
    for place, (name, column) in enumerate(zip(names, read_columns(X), strict=True)):
        if not is_numeric(column):
            moves += _category_moves(name, place, column)
            continue
        counted = ~np.isnan(column) & (weights > 0.0)
        known, share = column[counted], weights[counted]
        if not len(known) or known.min() == known.max():
            continue
        mean = np.average(known, weights=share)
        deviation = float(np.sqrt(np.average((known - mean) ** 2, weights=share)))
        if set(np.unique(known).tolist()) == _TRUTH_VALUES:
            moves.append(Move(name, place, 0.0, 1.0, deviation))
        else:
            moves.append(Move(name, place, None, None, deviation))
    return moves


def _category_moves(name: str, place: int, column: np.ndarray) -> list[Move]:
    words = as_categories(column).tolist()
    values = dict(zip(words, column.tolist(), strict=True))  # as X has them
    counts = Counter(word for word in words if word is not None)
    if len(counts) < 2:
        return []
    base, *others = sorted(counts, key=lambda word: (-counts[word], word))
    return [
        Move(f"{name}: {other} against {base}", place, values[base], values[other], float("nan"))
        for other in others
    ]


def _with_column(X: Any, place: int, values: Any) -> Any:
    """Return a copy of a table with one column replaced by a value, or by values."""
    if hasattr(X, "iloc"):
        copy, column = X.copy(), X.iloc[:, place]
        if isinstance(values, np.ndarray):
            copy.isetitem(place, values)
        else:  # categories keep their type
            kind = column.dtype if hasattr(column, "cat") else None
            if kind is None and not isinstance(values, float):
                kind = object
            copy.isetitem(place, type(column)([values] * len(X), index=column.index, dtype=kind))
        return copy
    if hasattr(X, "get_columns"):
        import polars

        name = X.columns[place]
        return X.with_columns(polars.Series(name, np.broadcast_to(values, len(X)).tolist()))
    copy = np.array(X, dtype=object if np.asarray(X).dtype.kind == "O" else None)
    copy = copy if copy.dtype.kind in "OU" else copy.astype(np.float64)
    copy[:, place] = values
    return copy
