"""The commands: one for every table."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import click

from benchmarks.experiments.comparison import compare_methods, show_comparison
from benchmarks.experiments.faces import Faces, bracket_table, load_faces, split_faces
from benchmarks.experiments.few_exact import SHARES, run_few_exact, show_few_exact
from benchmarks.experiments.figures import draw_few_exact, draw_tables23, draw_vagueness
from benchmarks.experiments.methods import Method
from benchmarks.experiments.questions import (
    TARGETS,
    VAGUE_SHARES,
    load_survey,
    question_methods,
    run_questions,
    run_vagueness,
    show_questions,
    show_vagueness,
    vagueness_methods,
)
from benchmarks.experiments.real_data import (
    anes_dollars,
    anes_levels,
    read_chipseq,
    read_kakadu,
)
from benchmarks.experiments.rows import (
    PAPER_ALPHAS,
    available,
    competitors,
    face_competitors,
    face_methods,
    paper_methods,
    vilma_methods,
)
from benchmarks.experiments.standard_errors import run_standard_errors, show_standard_errors
from benchmarks.experiments.table1 import run_table1, show_table1
from benchmarks.experiments.tables23 import (
    MixedDesign,
    find_worsened,
    run_tables23,
    show_tables23,
)

__all__ = ["main"]

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_OUTPUT = click.Path(dir_okay=False, path_type=Path)
_progress = partial(click.echo, err=True)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 99})
def main() -> None:
    """Repeat the paper's experiments on faces, and compare methods on real intervals.

    Tables go to the standard output, single results to the standard error.
    """


def _face_options(required: bool) -> Callable[[Any], Any]:
    """Return a decorator that adds the options of a folder of faces."""

    def decorate(command):
        for option in (
            click.option("--box", nargs=4, type=float, help="Crop: left, top, right, bottom."),
            click.option(
                "--labels",
                type=_FILE,
                help="CSV with columns file,label.  [default: UTKFace's names]",
            ),
            click.option("--images", type=_FOLDER, required=required, help="Folder of faces."),
        ):
            command = option(command)
        return command

    return decorate


def _load(
    images: Path, labels: Path | None, box: tuple[float, float, float, float] | None
) -> Faces:
    try:
        return load_faces(images, labels, box or None)
    except ValueError as error:
        raise click.ClickException(str(error)) from error


_sizes = click.option(
    "--size",
    "sizes",
    type=click.IntRange(min=10),
    multiple=True,
    default=(400, 800, 1600, 2400, 3300),
    show_default=True,
    help="Training rows; may be repeated.",
)
_splits = click.option(
    "--splits", type=click.IntRange(min=1), default=3, show_default=True, help="Random splits."
)
_alphas = click.option(
    "--alpha",
    "alphas",
    type=click.FloatRange(min=0.0, min_open=True),
    multiple=True,
    default=PAPER_ALPHAS,
    show_default=True,
    help="Alphas of the paper's methods; may be repeated.",
)


def _method_option(*default: str) -> Callable[[Any], Any]:
    return click.option(
        "--method",
        "names",
        multiple=True,
        default=default,
        show_default=True,
        type=click.Choice([method.name for method in _table_methods(PAPER_ALPHAS)]),
        help="A row of the table; may be repeated.",
    )


def _table_methods(alphas: Iterable[float]) -> list[Method]:
    return [*paper_methods(sorted(alphas, reverse=True)), *face_competitors()]


def _named(names: tuple[str, ...], alphas: tuple[float, ...]) -> list[Method]:
    wanted = [method for method in _table_methods(alphas) if method.name in names]
    return available(wanted, _progress)


def _check_sizes(sizes: tuple[int, ...], splits) -> None:
    most = len(splits[0].train)
    if max(sizes) > most:
        raise click.UsageError(
            f"--size {max(sizes)} is more than the {most} rows that are left for training."
        )


@main.command()
@_face_options(required=True)
@_sizes
@_splits
@_alphas
@_method_option("VILMA", "SVOR-IMC", "VILMA-REG", "ridge on midpoints")
def table1(images, labels, box, sizes, splits, alphas, names) -> None:
    """Exact labels: VILMA, SVOR-IMC and VILMA-REG for growing training sets."""
    faces = _load(images, labels, box)
    drawn = list(split_faces(len(faces.ages), splits))
    _check_sizes(sizes, drawn)
    errors = run_table1(faces, drawn, sorted(sizes), _named(names, alphas), _progress)
    click.echo(show_table1(errors))


@main.command()
@_face_options(required=True)
@_sizes
@click.option(
    "--exact",
    type=int,
    multiple=True,
    default=(400, 800),
    show_default=True,
    help="Exact labels among them, the paper's m_P; may be repeated.",
)
@click.option(
    "--width",
    "widths",
    type=click.IntRange(min=2),
    multiple=True,
    default=(5, 10, 20),
    show_default=True,
    help="Years per cell, the paper's u; may be repeated.",
)
@_splits
@_alphas
@_method_option("SVOR-IMC", "ridge on midpoints")
@click.option("--figure", type=_OUTPUT, help="Where to save a picture of the first method.")
def tables23(images, labels, box, sizes, exact, widths, splits, alphas, names, figure) -> None:
    """Exact labels and cells mixed: m_P, m_I and u.

    SVOR-IMC on intervals has VILMA's optimum and is found in less time.
    """
    faces = _load(images, labels, box)
    drawn = list(split_faces(len(faces.ages), splits))
    _check_sizes(sizes, drawn)
    try:
        design = MixedDesign(tuple(sorted(sizes)), exact, widths)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    methods = _named(names, alphas)
    errors = run_tables23(faces, drawn, design, methods, _progress)
    click.echo(show_tables23(errors, design))
    for method in methods if splits > 1 else ():
        worse = find_worsened(errors, design, method.name) or ["none"]
        click.echo(f"\n{method.name}, worse by over one deviation: {'; '.join(worse)}")
    if figure is not None:
        draw_tables23(errors, design, methods[0].name, figure)


@main.command()
@click.option("--kakadu", type=_FILE, help="kakadu_wtp.csv")
@click.option("--chipseq", type=_FILE, multiple=True, help="A set of penalty intervals, *.csv.xz.")
@click.option("--anes/--no-anes", default=True, help="Income of ANES, which comes with vilma.")
@_face_options(required=False)
def intervals(kakadu, chipseq, anes, images, labels, box) -> None:
    """Real interval labels: losses by five-fold cross-validation."""
    tables = [read_kakadu(kakadu)] if kakadu else []
    tables += [read_chipseq(path) for path in chipseq]
    tables += [anes_levels(), anes_dollars()] if anes else []
    others = available(competitors(), _progress)
    for table in tables:
        losses = compare_methods(table, vilma_methods(), others, _progress)
        click.echo(show_comparison(table, losses) + "\n")
    if images is not None:
        table = bracket_table(_load(images, labels, box))
        others = available(face_competitors(), _progress)
        losses = compare_methods(table, face_methods(), others, _progress)
        click.echo(show_comparison(table, losses))


@main.command()
@_face_options(required=True)
@click.option("--figure", type=_OUTPUT, help="Where to save a picture.")
def few_exact(images, labels, box, figure) -> None:
    """Cells of 10 and 20 years with few exact labels: three placements of thresholds."""
    faces = _load(images, labels, box)
    method = face_methods()[0]
    results = run_few_exact(faces, method, (10, 20), SHARES, _progress)
    click.echo(show_few_exact(results))
    if figure is not None:
        draw_few_exact(results, figure)


@main.command()
@click.option(
    "--seeds", type=click.IntRange(min=2), default=20, show_default=True, help="Random splits."
)
@click.option(
    "--target",
    type=click.Choice(TARGETS),
    default="selfLR",
    show_default=True,
    help="What is asked for: the own place from liberal to conservative, another question of the "
    "survey in seven or eight levels, or income in 24 brackets.",
)
@click.option("--one-model", is_flag=True, help="Of vilma's estimators only OrderedLogitCV.")
@click.option("--figure", type=_OUTPUT, help="Also vary how many answers are vague, and draw it.")
def questions(seeds, target, one_model, figure) -> None:
    """One yes/no question for every respondent of ANES: the comparison of `vilma demo`."""
    survey = load_survey(target)
    answers, exact = question_methods(survey, one_model=one_model)
    errors = run_questions(
        survey, available(answers, _progress), available(exact, _progress), seeds, _progress
    )
    click.echo(show_questions(errors))
    if figure is not None:
        results = run_vagueness(survey, vagueness_methods(), VAGUE_SHARES, seeds, _progress)
        click.echo("\n" + show_vagueness(results))
        draw_vagueness(results, figure)


@main.command()
@click.option(
    "--draws", type=click.IntRange(min=1), default=500, show_default=True, help="Surveys."
)
@click.option(
    "--rows",
    type=click.IntRange(min=50),
    default=500,
    show_default=True,
    help="Rows of each survey.",
)
def standard_errors(draws, rows) -> None:
    """Simulated surveys: how often 95 % intervals of OrderedLogit contain the truth."""
    click.echo(show_standard_errors(run_standard_errors(draws, rows, _progress)))
