"""Clear words where NumPy cannot make numbers of what users call numbers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_random_state

from vilma._masked import refuse_masked

__all__ = [
    "as_numbers",
    "numbers_expected",
    "read_random_state",
    "refuse_dates",
    "require_integer",
    "require_number",
]

# How messages begin that NumPy and Python have for what is no number, without a word of where.
_BARE = (
    "could not convert",
    "float() argument",
    "int() argument",
    "must be real number",
    "setting an array element",
    "The requested array has an inhomogeneous shape",
)


@contextmanager
def numbers_expected(name: str) -> Iterator[None]:
    """Name the argument in errors about what is no number, of the same type.

    Parameters
    ----------
    name : str
        What to call it.
    """
    try:
        yield
    except (TypeError, ValueError) as error:
        if not str(error).startswith(_BARE):
            raise
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(
            f"{name} should hold real numbers, in rows of equal length: {error}."
        ) from error


def refuse_dates(array: Any, name: str) -> None:
    """Refuse dates and durations, which NumPy takes for numbers of days or nanoseconds.

    Parameters
    ----------
    array : object
        What a user calls numbers.
    name : str
        What error messages call it.

    Raises
    ------
    TypeError
        If it is of such a dtype, or has a column of one.
    """
    dtypes = getattr(array, "dtypes", None)
    found = list(dtypes) if hasattr(array, "columns") and dtypes is not None else []
    found.append(getattr(array, "dtype", None))
    for dtype in found:
        if getattr(dtype, "kind", "") in {"m", "M"}:
            raise TypeError(
                f"{name} holds dates or durations ({dtype}), whose numbers depend on a unit. Turn "
                "them into numbers of the unit that you mean."
            )


def as_numbers(array: ArrayLike, name: str) -> NDArray[np.float64]:
    """Return real numbers of any shape as an array.

    Parameters
    ----------
    array : array-like
        What a user calls numbers.
    name : str
        What error messages call it.

    Returns
    -------
    ndarray
        Of dtype float64.

    Raises
    ------
    ValueError, TypeError
        If it holds something else than real numbers, as strings do that could be read as numbers.
    """
    refuse_masked(array, name)
    refuse_dates(array, name)
    with numbers_expected(name):
        raw = np.asarray(array)
        if raw.dtype.kind in "SUc" or (
            raw.dtype.kind == "O" and any(isinstance(e, (str, bytes)) for e in raw.ravel())
        ):
            first = next(value for value in raw.ravel().tolist() if not isinstance(value, Real))
            raise TypeError(f"{name} should hold real numbers, got {first!r} among them.")
        return raw.astype(np.float64)


def require_number(name: str, value: Any, expected: str = "a real number") -> None:
    """Refuse an argument that is not one real number; NaN and booleans are none.

    Parameters
    ----------
    name : str
        The argument.
    value : object
        What it is.
    expected : str, default="a real number"
        What it should be.

    Raises
    ------
    TypeError
        If it is of another type.
    ValueError
        If it is NaN.
    """
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Real):
        raise TypeError(
            f"{name} should be {expected}, got {value!r} of type {type(value).__name__}."
        )
    if value != value:
        raise ValueError(f"{name} should be {expected}, got NaN.")


def read_random_state(random_state: Any) -> np.random.RandomState:
    """Return scikit-learn's generator of a seed, and name what is no seed."""
    if isinstance(random_state, Integral) and not 0 <= int(random_state) < 2**32:
        raise ValueError(
            f"random_state should be an integer from 0 to 2**32 - 1, a RandomState or None, got "
            f"{random_state!r}."
        )
    return check_random_state(random_state)


def require_integer(name: str, value: Any, least: int) -> None:
    """Refuse an argument that is no integer, or below the least one.

    Parameters
    ----------
    name : str
        The argument.
    value : object
        What it is.
    least : int
        The smallest integer that is allowed.

    Raises
    ------
    ValueError
        If it is something else.
    """
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Integral) or value < least:
        raise ValueError(f"{name} should be an integer of at least {least}, got {value!r}.")
