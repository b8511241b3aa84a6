"""The commands: one for every experiment."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

import click

from benchmarks.deep.convolutional import Training
from benchmarks.deep.experiments import (
    COMBINED,
    Bench,
    run_combinations,
    run_embeddings,
    run_few_shot,
    run_long_tail,
    run_shift,
)
from benchmarks.deep.faces import LABELS, EmbeddedFaces, load_embeddings
from benchmarks.deep.images import IMAGE_METHODS, PATTERNS, ImageBench, load_images, run_images
from benchmarks.deep.methods import LINEAR, METHODS, Encoder
from benchmarks.deep.runs import Records
from benchmarks.deep.tables import (
    show_baselines,
    show_combinations,
    show_conditions,
    show_embeddings,
    show_midpoints,
)
from vilma.cli._options import box_option
from vilma.deep.objectives import LOSSES, REGULARIZERS
from vilma.deep.protocols import FEW_SHOT_SIZES

__all__ = ["main"]

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_progress = partial(click.echo, err=True)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 99})
def main() -> None:
    """Compare deep methods and linear ones on embeddings of faces.

    EMBEDDINGS is an .npz file with the arrays X and ages. Tables go to the standard output,
    progress to the standard error.
    """


_embeddings = click.argument("embeddings", type=_FILE)
_methods = click.option(
    "--method",
    "names",
    type=click.Choice(list(METHODS)),
    multiple=True,
    default=list(METHODS),
    help="A row of the tables; may be repeated.  [default: all]",
)


_records = click.option(
    "--records",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File that keeps every fit; an interrupted run goes on from it.",
)


def _options(command):
    for option in (
        _records,
        click.option(
            "--hidden",
            type=click.IntRange(min=1),
            multiple=True,
            default=Encoder().hidden,
            show_default=True,
            help="Width of a dense layer; may be repeated.",
        ),
        click.option(
            "--dropout",
            type=click.FloatRange(min=0.0, max=1.0, max_open=True),
            default=Encoder().dropout,
            show_default=True,
            help="Share of the layers' outputs dropped in training.",
        ),
        click.option(
            "--seed",
            "seeds",
            type=int,
            multiple=True,
            default=range(5),
            show_default=True,
            help="Split and training; may be repeated.",
        ),
        _methods,
        _embeddings,
    ):
        command = option(command)
    return command


def _load(path: Path) -> EmbeddedFaces:
    try:
        return load_embeddings(path)
    except ValueError as error:
        raise click.ClickException(str(error)) from error


def _bench(
    embeddings: Path, records: Path | None, hidden: tuple[int, ...], dropout: float
) -> Bench:
    return Bench(_load(embeddings), Records(records), _progress, Encoder(hidden, dropout))


@main.command("long-tail")
@_options
def long_tail(embeddings, names, seeds, **settings) -> None:
    """Exact ages, cells of ten years and their middles, with a thinned tail."""
    bench = _bench(embeddings, **settings)
    errors = run_long_tail(bench, names, LABELS, seeds)
    for what in ("balanced", "plain", "few", "seconds"):
        click.echo(f"\n{what}\n\n{show_conditions(errors, names, LABELS, what)}")
    for labels in LABELS[:2]:
        click.echo(f"\ngain, {labels}\n\n{show_baselines(errors, names, labels)}")
    click.echo(f"\nintervals and midpoints\n\n{show_midpoints(errors, names)}")


@main.command("few-shot")
@_options
@click.option(
    "--size",
    "sizes",
    type=click.IntRange(min=1),
    multiple=True,
    default=FEW_SHOT_SIZES,
    show_default=True,
    help="Rows per label; may be repeated.",
)
def few_shot(embeddings, names, seeds, sizes, **settings) -> None:
    """Some rows of every age."""
    bench = _bench(embeddings, **settings)
    errors = run_few_shot(bench, names, sizes, seeds)
    click.echo(show_conditions(errors, names, [str(size) for size in sizes], "balanced"))


@main.command()
@_options
@click.option(
    "--labels", "n_labels", type=int, multiple=True, default=(10, 20, 30, 40), show_default=True
)
@click.option(
    "--share", "shares", type=float, multiple=True, default=(0.2, 0.1), show_default=True
)
def shift(embeddings, names, seeds, n_labels, shares, **settings) -> None:
    """Ages of which most rows are taken away in training."""
    bench = _bench(embeddings, **settings)
    errors = run_shift(bench, names, n_labels, shares, seeds)
    conditions = list(dict.fromkeys(condition for _, condition in errors))
    click.echo(show_conditions(errors, names, conditions, "balanced"))


@main.command()
@_options
def embedding(embeddings, names, seeds, **settings) -> None:
    """A linear model on learned embeddings, on raw ones, and the methods' own heads."""
    bench = _bench(embeddings, **settings)
    deep = [name for name in names if name not in LINEAR]
    errors = run_embeddings(bench, deep, LABELS[:2], seeds)
    for labels in LABELS[:2]:
        click.echo(f"\n{labels}\n\n{show_embeddings(errors, labels)}")


@main.command()
@_records
@click.option(
    "--loss",
    "losses",
    type=click.Choice(list(LOSSES)),
    multiple=True,
    default=list(LOSSES),
    help="May be repeated.  [default: all]",
)
@click.option(
    "--regularizer",
    "regularizers",
    type=click.Choice(list(REGULARIZERS)),
    multiple=True,
    default=list(REGULARIZERS),
    help="May be repeated.  [default: all]",
)
@click.option(
    "--seeds", "n_seeds", type=click.IntRange(min=1), default=3, show_default=True, help="Splits."
)
@click.option(
    "--rows", type=click.IntRange(min=10), default=600, show_default=True, help="To train on."
)
@click.option("--epochs", type=click.IntRange(min=1), default=30, show_default=True)
@click.option(
    "--learning-rate",
    type=click.FloatRange(min=0.0, min_open=True),
    default=3e-3,
    show_default=True,
)
@_embeddings
def combinations(
    embeddings, records, losses, regularizers, n_seeds, rows, epochs, learning_rate
) -> None:
    """Every loss with every regularizer, otherwise by defaults."""
    bench = Bench(_load(embeddings), Records(records), _progress)
    errors = run_combinations(
        bench, losses, regularizers, COMBINED, range(n_seeds), rows, epochs, learning_rate
    )
    for labels in COMBINED:
        click.echo(f"\n{labels}\n\n{show_combinations(errors, losses, regularizers, labels)}")


@main.command("time")
@_methods
@_embeddings
def time_fits(embeddings, names) -> None:
    """Seconds of a fit to all rows."""
    faces = _load(embeddings)
    for name in names:
        estimator = METHODS[name].make(faces.classes, 0, Encoder())
        started = time.perf_counter()
        estimator.fit(faces.X, faces.ages)
        click.echo(f"{name}: {time.perf_counter() - started:.1f} s")


@main.command()
@click.option(
    "--images",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    required=True,
    help="Folder of aligned crops of faces.",
)
@click.option(
    "--labels", type=_FILE, help="CSV file of files and ages; by default UTKFace's file names."
)
@box_option
@click.option(
    "--method",
    "names",
    type=click.Choice(IMAGE_METHODS),
    multiple=True,
    default=IMAGE_METHODS,
    help="A network; may be repeated.  [default: all]",
)
@click.option(
    "--seeds", "n_seeds", type=click.IntRange(min=1), default=3, show_default=True, help="Splits."
)
@click.option("--epochs", type=click.IntRange(min=1), default=Training().epochs, show_default=True)
@click.option(
    "--learning-rate",
    type=click.FloatRange(min=0.0, min_open=True),
    default=Training().learning_rate,
    show_default=True,
)
@click.option("--mixed-precision", is_flag=True, help="Train in bfloat16.")
@_records
def images(folder, labels, box, names, n_seeds, records, **settings) -> None:
    """A small convolutional network from scratch, and a linear model on local patterns."""
    try:
        faces, patterns = load_images(folder, labels, box)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    bench = ImageBench(faces, patterns, Records(records), _progress, Training(**settings))
    kinds = LABELS[:2]
    errors = run_images(bench, names, kinds, range(n_seeds))
    for what in ("balanced", "plain", "few", "seconds"):
        click.echo(f"\n{what}\n\n{show_conditions(errors, (*names, PATTERNS), kinds, what)}")
    for what in ("balanced", "plain"):
        table = show_conditions(errors, names, kinds, f"linear {what}")
        click.echo(f"\nlinear model on the learned embedding, {what}\n\n{table}")
    for kind in kinds:
        click.echo(f"\ngain, {kind}\n\n{show_baselines(errors, names, kind)}")
