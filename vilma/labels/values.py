"""What users write as labels, read into arrays of numbers or strings."""

from __future__ import annotations

import numbers
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse

BoolArray = NDArray[np.bool_]

_KINDS = "numbers, booleans or strings"


def read_values(y: Any, name: str) -> tuple[NDArray[Any], BoolArray]:
    """Read what a user calls labels, of any shape.

    Parameters
    ----------
    y : array-like
        Numbers, booleans or strings; None, NaN, pandas.NA and masked entries of ``numpy.ma`` are
        missing ones. Ordered categories of which some are numbers and some strings, as files of
        Stata and SPSS with partly labelled values give, are read as strings throughout.
    name : str
        What error messages call `y`.

    Returns
    -------
    values : ndarray
        An array of the same shape, whose dtype is boolean, integer, floating or fixed-width
        string. Missing numbers are NaN, missing strings are empty.
    missing : ndarray, dtype=bool
        Where an entry is missing.

    Raises
    ------
    ValueError
        If `y` is None, empty, a scalar, complex, or has rows of different length.
    TypeError
        If `y` is sparse, or its entries are of other types or of types without a common order.
    """
    array = _as_array(y, name)
    if array.dtype.kind in {"O", "T"}:
        return _read_objects(array.astype(object), name)
    if array.dtype.kind == "c":
        raise ValueError(f"Complex data not supported: {name} has dtype {array.dtype}.")
    if array.dtype.kind not in "biufU":
        raise TypeError(f"{name} has dtype {array.dtype}; labels must be {_KINDS}.")
    return array, np.asarray(array != array, dtype=bool)  # only NaN differs from itself


def is_missing(entry: Any) -> bool:
    """Tell whether an entry stands for nothing: None, NaN, pandas.NA or NaT."""
    return _is_nothing(type(entry)) or (_is_number(type(entry)) and bool(entry != entry))


def _as_array(y: Any, name: str) -> NDArray[Any]:
    """Return `y` as a nonempty array whose entries are still what the user wrote."""
    if y is None:
        raise ValueError(f"This task requires {name} to be passed, but the target {name} is None.")
    if issparse(y):
        raise TypeError(f"{name} is a sparse {type(y).__name__}; pass a dense array of labels.")
    y = _unmasked(_named_categories(y))
    # NumPy would turn the lists [1, "a"] and ["low", nan] into strings without a word.
    array = np.asarray(y, dtype=None if hasattr(y, "__array__") else object)
    if array.dtype.names is not None and len(array.dtype.names) == 2:
        array = np.stack([array[field] for field in array.dtype.names], axis=-1)
    array = _pairs_as_rows(array)
    if array.ndim == 0:
        raise ValueError(f"Expected array-like (array or non-string sequence), got {y!r}.")
    if array.size == 0:
        raise ValueError(
            f"Found array with 0 sample(s) (shape={array.shape}) for {name} while a minimum of 1 "
            "is required."
        )
    return array


def _pairs_as_rows(array: NDArray[Any]) -> NDArray[Any]:
    """Return a column of pairs, such as a series of tuples, as two columns."""
    pairs = (tuple, list, np.ndarray)
    if array.dtype.kind != "O" or array.ndim != 1 or not len(array):
        return array
    if not all(isinstance(entry, pairs) and len(entry) == 2 for entry in array):
        return array
    rows = np.empty((len(array), 2), dtype=object)
    for place, (lower, upper) in enumerate(array):
        rows[place] = lower, upper
    return rows


def category_names(categories: Any) -> list[Any]:
    """Return categories as they are if all are alike; as strings if some are.

    Parameters
    ----------
    categories : iterable
        Categories of a dtype.

    Returns
    -------
    list
        In the same order.

    Raises
    ------
    ValueError
        If two categories have the same name, as 1 and "1".
    """
    listed = list(categories)
    if len({isinstance(category, str) for category in listed}) < 2:
        return listed
    names = [_name(category) for category in listed]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(
            f"The ordered categories {listed!r} have both a string and a number named {twice!r}. "
            "Rename one of them."
        )
    return names


def _name(entry: Any) -> Any:
    if isinstance(entry, str) or is_missing(entry):
        return entry
    return f"{entry:.15g}" if isinstance(entry, (float, np.floating)) else str(entry)


def is_ordered(dtype: Any) -> bool:
    """Tell whether a dtype is one of ordered categories, of pandas or polars."""
    return bool(getattr(dtype, "ordered", False)) or type(dtype).__name__ == "Enum"


def _named_categories(y: Any) -> Any:
    """Return columns of ordered categories, some of them numbers and some strings, as strings."""
    dtypes: list[Any] = list(y.dtypes) if hasattr(y, "columns") else [getattr(y, "dtype", None)]
    if not dtypes or not all(is_ordered(dtype) for dtype in dtypes):
        return y
    if all(category_names(dtype.categories) == list(dtype.categories) for dtype in dtypes):
        return y
    entries = np.asarray(y, dtype=object)
    named = np.empty(entries.shape, dtype=object)
    named.ravel()[:] = [_name(entry) for entry in entries.ravel().tolist()]
    return named


def _unmasked(y: Any) -> Any:
    """Put None into the places that are masked."""
    if isinstance(y, np.ma.MaskedArray):
        if y.dtype.names is not None:
            return np.array([tuple(row) for row in y.tolist()], dtype=object)
        if not np.ma.is_masked(y):
            return y.data
        entries = y.data.astype(object)
        entries[np.ma.getmaskarray(y)] = None
        return entries
    if isinstance(y, (list, tuple)) and any(isinstance(row, np.ma.MaskedArray) for row in y):
        return [
            row.tolist() if isinstance(row, np.ma.MaskedArray) and row.ndim else row for row in y
        ]
    return y


def _read_objects(array: NDArray[Any], name: str) -> tuple[NDArray[Any], BoolArray]:
    """Settle what an array of objects holds, numbers or strings, and where it holds nothing."""
    entries = array.ravel().tolist()
    types = dict.fromkeys(map(type, entries))  # in order of appearance
    if any(issubclass(t, (list, tuple, np.ndarray)) and not _is_nothing(t) for t in types):
        first, other = _unlike_rows(entries)
        raise ValueError(
            f"The rows of {name} differ in length, or are no pairs: row {first} is "
            f"{entries[first]!r}, row {other} is {entries[other]!r}; expected one label, or a "
            "pair [lower, upper], in every row. Where nothing is known, write [None, None]."
        )
    if any(issubclass(t, numbers.Complex) and not issubclass(t, numbers.Real) for t in types):
        raise ValueError(f"Complex data not supported: {name} holds complex numbers.")
    for t in types:
        if not (_is_number(t) or issubclass(t, str) or _is_nothing(t)):
            row = _entry_row(entries, array, t)
            raise TypeError(
                f"{name} has an entry of type {t.__name__} in row {row}; labels must be "
                f"{_KINDS}, and None or NaN where an interval is open."
            )
    if any(issubclass(t, str) for t in types):
        return _read_strings(entries, array, name)
    values = np.array([np.nan if _is_nothing(type(entry)) else entry for entry in entries])
    if values.dtype.kind == "O":  # fractions, decimals, integers beyond 64 bits
        values = values.astype(np.float64)
    values = values.reshape(array.shape)
    return values, np.asarray(values != values, dtype=bool)


def _unlike_rows(entries: list[Any]) -> tuple[int, int]:
    """Find a row that holds several entries, and the first that is not of its length."""
    lengths = [
        len(entry) if isinstance(entry, (list, tuple, np.ndarray)) else 0 for entry in entries
    ]
    first = next(row for row, length in enumerate(lengths) if length)
    unlike = (row for row, length in enumerate(lengths) if length != lengths[first])
    return first, next(unlike, len(entries) - 1)


def _read_strings(
    entries: list[Any], array: NDArray[Any], name: str
) -> tuple[NDArray[Any], BoolArray]:
    """Separate the strings in a list of entries from the gaps between them."""
    missing = np.array([not isinstance(entry, str) for entry in entries])
    for k in np.flatnonzero(missing).tolist():
        entry = entries[k]
        if _is_number(type(entry)) and entry == entry:
            raise TypeError(
                f"{name} mixes labels that have no common order: row "
                f"{_entry_row(entries, array, str)} has a string, row "
                f"{_row(k, array)} has {entry!r} of type {type(entry).__name__}."
            )
    values = np.array(["" if gap else entry for gap, entry in zip(missing, entries, strict=True)])
    return values.reshape(array.shape), missing.reshape(array.shape)


def _is_number(kind: type) -> bool:
    return issubclass(kind, (numbers.Real, np.bool_, Decimal))


def _is_nothing(kind: type) -> bool:
    # pandas.NA and NaT by name: pandas need not be installed.
    return kind is type(None) or kind.__name__ in {"NAType", "NaTType", "MaskedConstant"}


def _entry_row(entries: list[Any], array: NDArray[Any], kind: type) -> int:
    """Row of `array` in which the first entry of the given type stands."""
    return _row(next(k for k, entry in enumerate(entries) if isinstance(entry, kind)), array)


def _row(k: int, array: NDArray[Any]) -> int:
    """Row of `array` in which the k-th of its entries stands."""
    return k // (array.size // len(array))
