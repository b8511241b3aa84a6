"""Columns of tables that are probably not what they are taken for, in words.

Every function returns what is to stand behind the name of the column, or None where nothing is to
be said.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vilma._named_rows import read_number
from vilma._wording import some_of

__all__ = [
    "hardly_repeats",
    "names_of_rows",
    "numbers_among_texts",
    "numbers_too_close",
    "numbers_with_marks",
    "unusable_number",
]

# Numbers with other marks than a point before decimals: of currencies and percent around them, of
# thousands and decimals in them. Spreadsheets and statistical offices write spaces that do not
# break a line, and narrow ones, between thousands.
_OTHERWISE_WRITTEN = re.compile(
    r"""
    [+-]? ([€$£¥]\s?)? [+-]?
    (
        \d+ ([.,]\d*)? | [.,]\d+
        | \d{1,3} (,\d{3})+ (\.\d+)?
        | \d{1,3} (\.\d{3})+ (,\d+)?
        | \d{1,3} ([\ '\u2019\u00a0\u2009\u202f]\d{3})+ ([.,]\d+)?
    )
    (\s?[%‰€$£¥])?
    """,
    re.VERBOSE,
)
_WHOLE = re.compile(r"[+-]?\d+")
# Codes such as 0 to 9 and "10+" are categories: columns of so few whole numbers are left alone.
_MOST_CODES = 10
# Marks of missing values are few; of codes such as "3" and "3b" many are no numbers.
_NUMBERS_PER_MARK = 4
# Of more values than this, and than half of the rows, few are there again in other rows.
_FEW_VALUES = 30
_LARGEST = float(np.finfo(np.float32).max)  # trees of scikit-learn see single precision
_CLOSEST = 1e-7  # trees of scikit-learn take a column of a smaller range for constant


def numbers_with_marks(texts: Sequence[str]) -> str | None:
    """Tell of numbers with a comma or another mark, which are taken for texts, each a category.

    Parameters
    ----------
    texts : sequence of str
        The cells of a column that are not missing.
    """
    different = dict.fromkeys(texts)
    example = next((text for text in different if not _is_plain_number(text)), None)
    if example is None or not all(map(_is_number, different)):
        return None
    comma = next((text for text in different if "," in text), None)
    marks = "other marks than a point" if comma is None else "a comma"
    return (
        f"holds numbers with {marks}, such as {comma or example!r}; expected digits, a point "
        "before decimals and nothing between thousands"
    )


def numbers_among_texts(texts: Sequence[str]) -> str | None:
    """Tell of numbers that are taken for texts, because a few other texts are among them.

    Four different numbers are needed for every different other text, and more than ten if all are
    whole: columns of codes, such as 0 to 9 and "10+", or "3" and "3b", hold categories.

    Parameters
    ----------
    texts : sequence of str
        The cells of a column that are not missing.
    """
    different = dict.fromkeys(texts)
    numbers = {text for text in different if _is_number(text)}
    others = [repr(text) for text in different if text not in numbers]
    codes = len(numbers) <= _MOST_CODES and all(map(_WHOLE.fullmatch, numbers))
    if codes or not numbers or _NUMBERS_PER_MARK * len(others) > len(numbers):
        return None
    if not others:
        return f"is taken for categories: its values are numbers, written as texts ({texts[0]!r})"
    count = sum(text in numbers for text in texts)
    return (
        f"is taken for categories: {count} of {len(texts)} values are numbers, "
        f"{len(texts) - count} are not ({some_of(others, 3)})"
    )


def hardly_repeats(n_different: int, n_samples: int) -> bool:
    """Tell whether a column has a value of its own in most rows, more than categories have.

    Parameters
    ----------
    n_different : int
        Number of different values.
    n_samples : int
        Number of rows.
    """
    return n_different > max(_FEW_VALUES, n_samples / 2)


def names_of_rows(texts: Sequence[str], n_samples: int) -> str | None:
    """Tell of a column whose texts are different in most rows, as names are.

    Parameters
    ----------
    texts : sequence of str
        The cells of the column that are not missing.
    n_samples : int
        Number of rows.
    """
    n_different = len(set(texts))
    if not hardly_repeats(n_different, n_samples):
        return None
    return (
        f"has {n_different} different texts in {n_samples} rows, which tell nothing of other rows"
    )


def unusable_number(values: NDArray[np.float64], first_row: int) -> str | None:
    """Tell of an infinite number, or one beyond single precision.

    Parameters
    ----------
    values : ndarray of shape (n_samples,)
        Numbers, missing ones NaN.
    first_row : int
        What the first row is called, 0 or 1.
    """
    beyond = np.flatnonzero(np.abs(values) > _LARGEST)
    if not len(beyond):
        return None
    row, value = first_row + beyond[0], values[beyond[0]]
    if np.isinf(value):
        return (
            f"contains infinity in row {row}. Replace it by a number, or leave the cell missing "
            "where the value is not known."
        )
    return (
        f"contains {value:.3g} in row {row}, more than single precision holds. Divide the column: "
        "a scale near 1 is best."
    )


def numbers_too_close(values: NDArray[np.float64]) -> str | None:
    """Tell of different numbers that trees take for equal.

    Parameters
    ----------
    values : ndarray of shape (n_samples,)
        Numbers, missing ones NaN.
    """
    known = values[~np.isnan(values)]
    spread = float(np.ptp(known)) if len(known) else 0.0
    if not 0.0 < spread <= _CLOSEST:
        return None
    return (
        f"has numbers that differ by {spread:.3g} at most, which trees take for equal. Multiply "
        "the column: a scale near 1 is best"
    )


def _is_number(text: str) -> bool:
    return _OTHERWISE_WRITTEN.fullmatch(text) is not None or _is_plain_number(text)


def _is_plain_number(text: str) -> bool:
    try:
        read_number(text)
    except ValueError:
        return False
    return True
