"""The grammar of brackets in words and figures."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from math import inf
from typing import NamedTuple

_SIGN = "[-+−]?"
_FIGURES = r"(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)"
_NUMBER = rf"({_SIGN}\s?[$€£]?\s?{_FIGURES})"
_DASH = r"(?:-|–|—|−|\.{2,3}|…|to|through|thru|until|and)"
_UNIT = r"(?:\s*(?:%|years?(?:\s+old|\s+of\s+age)?|yrs?\.?))?"
_OR = r"(?:and|or|&)"
_HIGHER = r"(?:over|above|more|older|higher|greater|up|upwards?)"
_LOWER = r"(?:under|below|less|fewer|younger|lower|down)"


class Bracket(NamedTuple):
    """A piece of the number line; `dashed` if it is written as two numbers around a dash."""

    left: float
    right: float
    left_closed: bool = True
    right_closed: bool = True
    dashed: bool = False


_PATTERNS: list[tuple[str, Callable[..., Bracket]]] = [
    (rf"{_NUMBER}{_UNIT}", lambda a: Bracket(a, a)),
    (
        rf"(?:between\s+|from\s+)?{_NUMBER}{_UNIT}\s*{_DASH}\s*{_NUMBER}{_UNIT}",
        lambda a, b: Bracket(a, b, dashed=True),
    ),
    (rf"{_NUMBER}{_UNIT}\s*\+{_UNIT}", lambda a: Bracket(a, inf)),
    (rf"{_NUMBER}{_UNIT}\s*{_OR}\s+{_HIGHER}", lambda a: Bracket(a, inf)),
    (rf"(?:at\s+least|minimum|>=|≥|from)\s*{_NUMBER}{_UNIT}", lambda a: Bracket(a, inf)),
    (
        rf"(?:over|above|(?:more|older|higher|greater)\s+than|>)\s*{_NUMBER}{_UNIT}",
        lambda a: Bracket(a, inf, left_closed=False),
    ),
    (rf"{_NUMBER}{_UNIT}\s*{_OR}\s+{_LOWER}", lambda a: Bracket(-inf, a)),
    (rf"(?:at\s+most|maximum|up\s+to|<=|≤)\s*{_NUMBER}{_UNIT}", lambda a: Bracket(-inf, a)),
    (
        rf"(?:under|below|(?:less|fewer|younger|lower)\s+than|<)\s*{_NUMBER}{_UNIT}",
        lambda a: Bracket(-inf, a, right_closed=False),
    ),
    (r"none|nil|zero", lambda: Bracket(0.0, 0.0)),
]
_COMPILED = [(re.compile(pattern), make) for pattern, make in _PATTERNS]
_END = rf"({_SIGN}(?:{_FIGURES}|inf))"
_NOTATION = re.compile(rf"([\[(\]])\s*{_END}\s*[,;]\s*{_END}\s*([\])\[])")


def read_bracket(text: str, ignored: Sequence[str] = ()) -> Bracket | None:
    """Read one bracket.

    Parameters
    ----------
    text : str
        For example ``"20-29"``, ``"under 5"`` or ``"(20, 30]"``.
    ignored : sequence of str
        Pieces of text to leave out, such as units.

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
    for pattern, make in _COMPILED:
        match = pattern.fullmatch(text)
        if match:
            return make(*map(_number, match.groups()))
    return None


def _number(text: str) -> float:
    return float(re.sub(r"[\s,$€£]", "", text).replace("−", "-"))
