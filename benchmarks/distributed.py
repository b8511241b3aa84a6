"""Rows on two worker processes beside rows in memory: ``python -m benchmarks.distributed``.

Fits of both kinds alternate; the first of each compiles and is not counted. "CPU in turn" is that
of the client and of the slower worker, which wait for each other: what the time comes to where no
other process takes the cores. "CPU in all" is that of the client and all workers together. The
client speaks to the workers directly, not through the scheduler, which has no dashboard.
"""

from __future__ import annotations

import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import click
import dask
import numpy as np
from distributed import Client, LocalCluster

from benchmarks.suite.storage import load_data
from benchmarks.suite.tasks.one_hot import OneHot
from vilma import IISVOR_EXP, IISVOR_IMC, VILMA
from vilma.distributed import PartitionedMatrix

__all__ = ["TASKS", "compare", "main"]

_MODELS: dict[str, Callable[..., Any]] = {
    "IISVOR_IMC": IISVOR_IMC,
    "IISVOR_EXP": IISVOR_EXP,
    "VILMA, absolute": VILMA,
    "VILMA, squared": lambda **options: VILMA(loss="squared", **options),
}
_N_PARTITIONS = 8


class Data(NamedTuple):
    """Rows, labels, and the alpha and relative gap to fit them with."""

    X: Any
    y: np.ndarray
    alpha: float
    tol: float


def _dense(rows: int = 200_000) -> Data:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(rows, 50))
    scores = X @ rng.normal(size=50) / np.sqrt(50.0) + 0.5 * rng.normal(size=rows)
    label = np.searchsorted(np.quantile(scores, np.arange(1, 10) / 10), scores)
    width = rng.integers(0, 3, size=(rows, 2))
    y = np.stack([np.maximum(label - width[:, 0], 0), np.minimum(label + width[:, 1], 9)], axis=1)
    return Data(X, y, 1e-3, 1e-3)


def _codes(rows: int = 33_000) -> Data:
    task = OneHot(
        name="codes", rows=rows, test_rows=10, annotation="brackets", width=5, exact_share=0.2
    )
    with tempfile.TemporaryDirectory() as folder:
        task.make(Path(folder))
        data = load_data(Path(folder))
    return Data(data.X, data.intervals, 0.1, 1e-2)


TASKS: dict[str, Callable[..., Data]] = {"dense": _dense, "codes": _codes}


def compare(client: Client, data: Data, models: Sequence[str], n_rounds: int) -> Iterator[str]:
    """Fit in both ways in turn; yield the rows of a table, one for each model."""
    X, y, alpha, tol = data
    cuts = np.linspace(0, X.shape[0], _N_PARTITIONS + 1).astype(int)
    blocks = [client.scatter(X[a:b], hash=False) for a, b in pairwise(cuts)]
    P = PartitionedMatrix.from_delayed(
        [dask.delayed(block) for block in blocks],
        X.shape[1],
        lengths=np.diff(cuts),
        client=client,
        rows_per_part=X.shape[0],
    )
    engine = P.load(y).engine

    def cpu() -> np.ndarray:
        return np.array([time.process_time(), *client.run(time.process_time).values()])

    def fit(make: Callable[..., Any], rows: Any) -> tuple[Any, float, np.ndarray]:
        before, start = cpu(), time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = make(alpha=alpha, tol=tol).fit(rows, y)
        seconds = time.perf_counter() - start
        return model, seconds, cpu() - before

    for name in models:
        times = []
        for _ in range(n_rounds + 1):
            local, wall, (own, *_) = fit(_MODELS[name], X)
            trips, sent = engine.n_trips, engine.n_bytes
            parts, wall_parts, (at_client, *at_workers) = fit(_MODELS[name], P)
            trips, sent = engine.n_trips - trips, engine.n_bytes - sent
            in_turn, in_all = at_client + max(at_workers), at_client + sum(at_workers)
            times.append([wall, own, wall_parts / wall, in_turn / own, in_all / own])
        medians = [median(column) for column in zip(*times[1:], strict=True)]
        shown, n = " | ".join(f"{each:.2f}" for each in medians), parts.n_iter_
        yield (
            f"| {name} | {shown} | {local.n_iter_} | {n} | "
            f"{trips / n:.1f} | {sent / n / 1e3:,.0f} | "
            f"{parts.objective_ / local.objective_ - 1.0:.1e} | {local.gap_:.1e} | "
            f"{parts.gap_:.1e} |"
        )
    P.release()


@click.command()
@click.option("--task", "tasks", type=click.Choice(list(TASKS)), multiple=True)
@click.option("--model", "models", type=click.Choice(list(_MODELS)), multiple=True)
@click.option("--rounds", type=click.IntRange(1), default=5, show_default=True)
@click.option("--tol", type=float, help="Relative gap, instead of each task's own.")
@click.option("--rows", type=click.IntRange(1), help="Number of rows, likewise.")
def main(
    tasks: tuple[str, ...],
    models: tuple[str, ...],
    rounds: int,
    tol: float | None,
    rows: int | None,
) -> None:
    """Print times, round trips, and how far the objectives are apart."""
    cluster = LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, memory_limit=0
    )
    with cluster, Client(cluster, direct_to_workers=True) as client:
        for task in tasks or TASKS:
            data = TASKS[task]() if rows is None else TASKS[task](rows)
            if tol is not None:
                data = data._replace(tol=tol)
            click.echo(
                f"{task}, {data.X.shape[0]:,} x {data.X.shape[1]:,}, alpha={data.alpha:g}, "
                f"tol={data.tol:g}\n\n| model | seconds in memory | CPU in memory | time, ratio | "
                "CPU in turn, ratio | CPU in all, ratio | iterations in memory | in parts | "
                "round trips each | kB each | objectives apart | gap in memory | in parts |\n"
                "|---|---|---|---|---|---|---|---|---|---|---|---|---|"
            )
            for line in compare(client, data, models or tuple(_MODELS), rounds):
                click.echo(line)


if __name__ == "__main__":
    main()
