"""Labels that are read like something else: missing answers, their codes, brackets and numbers.

What can only be a mistake is refused, what is probably one gets a warning.
"""

from __future__ import annotations

import re
import warnings
from itertools import pairwise, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vilma.labels.bracket_text import find_decimal_mark, read_bracket

__all__ = [
    "are_numbers",
    "in_order_of_meaning",
    "is_no_answer",
    "like_brackets",
    "missing_codes",
    "order_of_strings",
    "warn_of_doubtful_scale",
]

_NO_ANSWER = re.compile(
    r"(?:don.?t|do not) know\b|dk$|refus(?:ed|al)\b|n\.?/?a\.?$|not applicable\b|unknown\b"
    r"|prefer not to (?:say|answer)\b|(?:no|not) (?:answer(?:ed)?|response|stated|asked)\b"
)

# What surveys write for "no answer", "refused", "don't know" and the like.
_CODES = (
    *range(-9, 0),
    *(-9999, -999, -998, -997, -996, -995, -888, -777, -99, -98, -97, -96, -95, -88, -77, -66),
    *(7, 8, 9, 66, 77, 88, 95, 96, 97, 98, 99, 777, 888, 995, 996, 997, 998, 999),
    *(7777, 8888, 9995, 9996, 9997, 9998, 9999, 99999),
)
_NINES = (-9999, -999, -99, -9)  # hardly ever anything else, where no other number is negative


def is_no_answer(label: str) -> bool:
    """Tell whether a label reads like a missing answer, such as "don't know" or "refused"."""
    return _NO_ANSWER.match(label.strip(" ()[].").lower()) is not None


def missing_codes(labels: NDArray[Any]) -> list[Any]:
    """Return the labels at the ends of a scale that look like codes of missing answers.

    They are numbers that surveys use for that, such as -99, -9, 9 and 999, apart from all others:
    by two steps or more, and by a tenth of what the others span (95, 96 and 99 after ages 1 to 93
    are none), by half unless these are evenly spaced. For -9, -99 and the like two of the smallest
    steps are enough, where none of the others is negative.

    Parameters
    ----------
    labels : ndarray of shape (n_labels,)
        Distinct numbers in increasing order.

    Returns
    -------
    list
        The labels; none where fewer than three others are left, or where the negative ones mirror
        the positive ones.
    """
    if labels.dtype.kind not in "iuf":
        return []
    values = labels.astype(np.float64)
    is_code = np.isin(values, _CODES)
    n_below = _length_of_run(is_code & (values < 0.0))
    # The largest of 1 to 5 and 7, or 8, is as likely a level.
    above = is_code & (values > 0.0) & (not np.isin(values[-1:], [7.0, 8.0]).any())
    n_above = _length_of_run(above[::-1])
    # As many as stand apart: 7 is none of the codes where 1 to 7 are followed by 99.
    for first, after in product(range(n_below, -1, -1), range(n_above, -1, -1)):
        last = len(values) - after
        if _stand_apart(values, first, last):
            return labels[:first].tolist() + labels[last:].tolist()
    return []


def _length_of_run(flags: NDArray[Any]) -> int:
    """Number of flags before the first that is not set."""
    return int(np.argmin(np.append(flags, False)))


def _stand_apart(values: NDArray[Any], first: int, last: int) -> bool:
    """Tell whether what lies outside of ``values[first:last]`` stands apart from it."""
    rest = values[first:last]
    if len(rest) < 3:
        return False
    steps = np.diff(rest)
    share = 0.1 if np.allclose(steps, steps[0]) else 0.5
    needed = max(2.0 * steps.max(), share * (rest[-1] - rest[0]))
    if first:
        mirrored = np.array_equal(-values[:first][::-1], values[values > 0.0])
        nines = rest[0] >= 0.0 and values[0] in _NINES
        if mirrored or rest[0] - values[first - 1] < (2.0 * steps.min() if nines else needed):
            return False
    return last == len(values) or bool(values[last] - rest[-1] >= needed)


def like_brackets(labels: NDArray[Any]) -> str | None:
    """Return the first label that reads like a bracket, such as "20-29", "50+" and "under 5".

    Parameters
    ----------
    labels : ndarray of shape (n_labels,)
        Strings.

    Returns
    -------
    str or None
        None where there is none.
    """
    for label in labels.tolist():
        bracket = read_bracket(label) if _has_digit(label) else None
        if bracket is not None and bracket.left < bracket.right:
            return str(label)
    return None


def are_numbers(labels: NDArray[Any]) -> bool:
    """Tell whether strings are numbers as Python and pandas read them."""
    try:
        labels.astype(np.float64)
    except ValueError:
        return False
    return True


def order_of_strings(labels: NDArray[Any]) -> list[str]:
    """Return strings in the order of the numbers or brackets in them, if they have any.

    Parameters
    ----------
    labels : ndarray of shape (n_labels,)
        Distinct strings in the order of the alphabet.

    Returns
    -------
    list of str
        "2" before "10", "level 2" before "level 10", "under 18" before "18-24"; in the order of
        the alphabet where some label has no number.
    """
    texts: list[str] = labels.tolist()
    if not all(map(_has_digit, texts)):
        return texts
    ends = _as_brackets(texts)
    if ends is not None:
        return sorted(texts, key=ends.__getitem__)
    return sorted(texts, key=_by_parts)


def warn_of_doubtful_scale(scale: NDArray[Any]) -> None:
    """Warn if a scale that was given has labels, or an order, that are hardly meant.

    Parameters
    ----------
    scale : ndarray of shape (n_classes,)
        The labels in scale order.

    Warns
    -----
    UserWarning
        If the first or the last label of a scale of strings is such as "don't know", "refused" or
        "n/a"; if strings with numbers, such as "2" and "10", or common words, such as "low",
        "medium" and "high", are in the order of the alphabet, as categories are that were made
        ordered without a word on their order.
    """
    if scale.dtype.kind != "U":
        return
    for label, end in ((scale[0].item(), "lowest"), (scale[-1].item(), "highest")):
        if is_no_answer(label):
            warnings.warn(
                f"The {end} label of the scale is {label!r}, which reads like a missing answer. "
                "It is taken to lie beyond all other labels. Leave these rows out, or make them "
                "intervals open at both ends, and take the label off the scale.",
                UserWarning,
                stacklevel=3,
            )
    labels, ordered = scale.tolist(), order_of_strings(scale)
    if labels == sorted(labels) and _mixes_up_words(labels):
        warnings.warn(
            f"The scale is {labels[:6]}, as the alphabet does, and their meaning does not, order "
            "these words: categories that are made ordered without a word on their order get "
            "that. Pass the labels in their order, lowest first.",
            UserWarning,
            stacklevel=3,
        )
    if labels == sorted(labels) and labels not in (ordered, ordered[::-1]):
        one, other = _first_out_of_order(labels, ordered)
        warnings.warn(
            f"The scale puts {one!r} below {other!r}, as the alphabet does and numbers do not. If "
            f"that is not meant, make the labels numbers, or give them in order: {ordered[:6]}.",
            UserWarning,
            stacklevel=3,
        )


# Words of answers, lowest first.
_WORDS = (
    ("low", "medium", "high"),
    ("small", "medium", "large"),
    ("poor", "fair", "good", "excellent"),
    ("never", "rarely", "sometimes", "often", "always"),
    ("none", "mild", "moderate", "severe"),
    ("slight", "moderate", "heavy"),
    ("disagree", "neutral", "agree"),
    ("no", "yes"),
)


def in_order_of_meaning(labels: NDArray[Any]) -> bool:
    """Tell whether strings are words of a common scale in its order, such as "no" and "yes"."""
    tidy = [label.strip().lower() for label in labels.tolist()]
    for words in _WORDS:
        if all(label in words for label in tidy):
            ranks = [words.index(label) for label in tidy]
            return ranks == sorted(ranks)
    return False


def _mixes_up_words(labels: list[str]) -> bool:
    """Tell whether three words of a common scale are neither in its order nor in reverse."""
    tidy = [label.strip().lower() for label in labels]
    for words in _WORDS:
        ranks = [words.index(label) for label in tidy if label in words]
        if ranks not in (sorted(ranks), sorted(ranks, reverse=True)):
            return True
    return False


def _first_out_of_order(labels: list[str], ordered: list[str]) -> tuple[str, str]:
    """Return two neighbours of which the second comes first in the other order."""
    place = {label: k for k, label in enumerate(ordered)}
    return next((one, other) for one, other in pairwise(labels) if place[one] > place[other])


def _has_digit(label: str) -> bool:
    return any(character.isdigit() for character in label)


def _as_brackets(texts: list[str]) -> dict[str, tuple[float, float]] | None:
    """Return where labels begin and end that are all numbers or brackets."""
    try:
        mark = find_decimal_mark(texts).mark
    except ValueError:
        return None
    brackets = {text: read_bracket(text, decimal=mark) for text in texts}
    return (
        {
            text: (bracket.left, bracket.right)
            for text, bracket in brackets.items()
            if bracket is not None
        }
        if all(brackets.values())
        else None
    )


def _by_parts(label: str) -> list[Any]:
    """Split into words and whole numbers in turn, which compare with those of other labels."""
    parts = re.split(r"([0-9]+)", label)
    return [int(part) if place % 2 else part for place, part in enumerate(parts)]
