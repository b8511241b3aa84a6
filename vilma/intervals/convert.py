"""Any form of labels as an array of two columns."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vilma.labels import Endpoints, encode_endpoints, read_endpoints, read_scale
from vilma.labels.scale import ordered_categories


def to_intervals(y: ArrayLike, classes: ArrayLike | None = None) -> NDArray[Any]:
    """Write labels of any form as an array of two columns.

    Estimators and metrics take all forms as they are. The array serves programs that know arrays
    only, and shows how a form is read.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, 2)
        Exact or interval labels, as for :func:`vilma.labels.read_labels`: a data frame, a list of
        pairs, ``pandas.Interval`` objects, ordered categories and so on.
    classes : array-like of shape (n_classes,), default=None
        The ordered scale. By default the categories of `y`, if ordered; otherwise none, and
        intervals of strings are not checked to be in order.

    Returns
    -------
    intervals : ndarray of shape (n_samples, 2)
        First and last label that each annotation allows. Where an end is open, numbers are
        infinite and strings None, and the dtype is floating or object.

    Raises
    ------
    ValueError, TypeError
        As for :func:`vilma.labels.read_labels`, except for what needs a scale.

    Examples
    --------
    >>> from vilma.intervals import to_intervals
    >>> to_intervals([(20, 29), (50, None), (None, 4)])
    array([[ 20.,  29.],
           [ 50.,  inf],
           [-inf,   4.]])
    """
    given = ordered_categories(y) if classes is None else classes
    scale = None if given is None else read_scale(given)
    endpoints = read_endpoints(y, scale=scale)
    if scale is not None:
        encode_endpoints(endpoints, scale)
    return endpoint_columns(endpoints)


def endpoint_columns(endpoints: Endpoints) -> NDArray[Any]:
    """Write endpoints as two columns, with infinite or missing entries where open."""
    ends = np.column_stack([endpoints.lower, endpoints.upper])
    is_open = np.column_stack([endpoints.lower_open, endpoints.upper_open])
    if not is_open.any():
        return ends
    if endpoints.strings:
        entries = ends.astype(object)
        entries[is_open] = None
        return entries
    return np.where(is_open, [-np.inf, np.inf], ends.astype(np.float64))
