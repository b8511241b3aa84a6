"""The label file, and the pairing of its rows with the rows of a feature file."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from vilma.cli._brackets import DECIMAL_MARKS, Closed, Decimal, bracket_reader
from vilma.cli._options import makes_scale, refuse_typed
from vilma.cli._report import readable_errors, some_of, warn
from vilma.labels import label_file
from vilma.labels.bracket_text import (
    DecimalMark,
    find_decimal_mark,
    is_one_number,
    read_bracket,
)
from vilma.labels.doubtful import is_no_answer, missing_codes
from vilma.labels.label_file import (
    ColumnsError,
    LabelTable,
    UnknownLabelError,
    answer_key,
    with_exponents_read,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_LEVELS = 10_000


@dataclass(frozen=True)
class LabelReading:
    """How a label file is read.

    Attributes
    ----------
    columns : tuple of str or None
        The columns to read; None means those of the usual names.
    no_answer : tuple of str
        Labels and ends that say nothing: their rows are left out, as those with an empty label.
    closed : {"both", "left", "right"} or None
        Which numbers of a bracket such as 20-30 belong to it; None means both.
    preferred : tuple of str or None
        The columns to read where no others are asked for and the file has them.
    decimal : {"point", "comma"} or None
        What parts decimals in labels; None means that their figures tell. What they told in
        training is kept with the model.
    """

    columns: tuple[str, ...] | None = None
    no_answer: tuple[str, ...] = ()
    closed: Closed | None = None
    preferred: tuple[str, ...] | None = None
    decimal: Decimal | None = None

    def to_settings(self) -> dict[str, Any]:
        """Return plain values to be kept with a model."""
        columns = None if self.columns is None else list(self.columns)
        return {
            "columns": columns,
            "no_answer": list(self.no_answer),
            "closed": self.closed,
            "decimal": self.decimal,
        }

    def as_in_training(self, settings: dict[str, Any]) -> LabelReading:
        """Return how to read the labels that a model is measured on.

        Parameters
        ----------
        settings : dict
            What :meth:`to_settings` made plain in training; empty if the model has none.

        Returns
        -------
        LabelReading
            What is not given here is as it was in training.
        """
        columns = settings.get("columns")
        return LabelReading(
            self.columns,
            (*settings.get("no_answer", ()), *self.no_answer),
            closed_as_in_training(self.closed, settings.get("closed")),
            None if columns is None else tuple(columns),
            self.decimal or settings.get("decimal"),
        )


def closed_as_in_training(closed: Closed | None, trained: Closed | None) -> Closed | None:
    """Return which numbers of a bracket belong to it in an evaluation, and warn of another choice.

    Parameters
    ----------
    closed, trained : {"both", "left", "right"} or None
        As given now, and in training.

    Returns
    -------
    {"both", "left", "right"} or None
        That of training where none is given.
    """
    if closed is not None and trained is not None and closed != trained:
        warn(
            f"--closed {closed} reads brackets otherwise than the model's training, which had "
            f"--closed {trained}: one such as 20-30 has other labels. Leave it out, unless these "
            "brackets are written in another way"
        )
    return closed or trained


def read_label_table(path: Path, reading: LabelReading | None = None) -> LabelTable:
    """Read annotations from a CSV file, see :func:`vilma.labels.label_file.read_label_table`.

    Parameters
    ----------
    path : Path
        The file.
    reading : LabelReading, optional
        How it is read.

    Returns
    -------
    LabelTable
        The annotations, in the order of the file.

    Raises
    ------
    click.ClickException
        If the file cannot be read as annotations.
    """
    how = reading or LabelReading()
    read = partial(
        label_file.read_label_table,
        path,
        read_brackets=bracket_reader(how.closed, how.decimal),
        no_answer=how.no_answer,
    )
    with readable_errors():
        try:
            try:
                table = read(how.columns or how.preferred)
            except ColumnsError:
                if how.columns is not None or how.preferred is None:
                    raise
                table = read(None)
        except ColumnsError as error:
            header = error.header
            here = f", here perhaps --columns {','.join(header)}" if len(header) in (2, 3) else ""
            raise click.ClickException(
                f"{error} On the command line: --columns FILE,LABEL or --columns "
                f"FILE,LOWER,UPPER{here}."
            ) from error
        except UnknownLabelError as error:
            about_mark = other_mark_advice([error.text], how.decimal)
            raise click.ClickException(
                f"{error}{about_mark or no_answer_advice([error.text])}"
            ) from error
    if makes_scale():
        warn_of_unused_no_answer(str(path), how.no_answer, table.silent)
    if len(table.columns) == 3:
        refuse_typed(
            ("closed", "decimal"),
            f"is for a column of labels and brackets, and {path} has the ends of intervals in "
            f"{table.columns[1]} and {table.columns[2]}, which belong to them and have a point "
            "before decimals. Leave it out.",
        )
    else:
        warn_of_doubtful_points(path, table.texts, how.decimal)
        warn_of_words_for_zero(path, table.texts, table.intervals)
        report_irregular_brackets(path, table.intervals, table.texts, table.names, how.closed)
    return table


def warn_of_doubtful_points(path: Path, texts: list[str], decimal: Decimal | None) -> None:
    """Warn of a column of labels in which nothing tells what a point parts.

    Parameters
    ----------
    path : Path
        The file.
    texts : list of str
        The labels as they are written.
    decimal : {"point", "comma"} or None
        What parts decimals, where that is asked for.
    """
    doubtful = None if decimal is not None else _decimal_mark(texts).doubtful
    if doubtful is not None:
        warn(
            f"{path}: the point in {doubtful!r} may part thousands or decimals, and is taken to "
            "part thousands. --decimal point says that it parts decimals, --decimal comma that it "
            "does not"
        )


def warn_of_words_for_zero(path: Path, texts: list[str], intervals: NDArray[np.float64]) -> None:
    """Warn of "none" and "nil", which are read as 0, far below all other labels.

    Parameters
    ----------
    path : Path
        The file.
    texts : list of str
        The labels as they are written.
    intervals : ndarray of shape (n, 2)
        What they are read as; infinite where open.
    """
    are_words = np.array([text.strip().lower() in ("none", "nil") for text in texts], dtype=bool)
    others = intervals[~are_words, 0]
    if are_words.any() and len(others) and others.min() > 1.0:
        words = dict.fromkeys(texts[row] for row in np.flatnonzero(are_words).tolist())
        options = " ".join(f"--no-answer {word}" for word in words)
        warn(
            f"{path}: the label(s) {some_of([repr(word) for word in words])} are read as 0, and "
            f"all others begin at {others.min():.15g} or above. Where they say nothing, leave "
            f"their rows out: {options}"
        )


def told_decimal(texts: list[str]) -> Decimal | None:
    """Return what parts decimals in a column of labels, as its figures tell.

    Parameters
    ----------
    texts : list of str
        The labels as they are written.

    Returns
    -------
    {"point", "comma"} or None
        As an option; None if nothing tells.
    """
    mark, told, _ = _decimal_mark(texts)
    return next(name for name, each in DECIMAL_MARKS.items() if each == mark) if told else None


def _decimal_mark(texts: list[str]) -> DecimalMark:
    """Find the mark by the different labels, less numbers with an exponent, which have a point."""
    entries = with_exponents_read(list(dict.fromkeys(texts)))
    return find_decimal_mark(entry for entry in entries if isinstance(entry, str))


def warn_of_unused_no_answer(
    where: str, no_answer: Sequence[str], found: Collection[str | float]
) -> None:
    """Warn of texts of --no-answer that leave no row out.

    Parameters
    ----------
    where : str
        Where labels are, for the message.
    no_answer : sequence of str
        The texts.
    found : collection of (str or float)
        What the cells say, see :func:`vilma.labels.label_file.answer_key`.
    """
    unused = [text for text in dict.fromkeys(no_answer) if answer_key(text) not in found]
    if unused:
        texts = some_of([repr(text) for text in unused])
        warn(
            f"--no-answer {texts} leaves no row out: no cell of {where} is written so; capitals "
            "make no difference"
        )


def no_answer_advice(texts: list[str]) -> str:
    """Say what to do with labels that say nothing.

    Parameters
    ----------
    texts : list of str
        Labels that are not understood.

    Returns
    -------
    str
        A sentence after a blank; it names those that look like no answer.
    """
    silent = [text for text in texts if is_no_answer(text)]
    if not silent:
        return " Leave rows with a text that says nothing out by --no-answer TEXT."
    options = " ".join(f'--no-answer "{text}"' for text in silent)
    return f" Leave rows that say nothing out: {options}"


def other_mark_advice(texts: list[str], decimal: Decimal | None) -> str:
    """Say of labels that are not understood that they are by the other decimal mark.

    Parameters
    ----------
    texts : list of str
        The labels.
    decimal : {"point", "comma"} or None
        What parts decimals, where that is asked for, or told in training.

    Returns
    -------
    str
        A sentence after a blank; empty if that is not the matter.
    """
    for other, mark in DECIMAL_MARKS.items():
        known = all(read_bracket(text, (), mark) is not None for text in texts)
        if decimal not in (None, other) and known:
            return f" Where a {other} parts decimals, give --decimal {other}."
    return ""


def report_irregular_brackets(
    path: Path,
    intervals: NDArray[np.float64],
    texts: list[str],
    names: list[str],
    closed: Closed | None,
) -> None:
    """Warn of two brackets in a column of labels that overlap, or leave a level out.

    The labels that a model is measured on may leave out what they like of its scale.

    Parameters
    ----------
    path : Path
        The file.
    intervals : ndarray of shape (n, 2)
        Lower and upper ends; infinite where open.
    texts : list of str
        How they are written.
    names : list of str
        What the rows are called.
    closed : {"both", "left", "right"} or None
        Which numbers of a bracket belong to it, where that was said.
    """
    from vilma.intervals.brackets import each_irregular

    def written(row: int) -> str:
        return f"{texts[row]!r} (of {names[row]})"

    numbers = {text: is_one_number(text) for text in set(texts)}
    exact = (intervals[:, 0] == intervals[:, 1]) & [numbers[text] for text in texts]
    if warn_of_shared_border(f"{path}: the brackets", intervals, exact, written, closed):
        return
    others = each_irregular(intervals, exact, None if makes_scale() else np.array([]))
    said = closed in (
        "left",
        "right",
    )  # and yet a border is shared, as of "[0, 10]" and "[10, 20]"
    found = next((each for each in others if said or each.border is None), None)
    if found is None:
        return
    remedy = (
        "Where labels are not meant to overlap, correct them."
        if found.overlap
        else "If the scale has this level, correct the labels."
    )
    first, second = map(written, found.rows)
    warn(f"{path}: the brackets {first} and {second} {found.what}. {remedy}")


def warn_of_shared_border(
    what: str,
    intervals: NDArray[np.float64],
    exact: NDArray[np.bool_],
    written: Callable[[int], str],
    closed: Closed | None,
) -> bool:
    """Warn of a whole number at which one bracket ends and another begins, if nobody said whose.

    Where labels have decimals, no label lies at a border, unless it is one by itself: brackets
    that meet there stand side by side.

    Parameters
    ----------
    what : str
        What the brackets are, for the message.
    intervals : ndarray of shape (n, 2)
        Lower and upper ends; infinite where open.
    exact : ndarray of shape (n,), dtype bool
        Which are no brackets.
    written : callable
        Describes the bracket of a row.
    closed : {"both", "left", "right"} or None
        Which ends of a bracket belong to it, where that was said.

    Returns
    -------
    bool
        Whether there is such a number.
    """
    from vilma.intervals.brackets import find_shared_border

    if closed is not None or not np.array_equal(intervals, np.rint(intervals)):
        return False
    found = find_shared_border(intervals, exact)
    if found is None:
        return False
    first, second = map(written, found.rows)
    warn(
        f"{what} {first} and {second} {found.what}. If a border belongs to one of them only, say "
        "to which: --closed left, or right; --closed both says that it belongs to both"
    )
    return True


def match_names(rows: list[str], labelled: list[str]) -> list[tuple[int, int]]:
    """Pair images with labels, see :func:`vilma.labels.label_file.match_names`.

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
    try:
        return label_file.match_names(rows, labelled)
    except ValueError as error:
        raise click.ClickException(str(error)) from error


def join_labels(
    names: list[str], table: LabelTable, *, images: Path, labels: Path
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
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
    places : ndarray of shape (n_common,)
        Places of their labels in the table.

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
    return rows, labelled


def _report_left_out(names: list[str], used: NDArray[np.intp], what: str) -> None:
    left_out = np.setdiff1d(np.arange(len(names)), used)
    if len(left_out):
        warn(f"left out {len(left_out)} {what}: {some_of([names[i] for i in left_out])}")


def default_classes(
    intervals: NDArray[np.float64], texts: Sequence[str | None]
) -> NDArray[np.int64]:
    """Return every integer from the smallest to the largest finite end.

    Parameters
    ----------
    intervals : ndarray of shape (n, 2)
        Lower and upper ends; infinite where open.
    texts : sequence of (str or None)
        How labels are written, where the file has a text for them.

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
    low, high = int(ends.min()), int(ends.max())
    warn_of_missing_codes(intervals, texts)
    warn_of_open_ends(intervals, low, high, " If the scale is longer, give it with --classes.")
    return integer_scale(low, high)


def warn_of_open_ends(
    intervals: NDArray[np.float64], low: float, high: float, remedy: str = ""
) -> None:
    """Warn of open ends beyond which the scale has no level.

    Parameters
    ----------
    intervals : ndarray of shape (n, 2)
        Lower and upper ends; infinite where open.
    low, high : float
        The ends of the scale.
    remedy : str, default=""
        A sentence after a blank.
    """
    below = np.isneginf(intervals[:, 0]) & (intervals[:, 1] == low)
    above = np.isposinf(intervals[:, 1]) & (intervals[:, 0] == high)
    if below.any() or above.any():
        warn(
            f"{(below | above).sum()} label(s) with an open end are taken as exact, because all "
            f"finite ends lie from {low:.15g} to {high:.15g}.{remedy}"
        )


def warn_of_missing_codes(
    intervals: NDArray[np.float64],
    texts: Sequence[str | None],
    levels: NDArray[Any] | None = None,
) -> None:
    """Warn of numbers at an end of the scale that surveys write for missing answers.

    Parameters
    ----------
    intervals : ndarray of shape (n, 2)
        Lower and upper ends; infinite where open.
    texts : sequence of (str or None)
        How labels are written, where the file has a text for them.
    levels : ndarray, optional
        The levels of a model, or their ends, that labels are measured by; by default the labels
        make the scale.
    """
    codes = _codes_in_cells(intervals, texts, np.array([]) if levels is None else levels)
    if codes:
        taken = "levels" if levels is None else "answers"
        warn(
            f"the labels have {', '.join(f'{code:g}' for code in codes)}, apart from all others, "
            f"as codes of missing answers are; they are taken for {taken}. "
            f"{_leave_codes_out(codes)}. An open end of an interval is an empty cell"
        )


def _codes_in_cells(
    intervals: NDArray[np.float64], texts: Sequence[str | None], levels: NDArray[Any]
) -> list[float]:
    """Return what may be codes of missing answers, and is no level.

    They have cells of their own: the 99 of a bracket "20-99" is none, and no option leaves it out.
    """
    brackets = {text for text in set(texts) if text is not None and not is_one_number(text)}
    cells = intervals[[text not in brackets for text in texts]]
    numbers = np.union1d(intervals, levels)
    codes = missing_codes(numbers[np.isfinite(numbers)])
    return [code for code in codes if code in cells and code not in levels]


def _leave_codes_out(codes: list[float]) -> str:
    options = " ".join(f"--no-answer={code:g}" for code in codes)
    return f"Where they are codes, leave their rows out: {options}"


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
    intervals: NDArray[np.float64],
    classes: NDArray[np.int64],
    names: Sequence[str],
    texts: Sequence[str | None],
    *,
    where: str = "of {!r}",
    trained: bool = False,
) -> None:
    """Refuse labels that are not levels of the scale.

    Parameters
    ----------
    intervals : ndarray of shape (n, 2)
        Lower and upper ends; infinite where open.
    classes : ndarray of shape (n_classes,)
        The ordered scale.
    names : sequence of str
        The image or row of each label, for the message.
    texts : sequence of (str or None)
        How labels are written, where the file has a text for them.
    where : str, default="of {!r}"
        How the message says it with a name.
    trained : bool, default=False
        Whether the scale is that of a model, which no option changes.

    Raises
    ------
    click.ClickException
        If a finite end is not on the scale.
    """
    off = np.isfinite(intervals) & ~np.isin(intervals, classes)
    if off.any():
        row, side = np.argwhere(off)[0]
        label = f"{intervals[row, side]:.15g}"
        if texts[row] not in (None, label):
            label = f"{label} ({texts[row]!r} in the file)"
        of_whom = " of the model" if trained else ""
        remedy = "Widen --classes or correct the labels."
        if np.any(intervals[off] != np.rint(intervals[off])):
            remedy = (
                "The scale of --classes has whole numbers only: round or multiply the labels; or, "
                "of a table, leave --classes out."
            )
        if trained:
            remedy = _about_a_longer_scale(intervals[off], classes)
        codes = _codes_in_cells(intervals, texts, classes)
        if codes:
            listed = ", ".join(f"{code:g}" for code in codes)
            remedy += (
                f" Surveys write such numbers as {listed} for missing answers. "
                f"{_leave_codes_out(codes)}."
            )
        raise click.ClickException(
            f"the label {label} {where.format(names[row])} is not on the scale{of_whom} "
            f"{classes[0]}, {classes[0] + 1}, ..., {classes[-1]} "
            f"({off.any(axis=1).sum()} such label(s)). {remedy}"
        )


def _about_a_longer_scale(labels: NDArray[np.float64], classes: NDArray[np.int64]) -> str:
    """Say what to do with labels that the scale of a model lacks."""
    if np.any(labels != np.rint(labels)):
        return "Leave such rows out: the scale has whole numbers."
    low, high = min(labels.min(), classes[0]), max(labels.max(), classes[-1])
    return (
        "Leave such rows out, or train a model whose scale has them: `vilma fit --classes "
        f"{low:.15g} {high:.15g}`."
    )
