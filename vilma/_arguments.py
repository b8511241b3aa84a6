"""Clear words on arguments that are none: choices, paths, numbers of jobs."""

from __future__ import annotations

import os
from collections.abc import Iterable
from numbers import Integral
from typing import Any

__all__ = ["require_choice", "require_jobs", "require_path"]


def require_choice(name: str, value: Any, known: Iterable[Any]) -> None:
    """Refuse an argument that is none of a few values.

    Parameters
    ----------
    name : str
        The argument.
    value : object
        What it is, of any type.
    known : iterable of str or None
        What it may be.

    Raises
    ------
    ValueError
        If it is something else.
    """
    listed = list(known)
    if not (value is None or isinstance(value, str)) or value not in listed:
        raise ValueError(f"{name} should be one of {', '.join(map(repr, listed))}, got {value!r}.")


def require_path(name: str, value: Any) -> None:
    """Refuse an argument that is no path.

    Parameters
    ----------
    name : str
        The argument.
    value : object
        What it is.

    Raises
    ------
    TypeError
        If it is neither a string nor a path-like object.
    ValueError
        If it has a null character, which no file system takes.
    """
    if not isinstance(value, (str, os.PathLike)):
        raise TypeError(f"{name} should be a path, got {value!r} of type {type(value).__name__}.")
    if "\0" in str(os.fspath(value)):
        raise ValueError(f"{name} should be a path, got {value!r} with a null character.")


def require_jobs(value: Any) -> None:
    """Refuse an `n_jobs` that is neither None nor a whole number other than 0.

    Parameters
    ----------
    value : object
        What it is; joblib would wait for ever for NaN jobs.

    Raises
    ------
    ValueError
        If it is something else.
    """
    counted = isinstance(value, Integral) and not isinstance(value, bool)
    if value is not None and not (counted and value != 0):
        raise ValueError(f"n_jobs should be None or an integer other than 0, got {value!r}.")
