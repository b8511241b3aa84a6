"""The one place where vilma's kernels are given to Numba."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import numba
from numba.core import event as numba_event

__all__ = ["announce_compilation", "interruptible", "njit", "report_compilation"]

F = TypeVar("F", bound=Callable)

_logger = logging.getLogger("vilma")


def njit(func: F) -> F:
    """Compile a kernel on first use, and keep the machine code on disk where that is possible.

    The compiled function releases the GIL, keeps IEEE arithmetic in the order it is written
    (no ``fastmath``, so that the same input gives the same bits) and divides as NumPy does
    (inf or nan instead of ``ZeroDivisionError``). It cannot be called from C, which would take
    another wrapper, a fifth of the time to compile.

    Numba raises as soon as a function is decorated when neither the folder of its source file
    nor the user's cache folder is writable (read-only containers, zipped packages). The kernel
    is then compiled afresh in each process; setting ``NUMBA_CACHE_DIR`` to a writable folder
    avoids that wait.

    Parameters
    ----------
    func : function
        A pure function of arrays and numbers. It may call other kernels, best of the same
        file: Numba does not notice when a callee in another file changes. Functions passed
        as arguments and values of outer variables defeat the cache. Arrays are best made by
        the caller, and a variable that a kernel hands to another must not start as a literal
        (``x = np.int64(0)``, not ``x = 0``), or the callee is compiled twice.

    Returns
    -------
    function
        The lazily compiled function; ``func`` itself when ``NUMBA_DISABLE_JIT=1``.
    """
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True}
    kernel: Any
    try:
        kernel = numba.njit(cache=True, **options)(func)
    except RuntimeError as error:
        if "cannot cache function" not in str(error):
            raise
        kernel = numba.njit(**options)(func)
    return kernel


class _Announcement(numba_event.Listener):
    """Calls a function with the name of a kernel of vilma that is about to be compiled."""

    def __init__(self, announce: Callable[[str], None]) -> None:
        self._announce = announce

    def on_start(self, event: numba_event.Event) -> None:
        function = event.data["dispatcher"].py_func
        if (function.__module__ or "").startswith("vilma."):
            self._announce(f"{function.__module__}.{function.__qualname__}")

    def on_end(self, event: numba_event.Event) -> None:
        pass


class _LogOnce:
    """Logs the first compilation of a process as information, and every kernel for debugging."""

    def __init__(self) -> None:
        self._logged = False

    def __call__(self, name: str) -> None:
        if not self._logged:
            self._logged = True
            _logger.info("Compiling kernels, once for this installation: a few seconds.")
        _logger.debug("Compiling %s.", name)


numba_event.register("numba:compile", _Announcement(_LogOnce()))


@contextmanager
def announce_compilation(announce: Callable[[], object]) -> Iterator[None]:
    """Call a function once if kernels of vilma are compiled within this context."""
    names: list[str] = []

    def note(name: str) -> None:
        if not names:
            announce()
        names.append(name)

    with numba_event.install_listener("numba:compile", _Announcement(note)):
        yield


@contextmanager
def report_compilation(verbose: int) -> Iterator[None]:
    """Print a line when kernels are compiled within this context, if `verbose` is positive."""

    def announce() -> None:
        print("compiling kernels, once for this installation: a few seconds", flush=True)

    if not verbose:
        yield
        return
    with announce_compilation(announce):
        yield


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise KeyboardInterrupt whenever Ctrl-C ends kernels within this context.

    Python notices Ctrl-C while Numba makes Python objects of a kernel's results. Numba then
    returns them all the same, and Python raises ``SystemError: ... returned a result with an
    exception set``, which names the KeyboardInterrupt as its cause only.
    """
    try:
        yield
    except SystemError as error:
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, KeyboardInterrupt):
            cause = cause.__cause__ or cause.__context__
        if cause is None:
            raise
        raise KeyboardInterrupt from error
