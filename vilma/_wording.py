"""Wording that messages share."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Any


def some_of(names: Sequence[str], limit: int = 5) -> str:
    """Return the first few names, and how many more there are.

    Parameters
    ----------
    names : sequence of str
        All of them.
    limit : int, default=5
        How many to name.

    Returns
    -------
    str
        For example ``a.jpg, b.jpg and 3 more``.
    """
    text = ", ".join(names[:limit])
    return text if len(names) <= limit else f"{text} and {len(names) - limit} more"


@contextmanager
def reworded(change: Callable[[str], str | None], stacklevel: int) -> Iterator[None]:
    """Change the texts of a block's warnings, and that of the ValueError it may raise.

    Parameters
    ----------
    change : callable
        Returns a text for a text; None leaves a warning out.
    stacklevel : int
        As :func:`warnings.warn` has it, counted from the block's function.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            yield
        except ValueError as error:
            text = change(str(error))
            if text in (None, str(error)):
                raise
            raise ValueError(text) from error
    for each in caught:
        text = change(str(each.message))
        if text is not None:
            warnings.warn(text, each.category, stacklevel=stacklevel + 2)


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Return a question that names the closest of `names`, after a blank; nothing if none is.

    Parameters
    ----------
    name : str
        What was written, and is none of them.
    names : iterable of str
        What could have been meant.

    Returns
    -------
    str
        For example ``" Did you mean 'age'?"``.
    """
    meant = get_close_matches(name, list(names), n=1)
    return f" Did you mean {meant[0]!r}?" if meant else ""


def about_directions(model: Any) -> str:
    """Say what a model with a row of weights for every direction can be used with instead."""
    name, n_directions = type(model).__name__, len(model.coef_)
    if n_directions == 1:
        return (
            f"{name} has one, as one row of several could be: VILMA with the same alpha and loss "
            "is the same model."
        )
    return f"{name} has {n_directions} directions: DirectionsDisplay draws them all."


def label_name(label: Any) -> str:
    """Write a label; whole numbers without a fraction."""
    value = label.item() if hasattr(label, "item") else label
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
