"""The label file, and the pairing of its rows with the rows of a feature file."""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import click
import numpy as np

from vilma.cli._report import some_of, warn

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_LEVELS = 10_000


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
    """

    names: list[str]
    intervals: NDArray[np.float64]
    columns: tuple[str, ...]


def _choose_columns(
    header: list[str], wanted: tuple[str, ...] | None, path: Path
) -> tuple[str, ...]:
    """Return the columns to read: the wanted ones, the standard ones, or the only candidates."""
    if wanted is not None:
        candidates = [wanted]
    else:
        candidates = [("file", "label"), ("file", "lower", "upper")]
        if len(header) == 2 and header[0] == "file":
            candidates.append(("file", header[1]))
    for candidate in candidates:
        if all(header.count(name) == 1 for name in candidate):
            return candidate
    expected = " or ".join(",".join(candidate) for candidate in candidates)
    raise click.ClickException(
        f"{path} has the columns {','.join(header)!r}; expected {expected}, each once. "
        "Name the columns to use with --columns FILE,LABEL or --columns FILE,LOWER,UPPER."
    )


def _number(text: str, open_end: float | None, where: str) -> float:
    """Return the number in a cell; an empty cell is the open end, where one may be."""
    text = text.strip()
    try:
        value = float(text) if text else math.nan
    except ValueError:
        raise click.ClickException(f"{where} is {text!r}; expected a number.") from None
    if math.isnan(value) and open_end is not None:
        return open_end
    if not math.isfinite(value) and value != open_end:
        raise click.ClickException(
            f"{where} is {text!r}; expected a finite number. "
            "Open ends go into the columns lower,upper, as empty cells."
        )
    return value


def _interval(cells: list[str], columns: tuple[str, ...], where: str) -> tuple[float, float]:
    """Return the lower and the upper end in the cells of a row."""
    if len(cells) == 1:
        label = _number(cells[0], None, f"{where}, column {columns[1]!r}")
        return label, label
    lower = _number(cells[0], -math.inf, f"{where}, column {columns[1]!r}")
    upper = _number(cells[1], math.inf, f"{where}, column {columns[2]!r}")
    if lower > upper:
        raise click.ClickException(
            f"{where} has the lower end {lower:g} above the upper end {upper:g}; swap them."
        )
    return lower, upper


def read_label_table(path: Path, columns: tuple[str, ...] | None = None) -> LabelTable:
    """Read annotations from a CSV file with a header.

    Parameters
    ----------
    path : Path
        UTF-8, separated by commas. In the columns of interval ends an empty cell is an open end.
    columns : tuple of str, optional
        The columns of file and label, or of file, lower and upper end. By default ``file,label``
        or ``file,lower,upper``; a second column of another name is the label when there are
        only two.

    Returns
    -------
    LabelTable
        The annotations, in the order of the file.

    Raises
    ------
    click.ClickException
        If columns are missing, a row is short or long, a cell is no number, the ends are in the
        wrong order or an image is named twice; the message names the line.
    """
    names: list[str] = []
    intervals: list[tuple[float, float]] = []
    first_line: dict[str, int] = {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.reader(stream, strict=True)
            header = [name.strip() for name in next(reader, [])]
            columns = _choose_columns(header, columns, path)
            places = [header.index(name) for name in columns]
            for cells in reader:
                where = f"{path}, line {reader.line_num}"
                if not any(cell.strip() for cell in cells):
                    continue
                if len(cells) != len(header):
                    raise click.ClickException(
                        f"{where} has {len(cells)} cells; the header has {len(header)}."
                    )
                name, *ends = (cells[place] for place in places)
                name = _tidy(name)
                if not name:
                    raise click.ClickException(f"{where} has no file name.")
                if name in first_line:
                    raise click.ClickException(
                        f"{where} labels {name!r} again; the first time was line "
                        f"{first_line[name]}. Keep one label per image."
                    )
                first_line[name] = reader.line_num
                names.append(name)
                intervals.append(_interval(ends, columns, where))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise click.ClickException(
            f"{path} is not a readable CSV file in UTF-8 ({error})."
        ) from error
    if not names:
        raise click.ClickException(f"{path} has a header and no rows; expected one row per image.")
    return LabelTable(names, np.array(intervals), columns)


def _tidy(name: str) -> str:
    """Write a path with slashes and without a leading ``./``."""
    name = name.strip().replace("\\", "/")
    return str(PurePosixPath(name)) if name else name


def _tails(name: str) -> list[str]:
    """Return ``c.jpg``, ``b/c.jpg``, ``a/b/c.jpg`` for ``a/b/c.jpg``: what the name may end in."""
    parts = name.split("/")
    return ["/".join(parts[start:]) for start in range(len(parts) - 1, -1, -1)]


def match_names(rows: list[str], labelled: list[str]) -> list[tuple[int, int]]:
    """Pair images with labels by name.

    A name pairs with the equal name; left over, with the one name that is its tail, or whose
    tail it is (``faces/a.jpg`` with ``a.jpg``, not with ``others/a.jpg``).

    Parameters
    ----------
    rows : list of str
        The names in the feature file, each once.
    labelled : list of str
        The names in the label file, each once.

    Returns
    -------
    list of (int, int)
        Places in `rows` and `labelled` that belong together, in the order of `rows`.

    Raises
    ------
    click.ClickException
        If a name fits more than one on the other side.
    """
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
            _ambiguous("image", name, "labels", [labelled[j] for j in sorted(fits)])
        for j in fits:
            if j in owner:
                _ambiguous("label", labelled[j], "images", [rows[owner[j]], name])
            owner[j] = i
            pairs[i] = j
    return sorted(pairs.items())


def _ambiguous(kind: str, name: str, other: str, candidates: list[str]) -> None:
    raise click.ClickException(
        f"the {kind} {name!r} fits {len(candidates)} {other}: {some_of(candidates)}. "
        "Write the names in the label file as they are in the feature file (paths relative to "
        "the folder given to `vilma lbp`)."
    )


def join_labels(
    names: list[str], table: LabelTable, *, images: Path, labels: Path
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return which images have a label, and report what is left out.

    Parameters
    ----------
    names : list of str
        The images.
    table : LabelTable
        Labels of named images.
    images, labels : Path
        Where the two come from, for the messages.

    Returns
    -------
    rows : ndarray of shape (n_common,)
        Places in `names` that have a label.
    intervals : ndarray of shape (n_common, 2)
        Their labels.

    Raises
    ------
    click.ClickException
        If there are none.
    """
    pairs = match_names(names, table.names)
    if not pairs:
        raise click.ClickException(
            f"no image of {images} has a label in {labels}. The images are "
            f"{some_of(names)}; the labels are of {some_of(table.names)}."
        )
    rows, labelled = np.array(pairs).T
    _report_left_out(names, rows, f"image(s) in {images} without a label")
    _report_left_out(table.names, labelled, f"label(s) in {labels} without an image")
    return rows, table.intervals[labelled]


def _report_left_out(names: list[str], used: NDArray[np.intp], what: str) -> None:
    left_out = np.setdiff1d(np.arange(len(names)), used)
    if len(left_out):
        warn(f"left out {len(left_out)} {what}: {some_of([names[i] for i in left_out])}")


def default_classes(intervals: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return every integer from the smallest to the largest finite end.

    Parameters
    ----------
    intervals : ndarray of shape (n, 2)
        Lower and upper ends; infinite where open.

    Returns
    -------
    ndarray of shape (n_classes,)
        The ordered scale.

    Raises
    ------
    click.ClickException
        If an end is no integer, the scale has fewer than two levels, or more than 10,000.
    """
    ends = intervals[np.isfinite(intervals)]
    broken = ends[ends != np.round(ends)]
    if len(broken):
        raise click.ClickException(
            f"the labels are not all integers ({broken[0]:g} is the first). The scale is made of "
            "integers: multiply or round the labels."
        )
    if len(ends) == 0 or ends.min() == ends.max():
        found = f"only the level {ends[0]:g}" if len(ends) else "no finite end"
        raise click.ClickException(
            f"the labels name {found}; at least two are needed. Give the scale with --classes."
        )
    return integer_scale(int(ends.min()), int(ends.max()))


def integer_scale(low: int, high: int) -> NDArray[np.int64]:
    """Return the integers from `low` to `high`.

    Parameters
    ----------
    low, high : int
        The first and the last level.

    Returns
    -------
    ndarray of shape (high - low + 1,)
        The scale.

    Raises
    ------
    click.ClickException
        If it would have more than 10,000 levels.
    """
    if high - low >= MAX_LEVELS:
        raise click.ClickException(
            f"the scale from {low} to {high} has {high - low + 1:,} levels, more than "
            f"{MAX_LEVELS:,}; divide or round the labels."
        )
    return np.arange(low, high + 1, dtype=np.int64)


def require_on_scale(
    intervals: NDArray[np.float64], classes: NDArray[np.int64], names: list[str]
) -> None:
    """Refuse labels that are not levels of the scale.

    Parameters
    ----------
    intervals : ndarray of shape (n, 2)
        Lower and upper ends; infinite where open.
    classes : ndarray of shape (n_classes,)
        The ordered scale.
    names : list of str
        The image of each label, for the message.

    Raises
    ------
    click.ClickException
        If a finite end is not on the scale.
    """
    off = np.isfinite(intervals) & ~np.isin(intervals, classes)
    if off.any():
        row, side = np.argwhere(off)[0]
        raise click.ClickException(
            f"the label {intervals[row, side]:g} of {names[row]!r} is not on the scale "
            f"{classes[0]}, {classes[0] + 1}, ..., {classes[-1]} "
            f"({off.any(axis=1).sum()} such label(s)). Widen --classes or correct the labels."
        )
