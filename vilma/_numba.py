"""The one place where vilma's kernels are given to Numba."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba

F = TypeVar("F", bound=Callable)


def njit(func: F) -> F:
    """Compile a kernel on first use, and keep the machine code on disk where that is possible.

    The compiled function releases the GIL, keeps IEEE arithmetic in the order it is written
    (no ``fastmath``, so that the same input gives the same bits) and divides as NumPy does
    (inf or nan instead of ``ZeroDivisionError``).

    Numba raises as soon as a function is decorated when neither the folder of its source file
    nor the user's cache folder is writable (read-only containers, zipped packages). The kernel
    is then compiled afresh in each process; setting ``NUMBA_CACHE_DIR`` to a writable folder
    avoids that wait.

    Parameters
    ----------
    func : function
        A pure function of arrays and numbers. It may call other kernels, best of the same
        file: Numba does not notice when a callee in another file changes. Functions passed
        as arguments and values of outer variables defeat the cache.

    Returns
    -------
    function
        The lazily compiled function; ``func`` itself when ``NUMBA_DISABLE_JIT=1``.
    """
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
    kernel: Any
    try:
        kernel = numba.njit(cache=True, **options)(func)
    except RuntimeError as error:
        if "cannot cache function" not in str(error):
            raise
        kernel = numba.njit(**options)(func)
    return kernel
