"""Work done ahead of its use."""

import functools
import math
import os
import signal
import subprocess
import sys
import time
from contextlib import closing

import click
import joblib
import pytest

from vilma.cli.extraction import ahead
from vilma.cli.extraction.ahead import count_workers, map_ahead


@pytest.mark.parametrize("n_workers", [1, 2])
def test_results_come_in_order(n_workers):
    things = range(70)
    batches = list(map_ahead(math.factorial, things, batch_size=32, n_workers=n_workers))
    assert [len(results) for results, _ in batches] == [32, 32, 6]
    assert [result for results, _ in batches for result in results] == [
        math.factorial(thing) for thing in things
    ]
    assert all(seconds >= 0 for _, seconds in batches)


def test_nothing_to_do():
    assert list(map_ahead(abs, [], batch_size=4, n_workers=1)) == []


def test_no_more_than_two_batches_are_held():
    begun = []
    results = map_ahead(lambda thing: begun.append(thing), range(100), batch_size=5, n_workers=1)
    with closing(results):
        for used in range(1, 4):
            next(results)
            time.sleep(0.05)
            assert len(begun) <= 5 * (used + 1)


def test_the_next_batch_is_begun_before_it_is_asked_for():
    begun = []
    results = map_ahead(lambda thing: begun.append(thing), range(10), batch_size=5, n_workers=1)
    with closing(results):
        next(results)
        deadline = time.monotonic() + 30
        while len(begun) < 10 and time.monotonic() < deadline:
            time.sleep(0.01)
    assert begun == list(range(10))


def test_what_is_not_needed_any_more_is_not_begun():
    begun = []

    def work(thing):
        begun.append(thing)
        time.sleep(0.01)

    with closing(map_ahead(work, range(10_000), batch_size=20, n_workers=1)) as results:
        next(results)
    assert len(begun) < 40


@pytest.mark.parametrize("n_workers", [1, 2])
def test_unexpected_errors_are_not_hidden(n_workers):
    with pytest.raises(ValueError, match=r"math domain error|expected a nonnegative input"):
        list(map_ahead(math.sqrt, [4, 1, -1], batch_size=2, n_workers=n_workers))


def test_a_worker_that_dies():
    with pytest.raises(click.ClickException, match=r"came to a sudden end.*fewer workers"):
        list(map_ahead(os._exit, [3] * 4, batch_size=4, n_workers=2))


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="signals are not blocked here")
def test_workers_are_not_interrupted_while_they_start():
    blocked = functools.partial(signal.pthread_sigmask, signal.SIG_BLOCK)
    ((results, _),) = map_ahead(blocked, [[]] * 40, batch_size=40, n_workers=2)
    assert all(signal.SIGINT in signals for signals in results)
    assert signal.SIGINT not in blocked([])


def test_no_more_processes_than_the_system_allows(monkeypatch):
    monkeypatch.setattr(ahead, "_MOST_PROCESSES", 61)
    assert count_workers(96, 10**6) == 61


def test_count_workers():
    assert count_workers(None, 10**6) == 1
    assert count_workers(3, 10**6) == 3
    assert count_workers(3, 17) == 2
    assert count_workers(3, 16) == 1
    assert count_workers(3, 0) == 1
    assert count_workers(-1, 10**6) == joblib.cpu_count()


ORPHANS = """
import multiprocessing, os, signal, time
from vilma.cli.extraction.ahead import map_ahead

if __name__ == "__main__":
    for _ in map_ahead(time.sleep, [0.01] * 1000, batch_size=8, n_workers=2):
        print(*[child.pid for child in multiprocessing.active_children()], flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs a list of processes")
def test_workers_end_with_a_killed_parent():
    result = subprocess.run(
        [sys.executable, "-c", ORPHANS], capture_output=True, text=True, timeout=60, check=False
    )
    workers = result.stdout.split()
    assert len(workers) == 2, result.stderr

    def running():
        return [pid for pid in workers if "Z" not in _state(pid)]

    deadline = time.monotonic() + 30
    while running() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert running() == []


def _state(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return "Z"
