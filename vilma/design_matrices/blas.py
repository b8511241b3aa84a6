"""A limit on BLAS threads that fits in several threads at once can share."""

from __future__ import annotations

import threading
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController

__all__ = ["BlasLimit"]


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()  # looks through all libraries: once is enough


class BlasLimit:
    """A context in which BLAS uses no more threads than asked.

    BLAS knows one number for the whole process. Where fits overlap, the first to come sets it and
    the last to go restores it; each restoring what it found would leave the limit on for good.
    """

    _lock = threading.Lock()
    _n_users = 0
    _limits: Any = None

    def __init__(self, n_threads: int) -> None:
        self._n_threads = n_threads

    def __enter__(self) -> BlasLimit:
        with BlasLimit._lock:
            if BlasLimit._n_users == 0:
                BlasLimit._limits = _controller().limit(limits=self._n_threads, user_api="blas")
            BlasLimit._n_users += 1
        return self

    def __exit__(self, *exc_info: object) -> None:
        with BlasLimit._lock:
            BlasLimit._n_users -= 1
            if BlasLimit._n_users == 0 and BlasLimit._limits is not None:
                BlasLimit._limits.restore_original_limits()
                BlasLimit._limits = None
