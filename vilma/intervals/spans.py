"""Labels for intervals whose ends are real numbers: the spans between neighbouring ends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vilma.labels import read_endpoints
from vilma.labels.interval_objects import holds_intervals, read_bounds
from vilma.labels.scale import IntArray

__all__ = ["SpanLabels", "spans_between_ends"]

LARGEST_WHOLE = 2.0**52  # from here on whole numbers have no halves between them


@dataclass(frozen=True)
class SpanLabels:
    """Intervals on a scale of spans; span k lies between ``edges[k]`` and ``edges[k + 1]``.

    Parameters
    ----------
    intervals : ndarray of shape (n_samples, 2), dtype=int64
        First and last span of each interval: labels for `fit`.
    edges : ndarray of shape (n_spans + 1,)
        Strictly increasing; the first may be -inf and the last inf. Between whole numbers they
        are halves.
    whole : bool
        Whether the ends are whole numbers.
    """

    intervals: IntArray
    edges: NDArray[np.float64]
    whole: bool = False

    @property
    def classes(self) -> IntArray:
        """Numbers of all spans, of shape (n_spans,): the scale."""
        return np.arange(len(self.edges) - 1)

    def bounds(self, labels: ArrayLike) -> NDArray[np.float64]:
        """Return where spans begin and end.

        Parameters
        ----------
        labels : array-like of shape (n,)
            Numbers of spans, as a model predicts them.

        Returns
        -------
        ndarray of shape (n, 2)
            Their ends, in the unit of the data; of whole numbers, both belong to the span.

        Raises
        ------
        ValueError
            If a label is no number of a span.
        """
        spans = np.asarray(labels)
        known = spans.dtype.kind in "iuf" and spans.ndim == 1
        if not known or not np.isin(spans, self.classes).all():
            raise ValueError(
                f"labels should be numbers of spans, 0 to {len(self.edges) - 2}, got {labels!r}."
            )
        place = spans.astype(np.int64)
        inwards = 0.5 if self.whole else 0.0
        return np.column_stack([self.edges[place] + inwards, self.edges[place + 1] - inwards])


def spans_between_ends(y: ArrayLike, *, whole: bool = False) -> SpanLabels:
    """Make labels of intervals of real numbers, such as bids, prices and times.

    The finite ends of all intervals cut the number line into spans, and every interval is a run
    of spans. Intervals that meet at an end, as [20, 50) and [50, 70), are neighbours and share no
    span. An outermost span without end is there only if an interval reaches into it.

    Parameters
    ----------
    y : array-like of shape (n_samples, 2), or interval objects of shape (n_samples,)
        Lower and upper ends, open where NaN, None or infinite. Which ends belong to an interval
        makes no difference, except that an interval of one point, and an exact number in a
        column of shape (n_samples,), is in the span that ends there (in the first span, if it
        is the smallest end).
    whole : bool, default=False
        The ends are whole numbers that belong to the intervals, as those of
        :func:`parse_brackets` do: [10, 19] and [20, 29] are neighbours, and span 10 to 19 and
        20 to 29.

    Returns
    -------
    labels : SpanLabels
        The intervals on the scale of the spans, and where the spans end.

    Raises
    ------
    ValueError
        If labels are malformed, an end is no whole number where they should be, or there are
        fewer than two spans.
    TypeError
        If labels are not numbers.

    See Also
    --------
    parse_brackets : Reads texts such as "20-29".
    vilma.metrics.interval_insensitive_loss : Scores of numbers in their own unit.

    Examples
    --------
    >>> import numpy as np
    >>> from vilma.intervals import spans_between_ends
    >>> labels = spans_between_ends([(-np.inf, 4.5), (4.5, 9.0), (9.0, np.inf), (4.5, np.inf)])
    >>> labels.edges
    array([-inf,  4.5,  9. ,  inf])
    >>> labels.intervals
    array([[0, 0],
           [1, 1],
           [2, 2],
           [1, 2]])
    >>> labels.bounds([1])
    array([[4.5, 9. ]])
    >>> brackets = [(-np.inf, 9999), (10000, 19999), (20000, np.inf), (10000, np.inf)]
    >>> labels = spans_between_ends(brackets, whole=True)
    >>> labels.intervals.tolist()
    [[0, 0], [1, 1], [2, 2], [1, 2]]
    >>> labels.bounds([1])
    array([[10000., 19999.]])
    """
    if holds_intervals(y):
        lower, upper, *_ = read_bounds(y, "y")
    else:
        read = read_endpoints(y)
        if read.strings:
            raise TypeError("y holds strings; expected numbers.")
        lower = np.where(read.lower_open, -np.inf, read.lower).astype(np.float64)
        upper = np.where(read.upper_open, np.inf, read.upper).astype(np.float64)
    if whole:
        _require_whole(lower, upper)
        lower, upper = lower - 0.5, upper + 0.5
    edges = np.unique(np.concatenate([lower, upper]))  # infinite ones where an end is open
    if len(edges) < 3:
        raise ValueError(
            f"The ends of y are {edges.tolist()}, which leave {max(len(edges) - 1, 0)} span(s) "
            "between them; at least two are needed."
        )
    first = np.searchsorted(edges, lower, side="left")
    last = np.searchsorted(edges, upper, side="left") - 1
    points = lower == upper
    last[points] = np.maximum(last[points], 0)
    first[points] = last[points]
    return SpanLabels(np.column_stack([first, last]).astype(np.int64), edges, whole)


def _require_whole(lower: NDArray[np.float64], upper: NDArray[np.float64]) -> None:
    ends = np.stack([lower, upper])
    broken = np.argwhere((ends != np.rint(ends)).T)
    if len(broken):
        row, side = broken[0]
        raise ValueError(
            f"y has the end {ends[side, row]:g} in row {row}, which is no whole number. Pass "
            "whole=False for intervals of real numbers."
        )
    large = np.abs(ends[np.isfinite(ends)])
    if np.any(large >= LARGEST_WHOLE):
        raise ValueError(
            f"y has the end {large.max():g}; whole numbers are told from their neighbours up to "
            "2**52. Divide them, or pass whole=False."
        )
