"""Columns of labels and brackets as options say, and what cannot be read in them."""

from __future__ import annotations

import math
import shlex
import warnings
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from vilma.labels.bracket_text import Bracket, BracketError, find_decimal_mark, read_bracket
from vilma.labels.label_file import with_exponents_read

Closed = Literal["both", "left", "right"]
Decimal = Literal["point", "comma"]
DECIMAL_MARKS: dict[Decimal, Literal[".", ","]] = {"point": ".", "comma": ","}
NEEDS_WHOLE = (
    "needs ends that are whole numbers. Leave it out: brackets with decimals that share a border "
    "stand side by side"
)


def bracket_reader(closed: Closed | None, decimal: Decimal | None) -> Callable[..., NDArray[Any]]:
    """Return what reads a column of labels and brackets.

    Parameters
    ----------
    closed : {"both", "left", "right"} or None
        Which numbers of a bracket such as 20-30 belong to it; None means both.
    decimal : {"point", "comma"} or None
        What parts decimals; None means that the figures of the column tell.

    Returns
    -------
    callable
        As :func:`vilma.intervals.parse_brackets`, less its warnings; a bracket that leaves out an
        end that it needs raises a :class:`vilma.labels.bracket_text.BracketError`.
    """
    from vilma.intervals import parse_brackets  # Numba takes a while to import

    mark = None if decimal is None else DECIMAL_MARKS[decimal]

    def read(entries: list[str | float], **options: Any) -> NDArray[Any]:
        try:
            with warnings.catch_warnings(action="ignore", category=UserWarning):
                return parse_brackets(entries, closed=closed or "both", decimal=mark, **options)
        except BracketError:
            raise
        except ValueError as error:
            texts = [entry for entry in dict.fromkeys(entries) if isinstance(entry, str)]
            found = _left_out_end(texts, closed, mark)
            if found is None:
                raise
            text, what = found
            raise BracketError(str(error), entries.index(text), f"{text!r}, {what}") from error

    return read


def without_open_ends(
    intervals: NDArray[np.float64], closed: Closed | None
) -> NDArray[np.float64]:
    """Return intervals of whole numbers less the ends that do not belong to them.

    Parameters
    ----------
    intervals : ndarray of shape (n, 2)
        Lower and upper ends; infinite where open. Those of one number have it.
    closed : {"both", "left", "right"} or None
        Which ends belong to an interval; None means both.

    Returns
    -------
    ndarray of shape (n, 2)
        The first and the last number of each.
    """
    several = intervals[:, 0] < intervals[:, 1]
    first = intervals[:, 0] + (several & (closed == "right"))
    last = intervals[:, 1] - (several & (closed == "left"))
    return np.column_stack([first, last])


def is_label(text: str, decimal: Decimal | None) -> bool:
    """Tell whether a text is a number or a bracket by itself.

    Parameters
    ----------
    text : str
        A label.
    decimal : {"point", "comma"} or None
        What parts decimals; None means either.

    Returns
    -------
    bool
        False for words.
    """
    if not isinstance(with_exponents_read([text])[0], str):
        return True
    marks = DECIMAL_MARKS.values() if decimal is None else [DECIMAL_MARKS[decimal]]
    return any(read_bracket(text, (), mark) is not None for mark in marks)


def _left_out_end(
    texts: list[str], closed: Closed | None, mark: str | None
) -> tuple[str, str] | None:
    """Find a bracket that leaves out an end that it needs, and say what is the matter with it.

    Whole numbers have a next one, from which on a bracket such as "over 4" holds all; it may hold
    none, as "(4, 5)". Numbers with decimals have no next one.
    """
    try:
        used = find_decimal_mark(texts).mark if mark is None else mark
    except ValueError:  # figures written in two ways
        return None
    known: dict[str, Bracket] = {}
    for text in texts:
        bracket = read_bracket(text, (), used)
        if bracket is None:
            return None
        known[text] = bracket
    decimal = next(
        (text for text in known if any(math.isfinite(end) and end % 1 for end in known[text][:2])),
        None,
    )
    for text, (left, right, left_closed, right_closed, dashed) in known.items():
        if dashed and left < right:
            left_closed, right_closed = closed != "right", closed != "left"
        leaves_out = not (left_closed or math.isinf(left)) or not (
            right_closed or math.isinf(right)
        )
        if decimal is None and left + (not left_closed) > right - (not right_closed):
            return text, (
                "which holds no whole number; widen it, or leave such rows out: --no-answer "
                f"{shlex.quote(text)}"
            )
        if decimal is not None and leaves_out and dashed:
            decimals = "" if text == decimal else f" of a column with decimals, as in {decimal!r}"
            return text, (f"a bracket{decimals}, and --closed {closed} {NEEDS_WHOLE}")
        if decimal is not None and leaves_out:
            beside = "" if text == decimal else f", and the column has decimals, as in {decimal!r}"
            return text, (
                f"which leaves its end out{beside}: the next number is known of whole numbers "
                'only. Write the outermost number that the bracket holds: "up to 0.49" in place '
                'of "under 0.5", "0.51+" in place of "over 0.5"'
            )
    return None
