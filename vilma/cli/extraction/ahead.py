"""A function applied to many things, ahead of the use of its results.

Reading an image holds Python's lock for much of its time, and dlib's detector holds it always: two
threads read hardly more images than one. So several workers are processes, and one is a thread,
which costs nothing to start.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any, TypeVar

import click
from joblib import effective_n_jobs

T = TypeVar("T")
R = TypeVar("R")

_MOST_PROCESSES = 61 if sys.platform == "win32" else None  # of one pool
_MOST_AT_ONCE = 16  # things handed to a worker: handing over takes a fraction of a millisecond

_function: Callable[[Any], Any]  # of a worker process


def count_workers(n_jobs: int | None, n_things: int) -> int:
    """Return how many workers to use.

    Parameters
    ----------
    n_jobs : int or None
        As in joblib: None is 1, -1 is all cores.
    n_things : int
        No worker is started that would have next to nothing to do, nor more than the system
        allows.

    Returns
    -------
    int
    """
    wanted = min(effective_n_jobs(n_jobs), -(-n_things // _MOST_AT_ONCE))
    return max(1, wanted if _MOST_PROCESSES is None else min(wanted, _MOST_PROCESSES))


def map_ahead(
    function: Callable[[T], R], things: Sequence[T], *, batch_size: int, n_workers: int
) -> Iterator[tuple[list[R], float]]:
    """Apply a function, working on one batch while the one before is used.

    Parameters
    ----------
    function : callable
        With several workers it is sent to each of them once, by pickle.
    things : sequence
    batch_size : int
        How many results to give at a time. No more than three times as many exist at once: of
        the batch in use, the next, and the one begun then.
    n_workers : int

    Yields
    ------
    results : list
        Of the next things, in their order.
    seconds : float
        CPU time the workers took for them.

    Raises
    ------
    click.ClickException
        If a worker process comes to a sudden end.
    """
    at_once = max(1, min(_MOST_AT_ONCE, batch_size // (2 * n_workers)))
    under_way: deque[list[Future[tuple[list[R], float]]]] = deque()
    with _workers(function, n_workers) as submit:
        for start in range(0, len(things), batch_size):
            batch = things[start : start + batch_size]
            parts = range(0, len(batch), at_once)
            under_way.append([submit(batch[part : part + at_once]) for part in parts])
            if len(under_way) > 1:
                yield _collect(under_way.popleft())
        if under_way:
            yield _collect(under_way.popleft())


def _collect(parts: list[Future[tuple[list[R], float]]]) -> tuple[list[R], float]:
    results: list[R] = []
    seconds = 0.0
    for part in parts:
        some, took = part.result()
        results += some
        seconds += took
    return results, seconds


@contextmanager
def _workers(
    function: Callable[[T], R], n_workers: int
) -> Iterator[Callable[[Sequence[T]], Future[tuple[list[R], float]]]]:
    """Start workers; at the end, what nobody waits for is not begun."""
    pool: Executor
    if n_workers == 1:
        pool = ThreadPoolExecutor(1)
        submit = lambda things: pool.submit(_apply, function, things)  # noqa: E731
    else:
        # Not forked: a process with threads (Numba's, torch's) must not be.
        context = multiprocessing.get_context("spawn")
        pool = ProcessPoolExecutor(n_workers, context, _begin_process, (function,))

        def submit(things: Sequence[T]) -> Future[tuple[list[R], float]]:
            with _interrupt_held_back():  # submitting starts processes
                return pool.submit(_apply_in_process, things)

    try:
        yield submit
    except BrokenProcessPool as error:
        raise click.ClickException(
            "a worker process came to a sudden end: for want of memory, or by a file that its "
            "decoder does not survive. Use fewer workers by --n-jobs; with 1 there is no process."
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _interrupt_held_back() -> Iterator[None]:
    """Keep Ctrl-C waiting, here until the end of the block, in a process begun there for good."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _apply(function: Callable[[T], R], things: Sequence[T]) -> tuple[list[R], float]:
    start = time.thread_time()
    return [function(thing) for thing in things], time.thread_time() - start


def _begin_process(function: Callable[[Any], Any]) -> None:
    global _function
    _function = function
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the parent ends the others
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Wait until the parent is gone: a killed one tells nobody."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _apply_in_process(things: Sequence[Any]) -> tuple[list[Any], float]:
    return _apply(_function, things)
