"""Time against size, and gap against time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.suite.growth import Series
from benchmarks.suite.results import Results

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["plot_gap_against_time", "plot_time_against_size"]


def plot_time_against_size(series: list[Series]) -> Figure | None:
    """Draw a line per series, None if there is no series."""
    if not series:
        return None
    figure, axes = _figure(1)
    for each in series:
        axes[0].loglog(each.rows, each.seconds, "o-", label=f"{each.adapter}, {each.task}")
    axes[0].set(xlabel="rows", ylabel="seconds", title="time against size")
    axes[0].legend(fontsize="small")
    return figure


def plot_gap_against_time(results: Results) -> Figure | None:
    """Draw the first fit's history of every method that certifies its gap, a panel per task."""
    histories: dict[str, list[dict]] = {}
    for record in results.fits:
        if record.get("history") and not record["validation"] and record["repeat"] == 0:
            histories.setdefault(record["task"], []).append(record)
    if not histories:
        return None
    figure, axes = _figure(len(histories))
    for panel, (task, records) in zip(axes, histories.items(), strict=True):
        for record in records:
            history = record["history"]
            # A gap of 0, rounding, has no place on a logarithmic axis.
            points = [
                point
                for point in zip(history["seconds"], history["gap"], strict=True)
                if point[1] > 0.0
            ]
            if points:
                label = f"{record['adapter']}, alpha {record['options']['alpha']:g}"
                panel.semilogy(*zip(*points, strict=True), label=label)
        panel.set(xlabel="seconds", ylabel="relative gap", title=task)
        panel.legend(fontsize="small")
    return figure


def _figure(n_panels: int) -> tuple[Figure, list]:
    """Return a figure that needs no display, and its panels, three in a row."""
    from matplotlib.figure import Figure

    n_columns = min(n_panels, 3)
    n_rows = -(-n_panels // n_columns)
    figure = Figure(figsize=(5.0 * n_columns, 4.0 * n_rows), layout="constrained")
    return figure, [figure.add_subplot(n_rows, n_columns, place + 1) for place in range(n_panels)]
