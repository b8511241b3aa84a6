"""The border for labels: from what users hold to pairs of integer codes.

Deeper code never sees label values. It works on an ordered scale ``classes`` of ``Y`` labels and,
for every example, on the 0-based codes ``lower <= upper`` of the first and the last label that
the annotation allows. An open end becomes the first or the last code of the scale.

Reading takes three steps, one function each: :func:`read_endpoints` turns ``y`` into the values
of its endpoints, :func:`read_scale` checks a user's scale, and :func:`encode` finds the position
of values on a scale. :func:`read_labels` does all three.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import column_or_1d

from vilma._label_values import BoolArray, read_values

IntArray = NDArray[np.int64]


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


def read_labels(
    y: ArrayLike, classes: ArrayLike | None = None, *, allow_single_class: bool = False
) -> IntervalLabels:
    """Read exact or interval labels and place them on an ordered scale.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, 2)
        One column holds exact labels: numbers, booleans or strings. Two columns hold intervals
        ``[lower, upper]``, both ends included. An end may be open: NaN, None or -inf as `lower`,
        NaN, None or +inf as `upper`. Data frames, lists of pairs and object arrays are welcome.
        Columns of a pandas ordered categorical bring their scale along.
    classes : array-like of shape (n_classes,), default=None
        The scale, from its lowest label to its highest. By default it is made of the distinct
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
        annotation excludes any label; if exact labels are continuous and `classes` is not given;
        if `classes` is not a strictly increasing sequence of at least two labels.
    TypeError
        If labels are of types that have no common order.

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
    endpoints = read_endpoints(y)
    given = _ordered_categories(y) if classes is None else classes
    if given is None:
        scale = _scale_in_use(endpoints)
    else:
        scale = read_scale(given, allow_single_class=allow_single_class)
    if len(scale) == 1 and not allow_single_class:
        raise ValueError(
            "The number of classes has to be greater than one; got 1 class, "
            f"{scale[0].item()!r}. Labels that occur nowhere in y can be given in `classes`."
        )
    lower, upper = encode_endpoints(endpoints, scale)
    last = len(scale) - 1
    if last > 0 and np.all((lower == 0) & (upper == last)):
        raise ValueError(
            f"Nothing can be learned from y: each of its {len(lower)} annotations covers the "
            f"whole scale {_abbreviate(scale)}. At least one has to exclude a label."
        )
    return IntervalLabels(lower=lower, upper=upper, classes=scale)


def read_endpoints(y: ArrayLike, *, name: str = "y") -> Endpoints:
    """Read exact or interval labels as values, without a scale.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, 2)
        As for :func:`read_labels`; continuous exact labels are accepted.
    name : str, default="y"
        What error messages call `y`.

    Returns
    -------
    endpoints : Endpoints
        The two ends of every annotation; numeric intervals are checked to be in order.

    Raises
    ------
    ValueError, TypeError
        As for :func:`read_labels`, except for what concerns the scale.
    """
    values, missing = read_values(y, name)
    if values.ndim == 2 and values.shape[1] == 1:
        values = column_or_1d(values, warn=True)
        missing = missing.ravel()
    if values.ndim == 1:
        _refuse_non_finite(values, missing, name)
        closed = np.zeros(len(values), dtype=bool)
        return Endpoints(values, values, closed, closed, exact=True)
    if values.ndim != 2 or values.shape[1] != 2:
        raise ValueError(
            f"{name} should be a 1d array of exact labels or an array of shape (n_samples, 2) of "
            f"intervals [lower, upper], got an array of shape {values.shape} instead."
        )
    lower, upper = values[:, 0], values[:, 1]
    lower_open, upper_open = missing[:, 0], missing[:, 1]
    if values.dtype.kind == "f":
        _refuse_infinity(lower == np.inf, "lower", "+inf", "-inf", name)
        _refuse_infinity(upper == -np.inf, "upper", "-inf", "+inf", name)
        lower_open = lower_open | np.isinf(lower)
        upper_open = upper_open | np.isinf(upper)
    endpoints = Endpoints(lower, upper, lower_open, upper_open, exact=False)
    if not endpoints.strings:
        _refuse_reversed(lower, upper, endpoints, name)
    return endpoints


def read_scale(classes: ArrayLike, *, allow_single_class: bool = False) -> NDArray[Any]:
    """Check a user's ordered scale.

    Parameters
    ----------
    classes : array-like of shape (n_classes,)
        Numbers in strictly increasing order, or distinct strings in the order that is meant.
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
        If `classes` is a set, or its labels are of types that have no common order.
    """
    if isinstance(classes, (set, frozenset)):
        raise TypeError("classes is a set, which has no order; pass a list in scale order.")
    scale, missing = read_values(classes, "classes")
    if scale.ndim != 1:
        raise ValueError(
            "classes should be a 1d sequence of labels in scale order, got an array of shape "
            f"{scale.shape} instead."
        )
    _refuse_non_finite(scale, missing, "classes")
    if len(scale) < 2 and not allow_single_class:
        raise ValueError(
            f"classes should name at least 2 labels, got {len(scale)} class: {_abbreviate(scale)}."
        )
    if scale.dtype.kind == "U":
        _refuse_repeated(scale)
    else:
        falling = scale[1:] <= scale[:-1]
        if falling.any():
            k = _first(falling)
            raise ValueError(
                "classes should be strictly increasing numbers, but entry "
                f"{k} is {scale[k].item()!r} and entry {k + 1} is {scale[k + 1].item()!r}."
            )
    return scale


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
            f"{values[_first(wanted)].item()!r} cannot be on the scale {_abbreviate(scale)}."
        )
    by_value = np.argsort(scale, kind="stable")
    place = np.searchsorted(scale, values, sorter=by_value)
    codes = by_value[np.minimum(place, len(scale) - 1)]
    unknown = wanted & (scale[codes] != values)
    if unknown.any():
        row = _first(unknown)
        value = values[row].item()
        hint = ""
        if value in {"nan", "None"}:
            hint = " To leave an end open, put None into a list or an array of dtype object."
        raise ValueError(
            f"{name} has the label {value!r} in row {row}, which is not in classes "
            f"{_abbreviate(scale)}.{hint}"
        )
    return np.where(wanted, codes, 0).astype(np.int64)


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
    _refuse_reversed(lower, upper, endpoints, name)
    return lower, upper


def _ordered_categories(y: Any) -> ArrayLike | None:
    """Return the scale that the columns of `y` share as ordered categories, if they do."""
    dtypes: list[Any] = list(y.dtypes) if hasattr(y, "columns") else [getattr(y, "dtype", None)]
    if not all(getattr(dtype, "ordered", False) for dtype in dtypes):
        return None
    scales = [list(dtype.categories) for dtype in dtypes]
    return scales[0] if scales and all(scale == scales[0] for scale in scales) else None


def _scale_in_use(endpoints: Endpoints) -> NDArray[Any]:
    """Return the distinct labels that occur in the annotations, in increasing order."""
    if endpoints.exact:
        _refuse_continuous(endpoints.lower)
        return np.unique(endpoints.lower)
    if endpoints.strings:
        raise ValueError(
            "Intervals of strings need `classes`, the labels from the lowest to the highest: the "
            "order of the alphabet is not taken for the order of the scale."
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


def _refuse_continuous(values: NDArray[Any]) -> None:
    if values.dtype.kind != "f":
        return
    fractional = values != np.floor(values)
    if fractional.any():
        row = _first(fractional)
        raise ValueError(
            f"Unknown label type: continuous. Labels are the steps of a scale, but row {row} of y "
            f"is {values[row].item()!r}. Pass the scale as `classes` if fractions are meant."
        )


def _refuse_non_finite(values: NDArray[Any], missing: BoolArray, name: str) -> None:
    if missing.any():
        raise ValueError(
            f"Input {name} contains NaN. The first one is in row {_first(missing)}; only "
            "intervals, an array of shape (n_samples, 2), can have open ends."
        )
    if values.dtype.kind == "f" and np.isinf(values).any():
        raise ValueError(
            f"Input {name} contains infinity or a value too large for {values.dtype!r}. The first "
            f"one is in row {_first(np.isinf(values))}."
        )


def _refuse_infinity(wrong: BoolArray, end: str, got: str, open_end: str, name: str) -> None:
    if wrong.any():
        raise ValueError(
            f"{name} has {got} as the {end} end of row {_first(wrong)}; an open {end} end is "
            f"written as {open_end} or NaN."
        )


def _refuse_reversed(
    lower: NDArray[Any], upper: NDArray[Any], endpoints: Endpoints, name: str
) -> None:
    """Refuse lower ends above their upper ends; `lower` and `upper` are values or codes."""
    closed = ~(endpoints.lower_open | endpoints.upper_open)
    reversed_ = closed & (lower > upper)
    if reversed_.any():
        row = _first(reversed_)
        raise ValueError(
            f"{name} has the lower end above the upper end in row {row}: "
            f"[{endpoints.lower[row].item()!r}, {endpoints.upper[row].item()!r}]."
        )


def _refuse_repeated(scale: NDArray[Any]) -> None:
    labels, counts = np.unique(scale, return_counts=True)
    if len(labels) < len(scale):
        label = labels[counts > 1][0]
        where = np.flatnonzero(scale == label).tolist()
        raise ValueError(f"classes repeats the label {label.item()!r}, at the entries {where}.")


def _first(mask: BoolArray) -> int:
    """Index of the first True."""
    return int(np.argmax(mask))


def _describe(values: NDArray[Any]) -> str:
    return "strings" if values.dtype.kind == "U" else "numbers"


def _abbreviate(scale: NDArray[Any]) -> str:
    """Write a scale out, leaving out the middle of a long one."""
    labels = [repr(label) for label in scale.tolist()]
    if len(labels) > 8:
        labels = [*labels[:4], "...", *labels[-2:]]
    return f"[{', '.join(labels)}]"
