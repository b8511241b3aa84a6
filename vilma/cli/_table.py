"""Tables as the command line reads them: CSV or Parquet, with labels among the columns."""

from __future__ import annotations

import csv
import math
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import click
import numpy as np
from numpy.typing import NDArray

from vilma._named_rows import (
    about_unreadable,
    find_separator,
    read_number,
    refuse_other_formats,
)
from vilma._suspect_columns import (
    hardly_repeats,
    names_of_rows,
    numbers_among_texts,
    numbers_too_close,
    numbers_with_marks,
    unusable_number,
)
from vilma._wording import did_you_mean, label_name, some_of
from vilma.cli._brackets import NEEDS_WHOLE, bracket_reader, is_label, without_open_ends
from vilma.cli._labels import (
    default_classes,
    integer_scale,
    no_answer_advice,
    other_mark_advice,
    report_irregular_brackets,
    warn_of_doubtful_points,
    warn_of_missing_codes,
    warn_of_open_ends,
    warn_of_shared_border,
    warn_of_unused_no_answer,
    warn_of_words_for_zero,
)
from vilma.cli._options import join_levels, makes_scale, refuse_typed
from vilma.cli._report import readable_errors, warn
from vilma.labels.bracket_text import BracketError
from vilma.labels.doubtful import is_no_answer, missing_codes
from vilma.labels.label_file import answer_key, with_exponents_read
from vilma.labels.values import is_ordered

TABLE = "table"  # the kind of features, as settings name it
SUFFIXES = (".csv", ".tsv", ".txt", ".parquet")
_OTHER_TABLES = {
    ".xlsx": ("an Excel workbook", "read_excel(path)"),
    ".xlsm": ("an Excel workbook", "read_excel(path)"),
    ".xls": ("an Excel workbook", "read_excel(path)"),
    ".ods": ("an OpenDocument workbook", "read_excel(path)"),
    ".sav": ("an SPSS file", "read_spss(path)"),
    ".dta": ("a Stata file", "read_stata(path)"),
    ".sas7bdat": ("a SAS file", "read_sas(path)"),
    ".feather": ("a Feather file", "read_feather(path)"),
    ".json": ("a JSON file", "read_json(path)"),
    ".jsonl": ("a JSON file", "read_json(path, lines=True)"),
    ".ndjson": ("a JSON file", "read_json(path, lines=True)"),
}
_PACKED = (".gz", ".bz2", ".xz", ".zip", ".zst")
_TRUTH = {"true": "True", "false": "False"}  # R writes TRUE, Python True, databases true
_MISSING = {"", "na", "n/a", "nan", "null", "."}  # in any case, and "None": "none" is an answer
_FEWEST_COUNTED = 20  # rows whose numbers go up by one: fewer may be years
# What columns of weights are called; by the second, as nothing else is.
_WEIGHT = re.compile(r"(?<![a-z])(weights?|wgts?|wts?)(?![a-z])", re.IGNORECASE)
_SURVEY_WEIGHT = re.compile(
    r"(?<![a-z])(p|fnl|final|survey|sample|sampling|design|per|hh)[_. ]?(weight|wgt|wt)",
    re.IGNORECASE,
)
_IMAGE = re.compile(r"\.(jpe?g|png|tiff?|bmp|gif|webp|pgm|ppm)$", re.IGNORECASE)
_MOST_INTEGERS = 200  # levels of a scale of whole numbers that was not asked for


@dataclass(frozen=True)
class Table:
    """The cells of a table.

    Attributes
    ----------
    path : Path
        Where they come from.
    columns : dict of str to list
        Texts as they are in a CSV file, or values of a Parquet file; None where missing.
    orders : dict of str to list of str
        Ordered categories of columns of a Parquet file, lowest first, where its reader tells.
    """

    path: Path
    columns: dict[str, list[Any]]
    orders: dict[str, list[str]] = field(default_factory=dict)

    def __len__(self) -> int:
        """Number of rows."""
        return len(next(iter(self.columns.values())))

    def require(self, names: Iterable[str]) -> None:
        """Refuse names that are no columns.

        Parameters
        ----------
        names : iterable of str
            The names.

        Raises
        ------
        click.ClickException
            If one is missing.
        """
        missing = [name for name in names if name not in self.columns]
        if missing:
            raise click.ClickException(
                f"{self.path} has no column {missing[0]!r}; its columns are "
                f"{some_of(list(self.columns))}.{did_you_mean(missing[0], self.columns)}"
            )


@dataclass(frozen=True)
class Roles:
    """What the columns of a table are for; all others are features.

    Attributes
    ----------
    label, lower, upper : str or None
        The columns of labels or brackets, and of the ends of intervals. With all three, a row
        has the interval where its label is empty.
    group, row_id : str or None
        The columns of groups that stay together, and of names of the rows.
    levels : list of str or None
        Labels in words, in their order.
    dropped : tuple of str
        Columns to leave out.
    weight : str or None
        The column of weights of the rows.
    no_answer : tuple of str
        Texts, or numbers, that say nothing as a label or as an end.
    closed : {"both", "left", "right"} or None
        Which numbers of a bracket such as 20-30, and of the ends of an interval, belong to it;
        None means both.
    decimal : {"point", "comma"} or None
        What parts decimals in labels; None means that their figures tell. What they told in
        training is kept with the model.
    """

    label: str | None = None
    lower: str | None = None
    upper: str | None = None
    group: str | None = None
    row_id: str | None = None
    levels: list[str] | None = None
    dropped: tuple[str, ...] = ()
    weight: str | None = None
    no_answer: tuple[str, ...] = ()
    closed: Literal["both", "left", "right"] | None = None
    decimal: Literal["point", "comma"] | None = None

    def not_features(self) -> set[str]:
        """Return the columns that are no features."""
        named = (self.label, self.lower, self.upper, self.group, self.row_id, self.weight)
        return {name for name in (*named, *self.dropped) if name is not None}

    def to_settings(self) -> dict[str, Any]:
        """Return plain values to be kept with a model."""
        lists = {"dropped": list(self.dropped), "no_answer": list(self.no_answer)}
        return {**asdict(self), **lists}

    @classmethod
    def from_settings(cls, settings: dict[str, Any]) -> Roles:
        """Return what :meth:`to_settings` made plain.

        Parameters
        ----------
        settings : dict
            The plain values.

        Returns
        -------
        Roles
            The roles.
        """
        lists = {name: tuple(settings.get(name, ())) for name in ("dropped", "no_answer")}
        return cls(**{**settings, **lists})


@dataclass(frozen=True)
class TableScale:
    """The labels of a table.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,), dtype int64
        The scale of the estimator.
    names : list of str or None
        What its levels are called, if they are no whole numbers of the table's own.
    bounds : ndarray of shape (n_classes, 2) or None
        Where levels begin and end that are brackets.
    """

    classes: NDArray[np.int64]
    names: list[str] | None = None
    bounds: NDArray[np.float64] | None = None

    def place(self, intervals: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return intervals in the unit of the table as labels of the scale.

        Parameters
        ----------
        intervals : ndarray of shape (n, 2)
            Lower and upper ends; infinite where open.

        Returns
        -------
        ndarray of shape (n, 2)
            The brackets inside each interval; where none is, the bracket of its middle.
        """
        if self.bounds is None:
            return intervals
        lower, upper = self.bounds.T
        inside = self._inside(intervals)
        finite = np.clip(intervals, *_finite_ends(self.bounds))
        middle = finite.mean(axis=1)[:, np.newaxis]
        none = ~inside.any(axis=1)
        inside[none] = np.argmin(
            np.maximum(np.maximum(lower - middle, middle - upper), 0.0), axis=1
        )[none, np.newaxis] == np.arange(len(lower))
        last = inside.shape[1] - 1 - np.argmax(inside[:, ::-1], axis=1)
        return np.column_stack([np.argmax(inside, axis=1), last]).astype(np.float64)

    def _inside(self, intervals: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which brackets, by column, are inside which intervals, by row."""
        bounds = np.array(self.bounds)
        return (bounds[:, 0] >= intervals[:, :1]) & (bounds[:, 1] <= intervals[:, 1:])

    def strange(self, intervals: NDArray[np.float64]) -> NDArray[np.intp]:
        """Return the rows of intervals that are no brackets of the scale, nor lie in one.

        Those of several whole brackets are; those of parts of two, or of one and of what is beside
        it, are not.

        Parameters
        ----------
        intervals : ndarray of shape (n, 2)
            Lower and upper ends in the unit of the table; infinite where open.

        Returns
        -------
        ndarray of int
            Places of those that :meth:`place` gives to the brackets inside, or the nearest one.
        """
        if self.bounds is None:
            return np.array([], dtype=np.intp)
        lower, upper = intervals[:, :1], intervals[:, 1:]
        within = (self.bounds[:, 0] <= lower) & (upper <= self.bounds[:, 1])
        meets = (self.bounds[:, 0] < upper) & (lower < self.bounds[:, 1])
        inside = self._inside(intervals)
        whole = inside.any(axis=1) & ~(meets & ~inside).any(axis=1)
        return np.flatnonzero(~(whole | within.any(axis=1)))

    def show(self, labels: NDArray[Any]) -> list[Any]:
        """Return what predicted labels are called.

        Parameters
        ----------
        labels : ndarray of shape (n,)
            Labels of the scale.

        Returns
        -------
        list of (int or str)
            Whole numbers, or names.
        """
        if self.names is None:
            return labels.tolist()
        return [self.names[int(label)] for label in labels]

    def name_of(self, label: Any) -> str:
        """Return what one label is called in a sentence."""
        return str(label) if self.names is None else repr(self.names[int(label)])

    def to_settings(self) -> dict[str, Any]:
        """Return plain values to be kept with a model."""
        return {"classes": self.classes, "names": self.names, "bounds": self.bounds}


def is_table(path: Path) -> bool:
    """Tell whether a path is that of a table.

    Parameters
    ----------
    path : Path
        A file or folder.

    Returns
    -------
    bool
        Whether its name ends as those of tables do.

    Raises
    ------
    click.ClickException
        If it ends as those of spreadsheets, of other programs' tables and of packed files do.
    """
    if path.suffix.lower() in _PACKED and path.is_file():
        raise click.ClickException(
            f"{path} is a packed file; tables are read from CSV and Parquet files. Unpack it "
            "first."
        )
    if path.suffix.lower() in _OTHER_TABLES and path.is_file():
        what, reader = _OTHER_TABLES[path.suffix.lower()]
        raise click.ClickException(
            f"{path} is {what}; tables are read from CSV and Parquet files. Save it as CSV in "
            f"UTF-8, for example by pandas: {reader}.to_csv(path, index=False)."
        )
    return path.suffix.lower() in SUFFIXES and path.is_file()


def read_table(path: Path) -> Table:
    """Read a CSV file (commas, semicolons, tabs or bars) or a Parquet file.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    Table
        Its cells.

    Raises
    ------
    click.ClickException
        If it cannot be read, or has no rows.
    """
    is_parquet = path.suffix.lower() == ".parquet"
    table = _read_parquet(path) if is_parquet else Table(path, _read_csv(path))
    if not table.columns or not len(table):
        raise click.ClickException(f"{path} has no rows; expected a header and a row per case.")
    return table


def _read_csv(path: Path) -> dict[str, list[Any]]:
    try:
        with readable_errors():
            refuse_other_formats(path)
        with path.open(newline="", encoding="utf-8-sig") as stream:
            separator = find_separator(stream.readline())
            stream.seek(0)
            reader = csv.reader(stream, strict=True, delimiter=separator)
            header = [name.strip() for name in next(reader, [])]
            _refuse_header(path, header)
            rows: list[list[str | None]] = []
            end = 0  # blank lines after it are the end of the file
            for cells in reader:
                if len(header) > 1 and len(cells) < 2 and not "".join(cells).strip():
                    continue
                row = cells or [""]  # so spreadsheets write an empty cell of a single column
                if len(row) != len(header):
                    no_header = len(header) == 1 or header[0].startswith("#")
                    first = f" {_about_first_line(header)}" if no_header else ""
                    raise click.ClickException(
                        f"{path}, line {reader.line_num} has {len(row)} cells; the header has "
                        f"{len(header)}.{first}"
                    )
                rows.append([_cell(cell) for cell in row])
                end = len(rows) if cells else end
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise click.ClickException(about_unreadable(path, error)) from error
    return {name: [row[place] for row in rows[:end]] for place, name in enumerate(header)}


def _refuse_header(path: Path, header: list[str]) -> None:
    """Refuse names of columns that are empty or come twice."""
    n_empty = header.count("")
    if n_empty > 1:
        raise click.ClickException(
            f"{path} has {n_empty} columns without a name. {_about_first_line(header)}"
        )
    twice = [name for name in header if header.count(name) > 1]
    if twice or n_empty:
        what = f"the column {twice[0]!r} twice" if twice else "a column without a name"
        if header[0] == "":
            what = (
                "no name for the first column, as pandas writes an index: leave it out by "
                "DataFrame.to_csv(path, index=False)"
            )
        raise click.ClickException(f"{path} has {what}; give every column its own name.")


def _about_first_line(header: list[str]) -> str:
    """Say that a line is a title or a comment rather than the names of columns."""
    text = next((name for name in header if name), "")
    return (
        f"Its first line, {text!r}, does not look like a header: expected the names of the "
        "columns there. Remove the lines above these."
    )


def _cell(text: str) -> str | None:
    text = text.strip()
    return None if text.lower() in _MISSING or text == "None" else text


def _read_parquet(path: Path) -> Table:
    try:
        import polars

        frame = polars.read_parquet(path)
        columns = {name: frame[name].to_list() for name in frame.columns}
        dtypes: dict[str, Any] = dict(frame.schema)
    except ImportError:
        columns, dtypes = _read_parquet_by_pandas(path)
    except Exception as error:  # what a damaged file raises is up to the reader
        raise click.ClickException(f"{path} is not a readable Parquet file ({error}).") from error
    ordered = {name: dtype.categories for name, dtype in dtypes.items() if is_ordered(dtype)}
    return Table(
        path,
        {
            name: [_value(value) for value in _as_written(values, dtypes[name])]
            for name, values in columns.items()
        },
        {name: [label_name(each) for each in listed] for name, listed in ordered.items()},
    )


def _read_parquet_by_pandas(path: Path) -> tuple[dict[str, list[Any]], dict[str, Any]]:
    try:
        import pandas

        frame = pandas.read_parquet(path)
    except ImportError as error:
        raise click.ClickException(
            f"{path}: Parquet files need polars, or pandas with pyarrow: pip install polars. Or "
            "save the table as CSV."
        ) from error
    except Exception as error:
        raise click.ClickException(f"{path} is not a readable Parquet file ({error}).") from error
    dtypes = {str(name): dtype for name, dtype in frame.dtypes.items()}
    frame = frame.astype(object).where(frame.notna(), None)  # less NA and NaT
    return {str(name): frame[name].tolist() for name in frame.columns}, dtypes


def _as_written(values: list[Any], dtype: Any) -> list[Any]:
    """Return numbers of single precision as the shortest decimals that mean them: 1.3.

    In double precision 1.3 of single precision is 1.2999999523162842.
    """
    kind = {"float16": np.float16, "float32": np.float32, "float[pyarrow]": np.float32}.get(
        str(dtype).lower()
    )
    if kind is None:
        return values
    return [value if value is None else float(str(kind(value))) for value in values]


def _value(value: Any) -> Any:
    """Return a value of a Parquet file as a number, a text or None."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    return _cell(str(value))  # True and False are texts, as in CSV files


def _as_number(cell: Any) -> float | None:
    """Return the number in a cell, None if it is none; NaN where missing."""
    if cell is None:
        return math.nan
    if isinstance(cell, float):
        return cell
    try:
        return read_number(cell)
    except ValueError:
        return None


def _as_text(cell: Any) -> str | None:
    """Return what a CSV file would hold: 99 for the 99.0 of a Parquet file."""
    return None if cell is None else label_name(cell)


def _texts(cells: Iterable[Any]) -> list[str]:
    return [str(cell) for cell in cells if cell is not None]


def _numbers(table: Table, name: str) -> NDArray[np.float64]:
    """Return a column of numbers, NaN where missing; refuse cells that are none."""
    cells = table.columns[name]
    values = [_as_number(cell) for cell in cells]
    if None in values:
        place = values.index(None)
        raise click.ClickException(
            f"{table.path}, column {name!r}, row {place + 1} is {cells[place]!r}; the column "
            "held numbers in training. Write missing values as empty cells."
        )
    numbers = np.array(values, dtype=np.float64)
    unusable = unusable_number(numbers, first_row=1)
    if unusable is not None:
        raise click.ClickException(f"{table.path}, column {name!r} {unusable}")
    return numbers


def choose_features(table: Table, roles: Roles) -> dict[str, list[str]]:
    """Return which columns are numbers and which categories.

    Parameters
    ----------
    table : Table
        Training rows.
    roles : Roles
        Columns that are no features.

    Returns
    -------
    dict
        Names under "numbers" and "categories".

    Raises
    ------
    click.ClickException
        If there is no feature, or a column holds infinite numbers, or numbers with a comma or
        other marks.
    """
    table.require(roles.not_features())
    numbers, categories, empty = [], [], []
    named = []  # columns that are names of rows, by their looks
    for name, cells in table.columns.items():
        if name in roles.not_features():
            continue
        if all(cell is None for cell in cells):
            empty.append(name)
            continue
        if all(_as_number(cell) is not None for cell in cells):
            numbers.append(name)
            values = _numbers(table, name)
            about = numbers_too_close(values)
            if about is not None:
                warn(f"column {name!r} {about}")
            about = _codes_among_numbers(values)
            if about is not None:
                warn(f"column {name!r} {about}. Where they are, leave these cells empty")
            _warn_of_row_numbers(name, values)
            if roles.weight is None:
                _warn_of_weights(name, values)
            continue
        texts = _texts(cells)
        about = numbers_with_marks(texts)
        if about is not None:
            raise click.ClickException(
                f"{table.path}, column {name!r} {about}. Write the file so, or leave the column "
                f"out by --drop {name}."
            )
        categories.append(name)
        about = numbers_among_texts(texts)
        if about is not None:
            warn(
                f"column {name!r} {about}. Write missing values as empty cells, or leave the "
                f"column out by --drop {name}"
            )
            continue
        about = names_of_rows(texts, len(table))
        if about is not None:
            named.append(name)
            warn(
                f"column {name!r} {about}; leave it out by --drop {name}, or name the rows by "
                f"--id {name}"
            )
    if not numbers and not set(categories) - set(named):
        raise click.ClickException(_about_no_feature(table, named, empty))
    if empty:
        warn(f"{table.path}: no row has a value of {some_of(empty)}: left out")
    return {"numbers": numbers, "categories": categories}


def _about_no_feature(table: Table, named: list[str], empty: list[str]) -> str:
    """Say why a table has no features: all its other columns are like names, or empty."""
    of_images = (
        " Labels of images come after a file of their features: vilma fit features.npz labels.csv."
    )
    if not named and not empty:
        return (
            f"{table.path} has no columns but those that options name, of labels and others; "
            f"expected features.{of_images}"
        )
    reasons = []
    if named:
        reasons.append(f"{some_of(named)}, whose texts (dates are texts) differ in most rows")
    if empty:
        reasons.append(f"{some_of(empty)}, without a value in any row")
    files = any(_IMAGE.search(_texts(table.columns[name])[0]) for name in named)
    return (
        f"{table.path} has no column to predict the labels by: besides those that options name, "
        f"there are only {'; and '.join(reasons)}. Expected columns of numbers, or of texts that "
        f"rows share.{of_images if files else ''}"
    )


def _codes_among_numbers(values: NDArray[np.float64]) -> str | None:
    """Tell of numbers that surveys write for missing answers, in several rows and far from others.

    Far is as far as these are from each other: 99 is a code after 0 to 20 years, none after ages
    up to 93. 9 and less may be a count.

    Parameters
    ----------
    values : ndarray of shape (n_samples,)
        Numbers, missing ones NaN.
    """
    different, counts = np.unique(values[~np.isnan(values)], return_counts=True)
    codes = missing_codes(different)
    others = np.setdiff1d(different, codes)
    told = [
        code
        for code in codes
        if (code < 0.0 or code > 9.0)
        and counts[different == code] > 1
        and np.abs(code - others).min() >= np.ptp(others)
    ]
    if not told:
        return None
    n_rows = int(counts[np.isin(different, told)].sum())
    return (
        f"has {', '.join(f'{code:g}' for code in told)} in {n_rows} rows, far from its other "
        f"numbers, {others[0]:g} to {others[-1]:g}: surveys write such numbers for missing answers"
    )


def _warn_of_row_numbers(name: str, values: NDArray[np.float64]) -> None:
    """Warn of a column that counts the rows: it tells nothing of other rows, but may seem to."""
    if len(values) >= _FEWEST_COUNTED and np.all(np.diff(values) == 1.0):
        warn(
            f"column {name!r} counts the rows, and is taken for a feature; name the rows by it "
            f"with --id {name}, or leave it out by --drop {name}"
        )


def _warn_of_weights(name: str, values: NDArray[np.float64]) -> None:
    """Warn of a column that looks like the weights of the rows, by its name and its numbers.

    Weights of a survey are positive and mostly have the mean 1; a weight in kilograms has not.
    Names that say "survey weight" in short are enough.
    """
    called, surely = _WEIGHT.search(name) is not None, _SURVEY_WEIGHT.search(name) is not None
    if not (called or surely):
        return
    if np.all(values > 0.0) and np.ptp(values) > 0.0 and (surely or 0.8 < values.mean() < 1.25):
        warn(
            f"column {name!r} looks like weights of the rows, and is taken for a feature; name it "
            f"with --weight {name}, or leave it out by --drop {name}"
        )


def feature_cells(table: Table, features: dict[str, list[str]]) -> NDArray[Any]:
    """Return the features as an array of numbers and texts.

    Parameters
    ----------
    table : Table
        Any rows.
    features : dict
        As :func:`choose_features` returned them for the training rows.

    Returns
    -------
    ndarray of shape (n, n_columns), dtype object
        Numbers, NaN where missing; then texts, None where missing.

    Raises
    ------
    click.ClickException
        If a column is missing, or a cell of a column of numbers is none, or infinite.
    """
    table.require([*features["numbers"], *features["categories"]])
    columns: list[list[Any]] = []
    for name in features["numbers"]:
        columns.append(_numbers(table, name).tolist())
    for name in features["categories"]:
        texts = [None if cell is None else str(cell) for cell in table.columns[name]]
        columns.append([text and _TRUTH.get(text.lower(), text) for text in texts])
    result = np.empty((len(table), len(columns)), dtype=object)
    for place, values in enumerate(columns):
        result[:, place] = values
    return result


def row_names(table: Table, roles: Roles) -> list[str]:
    """Return what rows are called: by their column, or by number from 1.

    Parameters
    ----------
    table : Table
        The rows.
    roles : Roles
        With the column of names, if any.

    Returns
    -------
    list of str
        One name for each.
    """
    if roles.row_id is None or roles.row_id not in table.columns:
        return [str(row + 1) for row in range(len(table))]
    return [str(cell) for cell in table.columns[roles.row_id]]


def read_weights(table: Table, name: str, rows: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the weights of rows that are used; those of others need be none.

    Parameters
    ----------
    table : Table
        All rows.
    name : str
        The column of weights.
    rows : ndarray of shape (n,)
        Places of the rows.

    Returns
    -------
    ndarray of shape (n,)
        Finite and nonnegative.

    Raises
    ------
    click.ClickException
        If there is no such column, or a cell is something else.
    """
    table.require([name])
    cells = {f"row {row + 1}": table.columns[name][row] for row in rows.tolist()}
    return weights_of(cells, f"{table.path}, column {name!r}")


def weights_of(cells: Mapping[str, Any], column: str) -> NDArray[np.float64]:
    """Return cells as weights.

    Parameters
    ----------
    cells : mapping of str to (str, float or None)
        The cells of a column, by what their rows are called.
    column : str
        The column, for the message.

    Returns
    -------
    ndarray of shape (n,)
        Finite and nonnegative.

    Raises
    ------
    click.ClickException
        If a cell is something else, or all are 0.
    """
    weights = []
    for row, cell in cells.items():
        number = _as_number(cell)
        if number is None or not 0.0 <= number < math.inf:
            shown = "empty" if cell is None or cell == "" else repr(cell)
            raise click.ClickException(
                f"{column}, {row} is {shown}; expected a weight, a number of 0 or more. "
                "Rows of weight 0 do not count."
            )
        weights.append(number)
    if not any(weights):
        raise click.ClickException(f"{column} holds no weight above 0.")
    return np.array(weights, dtype=np.float64)


def read_annotations(table: Table, roles: Roles) -> tuple[NDArray[np.float64], list[str | None]]:
    """Return the annotations of all rows.

    Parameters
    ----------
    table : Table
        The rows.
    roles : Roles
        With the columns of labels.

    Returns
    -------
    intervals : ndarray of shape (n, 2)
        Lower and upper ends, infinite where open; NaN for rows without a label, and for those that
        are open at both ends. With levels in words the ends are their numbers from 0.
    texts : list of (str or None)
        The label's own text, where it is one.

    Raises
    ------
    click.ClickException
        If a cell means nothing, or ends are in the wrong order.
    """
    table.require(name for name in (roles.label, roles.lower, roles.upper) if name is not None)
    intervals = np.full((len(table), 2), np.nan)
    texts: list[str | None] = [None] * len(table)
    silent = set(map(answer_key, roles.no_answer))
    _warn_of_unused_no_answer(table, roles)
    if roles.levels is not None:
        refuse_typed(
            ("closed", "decimal"),
            "is for numbers and brackets, and the labels are words: leave it out.",
        )
    if roles.label is None:
        refuse_typed(
            ("decimal",),
            "is for the labels and brackets of a column --label; the ends in --lower and --upper "
            "have a point before decimals. Leave it out.",
        )
    else:
        texts = [
            None if cell is None or answer_key(cell) in silent else cell
            for cell in map(_as_text, table.columns[roles.label])
        ]
        intervals = _read_labels(table, roles, texts)
    if roles.lower is not None and roles.upper is not None:
        columns = table.columns[roles.lower], table.columns[roles.upper]
        rows = []
        for row in np.flatnonzero(np.isnan(intervals[:, 0])).tolist():
            given = [_as_text(cells[row]) or "" for cells in columns]
            if silent.isdisjoint(map(answer_key, given)):
                intervals[row] = _interval(table, roles, roles.lower, roles.upper, row)
                rows.append(row)
        if roles.levels is None:
            intervals[rows] = _without_open_ends(table, roles, rows, intervals[rows])
    intervals[np.isinf(intervals).all(axis=1)] = np.nan  # open at both ends: nothing is said
    return intervals, texts


def _warn_of_unused_no_answer(table: Table, roles: Roles) -> None:
    """Warn of texts of --no-answer that no cell has; those of a model may be absent elsewhere."""
    named = [name for name in (roles.label, roles.lower, roles.upper) if name is not None]
    if roles.no_answer and makes_scale():
        texts = {_as_text(cell) for name in named for cell in table.columns[name]}
        found = {answer_key(text) for text in texts if text is not None}
        warn_of_unused_no_answer(
            f"{table.path}, column {' and '.join(map(repr, named))}", roles.no_answer, found
        )


def _interval(table: Table, roles: Roles, lower: str, upper: str, row: int) -> tuple[float, float]:
    """Return the ends of an interval in two columns; infinite where open."""
    ends = _end(table, roles, lower, row), _end(table, roles, upper, row)
    low = -np.inf if ends[0] is None else ends[0]
    high = np.inf if ends[1] is None else ends[1]
    if low > high:
        raise click.ClickException(
            f"{table.path}, row {row + 1} has the lower end {low:g} above the upper end {high:g}; "
            "swap them."
        )
    return low, high


def _without_open_ends(
    table: Table, roles: Roles, rows: list[int], intervals: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return intervals of two columns less the ends that --closed leaves out of them.

    Intervals may overlap, as brackets should not; but an end that is the beginning of another may
    be a border that belongs to one of them.
    """
    names = row_names(table, roles)
    exact = intervals[:, 0] == intervals[:, 1]

    def written(place: int) -> str:
        return f"'{bracket_name(*intervals[place])}' (of row {names[rows[place]]})"

    warn_of_shared_border(f"{table.path}: the intervals", intervals, exact, written, roles.closed)
    broken = np.flatnonzero((intervals != np.rint(intervals)).any(axis=1))
    if roles.closed in ("left", "right") and len(broken):
        raise click.ClickException(
            f"{table.path} has the interval {written(int(broken[0]))}, and --closed "
            f"{roles.closed} {NEEDS_WHOLE}."
        )
    return without_open_ends(intervals, roles.closed)


def _read_labels(table: Table, roles: Roles, texts: list[str | None]) -> NDArray[np.float64]:
    """Return labels and brackets of a column as intervals; NaN where there is none."""
    intervals = np.full((len(table), 2), np.nan)
    given = [row for row, text in enumerate(texts) if text is not None]
    if not given:
        return intervals
    if roles.levels is not None:
        place = {level: code for code, level in enumerate(roles.levels)}
        for row in given:
            intervals[row] = _level(table, str(roles.label), str(texts[row]), place, row)
        return intervals
    words = [str(texts[row]) for row in given]
    names = row_names(table, roles)
    try:
        read = bracket_reader(roles.closed, roles.decimal)
        intervals[given] = read(with_exponents_read(words), irregular="ignore")
    except BracketError as error:
        raise click.ClickException(
            f"{table.path}, column {roles.label!r}, row {names[given[error.row]]} is {error.what}."
        ) from error
    except ValueError as error:
        strange = [word for word in dict.fromkeys(words) if not is_label(word, roles.decimal)]
        if not strange:  # each can be read, but not all together
            raise click.ClickException(f"{table.path}, column {roles.label!r}: {error}") from error
        if not any(re.search(r"\d", word) for word in set(words).difference(strange)):
            strange = list(dict.fromkeys(words))  # "none" among words is one of them
        count = sum(word in strange for word in words)
        has_figures = any(re.search(r"\d", word) for word in strange)
        marks = f" with a decimal {roles.decimal}" if roles.decimal and has_figures else ""
        raise click.ClickException(
            f"{count} of {len(words)} labels in column {roles.label!r} of {table.path} are "
            f"neither numbers nor brackets (20-29, 50+, under 5){marks}: {_some_words(strange)}."
            + _advice(strange, roles, table, are_all=count == len(words))
        ) from error
    _refuse_other_order(table, str(roles.label), words, intervals[given])
    warn_of_doubtful_points(table.path, words, roles.decimal)
    warn_of_words_for_zero(table.path, words, intervals[given])
    labelled = [f"row {names[row]}" for row in given]
    report_irregular_brackets(table.path, intervals[given], words, labelled, roles.closed)
    return intervals


def _refuse_other_order(
    table: Table, column: str, words: list[str], intervals: NDArray[np.float64]
) -> None:
    """Refuse ordered categories whose numbers say another order."""
    place = dict(zip(words, intervals.tolist(), strict=True))
    order = table.orders.get(column, [])
    known = [place[category] for category in order if category in place]
    if known != sorted(known):
        raise click.ClickException(
            f"{table.path}, column {column!r} has the ordered categories {join_levels(order)}, in "
            "another order than that of their numbers. Where it is meant, give it: --levels "
            f"{shlex.quote(join_levels(order))}; if not, write the column without categories."
        )


def _some_words(words: list[str]) -> str:
    return some_of([join_levels([word]) for word in words])


def refuse_empty_levels(levels: list[str]) -> None:
    """Refuse a level that reads as an empty cell, whose rows would have no label.

    Parameters
    ----------
    levels : list of str
        As given.

    Raises
    ------
    click.UsageError
        If there is one.
    """
    for level in levels:
        if _cell(level) is None:
            raise click.UsageError(
                f"--levels has {level!r}, which is an empty cell in a table; give that level "
                "another name there."
            )


def _advice(strange: list[str], roles: Roles, table: Table, *, are_all: bool) -> str:
    """Say what to do with labels that are neither numbers nor brackets."""
    about_mark = other_mark_advice(strange, roles.decimal)
    if about_mark:
        return about_mark
    order = table.orders.get(str(roles.label))
    if order is not None and makes_scale():
        return f" The file has them in order: --levels {shlex.quote(join_levels(order))}."
    return _levels_advice(strange) if are_all else no_answer_advice(strange)


def _levels_advice(words: list[str]) -> str:
    if not makes_scale():
        return (
            " The model was trained on numbers or brackets, and cannot be measured on words."
            f"{no_answer_advice(words)}"
        )
    advice = " If they are words, give all of them, lowest first: --levels LOW,...,HIGH"
    if any("," in word for word in words):
        advice = (
            " If they are words, give all of them, lowest first, and with the double quotes as "
            "here: --levels 'LOW,...,HIGH'"
        )
    doubtful = any(is_no_answer(word) for word in words)
    return f"{advice}.{no_answer_advice(words)}" if doubtful else advice


def _level(
    table: Table, column: str, text: str, place: dict[str, int], row: int
) -> tuple[float, float]:
    if text in place:
        return float(place[text]), float(place[text])
    advice = no_answer_advice([text]) if is_no_answer(text) else ""
    raise click.ClickException(
        f"{table.path}, column {column!r}, row {row + 1} is {text!r}, which is not among "
        f"{'--levels' if makes_scale() else 'the levels of the model:'} {join_levels(place)}."
        f"{advice}"
    )


def _end(table: Table, roles: Roles, column: str, row: int) -> float | None:
    cell = table.columns[column][row]
    if roles.levels is not None and cell is not None:
        place = {level: code for code, level in enumerate(roles.levels)}
        return _level(table, column, str(cell), place, row)[0]
    number = _as_number(cell)
    if number is None:
        raise click.ClickException(
            f"{table.path}, column {column!r}, row {row + 1} is {cell!r}; expected a number, or "
            f"an empty cell for an open end.{' Words need --levels.' if makes_scale() else ''}"
            f"{no_answer_advice([str(cell)])}"
        )
    return None if math.isnan(number) or math.isinf(number) else number


def make_scale(
    intervals: NDArray[np.float64],
    texts: list[str | None],
    roles: Roles,
    classes: tuple[int, int] | None,
) -> tuple[NDArray[np.float64], TableScale]:
    """Return labels on a scale of whole numbers, and the scale.

    Words are numbered. Whole numbers are their own scale, as long as it has at most 200 levels or
    `classes` names it. Numbers and brackets that do not overlap are levels. Of others, exact
    numbers with decimals are levels, and so are spans between them where a bracket ends; without
    any, the ends of all intervals cut the line into spans, which are levels.

    Parameters
    ----------
    intervals : ndarray of shape (n, 2)
        Of rows with a label.
    texts : list of (str or None)
        Their labels' texts.
    roles : Roles
        With the levels in words, if any.
    classes : tuple of (int, int) or None
        The ends of the scale as asked for.

    Returns
    -------
    intervals : ndarray of shape (n, 2)
        On the scale.
    scale : TableScale
        Its levels.
    """
    from vilma.intervals.spans import LARGEST_WHOLE, spans_between_ends

    if roles.levels is not None:
        return intervals, TableScale(np.arange(len(roles.levels)), list(roles.levels))
    if classes is not None:
        return intervals, TableScale(integer_scale(*classes))
    ends = np.unique(intervals[np.isfinite(intervals)])
    whole = bool(np.all(ends == np.rint(ends)))
    if whole and ends[-1] - ends[0] < _MOST_INTEGERS:
        return intervals, TableScale(default_classes(intervals, texts))
    if whole and np.abs(ends).max() >= LARGEST_WHOLE:
        raise click.ClickException(
            f"the labels have the end {ends[np.argmax(np.abs(ends))]:g}; whole numbers are told "
            f"from their neighbours up to {LARGEST_WHOLE:g}. Divide the labels, or correct them."
        )
    warn_of_missing_codes(intervals, texts)
    different, inverse = np.unique(intervals, axis=0, return_inverse=True)
    _warn_of_measurements(intervals)
    if np.all(different[1:, 0] > different[:-1, 1]):
        names = [bracket_name(*pair) for pair in different]
        for text, level in zip(texts, inverse.ravel().tolist(), strict=True):
            names[level] = text or names[level]
        bounds = different
    else:
        if whole or np.all(different[:, 0] < different[:, 1]):
            with readable_errors():
                spans = spans_between_ends(intervals, whole=whole)
            bounds = spans.bounds(spans.classes)
        else:
            bounds = _exact_and_between(different)
            warn_of_open_ends(intervals, *bounds.flat[[0, -1]])
        own = {tuple(pair): text for pair, text in zip(intervals.tolist(), texts, strict=True)}
        names = [own.get(tuple(pair)) or bracket_name(*pair) for pair in bounds.tolist()]
    scale = TableScale(np.arange(len(bounds)), names, bounds)
    return scale.place(intervals), scale


def _exact_and_between(intervals: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return where levels begin and end: exact numbers, and spans between them.

    Between two neighbouring exact numbers, and beyond the outermost ones, spans are levels only
    where an interval ends there, and reaches into them: without such an end, intervals differ by
    the exact numbers that they hold.
    """
    lower, upper = intervals.T
    exact = np.unique(lower[lower == upper])
    edges = np.unique(intervals)
    reaching = np.zeros(len(edges), dtype=np.int64)
    np.add.at(reaching, np.searchsorted(edges, lower), 1)
    np.add.at(reaching, np.searchsorted(edges, upper), -1)
    ends = edges[np.isfinite(edges) & ~np.isin(edges, exact)]
    gaps = np.searchsorted(exact, edges[:-1], side="right")
    used = (np.cumsum(reaching)[:-1] > 0) & np.isin(gaps, np.searchsorted(exact, ends))
    spans = np.column_stack([edges[:-1], edges[1:]])[used]
    bounds = np.concatenate([np.column_stack([exact, exact]), spans])
    return bounds[np.lexsort((bounds[:, 1], bounds[:, 0]))]


def _warn_of_measurements(intervals: NDArray[np.float64]) -> None:
    """Warn of exact labels that hardly two rows share, as measurements are."""
    exact = intervals[intervals[:, 0] == intervals[:, 1], 0]
    different = np.unique(exact)
    if hardly_repeats(len(different), len(exact)):
        warn(
            f"the labels have {len(different)} different numbers in {len(exact)} rows, such as "
            f"{label_name(exact[0])}, and each is a level of its own. Round them, or write "
            "brackets (20-29), so that rows share levels"
        )


def _finite_ends(bounds: NDArray[np.float64]) -> tuple[float, float]:
    finite = bounds[np.isfinite(bounds)]
    return float(finite.min()), float(finite.max())


def bracket_name(lower: float, upper: float) -> str:
    """Return what a bracket without a text of its own is called.

    Parameters
    ----------
    lower, upper : float
        Its ends; infinite where open.

    Returns
    -------
    str
        Such as ``20 to 29``, ``up to 19`` or ``65 and more``.
    """
    if lower == upper:
        return f"{lower:,.10g}"
    if np.isinf(lower):
        return f"up to {upper:,.10g}"
    return f"{lower:,.10g} and more" if np.isinf(upper) else f"{lower:,.10g} to {upper:,.10g}"
