"""The commands ``run``, ``report`` and ``compare``."""

from __future__ import annotations

from pathlib import Path

import click

from benchmarks.suite.compare import MARGINS, find_regressions
from benchmarks.suite.config import read_config
from benchmarks.suite.report import write_report
from benchmarks.suite.results import Results
from benchmarks.suite.runner import run_config

__all__ = ["main"]

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 99})
def main() -> None:
    """Measure vilma beside what users would pick instead."""


@main.command()
@click.option(
    "--config",
    "config_path",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file such as benchmarks/configs/dense.toml.",
)
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the results.  [default: benchmark-results/NAME-OF-CONFIG]",
)
def run(config_path: Path, output: Path | None) -> None:
    """Fit and measure; the same command goes on after an interruption."""
    output = output or Path("benchmark-results") / config_path.stem
    try:
        results = run_config(read_config(config_path), output, click.echo)
    except (ValueError, RuntimeError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"results in {results.path}")


@main.command()
@click.argument("folder", metavar="DIR", type=_FOLDER)
def report(folder: Path) -> None:
    """Print the results in DIR as tables, and save them there with plots."""
    try:
        click.echo(write_report(Results.load(folder), folder))
    except ValueError as error:
        raise click.ClickException(str(error)) from error


@main.command()
@click.argument("old", type=_FOLDER)
@click.argument("new", type=_FOLDER)
def compare(old: Path, new: Path, **margins: tuple[float, float]) -> None:
    """Fail if NEW is worse than OLD by more than both margins, a relative and an absolute one."""
    try:
        regressions, n_compared = find_regressions(Results.load(old), Results.load(new), margins)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    for line in regressions:
        click.echo(line)
    click.echo(f"{len(regressions)} regressions in {n_compared} rows")
    if regressions:
        raise click.exceptions.Exit(1)


for _name, _margin in MARGINS.items():
    click.option(
        f"--{_name}",
        nargs=2,
        type=click.FloatRange(min=0.0),
        default=(_margin.relative, _margin.absolute),
        show_default=True,
        metavar="SHARE " + _margin.unit.upper(),
        help=f"Margins of {_margin.title}: a share of the old figure, and {_margin.unit}.",
    )(compare)
