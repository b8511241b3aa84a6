"""Configurations: which tasks, which adapters, under which settings."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from benchmarks.adapters import ADAPTERS
from benchmarks.suite.tasks import TASKS, Task

__all__ = ["Config", "Entry", "read_config", "task_description", "task_from_description"]

_SETTINGS: dict[str, tuple[type, Any]] = {
    "threads": (int, 1),
    "repeats": (int, 3),
    "time_limit": (float, 600.0),
}


@dataclass(frozen=True)
class Entry:
    """A task with the adapters to be measured on it."""

    task: Task
    adapters: tuple[str, ...]


@dataclass(frozen=True)
class Config:
    """A whole run.

    Attributes
    ----------
    title : str
    entries : tuple of Entry
    options : dict
        By adapter, what replaces its default options.
    threads : int
        Of every method, BLAS and OpenMP included.
    repeats : int
        Fits of which the medians are reported.
    time_limit : float
        Seconds that a fit may take.
    """

    title: str
    entries: tuple[Entry, ...]
    options: dict[str, dict[str, Any]]
    threads: int
    repeats: int
    time_limit: float

    def settings(self) -> dict[str, Any]:
        """Return what all fits of a run share, for its record."""
        names = {name for entry in self.entries for name in entry.adapters}
        return {
            "title": self.title,
            **{name: getattr(self, name) for name in _SETTINGS},
            # With the defaults: fits with others must not be mixed with these.
            "options": {
                name: {**ADAPTERS[name].defaults, **self.options.get(name, {})}
                for name in sorted(names)
            },
            "tasks": [
                {**task_description(entry.task), "adapters": list(entry.adapters)}
                for entry in self.entries
            ],
        }


def task_description(task: Task) -> dict[str, Any]:
    """Return the kind of a task and its parameters, from which it can be made again."""
    return {"kind": task.kind, **dataclasses.asdict(task)}


def task_from_description(description: Mapping[str, Any]) -> Task:
    """Make a task of what `task_description` returned; further entries are ignored."""
    make = TASKS[description["kind"]]
    names = {field.name for field in dataclasses.fields(make)}
    return make(**{name: value for name, value in description.items() if name in names})


def read_config(path: Path) -> Config:
    """Read and check a configuration file.

    Raises
    ------
    ValueError
        If the file is not TOML, or names or values in it are not known; the message says where.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        return _build(content, path.stem)
    except (tomllib.TOMLDecodeError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from error


def _build(content: dict[str, Any], stem: str) -> Config:
    _refuse_unknown(content, {"title", "adapters", "options", "tasks", *_SETTINGS}, "setting")
    settings = {name: _number(content, name) for name in _SETTINGS}
    everywhere = content.get("adapters", list(ADAPTERS))
    entries: list[Entry] = []
    for table in content.get("tasks", []):
        adapters = tuple(table.get("adapters", everywhere))
        _refuse_unknown(adapters, ADAPTERS, "adapter")
        entries.extend(Entry(task, adapters) for task in _tasks(table))
    if not entries:
        raise ValueError("there is no [[tasks]] table; give at least one.")
    names = [entry.task.name for entry in entries]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"two tasks are named {name!r}; names must differ.")
    options = content.get("options", {})
    _refuse_unknown(options, ADAPTERS, "adapter")
    for name, changes in options.items():
        ADAPTERS[name].candidates(changes)  # refuses wrong options before hours of work
    return Config(content.get("title", stem), tuple(entries), options, **settings)


def _tasks(table: dict[str, Any]) -> list[Task]:
    """Make the tasks of one table; a list stands for a task for each of its values."""
    table = {key: value for key, value in table.items() if key != "adapters"}
    kind = table.pop("kind", None)
    if kind not in TASKS:
        raise ValueError(f"unknown kind of task {kind!r}; there are: {', '.join(TASKS)}.")
    make = TASKS[kind]
    fields = {field.name for field in dataclasses.fields(make)}
    _refuse_unknown(table, fields, f"parameter of kind {kind!r}")
    table.setdefault("name", kind)
    series = {
        key: value for key, value in table.items() if isinstance(value, list) and key != "box"
    }
    tasks = []
    for values in product(*series.values()):
        chosen = dict(zip(series, values, strict=True))
        name = "-".join([table["name"], *(f"{key}-{value}" for key, value in chosen.items())])
        tasks.append(make(**{**table, **chosen, "name": name}))
    return tasks


def _number(content: dict[str, Any], name: str) -> Any:
    kind, default = _SETTINGS[name]
    value = content.get(name, default)
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    smallest = 1 if kind is int else 1e-3
    if not is_number or value != kind(value) or value < smallest:
        raise ValueError(
            f"{name} must be of type {kind.__name__} and at least {smallest}, got {value!r}."
        )
    return kind(value)


def _refuse_unknown(found: Any, known: Mapping[str, Any] | set[str], what: str) -> None:
    for name in found:
        if name not in known:
            raise ValueError(f"unknown {what} {name!r}; there are: {', '.join(sorted(known))}.")
