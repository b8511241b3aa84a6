"""``vilma evaluate``: how far predictions are from annotations."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Literal

import click

from vilma.cli._command import Command
from vilma.cli._files import OutputFile, keep_inputs
from vilma.cli._options import (
    closed_option,
    columns_option,
    decimal_option,
    features_argument,
    max_memory_option,
    model_argument,
    no_answer_option,
    optional_labels_argument,
    refuse_typed,
    weight_option,
)


@click.command(cls=Command, short_help="Measure a model on rows with labels.")
@model_argument
@features_argument
@optional_labels_argument
@columns_option
@weight_option
@no_answer_option
@closed_option
@decimal_option
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object.")
@click.option(
    "--report",
    type=OutputFile(),
    metavar="REPORT.html",
    help="Also write a page with tables and pictures, which needs no network.",
)
@click.option(
    "--images",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="With --report: the folder of the images, to show those with the largest errors.",
)
@max_memory_option
def evaluate(
    model: Path,
    features: Path,
    labels: Path | None,
    columns: tuple[str, ...] | None,
    weight: str | None,
    no_answer: tuple[str, ...],
    closed: Literal["both", "left", "right"] | None,
    decimal: Literal["point", "comma"] | None,
    as_json: bool,
    report: Path | None,
    images: Path | None,
    max_memory: int,
) -> None:
    """Measure MODEL on the images of FEATURES that have a label in LABELS, or on a table.

    Gives the mean absolute error where labels are exact; where some are intervals, the mean
    distance of the predictions to them (zero inside) and the share inside; and the error of
    guessing the median of the training labels. Says how many rows have the features of rows that
    MODEL was trained on, if they are more than chance explains: where they are the same rows, the
    errors say little about others.

    Labels are read as in training: --columns, --no-answer, --closed and --decimal need not be
    repeated.
    """
    import json

    from vilma.cli._evaluation import measure
    from vilma.cli._files import atomic_write
    from vilma.cli._labels import LabelReading
    from vilma.cli._model import read_model_and_rows
    from vilma.cli._report import readable_errors, say, warn
    from vilma.cli._table import is_table

    keep_inputs("--report", report, model, features, labels)
    if is_table(features):
        refuse_typed(
            ("columns", "max_memory"),
            f"is for features of images, and {features} is a table: leave it out.",
        )
    if images is not None and report is None:
        raise click.UsageError("--images are shown in a report; give --report, too.")
    fitted, rows = read_model_and_rows(
        model,
        features,
        labels,
        LabelReading(columns, no_answer, closed, decimal=decimal),
        weight,
        max_memory,
    )
    with readable_errors():
        found = measure(fitted, rows)
    if as_json:
        say(json.dumps(found.to_json()))
    else:
        say("\n".join(found.lines()))
        if rows.scale.names is not None:
            say("errors and distances are in levels: 1 is the next level")
    if weight is None and (fitted.training or {}).get("weighted"):
        warn("the model was trained with weights, and every row counts the same here: --weight")
    if found.seen_before():
        warn(found.about_seen())
    if report is not None:
        from vilma.cli._html import render_report

        with readable_errors():
            page = render_report(fitted, rows, found, title=model.name, images=images)
        with atomic_write(report) as stream:
            stream.write(page.encode("utf-8", "surrogateescape"))
        tell = partial(click.echo, err=True) if as_json else say
        tell(f"{report}: {len(page) / 2**20:.1f} MB")
