"""Run the league, or print its tables: ``python -m benchmarks.league --data DIR``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from benchmarks.league.limit import LimitedProcess
from benchmarks.league.methods import METHODS, measure
from benchmarks.league.report import write_report
from benchmarks.league.tables import DESIGNS, Split, find_tables, splits


@click.command()
@click.option("--data", type=click.Path(exists=True, path_type=Path), required=True)
@click.option("--output", type=click.Path(path_type=Path), default=Path("results/league.jsonl"))
@click.option("--splits", "n_splits", type=click.IntRange(1), default=5, show_default=True)
@click.option("--design", "designs", type=click.Choice(DESIGNS), multiple=True)
@click.option("--method", "names", type=click.Choice(list(METHODS)), multiple=True)
@click.option("--table", "wanted", multiple=True, help="Names of tables; all by default.")
@click.option("--max-train", type=click.IntRange(20), default=1500, show_default=True)
@click.option(
    "--time-limit",
    type=click.FloatRange(0, min_open=True),
    default=600.0,
    show_default=True,
    help="Seconds for a method on one split, its choice of options included.",
)
@click.option("--report-only", is_flag=True, help="Run nothing; print what was asked for.")
def main(
    data: Path,
    output: Path,
    n_splits: int,
    designs: tuple[str, ...],
    names: tuple[str, ...],
    wanted: tuple[str, ...],
    max_train: int,
    time_limit: float,
    report_only: bool,
) -> None:
    """Compare all methods on a folder of tables; goes on where it was stopped."""
    output.parent.mkdir(parents=True, exist_ok=True)
    results = _read(output)
    if not report_only:
        tables = [each for each in find_tables(data) if not wanted or each.name in wanted]
        players = [name for name in names or METHODS if METHODS[name].installed()]
        with LimitedProcess(time_limit) as process:
            for table in tables:
                for design in (designs or DESIGNS) if table.exact else ("real",):
                    chosen = splits(table, n_splits, design, max_train)
                    _run_table(table.name, design, chosen, players, results, output, process)
    shown = [
        each
        for each in results.values()
        if each["design"] in (*(designs or DESIGNS), "real")
        and each["method"] in (names or METHODS)
        and each["table"] in (wanted or [each["table"]])
        and each["split"] < n_splits
    ]
    click.echo(write_report(shown))


def _run_table(
    table: str,
    design: str,
    chosen: list[Split],
    names: list[str],
    results: dict[tuple, dict[str, Any]],
    output: Path,
    process: LimitedProcess,
) -> None:
    for number, split in enumerate(chosen):
        for name in names:
            key = (table, design, number, name)
            if key in results:
                continue
            try:
                measured = process.call(measure, name, split)
            except (TimeoutError, ChildProcessError, RuntimeError) as error:
                # a method that fails loses; the others go on
                measured = {"mae": None, "seconds": None, "error": str(error)[:300]}
            results[key] = {
                "table": table,
                "design": design,
                "split": number,
                "method": name,
                **measured,
            }
            with output.open("a") as lines:
                lines.write(json.dumps(results[key], default=str) + "\n")


def _read(path: Path) -> dict[tuple, dict[str, Any]]:
    """Return what has been measured; a last line cut short does not count."""
    results = {}
    if path.exists():
        text = path.read_text()
        if text and not text.endswith("\n"):
            path.write_text(text + "\n")
        for line in text.splitlines():
            try:
                each = json.loads(line)
            except json.JSONDecodeError:
                continue
            results[each["table"], each["design"], each["split"], each["method"]] = each
    return results


if __name__ == "__main__":
    main()
