"""Work on fixed blocks of rows, by as many threads as the user allows, BLAS included.

The kernels release the GIL, so plain threads do: nothing depends on Numba's threading layer, on
what happens at a fork, or on pools inside pools. The blocks depend on the matrix alone, and their
results are combined in order: any number of threads gives the same bits.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from joblib import effective_n_jobs

from vilma.design_matrices.blas import BlasLimit

__all__ = ["BlockThreads", "row_blocks"]

Result = TypeVar("Result")


class BlockThreads:
    """A context that maps functions over blocks with `n_jobs` threads.

    Parameters
    ----------
    n_jobs : int or None
        As in scikit-learn: None means 1, or what an active `joblib.parallel_config` says; -1
        means all cores. Inside joblib's worker processes this is 1.
    """

    def __init__(self, n_jobs: int | None = None) -> None:
        self._n_threads = effective_n_jobs(n_jobs)
        self._blas = BlasLimit(self._n_threads)
        self._pool: ThreadPoolExecutor | None = None

    def __enter__(self) -> BlockThreads:
        # The solver's vectors are short: BLAS threads nobody asked for slow it down many times
        # as soon as another process wants a core.
        self._blas.__enter__()
        if self._n_threads > 1:
            self._pool = ThreadPoolExecutor(self._n_threads)
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None
        self._blas.__exit__()

    def map(self, function: Callable[..., Result], blocks: Iterable[tuple]) -> list[Result]:
        """Return ``[function(*block) for block in blocks]``, in order."""
        blocks = list(blocks)
        if self._pool is None or len(blocks) < 2:
            return [function(*block) for block in blocks]
        return list(self._pool.map(lambda block: function(*block), blocks))


def row_blocks(n_rows: int, work: int, work_per_block: int, max_blocks: int) -> list[tuple]:
    """Cut rows into equal ranges ``(start, stop)``, more of them the more work there is."""
    n_blocks = int(min(max(work // work_per_block, 1), max_blocks, max(n_rows, 1)))
    borders = [n_rows * block // n_blocks for block in range(n_blocks + 1)]
    return list(itertools.pairwise(borders))
