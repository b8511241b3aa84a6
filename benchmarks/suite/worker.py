"""The process that makes a task's data, or fits once: ``make TASK FOLDER``, ``fit JOB ANSWER``.

Both are started by `benchmarks.suite.jobs`, with descriptions in JSON.
"""

from __future__ import annotations

import json
import shutil
import signal
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from benchmarks.adapters import ADAPTERS, Adapter
from benchmarks.scores import losses_outside, score
from benchmarks.suite.config import task_from_description
from benchmarks.suite.jobs import FitJob, Outcome
from benchmarks.suite.memory import current_memory, peak_memory
from benchmarks.suite.storage import Data, load_data

__all__ = ["fit_once", "make_data"]

_WARM_UP_ROWS = 300
_N_FOLDS = 5  # of the validation


def make_data(description: dict, folder: Path) -> None:
    """Make the data beside the folder and move them there when whole."""
    task = task_from_description(description)
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    task.make(partial)
    partial.rename(folder)


def fit_once(job: FitJob) -> Outcome:
    """Load, warm up, fit and test; the fit alone is timed."""
    start = time.perf_counter()
    make = ADAPTERS[job.adapter]
    data = load_data(Path(job.data), make.memory_budget(job.options))
    load_seconds = time.perf_counter() - start

    start = time.perf_counter()
    with _time_limit(job.time_limit), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _warm_up(_make_adapter(job, data), data)
    warm_up_seconds = time.perf_counter() - start

    if job.validation:
        return _validate(job, data)
    adapter = _make_adapter(job, data)
    level = current_memory()
    seconds, converged = _fit(adapter, data, job.time_limit)
    peak = peak_memory()
    return {
        "status": "ok",
        "seconds": seconds,
        "load_seconds": load_seconds,
        "warm_up_seconds": warm_up_seconds,
        "peak_bytes": peak,
        "above_bytes": max(peak - level, 0),
        "converged": converged,
        **score(data.truth, adapter.predict(data.X_test)),
        **adapter.certificate(data.X),
    }


def _validate(job: FitJob, data: Data) -> Outcome:
    """Return every training row's loss under a fit to the other folds."""
    seconds = 0.0
    losses = np.empty(len(data.intervals))
    for held in np.array_split(np.random.default_rng(0).permutation(len(losses)), _N_FOLDS):
        part = _hold_out(data, np.sort(held))
        adapter = _make_adapter(job, part)
        fold_seconds, _ = _fit(adapter, part, job.time_limit)
        seconds += fold_seconds
        losses[np.sort(held)] = losses_outside(part.truth, adapter.predict(part.X_test))
    return {"status": "ok", "seconds": seconds, "losses": losses.tolist()}


def _make_adapter(job: FitJob, data: Data) -> Adapter:
    return ADAPTERS[job.adapter](job.options, data.classes, job.threads)


def _fit(adapter: Adapter, data: Data, time_limit: float) -> tuple[float, bool]:
    """Return the seconds that the fit took, and whether it did not warn that they were too few."""
    with _time_limit(time_limit), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        start = time.perf_counter()
        adapter.fit(data.X, data.intervals)
        seconds = time.perf_counter() - start
    return seconds, not any("Convergence" in each.category.__name__ for each in caught)


def _warm_up(adapter: Adapter, data: Data) -> None:
    """Compile and import on a few rows; what is wrong with them may be right with all."""
    n_rows = len(data.intervals)
    rows = np.unique(np.linspace(0, n_rows - 1, min(_WARM_UP_ROWS, n_rows)).astype(np.int64))
    with suppress(Exception):
        adapter.fit(data.X[rows], data.intervals[rows])
        adapter.predict(data.X[rows])


def _hold_out(data: Data, held: np.ndarray) -> Data:
    """Set training rows aside, with their annotations for truth."""
    kept = np.setdiff1d(np.arange(len(data.intervals)), held)
    return Data(
        data.X[kept], data.intervals[kept], data.X[held], data.intervals[held], data.classes
    )


@contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    """End the process by SIGALRM, even inside compiled code, if the block takes longer."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)


def main(verb: str, description: str, target: str) -> None:
    """Do what `benchmarks.suite.jobs` asked for."""
    if verb == "make":
        make_data(json.loads(description), Path(target))
        return
    try:
        outcome = fit_once(FitJob(**json.loads(description)))
    except Exception as error:  # whatever a competitor raises is a result
        first_line = (str(error).strip().splitlines() or [""])[0]
        outcome = {"status": "failed", "reason": f"{type(error).__name__}: {first_line}"}
    Path(target).write_text(json.dumps(outcome))


if __name__ == "__main__":
    main(*sys.argv[1:])
