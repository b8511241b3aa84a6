"""Calls in a process of their own, which is ended when it takes too long."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, Self

__all__ = ["LimitedProcess"]


class LimitedProcess:
    """A process that answers calls one after the other, as long as each keeps to its time.

    Compiled code does not look for signals, so a call that takes too long is ended with its
    process; the next one has a new process. What is imported and compiled stays in between.

    Parameters
    ----------
    seconds : float
        Wall time for one call.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._context = multiprocessing.get_context("spawn")
        self._process: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._end()

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Return what a function returns; it is found again by its module, not ``__main__``.

        Raises
        ------
        TimeoutError
            If it does not return in time.
        ChildProcessError
            If its process ends before it returns, as by an error of memory.
        """
        if self._process is None:
            self._pipe, other = self._context.Pipe()
            self._process = self._context.Process(target=_answer, args=(other,), daemon=True)
            self._process.start()
            other.close()
            self._pipe.recv()  # ready: starting does not count
        self._pipe.send((function, arguments))
        if not self._pipe.poll(self._seconds):
            self._end()
            raise TimeoutError(f"no end after {self._seconds:g} s")
        try:
            error, result = self._pipe.recv()
        except EOFError:
            self._process.join()
            code = self._process.exitcode
            self._end()
            raise ChildProcessError(f"the process ended by itself, exit code {code}") from None
        if error is not None:
            raise error
        return result

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._pipe.close()
            self._process = None


def _answer(pipe: Connection) -> None:
    pipe.send("ready")
    while True:
        try:
            function, arguments = pipe.recv()
            answer = (None, function(*arguments))
        except EOFError:
            return
        except Exception as error:
            answer = (RuntimeError(f"{type(error).__name__}: {error}"), None)
        pipe.send(answer)
