"""Rows with labels: images of a feature file with a label file, or rows of a table."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import click
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from vilma import MappedMatrix
from vilma._named_rows import read_named_rows
from vilma._wording import did_you_mean
from vilma.cli._features import read_features
from vilma.cli._labels import (
    LabelReading,
    closed_as_in_training,
    default_classes,
    integer_scale,
    join_labels,
    read_label_table,
    require_on_scale,
    told_decimal,
    warn_of_missing_codes,
)
from vilma.cli._report import readable_errors, warn
from vilma.cli._table import (
    TABLE,
    Roles,
    Table,
    TableScale,
    bracket_name,
    choose_features,
    feature_cells,
    make_scale,
    read_annotations,
    read_table,
    read_weights,
    row_names,
    weights_of,
)
from vilma.labels import read_labels

_CHUNK = 1024  # rows of a matrix on disk in memory at a time


@dataclass(frozen=True)
class LabelledRows:
    """Rows to be trained or measured on.

    Attributes
    ----------
    names : list of str
        One for each row.
    X : matrix of shape (n, n_features)
        Features, or the cells of a table.
    intervals : ndarray of shape (n, 2)
        Annotations on the scale; infinite where open.
    scale : TableScale
        Of the labels.
    groups : ndarray of shape (n,) or None
        Rows of one group stay together where rows are held out.
    weights : ndarray of shape (n,) or None
        How much every row counts, in training and in errors.
    settings : dict
        What the features were computed with.
    noun : str
        What a row is.
    reading : LabelReading or None
        How the label file of images was read.
    """

    names: list[str]
    X: Any
    intervals: NDArray[np.float64]
    scale: TableScale
    groups: NDArray[Any] | None
    weights: NDArray[np.float64] | None
    settings: dict[str, Any]
    noun: str
    reading: LabelReading | None = None

    def exact(self) -> NDArray[np.bool_]:
        """Tell which labels leave one label of the scale, as "105+" does where 105 is the last."""
        scale = self.scale.classes
        return read_labels(self.intervals, scale, allow_single_class=True).exact


def read_labelled_images(
    features: Path,
    labels: Path,
    reading: LabelReading,
    classes: tuple[int, int] | None,
    group: str | None,
    weight: str | None,
    max_memory: int,
) -> LabelledRows:
    """Read a feature file or folder, and the labels of its images.

    Parameters
    ----------
    features, labels : Path
        Where they are.
    reading : LabelReading
        How the label file is read.
    classes : tuple of (int, int) or None
        The ends of the scale.
    group, weight : str or None
        Columns of the label file with the groups and the weights.
    max_memory : int
        Bytes of a folder's features to hold at a time.

    Returns
    -------
    LabelledRows
        The images that have a label.
    """
    store = read_features(features, max_memory)
    table = read_label_table(labels, reading)
    rows, places = join_labels(store.names, table, images=features, labels=labels)
    intervals = table.intervals[places]
    texts = [table.texts[place] for place in places]
    scale = default_classes(intervals, texts) if classes is None else integer_scale(*classes)
    names = [store.names[row] for row in rows]
    require_on_scale(intervals, scale, names, texts)
    if len(table.columns) == 2:
        reading = replace(reading, decimal=reading.decimal or told_decimal(table.texts))
    labelled = [table.names[place] for place in places]
    groups = None
    if group is not None:
        groups = np.array(read_label_column(labels, table.columns[0], group, labelled))
    weights = None
    if weight is not None:
        weights = read_label_weights(labels, table.columns[0], weight, labelled)
    return LabelledRows(
        names,
        store.X[rows],
        intervals,
        TableScale(scale, None),
        groups,
        weights,
        store.settings,
        "image(s)",
        reading,
    )


def read_label_column(labels: Path, file_column: str, column: str, names: list[str]) -> list[str]:
    """Return another column of a label file.

    Parameters
    ----------
    labels : Path
        The file.
    file_column, column : str
        The column of the images' names, and the one to read.
    names : list of str
        Images, as the file names them.

    Returns
    -------
    list of str
        A cell for each.

    Raises
    ------
    click.ClickException
        If there is no such column.
    """

    def choose(header: list[str]) -> list[str]:
        if header.count(column) != 1:
            raise ValueError(
                f"{labels} has no column {column!r}; its columns are {', '.join(header)}."
                f"{did_you_mean(column, header)}"
            )
        return [file_column, column]

    with readable_errors():
        rows = read_named_rows(labels, choose, says="labels", kept="label")
        cells = {row.name: row.cells[0].strip() for row in rows}
    return [cells[name] for name in names]


def read_label_weights(
    labels: Path, file_column: str, column: str, names: list[str]
) -> NDArray[np.float64]:
    """Return the weights in a column of a label file, see :func:`read_label_column`.

    Parameters
    ----------
    labels : Path
        The file.
    file_column, column : str
        The column of the images' names, and that of the weights.
    names : list of str
        Images, as the file names them.

    Returns
    -------
    ndarray of shape (len(names),)
        Finite and nonnegative.

    Raises
    ------
    click.ClickException
        If there is no such column, or a cell is no weight.
    """
    cells = read_label_column(labels, file_column, column, names)
    return weights_of(dict(zip(names, cells, strict=True)), f"{labels}, column {column!r}")


def read_labelled_table(path: Path, roles: Roles, classes: tuple[int, int] | None) -> LabelledRows:
    """Read a table with labels, choose its features, and make its scale.

    Parameters
    ----------
    path : Path
        The table.
    roles : Roles
        What its columns are for.
    classes : tuple of (int, int) or None
        The ends of a scale of whole numbers.

    Returns
    -------
    LabelledRows
        Its rows with a label.
    """
    table = read_table(path)
    features = choose_features(table, roles)
    intervals, texts = read_annotations(table, roles)
    rows = _with_label(table, intervals)
    if say_the_same(intervals[rows]):
        raise click.ClickException(
            f"the labels of all {len(rows)} row(s) of {path} that have one say the same, "
            f"{texts[rows[0]] or _name_of_all(intervals[rows], roles)}: a model needs rows of at "
            "least two levels. Add rows that have others."
        )
    intervals, scale = make_scale(
        intervals[rows], [texts[row] for row in rows.tolist()], roles, classes
    )
    names = row_names(table, roles)
    if scale.names is None:
        labelled = [names[row] for row in rows], [texts[row] for row in rows]
        require_on_scale(intervals, scale.classes, *labelled, where="in row {}")
    _warn_of_repeated_names(names, roles)
    groups = None
    if roles.group is not None:
        groups = np.array([str(cell) for cell in table.columns[roles.group]])[rows]
    weights = None if roles.weight is None else read_weights(table, roles.weight, rows)
    if roles.decimal is None and roles.levels is None:
        told = told_decimal([text for text in texts if text is not None])
        roles = replace(roles, decimal=told)
    settings = {"features": TABLE, "columns": features, "roles": roles.to_settings()}
    return LabelledRows(
        [names[row] for row in rows],
        feature_cells(table, features)[rows],
        intervals,
        scale,
        groups,
        weights,
        settings,
        "row(s)",
    )


def say_the_same(intervals: NDArray[np.float64]) -> bool:
    """Tell whether no annotation excludes a label that another names.

    Parameters
    ----------
    intervals : ndarray of shape (n, 2)
        Lower and upper ends; infinite where open, but not all of them.

    Returns
    -------
    bool
        Whether all hold everything from the smallest finite end to the largest.
    """
    ends = intervals[np.isfinite(intervals)]
    lower, upper = intervals.T
    return bool(np.all(lower <= ends.min()) and np.all(upper >= ends.max()))


def _name_of_all(intervals: NDArray[np.float64], roles: Roles) -> str:
    """Return what to call the labels of rows that all say the same."""
    ends = intervals[np.isfinite(intervals)]
    low, high = ends.min(), ends.max()
    if roles.levels is None:
        return bracket_name(low, high)
    return " to ".join(dict.fromkeys(roles.levels[int(end)] for end in (low, high)))


def _warn_of_repeated_names(names: list[str], roles: Roles) -> None:
    """Warn of names that rows share, as those of one person do, where nothing groups the rows."""
    n_names = len(set(names))
    if roles.row_id is not None and roles.group is None and n_names < len(names):
        warn(
            f"the column {roles.row_id!r} of --id has {n_names:,} different names for "
            f"{len(names):,} rows. If rows of one name belong together, --group {roles.row_id} "
            "keeps them in one fold; held out one by one they are easy to predict"
        )


def read_table_for_model(
    path: Path,
    settings: dict[str, Any],
    scale: TableScale,
    *,
    labelled: bool,
    weight: str | None = None,
    no_answer: tuple[str, ...] = (),
    closed: Literal["both", "left", "right"] | None = None,
    decimal: Literal["point", "comma"] | None = None,
) -> LabelledRows:
    """Read a table as the model's was read.

    Parameters
    ----------
    path : Path
        The table.
    settings : dict
        Those of the model.
    scale : TableScale
        That of the model.
    labelled : bool
        Keep rows with a label only; otherwise labels are not read.
    weight : str or None
        The column of weights.
    no_answer : tuple of str
        Labels that say nothing, besides those of the model's own table.
    closed : {"both", "left", "right"} or None
        Which numbers of a bracket belong to it; None means as in the model's own table.
    decimal : {"point", "comma"} or None
        What parts decimals in labels; None means as in the model's own table.

    Returns
    -------
    LabelledRows
        Its rows. Without labels, the intervals are NaN.
    """
    table = read_table(path)
    roles = Roles.from_settings(settings["roles"])
    roles = replace(
        roles,
        no_answer=(*roles.no_answer, *no_answer),
        closed=closed_as_in_training(closed, roles.closed),
        decimal=decimal or roles.decimal,
    )
    X, names = feature_cells(table, settings["columns"]), row_names(table, roles)
    intervals = np.full((len(table), 2), np.nan)
    rows = np.arange(len(table))
    if labelled:
        raw, texts = read_annotations(table, roles)
        rows = _with_label(table, raw)
        intervals[rows] = scale.place(raw[rows])
        if scale.bounds is not None:
            warn_of_missing_codes(raw[rows], [texts[row] for row in rows], scale.bounds)
        strange = rows[scale.strange(raw[rows])]
        if len(strange):
            first = f"{bracket_name(*raw[strange[0]])} of row {names[strange[0]]}"
            warn(
                f"{len(strange)} label(s) are no brackets of the model's training, nor several of "
                "them. They count as those that they hold whole, or else as the nearest one: "
                f"{first} is the first. If the scale has them, train with rows that do"
            )
        if scale.bounds is None:
            written = [names[row] for row in rows], [texts[row] for row in rows]
            require_on_scale(
                intervals[rows], scale.classes, *written, where="in row {}", trained=True
            )
    return LabelledRows(
        [names[row] for row in rows],
        X[rows],
        intervals[rows],
        scale,
        None,
        None if weight is None else read_weights(table, weight, rows),
        settings,
        "row(s)",
    )


def _with_label(table: Table, intervals: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the rows that have a label, and say how many have none."""
    rows = np.flatnonzero(~np.isnan(intervals[:, 0]))
    if not len(rows):
        raise click.ClickException(f"no row of {table.path} has a label.")
    if len(rows) < len(table):
        warn(f"left out {len(table) - len(rows)} row(s) of {table.path} without a label")
    return rows


def fingerprints(X: Any) -> NDArray[np.uint64]:
    """Return a number for every row that tells whether it was seen before.

    Parameters
    ----------
    X : csr_array, ndarray, MappedMatrix of shape (n, n_features)
        Features, or cells of a table.

    Returns
    -------
    ndarray of shape (n,), dtype uint64
        Equal rows have equal numbers, whether they are on disk or in memory; different rows
        with next to certainty different ones.
    """
    found = np.empty(X.shape[0], dtype=np.uint64)
    for start in range(0, X.shape[0], _CHUNK):
        stop = min(start + _CHUNK, X.shape[0])
        rows = X.read(start, stop) if isinstance(X, MappedMatrix) else X[start:stop]
        found[start:stop] = [_digest(content) for content in _contents(rows)]
    return found


def _contents(rows: Any) -> list[bytes]:
    """Return the bytes of every row."""
    if isinstance(rows, np.ndarray) and rows.dtype != object:
        return [row.tobytes() for row in np.asarray(rows, dtype=np.float64)]
    if isinstance(rows, np.ndarray):
        return [repr(row).encode("utf-8", "surrogateescape") for row in rows.tolist()]
    matrix = sparse.csr_array(rows if sparse.issparse(rows) else rows.tocsr())
    matrix.sort_indices()
    indices, data = matrix.indices.astype(np.int64), matrix.data.astype(np.float64)
    ends = matrix.indptr
    return [indices[a:b].tobytes() + data[a:b].tobytes() for a, b in pairwise(ends)]


def _digest(content: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "little")
