"""The one place where vilma's kernels are given to Numba.

Numba is imported when the first kernel is called, so that what needs none, as predicting, does not
wait for it.
"""

from __future__ import annotations

import importlib
import logging
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from types import FrameType
from typing import Any, TypeVar, cast

__all__ = [
    "announce_compilation",
    "extend_before_compiling",
    "interruptible",
    "njit",
    "report_compilation",
]

F = TypeVar("F", bound=Callable)

_logger = logging.getLogger("vilma")


def njit(func: F) -> F:
    """Compile a kernel on first use, and keep the machine code on disk where that is possible.

    The compiled function releases the GIL, keeps IEEE arithmetic in the order it is written
    (no ``fastmath``, so that the same input gives the same bits) and divides as NumPy does
    (inf or nan instead of ``ZeroDivisionError``). It cannot be called from C, which would take
    another wrapper, a fifth of the time to compile.

    Numba is imported by the first call. It refuses to keep machine code when neither the folder
    of the source file nor the user's cache folder is writable (read-only containers, zipped
    packages). The kernel is then compiled afresh in each process; setting ``NUMBA_CACHE_DIR`` to
    a writable folder avoids that wait.

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
        Calls what Numba makes of `func`: ``func`` itself when ``NUMBA_DISABLE_JIT=1``.
    """
    return cast(F, _Kernel(func))


class _Kernel:
    """A function that is given to Numba when it is first needed, by a call or another kernel."""

    def __init__(self, func: Callable) -> None:
        self.__doc__ = func.__doc__
        self.__module__ = func.__module__
        self.__name__ = func.__name__
        self.__qualname__ = func.__qualname__
        self.py_func = func
        self._given: Any = None

    def __call__(self, *args: Any) -> Any:
        return (self._given or self._give())(*args)

    def __getattr__(self, name: str) -> Any:
        # Among them `_numba_type_`, by which Numba knows what a kernel calls.
        return getattr(self._given or self._give(), name)

    def _give(self) -> Any:
        with _lock:
            if self._given is None:
                self._given = _give_to_numba(self.py_func)
        return self._given


_lock = threading.RLock()
_extensions: list[str] = []


def extend_before_compiling(module: str) -> None:
    """Have a module imported before the first kernel is compiled.

    Parameters
    ----------
    module : str
        One that tells Numba how to compile functions of vilma, by ``numba.extending``.
    """
    _extensions.append(module)


def _load() -> None:
    _log_compilations()
    while _extensions:
        importlib.import_module(_extensions[-1])
        _extensions.pop()


def _give_to_numba(func: Callable) -> Any:
    _apart(_load)
    import numba

    options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True}
    try:
        return numba.njit(cache=True, **options)(func)
    except RuntimeError as error:
        if "cannot cache function" not in str(error):
            raise
        return numba.njit(**options)(func)


def _listener(announce: Callable[[str], None]) -> Any:
    """Make a listener that hears the name of a kernel of vilma which is about to be compiled."""
    from numba.core.event import Event, Listener

    class Announcement(Listener):
        def on_start(self, event: Event) -> None:
            function = event.data["dispatcher"].py_func
            if (function.__module__ or "").startswith("vilma."):
                announce(f"{function.__module__}.{function.__qualname__}")

        def on_end(self, event: Event) -> None:
            pass

    return Announcement()


class _LogOnce:
    """Logs the first compilation of a process as information, and every kernel for debugging."""

    def __init__(self) -> None:
        self._logged = False

    def __call__(self, name: str) -> None:
        if not self._logged:
            self._logged = True
            _logger.info("Compiling kernels, once for this installation: a few seconds.")
        _logger.debug("Compiling %s.", name)


def _apart(function: Callable[[], object]) -> None:
    """Call a function in a thread of its own, and wait for its end even after Ctrl-C.

    Python raises KeyboardInterrupt in the main thread. A half imported Numba fails ever after.
    """
    with ThreadPoolExecutor(1) as thread:
        thread.submit(function).result()


@cache
def _log_compilations() -> None:
    from numba.core import event

    event.register("numba:compile", _listener(_LogOnce()))


@contextmanager
def announce_compilation(announce: Callable[[], object]) -> Iterator[None]:
    """Call a function once if kernels of vilma are compiled within this context."""
    _apart(_load)
    from numba.core.event import install_listener

    names: list[str] = []

    def note(name: str) -> None:
        if not names:
            announce()
        names.append(name)

    with install_listener("numba:compile", _listener(note)):
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
    """Raise KeyboardInterrupt whenever Ctrl-C is pressed within this context.

    It gets lost in three ways. Python notices Ctrl-C while Numba makes Python objects of a
    kernel's results: Numba then returns them all the same, and Python raises ``SystemError: ...
    returned a result with an exception set``, which names the KeyboardInterrupt as its cause only.
    NumPy asks objects for their length and goes on without, whatever they raise:
    ``scipy.sparse.vstack`` has it ask sparse arrays, whose ``__len__`` is Python, and CVXPY calls
    that. And what is raised while an object is destroyed is only printed. An interrupt that has
    not arrived by the end of the context is raised there.
    """
    with _count_interrupts() as pressed:
        try:
            yield
        except SystemError as error:
            cause: BaseException | None = error
            while cause is not None and not isinstance(cause, KeyboardInterrupt):
                cause = cause.__cause__ or cause.__context__
            if cause is None:
                raise
            raise KeyboardInterrupt from error
        if pressed:
            raise KeyboardInterrupt


@contextmanager
def _count_interrupts() -> Iterator[list[None]]:
    """Collect an entry whenever Ctrl-C raises KeyboardInterrupt within this context."""
    pressed: list[None] = []
    if threading.current_thread() is not threading.main_thread():  # the only one interrupted
        yield pressed
        return
    former = signal.getsignal(signal.SIGINT)
    if not callable(former):  # ignored, or left to the system
        yield pressed
        return

    def note(number: int, frame: FrameType | None) -> None:
        try:
            former(number, frame)
        except KeyboardInterrupt:
            pressed.append(None)
            raise

    signal.signal(signal.SIGINT, note)
    try:
        yield pressed
    finally:
        if signal.getsignal(signal.SIGINT) is note:  # nobody else has set one meanwhile
            signal.signal(signal.SIGINT, former)
