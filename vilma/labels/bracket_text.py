"""The grammar of brackets in words and figures."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from math import inf
from typing import NamedTuple

_SIGN = "[-+−]?"
_FIGURES = r"(?:[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)"
_NUMBER = rf"({_SIGN}(?:[$€£]\s?)?{_FIGURES})"
_HYPHEN = r"(?:-(?=[$€£\d.])|\s*)"  # "over-65" is over 65; "over -65" is over minus 65
_DASH = r"(?:-|–|—|−|\.{2,3}|…|to|through|thru|until|and)"
_UNIT = r"(?:\s*(?:%|[$€£]|years?(?:\s+old|\s+of\s+age)?|yrs?\.?))?"
_OR = r"(?:and|or|&)"
_HIGHER = r"(?:over|above|more|older|higher|greater|up|upwards?)"
_LOWER = r"(?:under|below|less|fewer|younger|lower|down)"
_OVER = rf"(?:(?:over|above|(?:more|older|higher|greater)[\s-]+than){_HYPHEN}|>\s*)"
_UNDER = rf"(?:(?:under|below|(?:less|fewer|younger|lower)[\s-]+than){_HYPHEN}|<\s*)"


class Bracket(NamedTuple):
    """A piece of the number line; `dashed` if it is written as two numbers around a dash."""

    left: float
    right: float
    left_closed: bool = True
    right_closed: bool = True
    dashed: bool = False


class BracketError(ValueError):
    """A bracket that can be read, and yet means no labels.

    Parameters
    ----------
    message : str
        What is the matter with the column.
    row : int
        Where it is in the column.
    what : str
        The bracket, and what is the matter with it.
    """

    def __init__(self, message: str, row: int, what: str) -> None:
        super().__init__(message)
        self.row = row
        self.what = what


_PATTERNS: list[tuple[str, Callable[..., Bracket]]] = [
    (rf"{_NUMBER}{_UNIT}", lambda a: Bracket(a, a)),
    (
        rf"(?:between\s+|from\s+)?{_NUMBER}{_UNIT}\s*{_DASH}\s*{_NUMBER}{_UNIT}",
        lambda a, b: Bracket(a, b, dashed=True),
    ),
    (
        rf"(?:between\s+|from\s+)?{_NUMBER}{_UNIT}\s*(?:{_DASH}|but)\s*{_UNDER}{_NUMBER}{_UNIT}",
        lambda a, b: Bracket(a, b, right_closed=False),
    ),
    (
        rf"{_OVER}{_NUMBER}{_UNIT}\s*(?:{_DASH}|up\s+to)\s*{_NUMBER}{_UNIT}",
        lambda a, b: Bracket(a, b, left_closed=False),
    ),
    (rf"{_NUMBER}{_UNIT}\s*\+{_UNIT}", lambda a: Bracket(a, inf)),
    (rf"{_NUMBER}{_UNIT}(?:\s*|-){_OR}[\s-]+{_HIGHER}", lambda a: Bracket(a, inf)),
    (
        rf"(?:(?:at\s+least|minimum|from){_HYPHEN}|(?:>=|≥)\s*){_NUMBER}{_UNIT}",
        lambda a: Bracket(a, inf),
    ),
    (rf"{_OVER}{_NUMBER}{_UNIT}", lambda a: Bracket(a, inf, left_closed=False)),
    (rf"{_NUMBER}{_UNIT}(?:\s*|-){_OR}[\s-]+{_LOWER}", lambda a: Bracket(-inf, a)),
    (
        rf"(?:(?:at\s+most|maximum|up[\s-]+to){_HYPHEN}|(?:<=|≤)\s*){_NUMBER}{_UNIT}",
        lambda a: Bracket(-inf, a),
    ),
    (rf"{_UNDER}{_NUMBER}{_UNIT}", lambda a: Bracket(-inf, a, right_closed=False)),
    (r"none|nil|zero", lambda: Bracket(0.0, 0.0)),
]
_COMPILED = [(re.compile(pattern), make) for pattern, make in _PATTERNS]
_SWAPPED = str.maketrans(".,", ",.")
_END = rf"({_SIGN}(?:{_FIGURES}|inf))"
_PLAIN = re.compile(r"\s*[+-]?(?:\d+\.?\d*|\.\d+)\s*")  # numbers as programs write them
_NOTATION = re.compile(rf"([\[(\]])\s*{_END}\s*(?:[,;–—-]|\.\.|to)\s*{_END}\s*([\])\[])")


class DecimalMark(NamedTuple):
    """The mark that parts decimals in a column.

    Attributes
    ----------
    mark : {".", ","}
        The mark.
    told : bool
        Whether the figures show it; whole numbers below 1,000 leave it open.
    doubtful : str or None
        A bracket whose figures may have either, if nothing in the column tells what they mean.
    """

    mark: str
    told: bool
    doubtful: str | None


def find_decimal_mark(texts: Iterable[str]) -> DecimalMark:
    """Tell by the figures of a column which mark parts decimals.

    A column of nothing but plain numbers, such as "1.125", is written by programs, and a point
    parts decimals. Elsewhere a point before exactly three figures, as in "10.000 - 14.999", parts
    thousands or decimals; it is taken to part thousands unless other figures of the column tell
    otherwise. A comma there parts thousands, unless figures such as "0,125" tell that it parts
    decimals: no thousands follow a 0. The notation of brackets, such as "(0.999, 5.0]", is written
    by programs, too.

    Parameters
    ----------
    texts : iterable of str
        The distinct brackets of a column.

    Returns
    -------
    DecimalMark
        What parts decimals; a point where nothing tells, and no figures may mean either.

    Raises
    ------
    ValueError
        If some figures are written in one way and some in the other.
    """
    mark, either = _told(list(texts))
    if mark is not None:
        return DecimalMark(mark, True, None)
    return DecimalMark("." if either is None else ",", False, either)


def _told(column: list[str]) -> tuple[str | None, str | None]:
    """Return the mark that figures tell to part decimals, and a text that may mean either."""
    if all(map(_PLAIN.fullmatch, column)):
        return "." if any("." in text for text in column) else None, None
    witness: dict[str, str] = {}
    either = grouped = None  # a point, or a comma, before three figures
    follows_zero = False
    for text in column:
        if _NOTATION.fullmatch(" ".join(text.lower().split())):
            continue
        for figures in re.findall(r"\d[\d.,]*", text):
            figures = figures.rstrip(".,")
            if re.fullmatch(r"[1-9]\d{0,2}\.\d{3}", figures):
                either = either or text
            elif re.fullmatch(r"[1-9]\d{0,2},\d{3}", figures):
                grouped = grouped or text
            elif re.fullmatch(r"0,\d{3,}", figures):
                follows_zero = True
                witness.setdefault(",", text)
            elif re.fullmatch(r"\d{1,3}(\.\d{3})+(,\d+)?|\d+,\d{1,2}", figures) and not (
                figures.startswith("0.")
            ):
                witness.setdefault(",", text)
            elif re.fullmatch(r"\d{1,3}(,\d{3})+(\.\d+)?|\d+\.\d+", figures):
                witness.setdefault(".", text)
    if grouped is not None and not follows_zero:
        witness.setdefault(".", grouped)
    if len(witness) == 2:
        raise ValueError(
            f"labels has {witness['.']!r}, where a point must part decimals, and "
            f"{witness[',']!r}, where a comma must. Write figures in one way."
        )
    return next(iter(witness), None), either


def read_bracket(text: str, ignored: Sequence[str] = (), decimal: str = ".") -> Bracket | None:
    """Read one bracket.

    Parameters
    ----------
    text : str
        For example ``"20-29"``, ``"under 5"`` or ``"(20, 30]"``.
    ignored : sequence of str
        Pieces of text to leave out, such as units.
    decimal : {".", ","}
        The mark that parts decimals; the other one parts thousands. The notation of brackets has
        a point, or semicolons between numbers with a comma.

    Returns
    -------
    Bracket or None
        None for what is no bracket.
    """
    text = text.lower()
    for piece in ignored:
        text = text.replace(piece.lower(), " ")
    text = " ".join(text.split())
    notation = _NOTATION.fullmatch(text)
    if notation:
        opening, left, right, closing = notation.groups()
        return Bracket(_number(left), _number(right), opening == "[", closing == "]")
    if decimal == ",":
        text = text.translate(_SWAPPED)
        notation = _NOTATION.fullmatch(text)
        if notation and ";" in text:
            opening, left, right, closing = notation.groups()
            return Bracket(_number(left), _number(right), opening == "[", closing == "]")
    for pattern, make in _COMPILED:
        match = pattern.fullmatch(text)
        if match:
            return make(*map(_number, match.groups()))
    return None


def is_one_number(text: str) -> bool:
    """Tell whether a label is written as one number, not as the two ends of a bracket.

    Parameters
    ----------
    text : str
        A label or bracket.

    Returns
    -------
    bool
        True for "30", "2,5" and "1.000.000", and for what is no bracket; False for "30-31" and
        "2,5-3", whichever ends belong to it.
    """
    bracket = read_bracket(text) or read_bracket(text, (), ",")
    return bracket is None or bracket.left == bracket.right


def _number(text: str) -> float:
    return float(re.sub(r"[\s,$€£]", "", text).replace("−", "-"))
