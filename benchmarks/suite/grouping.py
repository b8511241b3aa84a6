"""Rows of tasks that differ in one parameter alone."""

from __future__ import annotations

from typing import Any, NamedTuple

from benchmarks.suite.results import Results
from benchmarks.suite.summary import Row

__all__ = ["Group", "group_rows"]


class Group(NamedTuple):
    """An adapter's rows over the values of a parameter."""

    task: str  # without the parameter
    adapter: str
    values: list[Any]  # ascending
    rows: list[Row]


def group_rows(results: Results, rows: list[Row], parameter: str) -> list[Group]:
    """Return every group of at least two values, of rows that were measured."""
    tasks = {task["name"]: task for task in results.settings["tasks"]}
    members: dict[tuple, list[tuple[Any, Row]]] = {}
    for row in rows:
        task = tasks[row.task]
        if row.status == "ok" and parameter in task:
            others = tuple(
                (key, str(value))
                for key, value in task.items()
                if key not in ("name", "adapters", parameter)
            )
            members.setdefault((others, row.adapter), []).append((task[parameter], row))
    groups = []
    for (_, adapter), found in members.items():
        if len(found) < 2:
            continue
        found.sort(key=lambda member: member[0])
        value, row = found[0]
        name = row.task.replace(f"-{parameter}-{value}", "")
        groups.append(
            Group(name, adapter, [value for value, _ in found], [row for _, row in found])
        )
    return groups
