"""CPU time of several directions beside one, on codes of the paper's kind.

``python -m benchmarks.direction_cost``: VILMA, VILMA by planes alone, and PWVILMA with four
directions take turns; one thread.
"""

from __future__ import annotations

import tempfile
import time
import warnings
from pathlib import Path
from typing import NamedTuple

import click
import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.suite.storage import Data, load_data
from benchmarks.suite.tasks import OneHot
from vilma import PWVILMA, VILMA

__all__ = ["Cost", "compare", "main"]

_ANNOTATIONS = {
    "exact": {"annotation": "exact"},
    "a fifth exact, cells of 5": {"annotation": "brackets", "width": 5, "exact_share": 0.2},
}


class Cost(NamedTuple):
    """What the fits of one method took."""

    seconds: np.ndarray  # of CPU, fit by fit
    n_iterations: int
    inner_share: float  # of the last fit's time
    inner_seconds: float  # of CPU, each evaluation

    @classmethod
    def of(cls, model: VILMA | PWVILMA, seconds: list[float]) -> Cost:
        """Read the history of the last fit."""
        history = model.history_
        share = float(history["inner_seconds"].sum() / history["seconds"][-1])
        inner_seconds = share * float(np.median(seconds)) / int(history["n_evaluations"].sum())
        return cls(np.array(seconds), model.n_iter_, share, inner_seconds)


def compare(data: Data, alpha: float, repeats: int) -> dict[str, Cost]:
    """Fit all methods in turns, a first time to compile."""
    options = {"alpha": alpha, "tol": 1e-2, "classes": data.classes}
    methods = {
        "VILMA": VILMA(**options),
        "VILMA, planes": VILMA(**options, solver="cutting_plane"),
        "PWVILMA, 4 directions": PWVILMA(**options, n_pieces=4),
    }
    seconds: dict[str, list[float]] = {name: [] for name in methods}
    for turn in range(repeats + 1):
        for name, model in methods.items():
            start = time.process_time()
            model.fit(data.X, data.intervals)
            if turn:
                seconds[name].append(time.process_time() - start)
    return {name: Cost.of(model, seconds[name]) for name, model in methods.items()}


@click.command()
@click.option("--rows", type=click.IntRange(100), default=5000, show_default=True)
@click.option("--blocks", type=click.IntRange(1), default=623, show_default=True)
@click.option("--alpha", type=click.FloatRange(0.0, min_open=True), default=0.01)
@click.option("--repeats", type=click.IntRange(1), default=5, show_default=True)
def main(rows: int, blocks: int, alpha: float, repeats: int) -> None:
    """Print CPU times, their ratios turn by turn, and the share of the inner loop."""
    warnings.simplefilter("ignore")
    click.echo("| labels | method | CPU s | of VILMA's | iterations | inner loop | each, ms |")
    click.echo("|---" * 7 + "|")
    for labels, annotation in _ANNOTATIONS.items():
        task = OneHot(name="codes", rows=rows, blocks=blocks, test_rows=1, **annotation)
        with tempfile.TemporaryDirectory() as folder, threadpool_limits(1):
            task.make(Path(folder))
            costs = compare(load_data(Path(folder)), alpha, repeats)
        for name, cost in costs.items():
            ratio = np.median(cost.seconds / costs["VILMA"].seconds)
            click.echo(
                f"| {labels} | {name} | {np.median(cost.seconds):.3f} | {ratio:.2f} "
                f"| {cost.n_iterations} | {100 * cost.inner_share:.0f} % "
                f"| {1e3 * cost.inner_seconds:.2f} |"
            )


if __name__ == "__main__":
    main()
