"""Which pieces of a file to read, to get at scattered rows."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

__all__ = ["are_consecutive", "cut_blocks", "element_ranges", "spans"]

_PIECE = 1 << 18  # bytes read at once: they stay in the cache until they are in place
_GAP = 1 << 14  # reading over fewer unwanted bytes is cheaper than another call


def spans(begin: np.ndarray, end: np.ndarray) -> Iterator[tuple[int, int]]:
    """Group byte ranges in ascending order into pieces to be read at once.

    Parameters
    ----------
    begin, end : ndarray of shape (n,), dtype int64
        First byte of every range, and the first behind it; neither descends.

    Yields
    ------
    first, last : int
        The ranges ``first``, ..., ``last - 1`` lie close together in at most 256 kB, unless a
        single one is longer.
    """
    far = np.flatnonzero(begin[1:] - end[:-1] > _GAP) + 1
    for start, stop in itertools.pairwise([0, *far.tolist(), len(begin)]):
        while start < stop:
            within = np.searchsorted(end[start:stop], begin[start] + _PIECE, side="right")
            last = start + max(int(within), 1)
            yield start, last
            start = last


def are_consecutive(rows: np.ndarray) -> bool:
    """Return whether every row is followed by the next one."""
    return bool((np.diff(rows) == 1).all())


def element_ranges(starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Return ``start, ..., start + length - 1`` of all ranges, one after the other."""
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    return np.arange(total) + np.repeat(starts - (ends - lengths), lengths)


def cut_blocks(row_bytes: np.ndarray, block_bytes: int) -> list[tuple[int, int]]:
    """Cut rows into ranges ``(start, stop)`` of at most `block_bytes`, or of one row."""
    ends = np.cumsum(row_bytes)
    blocks = []
    start, before = 0, 0
    while start < len(ends):
        stop = max(int(np.searchsorted(ends, before + block_bytes, side="right")), start + 1)
        blocks.append((start, stop))
        start, before = stop, int(ends[stop - 1])
    return blocks
