"""How fast images went through, for the last line of a command."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Rate:
    """Numbers of images and the seconds they took.

    Attributes
    ----------
    clock : callable
        Measures the computing: :func:`time.thread_time` where one thread does it, the time on the
        wall where a library has threads or a device of its own.
    n_workers : int
        How many read.
    """

    clock: Callable[[], float] = time.thread_time
    n_workers: int = 1
    _n_read: int = 0
    _reading: float = 0.0
    _n_computed: int = 0
    _computing: float = 0.0
    _start: float = field(default_factory=time.perf_counter)

    def add_reading(self, n_images: int, seconds: float) -> None:
        """Count images that were read, or tried.

        Parameters
        ----------
        n_images : int
        seconds : float
            CPU time of all workers.
        """
        self._n_read += n_images
        self._reading += seconds

    @contextmanager
    def computing(self, n_images: int) -> Iterator[None]:
        """Measure the computing of features.

        Parameters
        ----------
        n_images : int

        Yields
        ------
        None
        """
        start = self.clock()
        yield
        self._computing += self.clock() - start
        self._n_computed += n_images

    def describe(self) -> str:
        """Say how fast it was.

        Returns
        -------
        str
            One line; the reading is counted per core, and so is computing by one thread.
        """
        seconds = time.perf_counter() - self._start
        workers = "1 worker" if self.n_workers == 1 else f"{self.n_workers} workers"
        each = " per core" if self.clock is time.thread_time else ""
        return (
            f"{self._n_read:,} image(s) in {seconds:.1f} s: {_rate(self._n_read, seconds)}; "
            f"reading {_rate(self._n_read, self._reading)} per core ({workers}), "
            f"extraction {_rate(self._n_computed, self._computing)}{each}"
        )


def _rate(n_images: int, seconds: float) -> str:
    rate = n_images / max(seconds, 1e-9)
    return f"{rate:,.0f} images/s" if rate >= 10 else f"{rate:.2g} images/s"
