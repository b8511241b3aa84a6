"""Labels of every form, as codes on an ordered scale."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vilma._searches import warn_once_in_a_search
from vilma.labels.doubtful import (
    are_numbers,
    in_order_of_meaning,
    is_no_answer,
    like_brackets,
    missing_codes,
    order_of_strings,
    warn_of_doubtful_scale,
)
from vilma.labels.endpoints import Endpoints, read_endpoints, refuse_reversed
from vilma.labels.scale import (
    IntArray,
    abbreviate,
    encode,
    first_row,
    ordered_categories,
    read_scale,
    refuse_disagreeing_categories,
)
from vilma.labels.values import BoolArray

__all__ = ["IntervalLabels", "encode_endpoints", "read_labels", "scale_with_labels"]


@dataclass(frozen=True)
class IntervalLabels:
    """Interval annotations as codes on an ordered scale.

    Parameters
    ----------
    lower : ndarray of shape (n_samples,), dtype=int64
        Code of the first label that each annotation allows, ``0 <= lower <= upper``.
    upper : ndarray of shape (n_samples,), dtype=int64
        Code of the last label that each annotation allows, ``upper < n_classes``.
    classes : ndarray of shape (n_classes,)
        The labels in the order of the scale; code ``k`` stands for ``classes[k]``.
    """

    lower: IntArray
    upper: IntArray
    classes: NDArray[Any]

    @property
    def n_classes(self) -> int:
        """Number of labels on the scale."""
        return len(self.classes)

    @property
    def exact(self) -> BoolArray:
        """Mask of shape (n_samples,) of the annotations that name a single label."""
        return self.lower == self.upper


def read_labels(
    y: ArrayLike, classes: ArrayLike | None = None, *, allow_single_class: bool = False
) -> IntervalLabels:
    """Read exact or interval labels and place them on an ordered scale.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, 2)
        One column holds exact labels: numbers, booleans or strings. Two columns hold intervals
        ``[lower, upper]``, both ends included. An end may be open: NaN, None or -inf as `lower`,
        NaN, None or +inf as `upper`. Data frames, lists of pairs, object arrays and structured
        arrays of two fields are welcome. One column may also hold ``pandas.Interval`` objects,
        which mean the labels inside, open sides left out: without `classes`, ``(20, 30]`` is
        21 to 30. Columns of ordered categories (of pandas, or a polars Enum) bring their scale
        along; two of them must have the same categories, and numbers among them increase. Masked
        entries of ``numpy.ma`` are missing: open ends, and refused as exact labels.
    classes : array-like of shape (n_classes,), default=None
        The scale, from its lowest label to its highest. Ordered categories in another order are
        refused. By default it is made of the distinct
        labels, or finite endpoints, in `y`, in increasing order; labels that nobody used are
        then not on it. String intervals need `classes`, because the alphabet is rarely the
        order meant.
    allow_single_class : bool, default=False
        Accept a scale of one label, on which every annotation is exact.

    Returns
    -------
    labels : IntervalLabels
        The annotations as codes, and the scale.

    Raises
    ------
    ValueError
        If `y` is missing, empty, of a wrong shape, has NaN or infinite exact labels, labels
        which are not on the scale, a `lower` above its `upper`, or one class only; if no
        annotation excludes any label; if exact labels are continuous, or strings of which one
        reads like a bracket ("20-29") or the numbers in all are in another order than that of the
        alphabet ("2", "10"), and `classes` is not given; if `classes` is not a strictly increasing
        sequence of at least two labels, or `y` has ordered categories in another order.
    TypeError
        If labels are of types that have no common order.

    Warns
    -----
    UserWarning
        If strings are put into the order of the alphabet, except words that it leaves in the order
        of their meaning, such as "no" and "yes"; if an end of the scale reads like a missing
        answer or a code for one (-99, 999), or open ends leave one label only.

    Examples
    --------
    >>> import numpy as np
    >>> from vilma.labels import read_labels
    >>> labels = read_labels([(1, 2), (3, 3), (2, np.inf)])
    >>> labels.classes
    array([1., 2., 3.])
    >>> labels.lower, labels.upper
    (array([0, 2, 1]), array([1, 2, 2]))
    >>> labels.exact
    array([False,  True, False])
    """
    given = ordered_categories(y) if classes is None else classes
    scale = None
    if given is not None:
        scale = read_scale(given, allow_single_class=allow_single_class)
        warn_of_doubtful_scale(scale)
    endpoints = read_endpoints(y, scale=scale)
    if scale is None:
        refuse_disagreeing_categories(y)
        scale = _scale_in_use(endpoints)
    if classes is None:
        _warn_of_missing_codes(scale)
    if len(scale) == 1 and not allow_single_class:
        raise ValueError(
            "The number of classes has to be greater than one; got 1 class, "
            f"{scale[0].item()!r}. Labels that occur nowhere in y can be given in `classes`."
        )
    lower, upper = encode_endpoints(endpoints, scale)
    if given is None:
        _warn_of_closed_ends((lower == upper) & (endpoints.lower_open | endpoints.upper_open))
    last = len(scale) - 1
    if last > 0 and np.all((lower == 0) & (upper == last)):
        raise ValueError(
            f"Nothing can be learned from y: each of its {len(lower)} annotations covers the "
            f"whole scale {abbreviate(scale)}. At least one has to exclude a label."
        )
    return IntervalLabels(lower=lower, upper=upper, classes=scale)


def encode_endpoints(
    endpoints: Endpoints, scale: NDArray[Any], *, name: str = "y"
) -> tuple[IntArray, IntArray]:
    """Place annotations on a scale; open ends become its first and last codes.

    Parameters
    ----------
    endpoints : Endpoints
        The annotations as label values.
    scale : ndarray of shape (n_classes,)
        The labels in scale order, as returned by :func:`read_scale`.
    name : str, default="y"
        What error messages call the annotations.

    Returns
    -------
    lower, upper : ndarray of shape (n_samples,), dtype=int64
        Codes with ``0 <= lower <= upper < n_classes``.

    Raises
    ------
    ValueError
        If an endpoint is not on the scale, or a lower one stands above its upper one; the first
        such row is named.
    TypeError
        If the one holds strings and the other numbers.
    """
    lower = encode(endpoints.lower, scale, name=name, skip=endpoints.lower_open)
    if endpoints.exact:
        return lower, lower
    upper = encode(endpoints.upper, scale, name=name, skip=endpoints.upper_open)
    upper[endpoints.upper_open] = len(scale) - 1
    refuse_reversed(lower, upper, endpoints, name)
    return lower, upper


def scale_with_labels(y: ArrayLike, scale: NDArray[Any]) -> NDArray[Any]:
    """Return a scale together with labels of annotations that it lacks.

    A model is asked about labels that it has not seen: no prediction is equal to them, but that
    is no error.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, 2)
        Exact or interval labels.
    scale : ndarray of shape (n_classes,)
        The labels that are known, lowest first.

    Returns
    -------
    ndarray of shape (n_labels,)
        The scale itself for intervals of strings, whose order nothing else tells.
    """
    endpoints = read_endpoints(y, scale=scale)
    if endpoints.strings:
        if not endpoints.exact or scale.dtype.kind != "U":
            return scale
        return np.concatenate([scale, np.setdiff1d(endpoints.lower, scale)])
    if scale.dtype.kind == "U":
        return scale
    closed = [endpoints.lower[~endpoints.lower_open], endpoints.upper[~endpoints.upper_open]]
    return np.union1d(scale, np.concatenate(closed))


def _warn_of_closed_ends(closed: BoolArray) -> None:
    if closed.any():
        message = (
            f"{closed.sum()} annotation(s) with an open end are taken as exact (row "
            f"{first_row(closed)} of y is the first), because no label beyond their closed end "
            "occurs in y. If the scale has more labels, pass them all as `classes`. If values lie "
            "between the ends, as prices and times do, make labels of the spans between them: "
            "vilma.intervals.spans_between_ends, with whole=True for brackets such as 10 to 19 "
            "and 20 to 29."
        )
        warn_once_in_a_search("open ends", UserWarning(message), stacklevel=3)


def _scale_in_use(endpoints: Endpoints) -> NDArray[Any]:
    """Return the distinct labels that occur in the annotations, in increasing order."""
    if endpoints.exact:
        _refuse_continuous(endpoints.lower)
        labels = np.unique(endpoints.lower)
        if endpoints.strings and len(labels) > 1:
            _refuse_other_text(labels)
            _warn_of_the_alphabet(labels)
        return labels
    if endpoints.strings:
        raise ValueError(
            "Intervals of strings need `classes`, the labels from the lowest to the highest: the "
            "order of the alphabet is not taken for the order of the scale. Ends that are numbers "
            "as strings have to be converted: numpy.asarray(y, dtype=float)."
        )
    closed = np.concatenate(
        [endpoints.lower[~endpoints.lower_open], endpoints.upper[~endpoints.upper_open]]
    )
    if len(closed) == 0:
        raise ValueError(
            f"Nothing can be learned from y: each of its {len(endpoints.lower)} annotations is "
            "open at both ends."
        )
    return np.unique(closed)


def _warn_of_the_alphabet(labels: NDArray[Any]) -> None:
    """Warn that the alphabet has ordered words, unless it has done so by their meaning."""
    if in_order_of_meaning(labels):
        return
    no_answer = [label for label in labels.tolist() if is_no_answer(label)]
    also = (
        f" Among them {no_answer[0]!r} reads like a missing answer: leave such rows out."
        if no_answer
        else ""
    )
    warnings.warn(
        f"The labels are strings and are put into the order of the alphabet: "
        f"{abbreviate(labels)}. If the scale has another order, pass it as `classes`, or "
        f"give an ordered Categorical.{also}",
        UserWarning,
        stacklevel=3,
    )


def _refuse_other_text(labels: NDArray[Any]) -> None:
    """Refuse brackets, and numbers as strings, whose order is hardly that of the alphabet.

    To put them into the order of their numbers here would not do: what encodes labels before an
    estimator sees them takes the alphabet all the same.
    """
    bracket = like_brackets(labels)
    if bracket is not None:
        raise ValueError(
            f"y has labels such as {bracket!r}, which reads like a bracket of numbers. Pass "
            "vilma.intervals.parse_brackets(y), which makes intervals of them; or, if they are "
            f"the names of levels, their order as `classes`. They are {abbreviate(labels)}."
        )
    ordered = order_of_strings(labels)
    if ordered != labels.tolist():
        numbers = (
            "Make them numbers, as numpy.asarray(y, dtype=float) or pandas.to_numeric(y) do; or "
            if are_numbers(labels)
            else "If another is meant, "
        )
        raise ValueError(
            f"The labels are strings with numbers, which the alphabet puts into the order "
            f"{abbreviate(labels)}. {numbers}pass their order as `classes`, such as "
            f"{abbreviate(np.array(ordered))}."
        )


def _warn_of_missing_codes(scale: NDArray[Any]) -> None:
    codes = missing_codes(scale)
    if codes:
        listed = ", ".join(map(str, codes[:5]))
        message = (
            f"The scale ends in {listed}, apart from all other labels: surveys write such numbers "
            "for missing answers. Here they are labels like the others. If they are codes, leave "
            "the rows out, or make these ends of intervals NaN; if not, pass all labels as "
            "`classes`."
        )
        warn_once_in_a_search("codes of missing answers", UserWarning(message), stacklevel=3)


def _refuse_continuous(values: NDArray[Any]) -> None:
    if values.dtype.kind != "f":
        return
    fractional = values != np.floor(values)
    if fractional.any():
        row = first_row(fractional)
        raise ValueError(
            f"Unknown label type: continuous. Labels are the steps of a scale, but row {row} of y "
            f"is {values[row].item()!r}. Pass the scale as `classes` if fractions are meant."
        )
