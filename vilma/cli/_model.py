"""The model file: a fitted estimator and the settings of the features it was fitted to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from vilma.cli._feature_store import FeatureStore
from vilma.cli._features import read_features, require_same_settings
from vilma.cli._files import atomic_write
from vilma.cli._labels import LabelReading, join_labels, read_label_table, require_on_scale
from vilma.cli._report import readable_errors, some_of, warn
from vilma.cli._rows import LabelledRows, read_label_weights, read_table_for_model
from vilma.cli._table import TABLE, TableScale, is_table
from vilma.persistence.model_file import ModelFile, read_model_file, write_model_file


@dataclass(frozen=True)
class Model:
    """A fitted estimator that knows its features.

    Attributes
    ----------
    estimator : VILMA, IISVOR_EXP or IISVOR_IMC
        Fitted.
    settings : dict
        What the features of its training data were computed with.
    scale : TableScale or None
        Of the labels, where it is not that of the estimator.
    training : dict or None
        What it was trained on and measured by, see `vilma.cli._training.training_record`.
    """

    estimator: Any
    settings: dict[str, Any]
    scale: TableScale | None = None
    training: dict[str, Any] | None = None


def write_model(path: Path, model: Model) -> None:
    """Write a model file, whole or not at all.

    Parameters
    ----------
    path : Path
        The file to be written.
    model : Model
        What to write.
    """
    with atomic_write(path) as stream:
        metadata: dict[str, Any] = {"settings": model.settings, "training": model.training}
        if model.scale is not None:
            metadata["scale"] = model.scale.to_settings()
        write_model_file(stream, ModelFile(model.estimator, metadata))


def read_model(path: Path) -> Model:
    """Read a model file.

    Parameters
    ----------
    path : Path
        A file written by :func:`write_model`. Nothing in it is run.

    Returns
    -------
    Model
        Its content.

    Raises
    ------
    click.ClickException
        If the file is something else, or damaged.
    """
    if path.suffix == ".npz" or is_table(path):
        raise click.ClickException(
            f"{path} is not a readable model file, but one of features: the model of `vilma fit` "
            "comes first, features after it."
        )
    with readable_errors(), path.open("rb") as stream:
        content = read_model_file(stream, str(path))
        settings = content.metadata.get("settings")
        if not isinstance(settings, dict):
            raise ValueError(
                f"{path} does not say which features it is for. Expected a file of `vilma fit`."
            )
        scale = content.metadata.get("scale")
    return Model(
        content.model,
        settings,
        TableScale(**scale) if isinstance(scale, dict) else None,
        content.metadata.get("training"),
    )


def read_model_and_features(
    model: Path, features: Path, max_memory: int
) -> tuple[Model, FeatureStore]:
    """Read a model and features, or a table, that fit it.

    Parameters
    ----------
    model, features : Path
        The two files, or a file and a folder.
    max_memory : int
        Bytes of a folder's features to hold at a time.

    Returns
    -------
    Model, FeatureStore
        Their contents; labels of a table are not read.

    Raises
    ------
    click.ClickException
        If a file cannot be read, or the features were computed in another way than the model's.
    """
    fitted = read_model(model)
    if fitted.settings.get("features") == TABLE:
        rows = read_table_for_model(
            require_table(features, model), fitted.settings, require_scale(fitted), labelled=False
        )
        tell_unlike_training(fitted, rows)
        return fitted, FeatureStore(rows.names, rows.X, rows.settings)
    refuse_table(features, model)
    store = read_features(features, max_memory)
    require_same_settings(fitted.settings, store.settings, model=model, features=features)
    return fitted, store


def read_model_and_rows(
    model: Path,
    features: Path,
    labels: Path | None,
    reading: LabelReading,
    weight: str | None,
    max_memory: int,
) -> tuple[Model, LabelledRows]:
    """Read a model, and rows with labels to measure it on.

    Parameters
    ----------
    model, features : Path
        The two files, or a file and a folder.
    labels : Path or None
        The label file of images; None for a table.
    reading : LabelReading
        How labels are read, where not as in the model's training.
    weight : str or None
        Column of the label file, or of the table, with weights.
    max_memory : int
        Bytes of a folder's features to hold at a time.

    Returns
    -------
    Model, LabelledRows
        Their contents.

    Raises
    ------
    click.ClickException
        If a file cannot be read, or they do not go together.
    """
    if labels is not None:
        fitted, store = read_model_and_features(model, features, max_memory)
        if fitted.settings.get("features") == TABLE:
            raise click.UsageError(
                f"{model} is of a table, which holds its own labels: leave out {labels}."
            )
        reading = reading.as_in_training((fitted.training or {}).get("labels") or {})
        table = read_label_table(labels, reading)
        common, places = join_labels(store.names, table, images=features, labels=labels)
        names, intervals = [store.names[row] for row in common], table.intervals[places]
        written = [table.texts[place] for place in places]
        require_on_scale(intervals, fitted.estimator.scale_, names, written, trained=True)
        weights = None
        if weight is not None:
            labelled = [table.names[place] for place in places]
            weights = read_label_weights(labels, table.columns[0], weight, labelled)
        return fitted, LabelledRows(
            names,
            store.X[common],
            intervals,
            TableScale(fitted.estimator.scale_),
            None,
            weights,
            store.settings,
            "image(s)",
            reading,
        )
    fitted = read_model(model)
    if fitted.settings.get("features") != TABLE:
        raise click.UsageError(f"{model} is of images: name their label file after the features.")
    path = require_table(features, model)
    rows = read_table_for_model(
        path,
        fitted.settings,
        require_scale(fitted),
        labelled=True,
        weight=weight,
        no_answer=reading.no_answer,
        closed=reading.closed,
        decimal=reading.decimal,
    )
    tell_unlike_training(fitted, rows)
    return fitted, rows


def uncalibrated(estimator: Any) -> Any:
    """Return the fitted estimator, or pipeline, inside of calibrations."""
    while hasattr(estimator, "estimator_"):
        estimator = estimator.estimator_
    return estimator


def tell_unlike_training(model: Model, rows: LabelledRows) -> None:
    """Warn of empty columns of numbers, and of categories that the model's training had not.

    Parameters
    ----------
    model : Model
        Of tables.
    rows : LabelledRows
        Of a table that fits it.
    """
    columns = model.settings["columns"]
    names = [*columns["numbers"], *columns["categories"]]
    for place, name in enumerate(columns["numbers"]):
        empty = all(cell is None or cell != cell for cell in rows.X[:, place].tolist())
        if empty and len(rows.names) > 1:
            warn(f"column {name!r} is empty: its median in training stands for every row")
    features = uncalibrated(model.estimator)[0]  # of the pipeline
    for place, known in features.categories_.items():
        seen = set(known)
        new = [cell for cell in rows.X[:, place].tolist() if cell not in seen]
        if not new:
            continue
        words = some_of(["empty cells" if cell is None else cell for cell in dict.fromkeys(new)])
        rare = len(known) > features.max_categories + 1
        warn(
            f"column {names[place]!r} has categories that training had not, in {len(new)} of "
            f"{len(rows.names)} row(s): {words}. They count "
            + ("as those that were rare in training" if rare else "as none of the known ones")
        )


def require_table(path: Path, model: Path) -> Path:
    """Refuse what is no table, for a model of tables."""
    if not is_table(path):
        raise click.ClickException(
            f"{path} does not fit {model}, which was trained on a table; expected a CSV or "
            "Parquet file with the same columns."
        )
    return path


def refuse_table(path: Path, model: Path) -> None:
    """Refuse a table for a model of features."""
    if is_table(path):
        raise click.ClickException(
            f"{path} is a table, and {model} was trained on features of images. Expected a file "
            "or folder of `vilma lbp` or `vilma embed`; labels come after it."
        )


def require_scale(model: Model) -> TableScale:
    """Return the scale of a model of tables."""
    if model.scale is None:
        raise click.ClickException("the model of a table has no scale; fit it again.")
    return model.scale


def scale_of(model: Model) -> TableScale:
    """Return the scale of a model, that of its estimator if there is no other."""
    return TableScale(model.estimator.scale_) if model.scale is None else model.scale
