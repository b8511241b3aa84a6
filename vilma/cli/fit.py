"""``vilma fit``: a model from features and labels, or from a table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from vilma.cli._command import Command
from vilma.cli._files import OutputFile, keep_inputs
from vilma.cli._options import (
    FloatRange,
    FoldCount,
    IntRange,
    Levels,
    classes_option,
    closed_option,
    column_option,
    columns_option,
    decimal_option,
    features_argument,
    given_once,
    max_memory_option,
    n_jobs_option,
    no_answer_option,
    optional_labels_argument,
    refuse_shared_columns,
    refuse_typed,
    seed_option,
    weight_option,
)

if TYPE_CHECKING:
    from vilma.cli._rows import LabelledRows
    from vilma.cli._training import HeldOut

DEFAULT_ALPHAS = (3.0, 1.0, 0.3, 0.1, 0.03, 0.01)


@click.command(cls=Command, short_help="Train a model from exact or interval labels.")
@features_argument
@optional_labels_argument
@click.option(
    "--output",
    "-o",
    type=OutputFile(),
    required=True,
    metavar="MODEL.vilma",
    help="File to write.",
)
@columns_option
@column_option("--label", help="Table: the column of labels or brackets.")
@column_option("--lower", help="Table: the column of lower ends.")
@column_option("--upper", help="Table: the column of upper ends.")
@click.option(
    "--levels",
    "words",
    type=Levels(),
    multiple=True,
    callback=given_once,
    metavar="LOW,...,HIGH",
    help="Table: the labels in their order, where they are words; in double quotes those that "
    "contain a comma.",
)
@click.option(
    "--drop", "dropped", multiple=True, metavar="NAME", help="Table: a column that is no feature."
)
@column_option("--id", "row_id", help="Table: the column of names of the rows.")
@column_option(
    "--group",
    help="Column, of the table or of LABELS, of what belongs together (the person of several "
    "images): held-out rows are of other groups.",
)
@weight_option
@no_answer_option
@closed_option
@decimal_option
@click.option(
    "--estimator",
    type=click.Choice(["auto", "vilma", "iisvor-exp", "iisvor-imc", "pwvilma", "ordered-logit"]),
    default="auto",
    show_default=True,
    help="What to train. auto: for images iisvor-imc, for tables vilma with the loss chosen by "
    "cross-validation.",
)
@click.option(
    "--loss",
    type=click.Choice(["mae", "zero_one", "squared"]),
    help="Loss of --estimator vilma or pwvilma.  [default: mae; chosen for tables]",
)
@click.option(
    "--correlation",
    type=FloatRange(0, 1),
    help="Prior correlation of the directions of --estimator pwvilma; 1 is one direction.  "
    "[default: 0.9; chosen for tables]",
)
@click.option(
    "--pieces",
    type=IntRange(min=1),
    help="Number of directions of --estimator pwvilma, which take memory for all features each.  "
    "[default: one for each step between labels that the annotations support]",
)
@click.option(
    "--alpha",
    "alphas",
    type=FloatRange(min=0, min_open=True),
    multiple=True,
    help="Strength of the regularisation. Given more than once, the value is chosen by the "
    "interval-insensitive mean absolute error on the validation share.  [default: 3 to 0.01 in "
    "steps of about 3; for tables also beyond, by cross-validation]",
)
@click.option(
    "--validation",
    type=FloatRange(0, 1, min_open=True, max_open=True),
    default=0.2,
    show_default=True,
    help="Share of the images that choose alpha. The final model is trained on all images.",
)
@click.option(
    "--folds",
    type=FoldCount(),
    default=5,
    show_default=True,
    metavar="N",
    help="Every row is held out once, in so many parts, to print the error on it beside those of "
    "ridge and of a guess; 0 for none. The final model is trained on all rows.",
)
@click.option(
    "--intervals",
    is_flag=True,
    help="Calibrate probabilities and prediction intervals, for `vilma predict --coverage`, on a "
    "quarter of the rows; the others train.",
)
@classes_option
@click.option(
    "--tol",
    type=FloatRange(min=0),
    help="Relative gap between objective and lower bound at which training stops.  [default: "
    "1e-3; 1e-8 for ordered-logit]",
)
@click.option("--max-iter", type=IntRange(min=1), help="Most iterations of the training.")
@seed_option
@max_memory_option
@n_jobs_option
def fit(
    features: Path,
    labels: Path | None,
    output: Path,
    columns: tuple[str, ...] | None,
    label: str | None,
    lower: str | None,
    upper: str | None,
    words: list[str] | None,
    dropped: tuple[str, ...],
    row_id: str | None,
    group: str | None,
    weight: str | None,
    no_answer: tuple[str, ...],
    closed: Literal["both", "left", "right"] | None,
    decimal: Literal["point", "comma"] | None,
    estimator: str,
    loss: str | None,
    correlation: float | None,
    pieces: int | None,
    alphas: tuple[float, ...],
    validation: float,
    folds: int,
    intervals: bool,
    classes: tuple[int, int] | None,
    tol: float | None,
    max_iter: int | None,
    seed: int,
    max_memory: int,
    n_jobs: int | None,
) -> None:
    """Train a model on images or on a table, and say how well it does on others.

    \b
    Images:  vilma fit features.npz ages.csv -o model.vilma
    Table:   vilma fit survey.csv --label income -o model.vilma

    FEATURES, a file or a folder, comes from `vilma lbp` or `vilma embed`. LABELS is a CSV file
    with the header file,label (exact labels, or brackets such as 20-29, 50+ and "under 5") or
    file,lower,upper (intervals; an empty cell is an open end, and rows without either end are
    left out).

    A table is a CSV or Parquet file; it has its labels in a column (--label: numbers, brackets,
    or words in the order of --levels), or the ends of intervals in two (--lower, --upper). With
    all three, a row has the interval where its label is empty. All other columns are features;
    words are categories, and cells may be empty.
    """  # noqa: D301 (click reads the backspace: keep these line ends)
    from vilma.cli._table import SUFFIXES, Roles, is_table, refuse_empty_levels

    keep_inputs("--output", output, features, labels)
    if output.suffix.lower() in (".npz", *SUFFIXES):
        raise click.UsageError(
            f"--output {output.name} has the name of features or a table, and would be read as "
            "such; name the model *.vilma."
        )
    own = _own_parameters(estimator, loss, correlation, pieces)
    own |= {"tol": tol} if tol is not None else {}
    own |= {"max_iter": max_iter} if max_iter is not None else {}
    of_table = is_table(features)
    _check_sources(features, labels, of_table, label, lower, upper)
    refuse_shared_columns(
        [
            ("--label", label),
            ("--lower", lower),
            ("--upper", upper),
            ("--group", group),
            ("--id", row_id),
            ("--weight", weight),
            *(("--drop", name) for name in dropped),
        ]
    )
    refuse_empty_levels(words or [])
    if words is not None:
        refuse_typed(
            ("classes",), "is the scale of numbers, and --levels that of words: leave one out."
        )
    roles = Roles(
        label,
        lower,
        upper,
        group,
        row_id,
        words,
        dropped,
        weight,
        no_answer,
        closed,
        decimal,
    )

    from vilma.cli._labels import LabelReading
    from vilma.cli._model import Model, write_model
    from vilma.cli._report import (
        certificate,
        describe_choice,
        readable_errors,
        say,
        say_when_compiling,
        some_of,
    )
    from vilma.cli._rows import read_labelled_images, read_labelled_table
    from vilma.cli._training import (
        Train,
        image_training,
        last_step,
        leaves_a_choice,
        measure_held_out,
        table_training,
        training_record,
    )

    if of_table:
        rows = read_labelled_table(features, roles, classes)
    elif labels is not None:
        rows = read_labelled_images(
            features,
            labels,
            LabelReading(columns, no_answer, closed, decimal=decimal),
            classes,
            group,
            weight,
            max_memory,
        )
    scale = rows.scale
    ends = scale.show(scale.classes[[0, -1]])
    say(
        f"{len(rows.names):,} {rows.noun}, {rows.X.shape[1]:,} feature(s), "
        f"{len(scale.classes)} levels from {ends[0]} to {ends[1]}"
        + ("" if weight is None else f", weighted by {weight}")
    )
    if of_table:
        for kind, names in rows.settings["columns"].items():
            say(f"{kind + ':':12}{some_of(names, limit=20)}" if names else "", nl=bool(names))
    shared = {"classes": scale.classes, "n_jobs": n_jobs, **own}
    train: Train
    choosing = ""
    if of_table:
        name = "vilma" if estimator == "auto" else estimator
        if leaves_a_choice(name, alphas, own):
            choosing = ", and choosing by cross-validation what is not given"
        train = table_training(
            name,
            alphas=sorted(set(alphas), reverse=True) or None,
            seed=seed,
            intervals=intervals,
            **shared,
        )
    else:
        name = "iisvor-imc" if estimator == "auto" else estimator
        if len(set(alphas or DEFAULT_ALPHAS)) > 1:
            choosing = f", and choosing alpha by a share of {validation:g} of the rows"
        train = image_training(
            name,
            alphas=sorted(set(alphas or DEFAULT_ALPHAS), reverse=True),
            validation=validation,
            seed=seed,
            intervals=intervals,
            **shared,
        )
    ran = f"--estimator {name}" + ("" if loss is None else f" --loss {loss}")
    with readable_errors(ran, scale.name_of), say_when_compiling():
        held_out = None
        if folds:
            click.echo(
                "holding out every row once, to measure the error, before the model is trained; "
                "--folds 0 leaves that out",
                err=True,
            )
            held_out = measure_held_out(train, rows, n_folds=folds, seed=seed)
            _report_held_out(held_out, rows)
        click.echo(f"training the model{choosing}", err=True)
        fitted = train(rows.X, rows.intervals, rows.weights)
    final = last_step(fitted.estimator)
    chosen_alpha = getattr(final, "alpha_", getattr(final, "alpha", None))
    for alpha, error in fitted.validation_errors.items():
        chosen = "  chosen" if alpha == chosen_alpha else ""
        say(f"alpha {alpha:<8g} validation interval MAE {error:.4f}{chosen}")
    say(certificate(final, fitted.seconds))
    record = training_record(rows, held_out, seed)
    write_model(output, Model(fitted.estimator, rows.settings, scale, record))
    rows_used = f"{len(rows.names):,} {rows.noun}"
    used = f"trained on all {rows_used}"
    if intervals:
        used = f"trained on three quarters of {rows_used}, calibrated on the rest"
    say(f"{output}: {describe_choice(final)}, {used}")


def _own_parameters(
    estimator: str, loss: str | None, correlation: float | None, pieces: int | None
) -> dict[str, Any]:
    """Return the options that belong to one estimator, or refuse them for another."""
    if loss is not None and estimator not in ("vilma", "pwvilma"):
        raise click.UsageError(
            f"--loss belongs to --estimator vilma or pwvilma; {estimator} has its own."
        )
    directions: dict[str, Any] = {"correlation": correlation, "n_pieces": pieces}
    own = {name: value for name, value in directions.items() if value is not None}
    if own and estimator != "pwvilma":
        raise click.UsageError(
            "--correlation and --pieces belong to --estimator pwvilma; "
            f"{estimator} has one direction."
        )
    return own if loss is None else {**own, "loss": loss}


def _check_sources(
    features: Path,
    labels: Path | None,
    of_table: bool,
    label: str | None,
    lower: str | None,
    upper: str | None,
) -> None:
    """Refuse labels given twice, or not at all, and options of other sources."""
    from vilma.cli._table import SUFFIXES

    named = label is not None or (lower is not None and upper is not None)
    if (lower is None) != (upper is None):
        raise click.UsageError("--lower and --upper belong together; give both or neither.")
    if of_table and labels is not None:
        raise click.UsageError(
            f"{features} is a table: its labels are columns, named by --label, or --lower and "
            f"--upper. Leave out {labels}; or give features of images, from `vilma lbp`."
        )
    if of_table and not named:
        raise click.UsageError(
            f"{features} is a table: name its column of labels by --label, or those of the ends "
            "of intervals by --lower and --upper."
        )
    if not of_table and named and (features.is_dir() or features.suffix == ".npz"):
        raise click.UsageError(
            f"--label, --lower and --upper are columns of a table, and {features} holds features "
            "of images: name their label file after it instead."
        )
    if not of_table and named:
        raise click.UsageError(
            f"{features} is no table by its name: --label, --lower and --upper are columns of a "
            f"file named {', '.join(f'*{suffix}' for suffix in SUFFIXES)}. Rename it, or save it "
            "as CSV."
        )
    if of_table:
        refuse_typed(
            ("columns", "validation", "max_memory"),
            f"is for features of images, and {features} is a table: leave it out.",
        )
    else:
        refuse_typed(
            ("words", "dropped", "row_id"),
            f"is for the columns of a table, and {features} holds features of images: leave it "
            "out.",
        )
    if not of_table and labels is None:
        raise click.UsageError(f"name the label file of the images in {features} after it.")


def _report_held_out(held_out: HeldOut | None, rows: LabelledRows) -> None:
    """Write the errors on rows that were held out, with their standard errors."""
    from vilma.cli._report import say, warn
    from vilma.cli._training import mean_and_deviation

    if held_out is None:
        say("held out: none; there are too few rows or groups to measure an error on")
        return
    groups = " with their groups" if rows.groups is not None else ""
    what = "mean absolute error" if held_out.exact else "mean distance to the annotated interval"
    unit = "" if rows.scale.names is None else " in levels"
    say(
        f"all {len(rows.names):,} {rows.noun} held out once{groups}, in {held_out.n_folds} parts; "
        f"{what}{unit}, with its standard error:"
    )
    for name, errors in held_out.errors.items():
        mean, deviation = mean_and_deviation(errors, rows.weights)
        say(f"  {name:20}{mean:10.4f}  ± {deviation:.4f}")
    own, guess = held_out.errors["this model"], held_out.errors["median guess"]
    gain, deviation = mean_and_deviation(guess - own, rows.weights)
    if gain <= 2.0 * deviation:
        warn(
            "the model is no better than one guess for all rows: the features say little of the "
            "labels, or there are too few rows"
        )
