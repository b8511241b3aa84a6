"""Several annotators' labels for one item, made into one interval."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vilma._masked import refuse_masked
from vilma.labels import encode_endpoints, read_endpoints
from vilma.labels.interval_objects import holds_intervals
from vilma.labels.scale import (
    IntArray,
    ordered_categories,
    read_scale,
    refuse_contradiction,
)
from vilma.labels.values import read_values

FloatArray = NDArray[np.float64]
How = Literal["union", "intersection", "median", "quantiles"]


@dataclass(frozen=True)
class CombinedAnnotations:
    """One interval per item, and how far its annotators agree.

    Parameters
    ----------
    intervals : ndarray of shape (n_items, 2)
        First and last label, as from :func:`~vilma.intervals.to_intervals`.
    counts : ndarray of shape (n_items,), dtype=int64
        How many annotations of each item say something.
    distance : ndarray of shape (n_items,), dtype=float64
        How far apart the two most distant annotations of an item are: 0 where all share a label,
        otherwise the distance from the smallest upper to the largest lower end, in the unit of
        the labels (in steps of the scale for strings).
    items : ndarray of shape (n_items,)
        What the rows are: row numbers, or the names given.
    """

    intervals: NDArray[Any]
    counts: IntArray
    distance: FloatArray
    items: NDArray[Any]

    @property
    def disagree(self) -> NDArray[np.bool_]:
        """Mask of shape (n_items,) of the items whose annotations share no label."""
        return self.distance > 0

    def __str__(self) -> str:
        repeated = self.counts > 1
        text = (
            f"{len(self.counts):,} items, {repeated.sum():,} with several annotations, "
            f"{(self.counts == 0).sum():,} with none"
        )
        if not self.disagree.any():
            return f"{text}; all that were annotated several times agree."
        worst = np.argsort(-self.distance, kind="stable")[: min(5, int(self.disagree.sum()))]
        named = ", ".join(f"{self.items[k]} (by {self.distance[k]:g})" for k in worst)
        n_disagree = int(self.disagree.sum())
        return (
            f"{text}; {n_disagree:,} of those ({n_disagree / repeated.sum():.1%}) share no label. "
            f"Farthest apart: {named}."
        )


def combine_annotators(
    annotations: Sequence[ArrayLike],
    *,
    how: How = "union",
    quantiles: tuple[float, float] = (0.25, 0.75),
    classes: ArrayLike | None = None,
) -> CombinedAnnotations:
    """Combine the labels of several annotators who saw the same items.

    Parameters
    ----------
    annotations : sequence of array-like, each of shape (n_items,) or (n_items, 2), or data frame
        The labels of each annotator, exact or intervals, in any form that
        :func:`vilma.labels.read_labels` takes. None or NaN, in both ends of an interval or as an
        exact label, says that the annotator did not see the item. A data frame has a row for
        each item and a column of exact labels for each annotator.
    how : {"union", "intersection", "median", "quantiles"}, default="union"
        "union" allows every label from the lowest to the highest that an annotator allows;
        "intersection" those that all allow; "median" reaches from the median of the lower ends
        to that of the upper ends, and takes the lower and the upper one where there are two;
        "quantiles" reaches from a quantile of the lower ends to one of the upper ends. With many
        annotators the intersection is mostly empty and the union wide.
    quantiles : tuple of (float, float), default=(0.25, 0.75)
        The two quantiles, of all annotations of an item. The lower one is the largest label with
        no more than that share of the lower ends below it, the upper one likewise from above.
    classes : array-like of shape (n_classes,), default=None
        The ordered scale; needed for strings that bring none.

    Returns
    -------
    combined : CombinedAnnotations
        The intervals and the disagreement. An item that nobody annotated is open at both ends.

    Raises
    ------
    ValueError
        If labels are malformed, annotators have different numbers of items, or, for
        "intersection", the annotations of an item share no label; those items are named.
    TypeError
        If labels are of types that have no common order.

    See Also
    --------
    combine_by_item : The same for one row per annotation.

    Examples
    --------
    >>> from vilma.intervals import combine_annotators
    >>> combined = combine_annotators([[3, 5, 7], [4, 5, 9], [4, None, 8]], how="median")
    >>> combined.intervals
    array([[4., 4.],
           [5., 5.],
           [8., 8.]])
    >>> print(combined)
    3 items, 3 with several annotations, 0 with none; 2 of those (66.7%) share no label. \
Farthest apart: 2 (by 2), 0 (by 1).
    """
    if hasattr(annotations, "columns"):
        annotations = [annotations[column] for column in annotations.columns]
    if not isinstance(annotations, (list, tuple)):
        raise TypeError(
            "annotations should be a list with the labels of each annotator, or a data frame with "
            f"a column for each, got a {type(annotations).__name__}. Pass the columns of an array "
            "in a list, or use combine_by_item for one row per annotation."
        )
    if not len(annotations):
        raise ValueError("annotations is empty; at least one annotator is required.")
    given = ordered_categories(annotations[0]) if classes is None else classes
    scale = None if given is None else read_scale(given)
    read = [_read_ends(y, scale, f"annotations[{place}]") for place, y in enumerate(annotations)]
    n_items = len(read[0])
    for place, ends in enumerate(read):
        if len(ends) != n_items:
            raise ValueError(
                f"annotations[{place}] has {len(ends)} items but annotations[0] has {n_items}. "
                "Annotators who saw different items: use combine_by_item."
            )
    groups = np.tile(np.arange(n_items), len(read))
    return _combine(np.concatenate(read), groups, np.arange(n_items), how, quantiles, scale)


def combine_by_item(
    items: ArrayLike,
    y: ArrayLike,
    *,
    how: How = "union",
    quantiles: tuple[float, float] = (0.25, 0.75),
    classes: ArrayLike | None = None,
) -> CombinedAnnotations:
    """Combine annotations that name their item, one row per annotation.

    Parameters
    ----------
    items : array-like of shape (n_annotations,)
        Names or numbers of the items.
    y : array-like of shape (n_annotations,) or (n_annotations, 2)
        Exact or interval labels.
    how : {"union", "intersection", "median", "quantiles"}, default="union"
        As for :func:`combine_annotators`.
    quantiles : tuple of (float, float), default=(0.25, 0.75)
        As for :func:`combine_annotators`.
    classes : array-like of shape (n_classes,), default=None
        The ordered scale; needed for strings that bring none.

    Returns
    -------
    combined : CombinedAnnotations
        One row per distinct item, in increasing order of their names.

    Raises
    ------
    ValueError, TypeError
        As for :func:`combine_annotators`, and if an item is None or NaN.

    Examples
    --------
    >>> from vilma.intervals import combine_by_item
    >>> combine_by_item(["a", "b", "a"], [(3, 5), (1, 1), (4, 9)], how="intersection").intervals
    array([[4., 5.],
           [1., 1.]])
    """
    refuse_masked(items, "items")
    names = np.asarray(items)
    given = ordered_categories(y) if classes is None else classes
    scale = None if given is None else read_scale(given)
    ends = _read_ends(y, scale, "y")
    if names.shape != (len(ends),):
        raise ValueError(
            f"items has shape {names.shape} but y has {len(ends)} annotations; expected one item "
            "per annotation."
        )
    _refuse_nameless(items)
    try:
        distinct, groups = np.unique(names, return_inverse=True)
    except TypeError as error:
        raise TypeError(
            f"items should be names or numbers that have an order, got entries of type "
            f"{type(names[0]).__name__} ({error})."
        ) from error
    return _combine(ends, groups.ravel(), distinct, how, quantiles, scale)


def _refuse_nameless(items: ArrayLike) -> None:
    entries = np.asarray(items, dtype=object)
    nameless = np.array([item is None or item != item for item in entries], dtype=bool)  # NaN, NaT
    if nameless.any():
        row = int(np.argmax(nameless))
        raise ValueError(
            f"items has no name in row {row} ({entries[row]!r}; {nameless.sum()} such row(s)), so "
            "which item it belongs to is unknown. Name it, or leave it out."
        )


def _read_ends(y: ArrayLike, scale: NDArray[Any] | None, name: str) -> FloatArray:
    """Return two columns of label values, or of codes for strings, infinite where open."""
    if scale is not None:
        refuse_contradiction(y, scale, name)
    if not holds_intervals(y):
        values, missing = read_values(y, name)
        if values.ndim == 1 and missing.any():  # an exact label that is not there
            entries = values.astype(object)
            entries[missing] = None
            y = np.column_stack([entries, entries])
    endpoints = read_endpoints(y, name=name, scale=scale)
    lower, upper = endpoints.lower, endpoints.upper
    if endpoints.strings and scale is None:
        raise ValueError(
            f"{name} holds strings, which have no order by themselves: pass `classes`, lowest "
            "first."
        )
    if scale is not None:
        codes = encode_endpoints(endpoints, scale, name=name)
        lower, upper = codes if endpoints.strings else (scale[codes[0]], scale[codes[1]])
    return np.column_stack(
        [
            np.where(endpoints.lower_open, -np.inf, lower),
            np.where(endpoints.upper_open, np.inf, upper),
        ]
    ).astype(np.float64)


def _combine(
    ends: FloatArray,
    groups: NDArray[np.intp],
    items: NDArray[Any],
    how: How,
    quantiles: tuple[float, float],
    scale: NDArray[Any] | None,
) -> CombinedAnnotations:
    """Combine the annotations of each group; `ends` has one row per annotation."""
    pick_lower, pick_upper = _way(how, quantiles)
    speaks = ~np.isinf(ends).all(axis=1)
    lower, upper, groups = ends[speaks, 0], ends[speaks, 1], groups[speaks]
    counts = np.bincount(groups, minlength=len(items))
    starts = np.cumsum(counts) - counts
    said = counts > 0
    lower = lower[np.lexsort((lower, groups))]  # sorted within each item
    upper = upper[np.lexsort((upper, groups))]
    gap = np.zeros(len(items))
    first, last = starts[said], starts[said] + counts[said] - 1
    gap[said] = np.maximum(lower[last] - upper[first], 0.0)
    if how == "intersection":
        _refuse_disjoint(gap > 0, items)
    combined = np.tile([-np.inf, np.inf], (len(items), 1))
    combined[said, 0] = lower[first + pick_lower(counts[said])]
    combined[said, 1] = upper[first + pick_upper(counts[said])]
    return CombinedAnnotations(_label_values(combined, scale), counts, gap, items)


# Which of an item's n sorted lower ends, and which of its upper ends, the combination takes.
_Pick = Callable[[IntArray], IntArray]
_WAYS: dict[str, tuple[_Pick, _Pick]] = {
    "union": (lambda n: 0 * n, lambda n: n - 1),
    "intersection": (lambda n: n - 1, lambda n: 0 * n),
    "median": (lambda n: (n - 1) // 2, lambda n: n // 2),
}


def _way(how: How, quantiles: tuple[float, float]) -> tuple[_Pick, _Pick]:
    """Return which ends a combination takes."""
    if how == "quantiles":
        return _between_quantiles(quantiles)
    if not isinstance(how, str) or how not in _WAYS:
        raise ValueError(f"how should be one of {sorted([*_WAYS, 'quantiles'])}, got {how!r}.")
    return _WAYS[how]


def _between_quantiles(quantiles: tuple[float, float]) -> tuple[_Pick, _Pick]:
    try:
        low, high = (float(each) for each in quantiles)
    except (TypeError, ValueError):
        low = high = np.nan
    if not 0 <= low <= high <= 1:
        raise ValueError(
            f"quantiles should be two increasing numbers between 0 and 1, got {quantiles!r}."
        )
    # Rounding, as in 0.1 * 30, must not pass over a whole number.
    slack = 1e-9

    def places(n: IntArray) -> tuple[IntArray, IntArray]:
        below = np.minimum(np.floor(low * n + slack).astype(np.int64), n - 1)
        above = np.maximum(np.ceil(high * n - slack).astype(np.int64) - 1, 0)
        return np.minimum(below, above), np.maximum(below, above)  # equal quantiles may cross

    return lambda n: places(n)[0], lambda n: places(n)[1]


def _refuse_disjoint(disjoint: NDArray[np.bool_], items: NDArray[Any]) -> None:
    if disjoint.any():
        named = ", ".join(str(item) for item in items[disjoint][:5])
        more = f" and {disjoint.sum() - 5} more" if disjoint.sum() > 5 else ""
        raise ValueError(
            f"The annotations of {disjoint.sum()} item(s) share no label: {named}{more}. Use "
            "how='median' or how='union', or leave out the items where `disagree` of the union "
            "is true."
        )


def _label_values(ends: FloatArray, scale: NDArray[Any] | None) -> NDArray[Any]:
    """Replace codes by strings where labels are strings."""
    if scale is None or scale.dtype.kind != "U":
        return ends
    is_open = np.isinf(ends)
    entries = scale[np.where(is_open, 0, ends).astype(np.int64)].astype(object)
    entries[is_open] = None
    return entries
