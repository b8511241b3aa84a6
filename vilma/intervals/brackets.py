"""Brackets with names, such as "20-29", "50+" and "under 5", as intervals of labels."""

from __future__ import annotations

import numbers
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import inf, isfinite
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vilma.intervals.convert import endpoint_columns
from vilma.labels.bracket_text import Bracket, BracketError, find_decimal_mark, read_bracket
from vilma.labels.doubtful import is_no_answer
from vilma.labels.endpoints import bounded_endpoints
from vilma.labels.interval_objects import Bounds
from vilma.labels.scale import read_scale
from vilma.labels.values import is_missing

_SIDES = {"both": (True, True), "left": (True, False), "right": (False, True)}
_NOTHING = Bracket(-inf, inf, False, False)


def parse_brackets(
    labels: Iterable[Any],
    *,
    classes: ArrayLike | None = None,
    names: Mapping[str, Any] | None = None,
    closed: Literal["both", "left", "right"] = "both",
    ignore: Sequence[str] = (),
    decimal: Literal[".", ","] | None = None,
    irregular: Literal["warn", "raise", "ignore"] = "warn",
) -> NDArray[Any]:
    """Read named brackets as intervals of labels.

    ======================================================  =================
    bracket                                                 labels
    ======================================================  =================
    "20-29", "20 – 29", "20 to 29", "between 20 and 29"     20 ... 29
    "-5--1", "$1,000-1,499", "5-9 €", "5-9 years", "1-9%"   likewise
    "20 to under 30", "over 19 up to 29"                    20 ... 29
    "50+", "50 and over", "50 or more", "at least 50"       50 and all above
    "over 90", "over-90", "more than 90", ">90"             all above 90
    "under 5", "under-5", "less than 5", "<5"               all below 5
    "up to 5", "5 or less", "at most 5", "<=5"              5 and all below
    "[20, 30)", "(20, 30]", "[20-30)"                       as written
    "7", the number 7                                       7
    "none", "nil", "zero"                                   0
    None, NaN                                               nothing is known
    ======================================================  =================

    Parameters
    ----------
    labels : iterable of str, or data frame of one column
        One bracket for each sample, in capitals or not.
    classes : array-like of shape (n_classes,), default=None
        The ordered scale of numbers. By default labels are whole numbers, so that "under 5" ends
        at 4.
    names : mapping of str to bracket, default=None
        Brackets under other names: a pair ``(lower, upper)`` of numbers, either of which may be
        None where open, one number, another bracket of the table, or None for what says nothing:
        ``{"infant": (0, 1), "none": "under 1,000", "no answer": None}``.
    closed : {"both", "left", "right"}, default="both"
        Which of the two numbers around a dash belong to the bracket: "20-30" is 20 to 29 if only
        the left one does.
    ignore : sequence of str, default=()
        Text to leave out, such as the name of a unit.
    decimal : {".", ","}, default=None
        The mark that parts decimals; the other one parts thousands. By default it is told by the
        figures: a point, where all are plain numbers such as "1.125"; those that may be either, as
        in "10.000 - 14.999", are taken for thousands, and a warning says so.
    irregular : {"warn", "raise", "ignore"}, default="warn"
        What happens if two brackets overlap, or labels between two are in none. Exact labels
        inside of a bracket, or between two, are regular.

    Returns
    -------
    intervals : ndarray of shape (n_samples, 2)
        First and last label of each bracket, infinite where it is open.

    Raises
    ------
    ValueError
        If brackets cannot be read, end before they begin, contain no label, or, if that is
        asked for, overlap or leave gaps. Rows are named.
    TypeError
        If `labels` is no column of brackets.

    Warns
    -----
    UserWarning
        If brackets overlap or leave gaps, or a point may part thousands or decimals.

    See Also
    --------
    spans_between_ends : Labels of intervals whose ends are real numbers.

    Examples
    --------
    >>> from vilma.intervals import parse_brackets
    >>> parse_brackets(["under 5", "5 to 9", "10-19", "20+", "7"])
    array([[-inf,   4.],
           [  5.,   9.],
           [ 10.,  19.],
           [ 20.,  inf],
           [  7.,   7.]])
    """
    if not isinstance(closed, str) or closed not in _SIDES:
        raise ValueError(f"closed should be one of {sorted(_SIDES)}, got {closed!r}.")
    if not isinstance(irregular, str) or irregular not in {"warn", "raise", "ignore"}:
        raise ValueError(f"irregular should be 'warn', 'raise' or 'ignore', got {irregular!r}.")
    if decimal is not None and not (isinstance(decimal, str) and decimal in {".", ","}):
        raise ValueError(f"decimal should be '.', ',' or None, got {decimal!r}.")
    if (
        isinstance(ignore, (str, bytes))
        or not isinstance(ignore, Iterable)
        or not all(isinstance(piece, str) for piece in ignore)
    ):
        raise TypeError(f"ignore should be a list of strings, got {ignore!r}.")
    if names is not None and not isinstance(names, Mapping):
        raise TypeError(f"names should be a mapping of names to brackets, got {names!r}.")
    entries = _read_column(labels)
    if not entries:
        raise ValueError("Found 0 brackets while a minimum of 1 is required.")
    scale = None if classes is None else read_scale(classes)
    known = {_tidy(name): value for name, value in (names or {}).items()}
    mark = _find_decimal_mark(entries, known) if decimal is None else decimal
    # People repeat few brackets many times: each is read once.
    read: dict[Any, Bracket | None] = {}
    for entry in entries:
        key = _key(entry)
        if key not in read:
            read[key] = _read(entry, known, closed, ignore, mark)
    brackets = _require_all([read[_key(entry)] for entry in entries], entries)
    _refuse_reversed(brackets, entries)
    left, right, left_closed, right_closed, _ = map(np.array, zip(*brackets, strict=True))
    bounds = Bounds(left, right, left_closed, right_closed)
    endpoints = bounded_endpoints(bounds, scale=scale, name="labels")
    intervals = endpoint_columns(endpoints)
    if irregular != "ignore":
        _report_irregular(intervals, left == right, scale, entries, irregular)
    return intervals


def _read_column(labels: Any) -> list[Any]:
    """Return the entries of a column of brackets."""
    if isinstance(labels, (str, bytes)):
        raise ValueError(f"Expected one bracket for each sample, got the string {labels!r}.")
    if isinstance(labels, (set, frozenset, Mapping)) or not isinstance(labels, Iterable):
        raise TypeError(
            f"labels should be a sequence of brackets, one for each sample, got a "
            f"{type(labels).__name__}."
        )
    if hasattr(labels, "columns"):
        if len(labels.columns) != 1:
            raise ValueError(
                f"labels is a data frame of {len(labels.columns)} columns, "
                f"{list(labels.columns)}; pass the one that holds the "
                "brackets. Two columns of ends need no parsing."
            )
        table: Any = labels
        labels = table[table.columns[0]]
    if isinstance(labels, np.ndarray):
        if labels.ndim == 2 and labels.shape[1] == 1:
            labels = labels.ravel()
        labels = np.ma.asarray(labels).tolist()  # masked entries become None
        if not isinstance(labels, list):
            raise ValueError(f"Expected one bracket for each sample, got {labels!r}.")
    entries = [tuple(entry) if isinstance(entry, list) else entry for entry in labels]
    for row, entry in enumerate(entries):
        numeric = isinstance(entry, numbers.Real) and not isinstance(entry, (bool, np.bool_))
        if not (numeric or isinstance(entry, (str, tuple)) or is_missing(entry)):
            raise TypeError(
                f"labels has {entry!r} of type {type(entry).__name__} in row {row}; expected a "
                "bracket as a string, a number, a pair (lower, upper) of numbers, or None."
            )
    return entries


def _find_decimal_mark(entries: list[Any], known: Mapping[str, Any]) -> str:
    """Return the mark that parts decimals in a column, and warn if nothing in it tells."""
    texts = dict.fromkeys(entry for entry in entries if isinstance(entry, str))
    mark, _, doubtful = find_decimal_mark(text for text in texts if _tidy(text) not in known)
    if doubtful is not None:
        warnings.warn(
            f"The point in {doubtful!r} (row {entries.index(doubtful)}) may part thousands or "
            "decimals, and is taken to part thousands. Pass decimal=',' to say so, or decimal='.' "
            "if it parts decimals.",
            UserWarning,
            stacklevel=3,
        )
    return mark


def _key(entry: Any) -> Any:
    """Distinguish 7 from True and "7", and unify NaNs."""
    return None if is_missing(entry) else (type(entry), entry)


def _tidy(name: Any) -> Any:
    return name.strip().lower() if isinstance(name, str) else name


def _read(
    entry: Any, known: Mapping[str, Any], closed: str, ignore: Sequence[str], decimal: str
) -> Bracket | None:
    """Return the bracket that a user's entry means; None if it is none."""
    if is_missing(entry):
        return _NOTHING
    if isinstance(entry, (tuple, list)):
        return _read_pair(entry)
    name = _tidy(entry)
    if name in known:
        others = {other: value for other, value in known.items() if other != name}
        return _read(known[name], others, closed, ignore, decimal)
    if isinstance(entry, str):
        bracket = read_bracket(entry, ignore, decimal)
        if bracket is not None and bracket.dashed and bracket.left < bracket.right:
            left_closed, right_closed = _SIDES[closed]
            return bracket._replace(left_closed=left_closed, right_closed=right_closed)
        return bracket
    if isinstance(entry, numbers.Real) and isfinite(entry):
        return Bracket(float(entry), float(entry))
    return None


def _read_pair(pair: Sequence[Any]) -> Bracket:
    """Read a bracket given by its two ends."""
    if len(pair) != 2 or not all(is_missing(end) or isinstance(end, numbers.Real) for end in pair):
        raise ValueError(
            f"A bracket is given as {pair!r}; expected two numbers (lower, upper), or None in the "
            "place of an open end."
        )
    lower, upper = pair
    return Bracket(
        -inf if is_missing(lower) else float(lower), inf if is_missing(upper) else float(upper)
    )


def _require_all(brackets: list[Bracket | None], entries: list[Any]) -> list[Bracket]:
    strange = [row for row, bracket in enumerate(brackets) if bracket is None]
    if strange:
        first = strange[0]
        others = sorted({str(entries[row]) for row in strange} - {str(entries[first])})
        also = f" Also unknown: {', '.join(map(repr, others[:5]))}." if others else ""
        hint = ""
        if is_no_answer(str(entries[first])):
            hint = f" If it says nothing, pass names={{{str(entries[first])!r}: None}}."
        example = f"names={{{str(entries[first])!r}: (lower, upper)}}"
        raise ValueError(
            f"labels has {entries[first]!r} in row {first}, which is no known bracket "
            f"({len(strange)} such row(s)).{also} Say what it means with {example}, or leave out "
            f"a unit with `ignore`.{hint}"
        )
    return [bracket for bracket in brackets if bracket is not None]


def _refuse_reversed(brackets: list[Bracket], entries: list[Any]) -> None:
    for row, bracket in enumerate(brackets):
        if bracket.left > bracket.right:
            ends = (
                f"whose lower end {bracket.left:.15g} is above its upper end {bracket.right:.15g}"
            )
            raise BracketError(
                f"labels has the bracket {entries[row]!r} in row {row}, {ends}. Swap them.",
                row,
                f"{entries[row]!r}, {ends}; swap them",
            )


def _report_irregular(
    intervals: NDArray[Any],
    exact: NDArray[np.bool_],
    scale: NDArray[Any] | None,
    entries: list[Any],
    irregular: str,
) -> None:
    """Warn of, or refuse, the first overlap or gap between distinct brackets."""
    found = next(each_irregular(intervals, exact, scale), None)
    if found is None:
        return
    row, next_row = found.rows
    pair = f"{entries[row]!r} (row {row}) and {entries[next_row]!r} (row {next_row})"
    if found.overlap:
        text = (
            f"The brackets {pair} {found.what}. If a border belongs to one side only, pass "
            "closed='left' or 'right'; if annotations may overlap, pass irregular='ignore'."
        )
    else:
        text = (
            f"The brackets {pair} {found.what}. Correct the brackets, pass the scale as `classes` "
            "if there is no such label, or pass irregular='ignore'."
        )
    if irregular == "raise":
        raise ValueError(text)
    warnings.warn(text, UserWarning, stacklevel=3)


class Irregular(NamedTuple):
    """Two brackets that overlap, or leave a label out.

    Parameters
    ----------
    rows : tuple of (int, int)
        The first row of each.
    overlap : bool
        Whether they do; else a label between them is in none.
    border : float or None
        The only label that they share, where they overlap in one.
    what : str
        What is the matter with them, for messages.
    """

    rows: tuple[int, int]
    overlap: bool
    border: float | None
    what: str


def each_irregular(
    intervals: NDArray[Any], exact: NDArray[np.bool_], scale: NDArray[Any] | None = None
) -> Iterator[Irregular]:
    """Find overlaps and gaps between distinct brackets that are neighbours.

    Parameters
    ----------
    intervals : ndarray of shape (n_samples, 2)
        Lower and upper ends, infinite where open.
    exact : ndarray of shape (n_samples,), dtype bool
        Which are written as one number. They are no brackets, and where one lies between two
        brackets, the labels there are written one by one: there is no gap.
    scale : ndarray of shape (n_classes,), default=None
        The labels in increasing order; None for whole numbers.

    Yields
    ------
    Irregular
        From the lowest on; none where brackets stand side by side.
    """
    rows = np.flatnonzero(~exact & ~np.isinf(intervals).all(axis=1))
    brackets, first = np.unique(intervals[rows], axis=0, return_index=True)
    numbers = np.unique(intervals[exact, 0])
    for (_, high), (next_low, next_high), *pair in zip(
        brackets, brackets[1:], rows[first].tolist(), rows[first][1:].tolist(), strict=False
    ):
        if next_low <= high:
            border = float(next_low) if next_low == min(high, next_high) else None
            yield _overlap((pair[0], pair[1]), border)
            continue
        missing = _first_between(high, next_low, scale)
        if missing is not None and not np.any((high < numbers) & (numbers < next_low)):
            what = f"leave a gap: the label {missing:.15g} is in none"
            yield Irregular((pair[0], pair[1]), False, None, what)


def find_shared_border(intervals: NDArray[Any], exact: NDArray[np.bool_]) -> Irregular | None:
    """Find the lowest number at which one bracket ends and another begins.

    Parameters
    ----------
    intervals : ndarray of shape (n_samples, 2)
        Lower and upper ends, infinite where open.
    exact : ndarray of shape (n_samples,), dtype bool
        Which are no brackets.

    Returns
    -------
    Irregular or None
        The two; they need not be neighbours where others hold one of them. None if there is no
        such number.
    """
    lower, upper = np.where(exact, np.nan, intervals.T)
    shared = np.intersect1d(upper, lower)
    borders = shared[np.isfinite(shared)]
    if not len(borders):
        return None
    rows = int(np.argmax(upper == borders[0])), int(np.argmax(lower == borders[0]))
    return _overlap(rows, float(borders[0]))


def _overlap(rows: tuple[int, int], border: float | None) -> Irregular:
    common = "more than one label" if border is None else f"label {border:.15g}"
    return Irregular(rows, True, border, f"overlap: they share {common}")


def _first_between(high: float, low: float, scale: NDArray[Any] | None) -> float | None:
    """Return the first label strictly between the ends of two brackets."""
    if scale is not None:
        labels = scale[(scale > high) & (scale < low)]
        return float(labels[0]) if len(labels) else None
    if high % 1 or low % 1:  # nobody knows what is between fractions
        return None
    return high + 1 if high + 1 < low else None
