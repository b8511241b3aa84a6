"""Annotations of named files from a CSV file, and the pairing of names."""

from __future__ import annotations

import math
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from vilma._named_rows import about_unreadable, read_named_rows, read_number
from vilma._wording import some_of
from vilma.labels.bracket_text import BracketError, read_bracket


class ColumnsError(ValueError):
    """A CSV file that has not the columns to be read.

    Parameters
    ----------
    message : str
        What is the matter.
    header : list of str
        The columns that it has.
    """

    def __init__(self, message: str, header: list[str]) -> None:
        super().__init__(message)
        self.header = header


class UnknownLabelError(ValueError):
    """A label that is neither a number nor a bracket, or an end that is no number.

    Parameters
    ----------
    message : str
        What is the matter.
    text : str
        The label, or the end.
    """

    def __init__(self, message: str, text: str) -> None:
        super().__init__(message)
        self.text = text


@dataclass(frozen=True)
class LabelTable:
    """Annotations of named images.

    Attributes
    ----------
    names : list of str
        One name per row.
    intervals : ndarray of shape (n_rows, 2)
        Lower and upper end; -inf and inf where an end is open; equal where the label is exact.
    columns : tuple of str
        The columns they were read from.
    texts : list of str
        The annotations as they are written; both ends of an interval, with a comma.
    silent : frozenset of (str or float)
        The cells that say nothing of rows that were left out, see :func:`answer_key`.
    """

    names: list[str]
    intervals: NDArray[np.float64]
    columns: tuple[str, ...]
    texts: list[str]
    silent: frozenset[str | float] = frozenset()


# Reads texts such as "20-29" as intervals: `vilma.intervals.parse_brackets`, which stands above.
ReadBrackets = Callable[..., NDArray[Any]]


def read_label_table(
    path: Path,
    columns: tuple[str, ...] | None = None,
    *,
    read_brackets: ReadBrackets | None = None,
    no_answer: Collection[str] | None = None,
) -> LabelTable:
    """Read annotations from a CSV file with a header.

    Parameters
    ----------
    path : Path
        UTF-8, separated by commas, semicolons or tabs. In the columns of interval ends an empty
        cell is an open end.
    columns : tuple of str, optional
        The columns of file and label, or of file, lower and upper end. By default ``file,label``
        or ``file,lower,upper``, in capitals or not; a second column of another name is the label
        when there are only two.
    read_brackets : callable, optional
        Reads a list of texts such as "20-29", "50+" and "7" in the column of labels, as
        :func:`vilma.intervals.parse_brackets` does. Without it only numbers are read.
    no_answer : collection of str, optional
        Texts, or numbers however they are written, that say nothing as a label or as an end: their
        rows are left out, and so are those with an empty label, and intervals that are open at
        both ends. Without it texts and empty labels are refused, and such intervals are kept.

    Returns
    -------
    LabelTable
        The annotations, in the order of the file.

    Raises
    ------
    ValueError
        If columns are missing (:class:`ColumnsError`), a row is short or long, a cell is
        no number, the ends are in the wrong order or an image is named twice; the message names
        the line.
    """
    names: list[str] = []
    intervals: list[tuple[float, float]] = []
    texts: list[str] = []
    cells: list[tuple[str, str]] = []  # labels, for `read_brackets`, and where they are
    chosen: tuple[str, ...] = ()

    def choose(header: list[str]) -> tuple[str, ...]:
        nonlocal chosen
        chosen = _choose_columns(header, columns, path)
        return chosen

    n_silent = 0
    silent = set(map(answer_key, no_answer or ()))
    found: set[str | float] = set()
    try:
        for name, ends, where in read_named_rows(path, choose, says="labels", kept="label"):
            is_empty = no_answer is not None and len(ends) == 1 and not ends[0].strip()
            says_nothing = silent.intersection(map(answer_key, ends))
            found |= says_nothing
            if is_empty or says_nothing:
                n_silent += 1
                continue
            if read_brackets is not None and len(ends) == 1:
                cells.append((ends[0].strip(), f"{where}, column {chosen[1]!r}"))
            is_gap = read_brackets is not None and len(ends) == 1 and _is_text(ends[0])
            intervals.append(_interval(ends, chosen, where, gap=is_gap))
            names.append(name)
            texts.append(",".join(end.strip() for end in ends))
    except OSError as error:
        raise ValueError(about_unreadable(path, error)) from error
    n_rows = n_silent + len(names)
    bounds = np.array(intervals).reshape(-1, 2)
    table = LabelTable(names, bounds, chosen, texts, frozenset(found))
    if read_brackets is not None and cells:
        _fill_in(table, cells, read_brackets)
    if no_answer is not None:
        table = _without_open(table)
    if not table.names:
        what = f"no label in any of its {n_rows} row(s)" if n_rows else "a header and no rows"
        raise ValueError(f"{path} has {what}; expected one label per image.")
    return table


def answer_key(text: str) -> str | float:
    """Return what two cells share that give the same answer.

    Parameters
    ----------
    text : str
        A cell.

    Returns
    -------
    str or float
        The number, where it is one: -99 and -99.0 are the same; otherwise the text without
        capitals.
    """
    tidy = text.strip().lower()
    try:
        number = read_number(tidy)
    except ValueError:
        return tidy
    return tidy if math.isnan(number) else number


def with_exponents_read(texts: list[str]) -> list[str | float]:
    """Return the labels of a column with numbers in place of texts such as "1e3".

    Other numbers stay as they are written, for brackets tell what parts their decimals.

    Parameters
    ----------
    texts : list of str
        Labels.

    Returns
    -------
    list of (str or float)
        One entry for each.
    """
    read: dict[str, str | float] = {}
    for text in dict.fromkeys(texts):
        number = math.nan if _is_text(text) else read_number(text.strip() or "nan")
        with_exponent = math.isfinite(number) and read_bracket(text) is None
        read[text] = number if with_exponent else text
    return [read[text] for text in texts]


def _without_open(table: LabelTable) -> LabelTable:
    """Leave out intervals that are open at both ends."""
    rows = np.flatnonzero(~np.isinf(table.intervals).all(axis=1)).tolist()
    names, texts = [table.names[row] for row in rows], [table.texts[row] for row in rows]
    return replace(table, names=names, intervals=table.intervals[rows], texts=texts)


def match_names(rows: list[str], labelled: list[str]) -> list[tuple[int, int]]:
    """Pair images with labels by name.

    A name pairs with the equal name; left over, with the one name that is its tail, or whose
    tail it is (``faces/a.jpg`` with ``a.jpg``, not with ``others/a.jpg``). Accents are the same as
    characters of their own and as marks behind a letter.

    Parameters
    ----------
    rows : list of str
        The names of the images, each once.
    labelled : list of str
        The names in the label file, each once.

    Returns
    -------
    list of (int, int)
        Places in `rows` and `labelled` that belong together, in the order of `rows`.

    Raises
    ------
    ValueError
        If a name fits more than one on the other side.
    """
    shown_rows, shown_labelled = rows, labelled
    rows, labelled = _composed(rows, labelled)
    place = {name: j for j, name in enumerate(labelled)}
    pairs = {i: place[name] for i, name in enumerate(rows) if name in place}
    taken = set(pairs.values())

    by_tail: dict[str, list[int]] = defaultdict(list)
    for j, name in enumerate(labelled):
        if j not in taken:
            for tail in _tails(name):
                by_tail[tail].append(j)
    owner: dict[int, int] = {}
    for i, name in enumerate(rows):
        if i in pairs:
            continue
        tails = _tails(name)
        fits = set(by_tail.get(name, []))
        fits.update(place[t] for t in tails if t in place and place[t] not in taken)
        if len(fits) > 1:
            candidates = [shown_labelled[j] for j in sorted(fits)]
            _ambiguous("image", shown_rows[i], "labels", candidates)
        for j in fits:
            if j in owner:
                candidates = [shown_rows[owner[j]], shown_rows[i]]
                _ambiguous("label", shown_labelled[j], "images", candidates)
            owner[j] = i
            pairs[i] = j
    return sorted(pairs.items())


def _composed(rows: list[str], labelled: list[str]) -> tuple[list[str], list[str]]:
    """Write accents as NFC does (macOS writes NFD), unless two names become one by that."""
    form = {name: unicodedata.normalize("NFC", name) for name in (*rows, *labelled)}
    counts = [Counter(form[name] for name in side) for side in (rows, labelled)]
    for name in form:
        if any(count[form[name]] > 1 for count in counts):
            form[name] = name
    return [form[name] for name in rows], [form[name] for name in labelled]


def _choose_columns(
    header: list[str], wanted: tuple[str, ...] | None, path: Path
) -> tuple[str, ...]:
    """Return the columns to read: the wanted ones, the standard ones, or the only candidates.

    Capitals make no difference, unless the wanted names are there as they are written.
    """
    small = [name.lower() for name in header]
    if wanted is not None:
        candidates = [wanted]
        if all(header.count(name) == 1 for name in wanted):
            return wanted
    else:
        candidates = [("file", "label"), ("file", "lower", "upper")]
        _refuse_half_or_both(small, path)
        if len(header) == 2 and small[0] == "file":
            candidates.append(("file", header[1]))
    for candidate in candidates:
        if all(small.count(name.lower()) == 1 for name in candidate):
            return tuple(header[small.index(name.lower())] for name in candidate)
    expected = " or ".join(",".join(candidate) for candidate in candidates)
    raise ColumnsError(
        f"{path} has the columns {','.join(header)!r}; expected {expected}, each once. "
        "Name the columns to use in `columns`.",
        header,
    )


def _refuse_half_or_both(header: list[str], path: Path) -> None:
    """Refuse headers that leave open whether labels are exact."""
    ends = [name for name in ("lower", "upper") if name in header]
    if len(ends) == 1 and "label" not in header:
        other = "upper" if ends == ["lower"] else "lower"
        raise ColumnsError(
            f"{path} has a column {ends[0]!r} and none named {other!r}. Add it, with empty cells "
            f"for open ends; or name the columns file,{ends[0]} in `columns` for exact labels.",
            header,
        )
    if len(ends) == 2 and "label" in header:
        raise ColumnsError(
            f"{path} has the columns label, lower and upper, so exact labels and intervals: name "
            "those to use in `columns`.",
            header,
        )


def _number(text: str, open_end: float | None, where: str) -> float:
    """Return the number in a cell; an empty cell is the open end, where one may be."""
    text = text.strip()
    if not text and open_end is None:
        raise ValueError(
            f"{where} is empty, and a row without a label says nothing: leave it out. Empty cells "
            "are open ends in the columns lower,upper only."
        )
    try:
        value = read_number(text) if text else math.nan
    except ValueError:
        raise UnknownLabelError(f"{where} is {text!r}; expected a number.", text) from None
    if math.isnan(value) and open_end is not None:
        return open_end
    if not math.isfinite(value) and value != open_end:
        raise ValueError(
            f"{where} is {text!r}; expected a finite number. "
            "Open ends go into the columns lower,upper, as empty cells."
        )
    return value


def _is_text(cell: str) -> bool:
    """Tell whether a cell holds something else than a number."""
    try:
        read_number(cell.strip() or "nan")
    except ValueError:
        return True
    return False


def _fill_in(table: LabelTable, cells: list[tuple[str, str]], read_brackets: ReadBrackets) -> None:
    """Put what labels mean into their rows, or name the first that means nothing."""
    entries = with_exponents_read([text for text, _ in cells])
    try:
        found = read_brackets(entries, irregular="ignore")
    except BracketError as error:
        raise ValueError(f"{cells[error.row][1]} is {error.what}.") from error
    except ValueError as error:
        for entry, (text, where) in zip(entries, cells, strict=True):
            try:
                read_brackets([entry], irregular="ignore")
            except BracketError:
                continue  # told as soon as the others can be read
            except ValueError:
                raise UnknownLabelError(
                    f"{where} is {text!r}; expected a number, or a bracket such as 20-29, 50+ or "
                    "under 5. What is known roughly is a bracket, too: 15-25 for about 20.",
                    text,
                ) from error
        raise
    table.intervals[:] = found


def _interval(
    cells: list[str], columns: tuple[str, ...], where: str, *, gap: bool
) -> tuple[float, float]:
    """Return the lower and the upper end in the cells of a row; NaN to be filled in later."""
    if gap:
        return math.nan, math.nan
    if len(cells) == 1:
        label = _number(cells[0], None, f"{where}, column {columns[1]!r}")
        return label, label
    lower = _number(cells[0], -math.inf, f"{where}, column {columns[1]!r}")
    upper = _number(cells[1], math.inf, f"{where}, column {columns[2]!r}")
    if lower > upper:
        raise ValueError(
            f"{where} has the lower end {lower:g} above the upper end {upper:g}; swap them."
        )
    return lower, upper


def _tails(name: str) -> list[str]:
    """Return ``c.jpg``, ``b/c.jpg``, ``a/b/c.jpg`` for ``a/b/c.jpg``: what the name may end in."""
    parts = name.split("/")
    return ["/".join(parts[start:]) for start in range(len(parts) - 1, -1, -1)]


def _ambiguous(kind: str, name: str, other: str, candidates: list[str]) -> NoReturn:
    raise ValueError(
        f"the {kind} {name!r} fits {len(candidates)} {other}: {some_of(candidates)}. Write the "
        "names in the label file as paths relative to the folder of the images."
    )
