"""Tables as columns of numbers and columns of categories."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from numbers import Number, Real
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils import check_array

from vilma._numbers import numbers_expected
from vilma._suspect_columns import unusable_number

__all__ = ["as_categories", "as_numbers", "is_numeric", "named_categorical", "read_columns"]


def read_columns(X: Any) -> list[np.ndarray]:
    """Return the columns of a data frame or an array.

    Parameters
    ----------
    X : data frame of pandas or polars, or array-like, of shape (n_samples, n_features)

    Returns
    -------
    list of ndarray of shape (n_samples,)
        Of dtype float64 where a column holds numbers or truth values, missing ones being NaN;
        else of dtype object. A Categorical of pandas holds categories, whatever they are.

    Raises
    ------
    TypeError
        If X is sparse, or a column holds dates or durations.
    ValueError
        If X is not a table.
    """
    if sparse.issparse(X):
        raise TypeError(
            "Sparse data were passed, but a table is expected. Put sparse columns beside those of "
            "a table by vilma.hstack."
        )
    if hasattr(X, "iloc"):
        if X.ndim == 1:
            raise ValueError(
                f"Expected 2D array, got 1D array instead: a Series of shape {X.shape}. Its "
                "to_frame() is a table of one column."
            )
        series = [X.iloc[:, place] for place in range(X.shape[1])]
        columns = [_of_pandas(each) for each in series]
    elif hasattr(X, "get_columns"):
        columns = [_of_polars(each) for each in X.get_columns()]
    else:
        with numbers_expected("X"):
            array = check_array(X, dtype=None, ensure_all_finite=False, ensure_min_samples=0)
        columns = [_of_array(column) for column in array.T]
    if not columns or not len(columns[0]):
        shape = (len(columns[0]) if columns else 0, len(columns))
        missing = "feature" if not columns else "sample"
        raise ValueError(
            f"Found a table with 0 {missing}(s) (shape={shape}) while a minimum of 1 is required."
        )
    return columns


def is_numeric(column: np.ndarray) -> bool:
    """Return whether `read_columns` has found numbers."""
    return column.dtype.kind == "f"


def named_categorical(X: Any) -> list[bool]:
    """Return which columns of a data frame say by their type that they hold categories."""
    types = [str(each).lower() for each in getattr(X, "dtypes", ())]
    return [each.startswith(("category", "categorical", "enum")) for each in types]


def as_numbers(column: np.ndarray, name: str) -> np.ndarray:
    """Return the numbers of a column that has to hold some."""
    if not is_numeric(column):
        words = (value for value in column if not _is_number_or_missing(value))
        wrong = next((repr(word) for word in words), "categories")  # a Categorical of numbers
        raise ValueError(
            f"Column {name!r} held numbers in fit, now it has {wrong}. Missing values are NaN "
            "or None."
        )
    unusable = unusable_number(column, first_row=0)
    if unusable is not None:
        raise ValueError(f"Column {name!r} {unusable}")
    return column


def as_categories(column: np.ndarray, known: Sequence[str | None] = ()) -> np.ndarray:
    """Return the categories as strings; missing ones are None.

    Where a file's column held "1", "2" and "unknown", another file's without "unknown" is read as
    numbers: a number is the category of `known` that reads like it.
    """
    like = {_value_of(word): word for word in known if word is not None}
    values = [
        None
        if _is_missing(value)
        else like.get(float(value), str(value))
        if isinstance(value, Real)
        else str(value)
        for value in column.tolist()
    ]
    return np.array(values, dtype=object)


def _of_pandas(series: Any) -> np.ndarray:
    if series.dtype.name == "category":
        values = np.empty(len(series), dtype=object)
        for row, value in enumerate(series):  # a tuple stays one value
            values[row] = value
        return values
    kind = getattr(series.dtype, "kind", "O")
    if kind in "mM":
        raise _no_dates(series.name)
    if kind in "buif":
        return series.to_numpy(dtype=np.float64, na_value=np.nan)
    return _of_array(np.asarray(series, dtype=object), series.name)


def _of_polars(series: Any) -> np.ndarray:
    if series.dtype.is_temporal():
        raise _no_dates(series.name)
    if series.dtype.is_numeric() or str(series.dtype) == "Boolean":
        return np.array([np.nan if v is None else v for v in series.to_list()], dtype=np.float64)
    return _of_array(np.array(series.to_list(), dtype=object), series.name)


def _of_array(column: np.ndarray, name: Any = None) -> np.ndarray:
    if column.dtype.kind in "mM":
        raise _no_dates(name)
    if column.dtype.kind in "buif":
        return column.astype(np.float64)
    column = column.astype(object)
    if any(isinstance(value, complex) for value in column):
        where = "X" if name is None else f"column {name!r}"
        raise ValueError(f"Complex data not supported: expected real numbers in {where}.")
    if all(_is_number_or_missing(value) for value in column):
        missing = [np.nan if _is_missing(value) else value for value in column]
        return np.array(missing, dtype=np.float64)
    for value in column:
        if isinstance(value, (dict, list, set)):
            where = "" if name is None else f" in column {name!r}"
            raise TypeError(
                f"A value of a table's argument must be a string or a number, got {value!r}"
                f"{where}."
            )
        if isinstance(value, (date, timedelta)) or type(value).__name__ == "Period":
            raise _no_dates(name)
    return column


def _no_dates(name: Any) -> TypeError:
    column = "A column" if name is None else f"Column {name!r}"
    return TypeError(
        f"{column} holds dates or durations. Turn it into numbers, such as days since a day, or "
        "into categories."
    )


def _value_of(word: str) -> float | None:
    """Return the number or truth value that a category reads like, if any."""
    truth = {"true": 1.0, "false": 0.0}.get(word.lower())
    if truth is not None:
        return truth
    try:
        return float(word)
    except ValueError:
        return None


def _is_missing(value: Any) -> bool:
    # pandas.NA has no truth value: its type is asked first.
    return value is None or type(value).__name__ == "NAType" or value != value


def _is_number_or_missing(value: Any) -> bool:
    return isinstance(value, Number) or _is_missing(value)
