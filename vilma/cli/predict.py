"""``vilma predict``: labels for images, and for the rows of a table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from vilma.cli._command import Command
from vilma.cli._files import OutputFile, keep_inputs
from vilma.cli._options import (
    FloatRange,
    features_argument,
    max_memory_option,
    model_argument,
    refuse_typed,
)


@click.command(cls=Command, short_help="Predict labels, intervals and probabilities.")
@model_argument
@features_argument
@click.option(
    "--output",
    "-o",
    type=OutputFile(),
    metavar="PREDICTIONS.csv",
    help="File to write; the standard output by default.",
)
@click.option(
    "--coverage",
    type=FloatRange(0, 1, min_open=True, max_open=True),
    help="Also write intervals that contain the true label with this probability; the model "
    "needs `vilma fit --intervals`.",
)
@click.option(
    "--proba",
    is_flag=True,
    help="Also write the probability of every label; the model needs --intervals or "
    "--estimator ordered-logit.",
)
@max_memory_option
def predict(
    model: Path,
    features: Path,
    output: Path | None,
    coverage: float | None,
    proba: bool,
    max_memory: int,
) -> None:
    """Predict the labels of images, or of the rows of a table.

    Writes a CSV file with the columns file (of a table: row), label and projection: the position
    on the line that the model's thresholds divide; with several directions projection_1,
    projection_2 and so on. --coverage adds lower and upper, --proba one column for every label.

    MODEL comes from `vilma fit`; nothing in it is run. FEATURES must be computed with the settings
    of the model's, by `vilma lbp` or `vilma embed`; a table needs the model's columns.
    """
    import csv
    import io

    from vilma.cli._table import TABLE, is_table

    keep_inputs("--output", output, model, features)
    if is_table(features):
        refuse_typed(
            ("max_memory",),
            f"is for features of images, and {features} is a table: leave it out.",
        )

    from vilma.cli._files import atomic_write
    from vilma.cli._model import read_model_and_features, scale_of
    from vilma.cli._report import readable_errors, say, warn
    from vilma.probability.conformal import CoverageError
    from vilma.probability.wrapped import project

    fitted, store = read_model_and_features(model, features, max_memory)
    scale, estimator = scale_of(fitted), fitted.estimator
    if coverage is not None and not hasattr(estimator, "predict_interval"):
        raise click.UsageError(f"{model} has no prediction intervals: `vilma fit --intervals`.")
    if proba and not hasattr(estimator, "predict_proba"):
        raise click.UsageError(
            f"{model} has no probabilities: `vilma fit --intervals`, or `vilma fit --estimator "
            "ordered-logit`."
        )
    told = []
    header = ["row" if fitted.settings.get("features") == TABLE else "file", "label"]
    with readable_errors():
        columns: list[list[Any]] = [store.names, scale.show(estimator.predict(store.X))]
        if coverage is not None:
            try:
                ends = estimator.predict_interval(store.X, coverage=coverage)
            except CoverageError as error:
                raise click.ClickException(
                    f"{error.finding} Ask for less, or train with more rows: `vilma fit "
                    "--intervals` calibrates on a quarter of them."
                ) from error
            header += ["lower", "upper"]
            columns += [scale.show(ends[:, 0]), scale.show(ends[:, 1])]
            told = about_width(ends, scale.classes, coverage)
        projections = project(getattr(estimator, "estimator_", estimator), store.X)
        if projections.ndim == 1:
            header.append("projection")
            columns.append(projections.tolist())
        else:
            header += [f"projection_{j + 1}" for j in range(projections.shape[1])]
            columns += projections.T.tolist()
        if proba:
            header += [f"P({name})" for name in scale.show(estimator.classes_)]
            columns += estimator.predict_proba(store.X).T.tolist()
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(header)
    table.writerows(zip(*columns, strict=True))
    content = text.getvalue().encode("utf-8", "surrogateescape")  # names may be any bytes
    if output is None:
        say(content, nl=False)
    else:
        with atomic_write(output) as stream:
            stream.write(content)
        say(f"{output}: {len(store.names):,} prediction(s)")
    for sentence in told:
        warn(sentence)


def about_width(ends: Any, classes: Any, coverage: float) -> list[str]:
    """Say why prediction intervals are wide, if they are.

    Parameters
    ----------
    ends : ndarray of shape (n, 2)
        First and last label of each.
    classes : ndarray of shape (n_classes,)
        The scale.
    coverage : float
        How often they are to contain the true label.

    Returns
    -------
    list of str
        A sentence if half of them hold half of the scale or more.
    """
    import numpy as np

    first, last = np.searchsorted(classes, ends.T)
    levels = last - first + 1
    if 2 * np.median(levels) < len(classes):
        return []
    whole = np.mean(levels == len(classes))
    return [
        f"half of the intervals hold {np.median(levels):g} of {len(classes)} levels or more"
        + (f", and {whole:.0%} the whole scale" if whole else "")
        + ": rows that the model takes for alike have labels so different. Columns that tell more "
        f"of the labels, more rows, or --coverage below {coverage:g} make them narrower"
    ]
