"""Intervals that come as one object each, such as ``pandas.Interval``, or as bounds with a side.

Such an interval is a piece of the number line, closed or open at either side, which need not end
at labels. What counts is the labels inside. On a given scale they are looked up; without one,
bounds that are all whole numbers are taken to mean whole labels, so that ``(20, 30]`` is 21 to 30.
Objects are known by the name of their class: pandas need not be installed.
"""

from __future__ import annotations

import numbers
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vilma.labels.scale import abbreviate, first_row
from vilma.labels.values import BoolArray, is_missing

FloatArray = NDArray[np.float64]

_EXACT = 2.0**53  # whole numbers below are exact as floats


class Bounds(NamedTuple):
    """Pieces of the number line, one per row; where nothing is known, from -inf to inf."""

    left: FloatArray
    right: FloatArray
    left_closed: BoolArray
    right_closed: BoolArray


def holds_intervals(y: Any) -> bool:
    """Tell whether `y` is a column of interval objects, perhaps with gaps.

    Parameters
    ----------
    y : object
        What a user calls labels.

    Returns
    -------
    bool
        True for pandas interval arrays, indexes and series, for their categoricals, which
        ``pandas.cut`` makes, and for lists and arrays with an interval object in them.
    """
    dtype = getattr(y, "dtype", None)
    if dtype is not None and getattr(dtype, "kind", "O") != "O":
        return False
    if dtype is None and not isinstance(y, (list, tuple)):
        return False
    if getattr(y, "ndim", 1) != 1:
        return False
    return any(_is_interval(entry) for entry in y)


def read_bounds(y: Any, name: str) -> Bounds:
    """Read a column of interval objects.

    Parameters
    ----------
    y : sequence of intervals
        Objects with `left`, `right`, `closed_left` and `closed_right`; None, NaN and pandas.NA
        stand for annotations that say nothing.
    name : str
        What error messages call `y`.

    Returns
    -------
    bounds : Bounds
        The bounds as floating-point numbers.

    Raises
    ------
    TypeError
        If an entry is neither an interval nor missing, or its ends are not numbers.
    """
    rows = []
    for row, entry in enumerate(y):
        if _is_interval(entry):
            if not (_is_real(entry.left) and _is_real(entry.right)):
                raise TypeError(
                    f"{name} has the interval {entry!s} in row {row}, whose ends are of type "
                    f"{type(entry.left).__name__}; expected numbers."
                )
            rows.append((entry.left, entry.right, entry.closed_left, entry.closed_right))
        elif is_missing(entry):
            rows.append((-np.inf, np.inf, False, False))
        else:
            raise TypeError(
                f"{name} mixes intervals with other labels: row {row} has {entry!r} of type "
                f"{type(entry).__name__}. Write an exact label v as Interval(v, v, 'both')."
            )
    left, right, left_closed, right_closed = zip(*rows, strict=True)
    return Bounds(
        np.array(left, dtype=np.float64),
        np.array(right, dtype=np.float64),
        np.array(left_closed, dtype=bool),
        np.array(right_closed, dtype=bool),
    )


def labels_inside(
    bounds: Bounds, scale: NDArray[Any] | None, name: str
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Find the first and the last label inside of each interval.

    Parameters
    ----------
    bounds : Bounds
        Pieces of the number line.
    scale : ndarray of shape (n_classes,) or None
        The labels in increasing order. None for whole numbers if all finite bounds are whole, and
        for the bounds themselves if all are closed.
    name : str
        What error messages call the intervals.

    Returns
    -------
    lower, upper : ndarray of shape (n_samples,)
        Labels; infinite where the interval is, if there is no scale.

    Raises
    ------
    ValueError
        If an interval has no label inside, or it takes a scale to tell.
    TypeError
        If the scale is made of strings.
    """
    if scale is None:
        lower, upper = _without_scale(bounds, name)
        empty = lower > upper
        among = "whole numbers"
    else:
        if scale.dtype.kind == "U":
            raise TypeError(
                f"{name} holds intervals of numbers but classes holds strings: "
                f"{abbreviate(scale)}."
            )
        first = np.where(
            bounds.left_closed,
            np.searchsorted(scale, bounds.left, side="left"),
            np.searchsorted(scale, bounds.left, side="right"),
        )
        end = np.where(
            bounds.right_closed,
            np.searchsorted(scale, bounds.right, side="right"),
            np.searchsorted(scale, bounds.right, side="left"),
        )
        empty = first >= end
        within = len(scale) - 1
        lower, upper = scale[np.minimum(first, within)], scale[np.maximum(end - 1, 0)]
        among = f"labels {abbreviate(scale)}"
    if empty.any():
        row = first_row(empty)
        raise ValueError(
            f"{name} has the interval {write_bounds(bounds, row)} in row {row}, which contains "
            f"none of the {among}. Widen it, drop the row, or correct `classes`."
        )
    return lower, upper


def write_bounds(bounds: Bounds, row: int) -> str:
    """Write one interval in the notation of brackets, for messages."""
    opening = "[" if bounds.left_closed[row] else "("
    closing = "]" if bounds.right_closed[row] else ")"
    return f"{opening}{bounds.left[row]:.15g}, {bounds.right[row]:.15g}{closing}"


def _without_scale(bounds: Bounds, name: str) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the first and last labels where no scale is known."""
    left, right, left_closed, right_closed = bounds
    fractional = (np.isfinite(left) & (left != np.floor(left))) | (
        np.isfinite(right) & (right != np.floor(right))
    )
    if not fractional.any():
        lower, upper = left + ~left_closed, right - ~right_closed
        largest = max(np.abs(ends).max(initial=0.0) for ends in (lower, upper))
        if largest < _EXACT:  # else open, or no integers of 64 bits
            return lower.astype(np.int64), upper.astype(np.int64)
        return lower, upper
    excluded = (np.isfinite(left) & ~left_closed) | (np.isfinite(right) & ~right_closed)
    if excluded.any():
        row, fraction = first_row(excluded), first_row(fractional)
        other = (
            f", and {write_bounds(bounds, fraction)} in row {fraction}" if fraction != row else ""
        )
        raise ValueError(
            f"{name} has the interval {write_bounds(bounds, row)} in row {row}, which excludes an "
            f"end{other}, so labels are not whole numbers: the next label inside is unknown. Pass "
            "the scale as `classes`."
        )
    return left, right


def _is_interval(entry: Any) -> bool:
    return type(entry).__name__ == "Interval" and hasattr(entry, "closed_left")


def _is_real(value: Any) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, (bool, np.bool_))
