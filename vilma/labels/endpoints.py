"""Annotations as label values, read from what users hold."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import column_or_1d

from vilma.labels.interval_objects import Bounds, holds_intervals, labels_inside, read_bounds
from vilma.labels.scale import first_row, refuse_contradiction, refuse_non_finite
from vilma.labels.values import BoolArray, read_values

_ENCODED_COLUMNS = (
    " Both columns hold 0, 1, 2, ...: if you passed something else, scikit-learn's "
    "cross_val_predict has encoded each column by itself, as it does with a method other than "
    "'predict'. Use vilma.model_selection.cross_val_predict."
)


_ZEROS_AND_ONES = " Columns of zeros and ones become labels by numpy.argmax(y, axis=1)."
_SEVERAL_RATERS = (
    " Labels of several raters become intervals by vilma.intervals.combine_annotators."
    + _ZEROS_AND_ONES
)


@dataclass(frozen=True)
class Endpoints:
    """Annotations as label values, not yet placed on a scale.

    Parameters
    ----------
    lower : ndarray of shape (n_samples,)
        First label that each annotation allows; the value where the end is open has no meaning.
    upper : ndarray of shape (n_samples,)
        Last label that each annotation allows, likewise.
    lower_open : ndarray of shape (n_samples,), dtype=bool
        Where nothing is said about the smallest possible label.
    upper_open : ndarray of shape (n_samples,), dtype=bool
        Where nothing is said about the largest possible label.
    exact : bool
        True when the labels came as one column, so that every annotation is a single label.
    """

    lower: NDArray[Any]
    upper: NDArray[Any]
    lower_open: BoolArray
    upper_open: BoolArray
    exact: bool

    @property
    def strings(self) -> bool:
        """Whether the labels are strings (and have no order of their own)."""
        return self.lower.dtype.kind == "U"


def read_endpoints(
    y: ArrayLike, *, name: str = "y", scale: NDArray[Any] | None = None
) -> Endpoints:
    """Read exact or interval labels as values, not yet placed on a scale.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, 2)
        As for :func:`vilma.labels.read_labels`; continuous exact labels are accepted.
    name : str, default="y"
        What error messages call `y`.
    scale : ndarray of shape (n_classes,), default=None
        The labels that interval objects are to contain, as returned by
        :func:`vilma.labels.read_scale`. Ordered categories are only compared with it, and other
        labels read without it.

    Returns
    -------
    endpoints : Endpoints
        The two ends of every annotation; numeric intervals are checked to be in order.

    Raises
    ------
    ValueError, TypeError
        As for :func:`vilma.labels.read_labels`, except for what concerns the scale.
    """
    if scale is not None:
        refuse_contradiction(y, scale, name)
    if holds_intervals(y):
        return bounded_endpoints(read_bounds(y, name), scale=scale, name=name)
    values, missing = read_values(y, name)
    if values.ndim == 2 and values.shape[1] == 1:
        values = column_or_1d(values, warn=True)
        missing = missing.ravel()
    if values.ndim == 1:
        refuse_non_finite(values, missing, name)
        closed = np.zeros(len(values), dtype=bool)
        return Endpoints(values, values, closed, closed, exact=True)
    if values.ndim != 2 or values.shape[1] != 2:
        raise ValueError(
            f"{name} should be a 1d array of exact labels or an array of shape (n_samples, 2) of "
            f"intervals [lower, upper], got an array of shape {values.shape} instead."
            + (_SEVERAL_RATERS if values.ndim == 2 else "")
        )
    _refuse_swapped_names(y, name)
    lower, upper = values[:, 0], values[:, 1]
    lower_open, upper_open = missing[:, 0], missing[:, 1]
    if values.dtype.kind == "f":
        _refuse_infinity(lower == np.inf, "lower", "+inf", "-inf", name)
        _refuse_infinity(upper == -np.inf, "upper", "-inf", "+inf", name)
        lower_open = lower_open | np.isinf(lower)
        upper_open = upper_open | np.isinf(upper)
    endpoints = Endpoints(lower, upper, lower_open, upper_open, exact=False)
    if not endpoints.strings and (scale is None or scale.dtype.kind != "U"):
        refuse_reversed(lower, upper, endpoints, name)
    return endpoints


def bounded_endpoints(bounds: Bounds, *, scale: NDArray[Any] | None, name: str) -> Endpoints:
    """Read pieces of the number line as the labels inside of them.

    Parameters
    ----------
    bounds : Bounds
        One piece per row.
    scale : ndarray of shape (n_classes,) or None
        The labels to look for; None for whole numbers.
    name : str
        What error messages call the annotations.

    Returns
    -------
    endpoints : Endpoints
        The first and the last label inside of every piece.

    Raises
    ------
    ValueError, TypeError
        As for :func:`vilma.labels.read_labels`, where it speaks of intervals.
    """
    lower, upper = labels_inside(bounds, scale, name)
    return Endpoints(lower, upper, np.isinf(bounds.left), np.isinf(bounds.right), exact=False)


_LOWER = {"lower", "low", "lo", "min", "minimum", "from", "start", "left", "begin"}
_UPPER = {"upper", "high", "hi", "max", "maximum", "to", "end", "right", "stop"}


def _refuse_swapped_names(y: Any, name: str) -> None:
    """Refuse two columns whose names say that the first has the upper ends."""
    names = getattr(y, "columns", None)
    if names is None:
        names = getattr(getattr(y, "dtype", None), "names", None)
    if names is None or len(names) != 2:
        return
    first, second = (set(re.split(r"[\W_\d]+", str(each).lower())) for each in names)
    if first & _UPPER and second & _LOWER and not (first & _LOWER or second & _UPPER):
        raise ValueError(
            f"{name} has the columns {str(names[0])!r} and {str(names[1])!r}; the first is to "
            "hold the lower ends and the second the upper ones. Swap them, or rename them if this "
            "is their order."
        )


def _refuse_infinity(wrong: BoolArray, end: str, got: str, open_end: str, name: str) -> None:
    if wrong.any():
        raise ValueError(
            f"{name} has {got} as the {end} end of row {first_row(wrong)}; an open {end} end is "
            f"written as {open_end} or NaN."
        )


def refuse_reversed(
    lower: NDArray[Any], upper: NDArray[Any], endpoints: Endpoints, name: str
) -> None:
    """Refuse lower ends above their upper ends; `lower` and `upper` are values or codes."""
    closed = ~(endpoints.lower_open | endpoints.upper_open)
    reversed_ = closed & (lower > upper)
    if reversed_.any():
        row = first_row(reversed_)
        raise ValueError(
            f"{name} has the lower end above the upper end in row {row}: "
            f"[{endpoints.lower[row].item()!r}, {endpoints.upper[row].item()!r}]."
            + _about_columns(endpoints)
        )


def _about_columns(endpoints: Endpoints) -> str:
    columns = np.stack([endpoints.lower, endpoints.upper])
    if columns.dtype.kind in "biuf" and np.all(np.sort(columns, axis=0).T == [0, 1]):
        return _ZEROS_AND_ONES
    return _ENCODED_COLUMNS if _are_codes(endpoints) else ""


def _are_codes(endpoints: Endpoints) -> bool:
    """Tell whether both columns hold 0, 1, 2, ... without a gap, as encoders make them."""
    columns = [np.unique(ends) for ends in (endpoints.lower, endpoints.upper)]
    return all(
        ends.dtype.kind in "iu" and np.array_equal(ends, np.arange(len(ends))) for ends in columns
    )
