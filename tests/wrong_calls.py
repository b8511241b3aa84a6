"""Calls of public names that are wrong in one argument each, and what becomes of them."""

from __future__ import annotations

import datetime
import linecache
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[1]
DAY = datetime.date(2020, 1, 1)
DATES = np.array(["2020-01-01", "2020-01-02"] * 6, dtype="datetime64[D]")
RAGGED = [[1, 2], [3]] * 6


class Thing:
    """No value of any use."""

    def __repr__(self) -> str:
        return "Thing()"


THING = Thing()
NOT_A_NUMBER = [
    "1",
    b"1",
    [1, 2],
    [[1, 2]],
    {},
    {1},
    THING,
    DAY,
    1j,
    np.nan,
    np.array([1.0, 2.0]),
    int,
]

# What is wrong for arguments of a kind.
WRONG: dict[str, list[Any]] = {
    "number": [*NOT_A_NUMBER, None],
    "positive": [*NOT_A_NUMBER, None, -1.0, 0],
    "share": [*NOT_A_NUMBER, None, -0.5, 1.5, np.inf],
    "count": [*NOT_A_NUMBER, None, 1.5, np.inf, -1],
    "exact": [*NOT_A_NUMBER, None, -1, 1.5, np.inf, 10**6],
    "choice": ["no", b"no", "", 7, 1.5, [], ["mae"], {}, THING, np.nan, DAY, True],
    "flag": ["yes", b"", 2, 1.5, [], [True], {}, THING, np.nan, DAY],
    "labels": [
        None,
        7,
        "abc",
        b"abc",
        {},
        {1, 2},
        THING,
        [],
        [[]],
        RAGGED,
        np.zeros((12, 3)),
        np.zeros((12, 2, 2)),
        DATES,
        np.column_stack([DATES, DATES]),
        [DAY] * 12,
        [1j, 2] * 6,
        [np.nan] * 12,
        [None] * 12,
        [THING] * 12,
        [1, "a"] * 6,
        [b"a", b"b"] * 6,
        [{1}, {2}] * 6,
        [(2, 1)] * 12,
        [1, 2],
        [np.inf] * 12,
        int,
    ],
    "classes": [
        7,
        "abc",
        b"abc",
        {},
        {1: 2},
        {1, 2},
        THING,
        [],
        [1],
        [[1, 2], [3, 4]],
        [1, 1, 2],
        [3, 2, 1],
        [1, np.nan],
        [1, np.inf],
        [1j, 2],
        [None, 1],
        [1, "a"],
        DATES[:2],
        [DAY, DAY],
        [THING, THING],
        [97, 98],
        ["x", "y"],
        int,
    ],
    "weights": [
        7,
        "abc",
        b"abc",
        {},
        {1, 2},
        THING,
        [],
        [1.0, 2.0],
        [[1.0, 2.0]] * 12,
        [-1.0] * 12,
        [0.0] * 12,
        [np.nan] * 12,
        [np.inf] * 12,
        [None] * 12,
        ["a"] * 12,
        [1j] * 12,
        DATES,
        RAGGED,
        int,
    ],
    "X": [
        None,
        7,
        "abc",
        b"abc",
        {},
        {1, 2},
        THING,
        [],
        [[]],
        [1.0] * 12,
        RAGGED,
        [[1.0, 2.0]],
        np.zeros((12, 2, 2)),
        np.full((12, 2), np.nan),
        np.full((12, 2), np.inf),
        [["a", "b"]] * 12,
        [[1j, 2]] * 12,
        np.column_stack([DATES, DATES]),
        [[THING, THING]] * 12,
        int,
    ],
    "seed": ["a", 1.5, -1, [1, 2], {}, THING, np.nan, DAY, 2**64],
    "jobs": ["a", 1.5, [1, 2], {}, THING, np.nan, DAY],
    "path": [None, 7, 1.5, [], {}, THING, DAY, "\0", "no/such/place"],
}


@dataclass(frozen=True)
class Name:
    """A public callable, arguments that are right, and the kinds of those to be spoilt."""

    name: str
    call: Callable[..., Any]
    right: dict[str, Any]
    kinds: dict[str, str | list[Any]]
    fine: tuple[tuple[str, Any], ...] = ()  # arguments and values that are right after all
    works: bool = True  # False for what needs a file

    def wrong_calls(self) -> Iterator[tuple[str, Any]]:
        """Yield argument and wrong value."""
        for argument, kind in self.kinds.items():
            for value in WRONG[kind] if isinstance(kind, str) else kind:
                if not any(argument == a and _same(value, v) for a, v in self.fine):
                    yield argument, value


def _same(a: Any, b: Any) -> bool:
    return repr(a) == repr(b)


def outcome(name: Name, argument: str, value: Any) -> str:
    """Return "clear", or what is wrong with the answer to a wrong call."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = name.call(**{**name.right, argument: value})
            if isinstance(result, Iterator):
                list(result)
    except (ValueError, TypeError, IndexError, ImportError, OSError) as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        line = linecache.getline(last.filename, last.lineno or 0).strip()
        own = Path(last.filename).is_relative_to(ROOT) or "sklearn" in last.filename
        if own and line.startswith("raise") and str(error).strip():
            return "clear"
        if isinstance(error, OSError) and str(error).strip():
            return "clear"  # of the system, with the name of the file
        return (
            f"unclear: {type(error).__name__}: {error} ({Path(last.filename).name}:{last.lineno})"
        )
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        return (
            f"unclear: {type(error).__name__}: {error} ({Path(last.filename).name}:{last.lineno})"
        )
    return "silent"
