"""One fit, to be done in a process of its own, and its outcome."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

__all__ = ["FitJob", "Outcome", "run_fit", "run_make"]

Outcome = dict[str, Any]  # what the process reports: at least a status, and a reason if not "ok"

_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)


@dataclass(frozen=True)
class FitJob:
    """What a process needs to know to fit and test once."""

    data: str  # the task's folder
    adapter: str
    options: dict[str, Any]
    threads: int
    time_limit: float  # seconds of a fit
    validation: bool  # cross-validate on the training rows instead


def run_fit(job: FitJob) -> Outcome:
    """Fit in a new process and return what it measured, or what became of it."""
    with tempfile.TemporaryDirectory() as scratch:
        answer = Path(scratch) / "outcome.json"
        done = _run_worker(["fit", json.dumps(asdict(job)), str(answer)], job.threads)
        if answer.exists():
            return json.loads(answer.read_text())
    if done.returncode == -signal.SIGALRM:
        return {"status": "timed out", "reason": f"no end after {job.time_limit:g} s"}
    return {"status": "failed", "reason": _ending(done)}


def run_make(task: dict[str, Any], folder: Path) -> None:
    """Make a task's data in a new process.

    Raises
    ------
    RuntimeError
        If that failed, with the last line of its messages.
    """
    done = _run_worker(["make", json.dumps(task), str(folder)], threads=1)
    if done.returncode:
        raise RuntimeError(f"Making the data of {task['name']!r} failed: {_ending(done)}")


def _run_worker(arguments: list[str], threads: int) -> subprocess.CompletedProcess[str]:
    top = str(Path(__file__).resolve().parents[2])
    environment = dict(os.environ, **dict.fromkeys(_THREAD_VARIABLES, str(threads)))
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [top, os.environ.get("PYTHONPATH")]))
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.suite.worker", *arguments],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )


def _ending(done: subprocess.CompletedProcess[str]) -> str:
    if done.returncode < 0:
        return f"ended by {signal.Signals(-done.returncode).name}"
    lines = done.stderr.strip().splitlines()
    return lines[-1] if lines else f"exit status {done.returncode}"
