r"""Breakpoints of hinges at given scores, sorted only where thresholds are.

A hinge has its breakpoint at the score of its example plus a *shift* that belongs to the label:
minus the margin for hinges below the interval, the margin for those above it. Minimising
thresholds are quantiles of breakpoints, which need no sorting: one pass over the examples sums the
weights by label and bucket, an interval of places; running sums over the buckets tell in which one
a threshold lies; and only the breakpoints in these buckets are brought into ascending order.

**Exactness.** The bucket of a breakpoint is a nondecreasing function of the breakpoint as a
floating-point number. So the breakpoints of one bucket are left of those of the next, and equal
ones share a bucket. Where in its bucket a threshold lies is decided by the breakpoints there, one
by one; of all others only the sum of weights matters. Where many breakpoints crowd in one bucket,
more are sorted, which takes time and changes nothing.

With few examples, or with many labels for them, all breakpoints are sorted instead.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from vilma._numba import njit
from vilma.surrogates.surrogate import LabeledWeights

# Buckets per root of the number of examples: sums by label and bucket take time in proportion to
# the buckets, sorting what is in those with a threshold in inverse proportion. With 8 a call takes
# .97 to 1.06 of the time with 4 at 10 labels, 1.06 to 1.2 at 60.
_BUCKETS_PER_ROOT = 4
# With fewer examples all breakpoints are sorted. At 10 labels buckets take 1.5 of that time with
# 5,000 rows for IMC (.9 for EXP), .9 (.7) with 10,000 and .75 (.5) with 20,000.
_FEW = 10_000
# With fewer examples than the square of the labels times this all are sorted, too: most
# buckets hold thresholds. At 60 labels buckets take 1.8 of the time with 10,000 rows for IMC (.8
# for EXP), 1.15 (.5) with 20,000 and .9 (.4) with 40,000.
_ROOTS_PER_LABEL = 2.0
_SAMPLE = 128  # examples that the range of the buckets is taken from
# Weights whose prefix sums differ by this share of the total are taken for equal: some twenty
# times the rounding of one addition, less than any weight that matters.
_ROUNDING = 4e-15
# A weight below this share of another: where only rows of such weights have a loss, with shares of
# 1e-15 bounds were up to 4 times the optimum, with 1e-7 they may be so by some 1e-9 of it.
_UNEVEN = 1e-7


class Sorted(NamedTuple):
    """Breakpoints of one kind of hinges in ascending order."""

    place: np.ndarray
    label: np.ndarray
    weight: np.ndarray


class Groups(NamedTuple):
    """The thresholds and the breakpoints of every bucket that was opened."""

    # (n_groups, 8) first and stop of the smallest minimisers, of the largest ones, of the
    # breakpoints below and of those above
    limits: np.ndarray
    # (n_groups,) place of the first breakpoint, where rounding may put a threshold
    first: np.ndarray


class Grid(NamedTuple):
    """Buckets of equal width; the first and the last one take what lies beyond, too."""

    low: float
    scale: float  # buckets per unit
    n_buckets: int


class Breakpoints:
    """The breakpoints of all hinges.

    Parameters
    ----------
    labels : LabeledWeights
    below_shift : ndarray of shape (n_classes,)
        Shifts of the hinges below the intervals, by label ``lower``.
    above_shift : ndarray of shape (n_classes,)
        Shifts of the hinges above them, by label ``upper``.

    Attributes
    ----------
    totals : tuple of two ndarray of shape (n_classes,)
        Weights by label ``lower`` and by label ``upper``.
    slack : float
        Weights that differ by no more are taken for equal.
    uneven : bool
        Whether some weights are so small that rounding in the sums of others is much beside them.
    bucketed : bool
        Whether buckets are worth while, or all breakpoints are better sorted.
    """

    def __init__(
        self, labels: LabeledWeights, below_shift: np.ndarray, above_shift: np.ndarray
    ) -> None:
        self.labels = labels
        self.below_shift = below_shift
        self.above_shift = above_shift
        lower, upper, weight, n_classes = labels
        self.totals = (
            np.bincount(lower, weight, n_classes),
            np.bincount(upper, weight, n_classes),
        )
        self.slack = _ROUNDING * float(self.totals[1].sum())
        m = len(lower)
        self.bucketed = m >= max(_FEW, (_ROOTS_PER_LABEL * n_classes) ** 2)
        self._all_exact = np.array_equal(lower, upper)
        self._all_alike = bool(np.ptp(weight) == 0.0)
        positive = weight[weight > 0.0]
        self.uneven = bool(positive.min(initial=np.inf) < _UNEVEN * positive.max(initial=0.0))
        self._one_order = bool(np.ptp(below_shift) == 0.0 and np.ptp(above_shift) == 0.0)
        if self.bucketed:
            self._n_buckets = 1 + int(_BUCKETS_PER_ROOT * max(np.sqrt(m), n_classes))
            self._sample = np.arange(0, m, -(-m // _SAMPLE))
            self._sample_shifts = np.stack(
                [below_shift[lower[self._sample]], above_shift[upper[self._sample]]]
            )
        elif not self._one_order:
            self._shifts = below_shift[lower], above_shift[upper]

    def _grid(self, scores: np.ndarray) -> Grid:
        """Return buckets where most breakpoints are: no tail of the scores makes them wide."""
        places = (scores[self._sample] + self._sample_shifts).ravel()
        places.sort()
        tail = len(places) // 20
        first, last = float(places[tail]), float(places[-1 - tail])
        low = first - 0.5 * (last - first)
        width = 2.0 * (last - first)
        if width < 1e-300 or width > 1e300:
            return Grid(0.0, 1.0, 1)
        return Grid(low, self._n_buckets / width, self._n_buckets)

    def weigh(self, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Find every breakpoint's bucket and the weight in every bucket.

        Returns
        -------
        sums : ndarray of shape (2, n_classes, n_buckets)
            The weights of the hinges below by label ``lower``, of those above by ``upper``.
        bucket : ndarray of shape (2, m)
        """
        lower, upper, weight, n_classes = self.labels
        grid = self._grid(scores)
        sums = np.zeros((2, n_classes, grid.n_buckets))
        bucket = np.empty((2, len(scores)), dtype=np.int32)
        _add_by_bucket(scores, lower, self.below_shift, weight, *grid, bucket[0], sums[0])
        _add_by_bucket(scores, upper, self.above_shift, weight, *grid, bucket[1], sums[1])
        return sums, bucket

    def sort_wanted(
        self, scores: np.ndarray, bucket: np.ndarray, wanted: np.ndarray
    ) -> tuple[Sorted, Sorted, Groups]:
        """Sort the breakpoints in the buckets of thresholds.

        Parameters
        ----------
        scores : ndarray of shape (m,)
        bucket : ndarray of shape (2, m)
            As `weigh` returns it.
        wanted : ndarray of shape (2, n_thresholds)
            Buckets of the smallest and of the largest minimisers, ascending: -1 for those
            before all breakpoints, and beyond the last bucket for those behind all.

        Returns
        -------
        below, above : Sorted
            The breakpoints of the two kinds of hinges in these buckets.
        groups : Groups
        """
        lower, upper, weight, _ = self.labels
        largest = 1 + max(int(wanted.max()), int(bucket[0].max()), int(bucket[1].max()))
        is_wanted = np.zeros(largest, dtype=np.bool_)
        is_wanted[wanted[wanted >= 0]] = True
        columns: list[np.ndarray] = []
        rows = [np.flatnonzero(is_wanted[own]) for own in bucket]
        counts = [
            np.bincount(own[at], minlength=largest) for own, at in zip(bucket, rows, strict=True)
        ]
        opened = np.flatnonzero(counts[0] + counts[1])
        for own in wanted:
            columns += np.searchsorted(own, opened), np.searchsorted(own, opened, "right")
        first = np.full(len(opened), np.inf)
        below = _sort(scores, lower, self.below_shift, weight, rows[0])
        above = _sort(scores, upper, self.above_shift, weight, rows[1])
        for kind, count in zip((below, above), counts, strict=True):
            count = count[opened]
            stop = np.cumsum(count)
            columns += stop - count, stop
            some = count > 0
            first[some] = np.minimum(first[some], kind.place[(stop - count)[some]])
        return below, above, Groups(np.stack(columns, axis=1), first)

    def group_all(self, wanted: np.ndarray) -> Groups:
        """Return the one group that `sort_all` makes: all breakpoints, in bucket 0.

        Parameters
        ----------
        wanted : ndarray of shape (2, n_thresholds)
            As for `sort_wanted`.
        """
        m = len(self.labels.lower)
        small, large = (np.searchsorted(own, [0, 1]) for own in wanted)
        return Groups(np.array([[*small, *large, 0, m, 0, m]]), np.array([-np.inf]))

    def sort_all(self, scores: np.ndarray) -> tuple[Sorted, Sorted]:
        """Sort the breakpoints of either kind of hinges; only where not `bucketed`."""
        lower, upper, weight, _ = self.labels
        if self._one_order:
            # One order serves both kinds, where the shifts' rounding makes ties, too.
            order = np.argsort(scores)
            ascending, label = scores[order], lower[order]
            weight = weight if self._all_alike else weight[order]
            below = Sorted(ascending + self.below_shift[0], label, weight)
            label = label if self._all_exact else upper[order]
            return below, Sorted(ascending + self.above_shift[0], label, weight)
        below_place, above_place = scores + self._shifts[0], scores + self._shifts[1]
        return self._order(below_place, lower), self._order(above_place, upper)

    def _order(self, place: np.ndarray, label: np.ndarray) -> Sorted:
        order = np.argsort(place)
        weight = self.labels.weight
        return Sorted(place[order], label[order], weight if self._all_alike else weight[order])


def _sort(
    scores: np.ndarray,
    label: np.ndarray,
    shift: np.ndarray,
    weight: np.ndarray,
    rows: np.ndarray,
) -> Sorted:
    label, weight = label[rows], weight[rows]
    place = scores[rows] + shift[label]
    order = np.argsort(place)
    return Sorted(place[order], label[order], weight[order])


@njit
def _add_by_bucket(scores, label, shift, weight, low, scale, n_buckets, bucket, sums):
    """Write the examples' buckets, and add their weights to `sums`, by label and bucket."""
    for i in range(scores.shape[0]):
        position = (scores[i] + shift[label[i]] - low) * scale
        position = position if position > 0.0 else 0.0
        bucket[i] = position if position < n_buckets - 1 else n_buckets - 1
        sums[label[i], bucket[i]] += weight[i]
