"""``vilma fit``: a model from features and labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from vilma.cli._files import OutputFile
from vilma.cli._options import (
    FloatRange,
    IntRange,
    classes_option,
    columns_option,
    features_argument,
    labels_argument,
    max_memory_option,
    n_jobs_option,
    seed_option,
)

DEFAULT_ALPHAS = (1.0, 0.1, 0.01)


@click.command(short_help="Train a model from interval labels.")
@features_argument
@labels_argument
@click.option(
    "--output",
    "-o",
    type=OutputFile(),
    required=True,
    metavar="MODEL.vilma",
    help="File to write.",
)
@columns_option
@click.option(
    "--estimator",
    type=click.Choice(["vilma", "iisvor-exp", "iisvor-imc", "pwvilma"]),
    default="iisvor-imc",
    show_default=True,
    help="What to train.",
)
@click.option(
    "--loss",
    type=click.Choice(["mae", "zero_one", "squared"]),
    help="Loss of --estimator vilma or pwvilma.  [default: mae]",
)
@click.option(
    "--correlation",
    type=FloatRange(0, 1),
    help="Prior correlation of the directions of --estimator pwvilma; 1 is one direction.  "
    "[default: 0.9]",
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
    default=DEFAULT_ALPHAS,
    show_default=True,
    help="Strength of the regularisation. Given more than once, the value is chosen by the "
    "interval-insensitive mean absolute error on the validation share.",
)
@click.option(
    "--validation",
    type=FloatRange(0, 1, min_open=True, max_open=True),
    default=0.2,
    show_default=True,
    help="Share of the images that choose alpha. The final model is trained on all images.",
)
@classes_option
@click.option(
    "--tol",
    type=FloatRange(min=0),
    default=1e-3,
    show_default=True,
    help="Relative gap between objective and lower bound at which training stops.",
)
@click.option(
    "--max-iter",
    type=IntRange(min=1),
    default=1000,
    show_default=True,
    help="Most iterations of the training.",
)
@seed_option
@max_memory_option
@n_jobs_option
def fit(
    features: Path,
    labels: Path,
    output: Path,
    columns: tuple[str, ...] | None,
    estimator: str,
    loss: str | None,
    correlation: float | None,
    pieces: int | None,
    alphas: tuple[float, ...],
    validation: float,
    classes: tuple[int, int] | None,
    tol: float,
    max_iter: int,
    seed: int,
    max_memory: int,
    n_jobs: int | None,
) -> None:
    """Train a model on the images of FEATURES that have a label in LABELS.

    FEATURES, a file or a folder, comes from `vilma lbp` or `vilma embed`. LABELS is a CSV file
    with the header file,label (exact labels, or brackets such as 20-29, 50+ and "under 5") or
    file,lower,upper (intervals; an empty cell is an open end).
    """
    if loss is not None and estimator not in ("vilma", "pwvilma"):
        raise click.UsageError(
            f"--loss belongs to --estimator vilma or pwvilma; {estimator} has its own loss."
        )
    directions: dict[str, Any] = {"correlation": correlation, "n_pieces": pieces}
    own = {name: value for name, value in directions.items() if value is not None}
    if own and estimator != "pwvilma":
        raise click.UsageError(
            "--correlation and --pieces belong to --estimator pwvilma; "
            f"{estimator} has one direction."
        )
    if loss is not None:
        own["loss"] = loss

    from vilma.cli._features import read_features
    from vilma.cli._labels import (
        default_classes,
        integer_scale,
        join_labels,
        read_label_table,
        require_on_scale,
    )
    from vilma.cli._model import Model, write_model
    from vilma.cli._report import certificate, readable_errors
    from vilma.cli._training import choose_and_fit, make_estimator

    store = read_features(features, max_memory)
    table = read_label_table(labels, columns)
    rows, intervals = join_labels(store.names, table, images=features, labels=labels)
    scale = default_classes(intervals) if classes is None else integer_scale(*classes)
    require_on_scale(intervals, scale, [store.names[row] for row in rows])
    click.echo(
        f"{len(rows):,} image(s), {store.X.shape[1]:,} features, "
        f"{len(scale)} levels from {scale[0]} to {scale[-1]}"
    )
    with readable_errors():
        template = make_estimator(
            estimator, classes=scale, tol=tol, max_iter=max_iter, n_jobs=n_jobs, **own
        )
        fitted = choose_and_fit(
            template,
            store.X[rows],
            intervals,
            alphas=sorted(set(alphas), reverse=True),
            validation=validation,
            seed=seed,
        )
    for alpha, error in fitted.validation_errors.items():
        chosen = "  chosen" if alpha == fitted.estimator.alpha else ""
        click.echo(f"alpha {alpha:<8g} validation interval MAE {error:.4f}{chosen}")
    click.echo(certificate(fitted.estimator, fitted.seconds))
    write_model(output, Model(fitted.estimator, store.settings))
    click.echo(f"{output}: {type(fitted.estimator).__name__}, alpha {fitted.estimator.alpha:g}")
