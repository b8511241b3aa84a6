"""Ordered scales: reading one from a user, and finding the places of labels on it."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vilma.labels.doubtful import like_brackets
from vilma.labels.values import BoolArray, category_names, is_ordered, read_values

IntArray = NDArray[np.int64]


_CODES_INSTEAD_OF_LABELS = (
    " If you passed other labels, a tool of scikit-learn has replaced them by positions among the "
    "sorted labels, 0, 1, 2, ..., which lose order and gaps: Voting, Bagging and Stacking, and "
    "cross_val_predict with a method other than 'predict', do so. Leave `classes` out and put the "
    "tool into vilma.model_selection.PositionsClassifier, or use "
    "vilma.model_selection.cross_val_predict."
)


def read_scale(classes: ArrayLike, *, allow_single_class: bool = False) -> NDArray[Any]:
    """Check a user's ordered scale.

    Parameters
    ----------
    classes : array-like of shape (n_classes,)
        Numbers in strictly increasing order, or distinct strings in the order that is meant. The
        order of ordered categories is that of their dtype, whatever the order of the values, so
        that ``column.unique()`` is the scale of an ordered column.
    allow_single_class : bool, default=False
        Accept a scale of one label.

    Returns
    -------
    scale : ndarray of shape (n_classes,)
        The scale; numbers keep their dtype.

    Raises
    ------
    ValueError
        If `classes` is not one-dimensional, too short, not finite, repeats a label, or holds
        numbers that do not increase strictly.
    TypeError
        If `classes` is a set, a mapping or strings of unordered categories, or its labels are of
        types that have no common order.
    """
    if isinstance(classes, (set, frozenset, dict)):
        kind = type(classes).__name__
        raise TypeError(f"classes is a {kind}, which has no order; pass a list in scale order.")
    scale, missing = read_values(classes, "classes")
    dtype: Any = getattr(classes, "dtype", None)
    if scale.ndim == 1 and not missing.any():
        if is_ordered(dtype):
            place = {name: k for k, name in enumerate(category_names(dtype.categories))}
            scale = np.array(sorted(scale.tolist(), key=place.__getitem__), dtype=scale.dtype)
        elif scale.dtype.kind == "U" and type(dtype).__name__ in {
            "CategoricalDtype",
            "Categorical",
        }:
            raise TypeError(
                f"classes holds unordered categories, {abbreviate(scale)}: the order in which "
                "they appear is not taken for the order of the scale. Pass a list in scale order, "
                "or make the categories ordered."
            )
    if scale.ndim != 1:
        raise ValueError(
            "classes should be a 1d sequence of labels in scale order, got an array of shape "
            f"{scale.shape} instead."
        )
    refuse_non_finite(scale, missing, "classes")
    if len(scale) < 2 and not allow_single_class:
        raise ValueError(
            f"classes should name at least 2 labels, got {len(scale)} class: {abbreviate(scale)}."
        )
    if scale.dtype.kind == "U":
        _refuse_repeated(scale)
    else:
        falling = scale[1:] <= scale[:-1]
        if falling.any():
            k = first_row(falling)
            raise ValueError(
                "classes should be strictly increasing numbers, but entry "
                f"{k} is {scale[k].item()!r} and entry {k + 1} is {scale[k + 1].item()!r}. Labels "
                "in another order have to be strings."
            )
    return scale


def in_class_order(scale: NDArray[Any]) -> IntArray:
    """Return the positions on a scale of its labels in sorted order.

    scikit-learn takes the attribute `classes_` to be sorted, whatever labels mean:
    ``classes_ = scale_[in_class_order(scale_)]``, and columns in the order of the scale become
    columns of `classes_` by ``columns[:, in_class_order(scale_)]``.

    Parameters
    ----------
    scale : ndarray of shape (n_classes,)
        The labels in scale order, as returned by :func:`read_scale`.

    Returns
    -------
    positions : ndarray of shape (n_classes,), dtype=int64
        0, 1, 2, ... for numbers, which increase along the scale.
    """
    return np.argsort(scale, kind="stable")


def encode(
    values: NDArray[Any],
    scale: NDArray[Any],
    *,
    name: str = "y",
    skip: BoolArray | None = None,
) -> IntArray:
    """Find the positions of label values on a scale.

    Parameters
    ----------
    values : ndarray of shape (n_samples,)
        Label values, as found in :class:`Endpoints`.
    scale : ndarray of shape (n_classes,)
        The labels in scale order, as returned by :func:`read_scale`.
    name : str, default="y"
        What error messages call the values.
    skip : ndarray of shape (n_samples,), dtype=bool, default=None
        Entries to leave alone; their codes are 0.

    Returns
    -------
    codes : ndarray of shape (n_samples,), dtype=int64
        0-based positions, ``scale[codes] == values``.

    Raises
    ------
    ValueError
        If a value is not on the scale; the first such row is named.
    TypeError
        If the one holds strings and the other numbers.
    """
    wanted = np.ones(len(values), dtype=bool) if skip is None else ~skip
    if not wanted.any():
        return np.zeros(len(values), dtype=np.int64)
    if (values.dtype.kind == "U") != (scale.dtype.kind == "U"):
        raise TypeError(
            f"{name} holds {_describe(values)} but classes holds {_describe(scale)}: "
            f"{values[first_row(wanted)].item()!r} cannot be on the scale {abbreviate(scale)}."
            + (_CODES_INSTEAD_OF_LABELS if values.dtype.kind in "iu" else "")
            + (_what_text_may_be(values[wanted], name) if values.dtype.kind == "U" else "")
        )
    by_value = in_class_order(scale)
    place = np.searchsorted(scale, values, sorter=by_value)
    codes = by_value[np.minimum(place, len(scale) - 1)]
    unknown = wanted & (scale[codes] != values)
    if unknown.any():
        row = first_row(unknown)
        value = values[row].item()
        hint = ""
        if value in {"nan", "None"}:
            hint = " To leave an end open, put None into a list or an array of dtype object."
        elif _may_be_codes(values[wanted], len(scale)):
            hint = _CODES_INSTEAD_OF_LABELS
        raise ValueError(
            f"{name} has the label {value!r} in row {row}, which is not in classes "
            f"{abbreviate(scale)}.{hint}"
        )
    return np.where(wanted, codes, 0).astype(np.int64)


def _may_be_codes(values: NDArray[Any], n_classes: int) -> bool:
    """Tell whether labels may be positions of sorted labels, as encoders make them.

    Most of the numbers up to the largest then occur: ends of brackets such as 0, 10, 20 are none.
    """
    if values.dtype.kind not in "iu" or values.min() < 0 or values.max() >= n_classes:
        return False
    distinct = np.unique(values)
    return bool(distinct[0] == 0 and 2 * len(distinct) > distinct[-1])


def _what_text_may_be(labels: NDArray[Any], name: str) -> str:
    """Say what to do with text in place of numbers, where that can be told."""
    if like_brackets(np.unique(labels)) is not None:
        return f" {name} reads like brackets: pass vilma.intervals.parse_brackets({name})."
    return f" If these are numbers as strings, convert them: numpy.asarray({name}, dtype=float)."


def ordered_categories(y: Any) -> list[Any] | None:
    """Return the scale that the columns of `y` share as ordered categories, if they do.

    Parameters
    ----------
    y : object
        What a user calls labels; ordered categories of pandas and polars Enums count. Categories
        that are intervals, as from ``pandas.cut``, are no scale.

    Returns
    -------
    list or None
        The categories, lowest first; None where there are none or columns differ.

    Raises
    ------
    ValueError
        If they are numbers that do not increase.
    """
    scales = _category_lists(y)
    if not scales or any(scale != scales[0] for scale in scales):
        return None
    _refuse_other_order_of_numbers(scales[0])
    return scales[0]


def refuse_disagreeing_categories(y: Any) -> None:
    """Refuse two ordered columns that each bring a scale, and not the same.

    Parameters
    ----------
    y : object
        What a user calls labels.

    Raises
    ------
    ValueError
        If the categories differ.
    """
    scales = _category_lists(y)
    if scales and any(scale != scales[0] for scale in scales):
        kind = "strings" if isinstance(scales[0][0], str) else "numbers"
        listed = " and ".join(abbreviate(np.asarray(scale)) for scale in scales)
        raise ValueError(
            f"The columns of y are ordered categories that disagree: {listed}. Intervals of "
            f"{kind} need `classes` or the same ordered categories in both columns."
        )


def refuse_contradiction(y: Any, scale: NDArray[Any], name: str) -> None:
    """Refuse ordered categories whose order is not that of the scale.

    Parameters
    ----------
    y : object
        What a user calls labels.
    scale : ndarray of shape (n_classes,)
        The labels in scale order, as returned by :func:`read_scale`.
    name : str
        What error messages call the labels.

    Raises
    ------
    ValueError
        If labels that both know come in another order. Either may know more of them.
    """
    place = {label: k for k, label in enumerate(scale.tolist())}
    for dtype in _dtypes(y):
        if not is_ordered(dtype):
            continue
        categories = category_names(dtype.categories)
        if any(type(category).__name__ == "Interval" for category in categories):
            continue
        places = [place[category] for category in categories if category in place]
        if places != sorted(places):
            raise ValueError(
                f"{name} has ordered categories, {abbreviate(np.asarray(categories))}, in another "
                f"order than `classes`, {abbreviate(scale)}. Correct one of them: leave `classes` "
                "out if the order of the categories is meant, or pass the labels as a plain array "
                "if that of `classes` is."
            )


def _refuse_other_order_of_numbers(categories: list[Any]) -> None:
    """Refuse numbers in an order of their own, which every plain array of them would lose."""
    if any(isinstance(category, str) for category in categories):
        return
    for lower, upper in pairwise(categories):
        if not lower < upper:
            raise ValueError(
                f"The ordered categories {abbreviate(np.asarray(categories))} are numbers in an "
                "order of their own: an array of them, or an interval, does not tell that "
                f"{lower!r} is below {upper!r}. Make them strings, as "
                "y.cat.rename_categories(str) does in pandas, or numbers that increase along the "
                "scale, as y.cat.codes."
            )


def _dtypes(y: Any) -> list[Any]:
    """Return the dtype of each column."""
    return list(y.dtypes) if hasattr(y, "columns") else [getattr(y, "dtype", None)]


def _category_lists(y: Any) -> list[list[Any]]:
    """Return the ordered categories of each column; empty unless every column has some."""
    scales = []
    for dtype in _dtypes(y):
        if not is_ordered(dtype):
            return []
        categories = category_names(dtype.categories)
        if any(type(category).__name__ == "Interval" for category in categories):
            return []
        scales.append(categories)
    return scales


def refuse_non_finite(values: NDArray[Any], missing: BoolArray, name: str) -> None:
    """Refuse missing and infinite entries; the first row of one is named."""
    if missing.any():
        raise ValueError(
            f"Input {name} contains NaN. The first one is in row {first_row(missing)}; only "
            "intervals, an array of shape (n_samples, 2), can have open ends."
        )
    if values.dtype.kind == "f" and np.isinf(values).any():
        raise ValueError(
            f"Input {name} contains infinity or a value too large for {values.dtype!r}. The first "
            f"one is in row {first_row(np.isinf(values))}."
        )


def _refuse_repeated(scale: NDArray[Any]) -> None:
    labels, counts = np.unique(scale, return_counts=True)
    if len(labels) < len(scale):
        label = labels[counts > 1][0]
        where = np.flatnonzero(scale == label).tolist()
        raise ValueError(f"classes repeats the label {label.item()!r}, at the entries {where}.")


def first_row(mask: BoolArray) -> int:
    """Index of the first True."""
    return int(np.argmax(mask))


def _describe(values: NDArray[Any]) -> str:
    return "strings" if values.dtype.kind == "U" else "numbers"


def abbreviate(scale: NDArray[Any]) -> str:
    """Write a scale out, leaving out the middle of a long one."""
    labels = [repr(label) for label in scale.tolist()]
    if len(labels) > 8:
        labels = [*labels[:4], "...", *labels[-2:]]
    return f"[{', '.join(labels)}]"
