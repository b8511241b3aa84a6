"""Work through a configuration, one fit at a time."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmarks.adapters import ADAPTERS
from benchmarks.suite.config import Config, Entry, task_description
from benchmarks.suite.jobs import FitJob, Outcome, run_fit, run_make
from benchmarks.suite.machine import machine_facts
from benchmarks.suite.results import Results
from benchmarks.suite.tasks import Task
from benchmarks.suite.validation import choose_candidate

__all__ = ["run_config"]


def run_config(config: Config, output: Path, say: Callable[[str], None]) -> Results:
    """Measure everything that the output folder does not hold yet.

    Parameters
    ----------
    config : Config
    output : Path
        Where the results go, and for as long as a task is measured its data.
    say : callable
        Takes a line on the progress.

    Returns
    -------
    Results

    Raises
    ------
    ValueError
        If the folder holds results of other settings or another machine.
    RuntimeError
        If a task's data cannot be made.
    """
    names = {name for entry in config.entries for name in entry.adapters}
    facts = machine_facts(sorted(ADAPTERS[name].package for name in names))
    results = Results.begin(output, config.settings(), facts)
    for entry in config.entries:
        _TaskRun(config, entry, results, output, say).run()
    results.save()
    return results


class _TaskRun:
    """The fits of all adapters on one task."""

    def __init__(
        self,
        config: Config,
        entry: Entry,
        results: Results,
        output: Path,
        say: Callable[[str], None],
    ) -> None:
        self._config = config
        self._task: Task = entry.task
        self._adapters = entry.adapters
        self._results = results
        self._data = output / "data" / entry.task.name
        self._say = say

    def run(self) -> None:
        """Choose every adapter's options, then repeat the fits in turn."""
        self._say(f"{self._task.name}: {self._task.describe()}")
        chosen = {}
        for name in self._suitable():
            options = self._choose(name)
            if options is not None:
                chosen[name] = options
        # In turn, so that a busy moment of the machine does not hit one adapter alone.
        for repeat in range(self._config.repeats):
            for name in list(chosen):
                outcome = self._fit(name, chosen[name], validation=False, repeat=repeat)
                if outcome["status"] != "ok":
                    del chosen[name]
        shutil.rmtree(self._data, ignore_errors=True)

    def _suitable(self) -> list[str]:
        missing = self._task.missing()
        suitable = []
        for name in self._adapters:
            reason = missing or ADAPTERS[name].unsuitable(self._task.container, self._task.size)
            if reason is None:
                suitable.append(name)
                continue
            self._results.skipped.append(
                {"task": self._task.name, "adapter": name, "reason": reason}
            )
            self._say(f"  {name:14} skipped: {reason}")
        return suitable

    def _choose(self, name: str) -> dict[str, Any] | None:
        """Return the options to use, None if no candidate could be fitted."""
        candidates = ADAPTERS[name].candidates(self._config.options.get(name, {}))
        if len(candidates) == 1:
            return candidates[0]
        losses = []
        for options in candidates:
            outcome = self._fit(name, options, validation=True, repeat=0)
            losses.append(outcome.get("losses"))
        chosen = choose_candidate(losses)
        return None if chosen is None else candidates[chosen]

    def _fit(
        self, name: str, options: dict[str, Any], *, validation: bool, repeat: int
    ) -> Outcome:
        key = {
            "task": self._task.name,
            "adapter": name,
            "options": options,
            "validation": validation,
            "repeat": repeat,
        }
        outcome = self._results.find(key)
        if outcome is None:
            if not self._data.exists():
                run_make(task_description(self._task), self._data)
            outcome = run_fit(
                FitJob(
                    str(self._data),
                    name,
                    options,
                    self._config.threads,
                    self._config.time_limit,
                    validation,
                )
            )
            self._results.add(key, outcome)
            self._say(f"  {name:14} {_describe(options, outcome, validation)}")
        return outcome


def _describe(options: dict[str, Any], outcome: Outcome, validation: bool) -> str:
    settings = " ".join(f"{key}={value}" for key, value in options.items())
    if outcome["status"] != "ok":
        return f"{outcome['status']}: {outcome['reason']}  {settings}"
    if validation:
        error = fmean(outcome["losses"])
        return f"validation: error {error:.4f}  {outcome['seconds']:.3f} s  {settings}"
    return (
        f"{outcome['seconds']:.3f} s  peak {outcome['peak_bytes'] / 1e6:.0f} MB  "
        f"MAE {outcome['mae']:.4f}  {settings}"
    )
