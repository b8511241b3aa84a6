"""Run the league, or print its tables: ``python -m benchmarks.league --data DIR``."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import click
import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.league.methods import METHODS, fit_and_predict
from benchmarks.league.report import write_report
from benchmarks.league.tables import DESIGNS, Split, Table, find_tables, splits
from benchmarks.scores import losses_outside


@click.command()
@click.option("--data", type=click.Path(exists=True, path_type=Path), required=True)
@click.option("--output", type=click.Path(path_type=Path), default=Path("results/league.jsonl"))
@click.option("--splits", "n_splits", type=click.IntRange(1), default=5, show_default=True)
@click.option("--design", "designs", type=click.Choice(DESIGNS), multiple=True)
@click.option("--method", "names", type=click.Choice(list(METHODS)), multiple=True)
@click.option("--table", "wanted", multiple=True, help="Names of tables; all by default.")
@click.option("--max-train", type=click.IntRange(20), default=1500, show_default=True)
@click.option("--report-only", is_flag=True, help="Run nothing.")
def main(
    data: Path,
    output: Path,
    n_splits: int,
    designs: tuple[str, ...],
    names: tuple[str, ...],
    wanted: tuple[str, ...],
    max_train: int,
    report_only: bool,
) -> None:
    """Compare all methods on a folder of tables; goes on where it was stopped."""
    output.parent.mkdir(parents=True, exist_ok=True)
    results = _read(output)
    if not report_only:
        tables = [each for each in find_tables(data) if not wanted or each.name in wanted]
        for table in tables:
            for design in (designs or DESIGNS) if table.exact else ("real",):
                _run_table(
                    table, design, n_splits, max_train, names or tuple(METHODS), results, output
                )
    click.echo(write_report(list(results.values())))


def _run_table(
    table: Table,
    design: str,
    n_splits: int,
    max_train: int,
    names: tuple[str, ...],
    results: dict[tuple, dict[str, Any]],
    output: Path,
) -> None:
    for number, split in enumerate(splits(table, n_splits, design, max_train)):
        for name in names:
            key = (table.name, design, number, name)
            if key in results:
                continue
            if not METHODS[name].installed():
                continue
            results[key] = {
                "table": table.name,
                "design": design,
                "split": number,
                "method": name,
                **_measure(name, split),
            }
            with output.open("a") as lines:
                lines.write(json.dumps(results[key], default=str) + "\n")


def _measure(name: str, split: Split) -> dict[str, Any]:
    start = time.process_time()
    try:
        with threadpool_limits(1):
            predicted, chosen = fit_and_predict(METHODS[name], split)
    except Exception as error:  # a method that fails loses; the others go on
        return {"mae": None, "error": f"{type(error).__name__}: {error}"[:300]}
    return {
        "mae": float(np.mean(losses_outside(split.test, predicted))),
        "seconds": round(time.process_time() - start, 3),
        "chosen": chosen,
    }


def _read(path: Path) -> dict[tuple, dict[str, Any]]:
    """Return what has been measured; a last line cut short does not count."""
    results = {}
    if path.exists():
        text = path.read_text()
        if not text.endswith("\n"):
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
