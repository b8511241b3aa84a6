"""Find what got worse between two runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from benchmarks.suite.machine import different_facts
from benchmarks.suite.results import Results
from benchmarks.suite.summary import Row, summarize

__all__ = ["MARGINS", "Margin", "find_regressions"]


class Margin(NamedTuple):
    """What a figure of a row may grow by."""

    title: str
    field: str
    unit: str
    size: float  # of the unit, in the figure's own
    relative: float
    absolute: float  # in units


MARGINS = {
    "time": Margin("the time of a fit", "seconds", "seconds", 1.0, 0.25, 0.1),
    "memory": Margin("the peak memory", "peak_bytes", "megabytes", 1e6, 0.15, 50.0),
    "gap": Margin("the certified gap", "gap", "gap", 1.0, 0.1, 1e-4),
    "mae": Margin("MAE and macro-averaged MAE", "mae", "labels", 1.0, 0.01, 0.005),
}


def find_regressions(
    old: Results, new: Results, margins: Mapping[str, tuple[float, float]]
) -> tuple[list[str], int]:
    """Compare the rows that both runs have.

    Parameters
    ----------
    old, new : Results
    margins : mapping of str to (float, float)
        By the names of `MARGINS`: the relative and the absolute margin. A figure is worse if it
        grew by more than both.

    Returns
    -------
    regressions : list of str
        A line for each figure that got worse, and for each row that was measured and no longer
        is. If there are any, the facts in which the machines differ follow.
    n_compared : int

    Raises
    ------
    ValueError
        If a task of the same name is not the same, or the thread counts differ.
    """
    _refuse_different(old, new)
    after = {(row.task, row.adapter): row for row in summarize(new)}
    regressions: list[str] = []
    n_compared = 0
    for before in summarize(old):
        row = after.get((before.task, before.adapter))
        if before.status != "ok":
            continue
        n_compared += 1
        if row is None or row.status != "ok":
            status = "missing" if row is None else f"{row.status}: {row.reason}"
            regressions.append(f"{before.task}, {before.adapter}: was measured, now {status}")
            continue
        regressions += _worse(before, row, margins)
    if regressions:
        regressions += [f"note: the {fact}" for fact in different_facts(old.machine, new.machine)]
    return regressions, n_compared


def _worse(before: Row, after: Row, margins: Mapping[str, tuple[float, float]]) -> list[str]:
    lines = []
    for name, (relative, absolute) in margins.items():
        margin = MARGINS[name]
        fields = [margin.field, "macro_mae"] if name == "mae" else [margin.field]
        for field in fields:
            was, now = getattr(before, field), getattr(after, field)
            if was is None or now is None:
                continue
            growth = now - was
            if growth > relative * was and growth > absolute * margin.size:
                lines.append(
                    f"{before.task}, {before.adapter}: {field} {was:.4g} -> {now:.4g} "
                    f"({growth / was if was else float('inf'):+.0%})"
                )
    return lines


def _refuse_different(old: Results, new: Results) -> None:
    if old.settings["threads"] != new.settings["threads"]:
        raise ValueError(
            f"{old.path} was measured with {old.settings['threads']} threads, {new.path} with "
            f"{new.settings['threads']}; compare runs with equal threads."
        )
    tasks = {task["name"]: task for task in new.settings["tasks"]}
    for task in old.settings["tasks"]:
        other = tasks.get(task["name"], task)
        for key, value in task.items():
            if key != "adapters" and other.get(key) != value:
                raise ValueError(
                    f"The task {task['name']!r} has {key} {value!r} in {old.path} and "
                    f"{other.get(key)!r} in {new.path}; compare runs of the same tasks."
                )
