"""Cross-validation splits that deal interval labels evenly."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from vilma._numbers import require_integer
from vilma.labels import read_labels
from vilma.labels.scale import IntArray

Split = tuple[NDArray[np.intp], NDArray[np.intp]]


def interval_strata(
    y: ArrayLike,
    *,
    by: Literal["midpoint", "cell"] = "midpoint",
    n_strata: int = 10,
    least: int = 1,
    classes: ArrayLike | None = None,
) -> IntArray:
    """Group rows with similar annotations, for splits and plots.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, 2)
        Exact or interval labels, in any form.
    by : {"midpoint", "cell"}, default="midpoint"
        What makes annotations similar: neighbouring midpoints on the scale, in about equally
        large groups; or the same first and last label.
    n_strata : int, default=10
        The number of groups for "midpoint"; fewer where many rows share one.
    least : int, default=1
        Rows per stratum at least; smaller groups are put together with their neighbours.
    classes : array-like of shape (n_classes,), default=None
        The ordered scale, as for :func:`vilma.labels.read_labels`.

    Returns
    -------
    strata : ndarray of shape (n_samples,), dtype=int64
        Numbers from 0 on, in the order of the annotations.

    Raises
    ------
    ValueError
        If labels are malformed or arguments are not as described.

    Examples
    --------
    >>> from vilma.intervals import interval_strata
    >>> interval_strata([(1, 2), (1, 4), (3, 4), (2, 3), (4, 4), (1, 1)], n_strata=3)
    array([0, 1, 2, 1, 2, 0])
    """
    if not isinstance(by, str) or by not in {"midpoint", "cell"}:
        raise ValueError(f"by should be 'midpoint' or 'cell', got {by!r}.")
    require_integer("n_strata", n_strata, 1)
    require_integer("least", least, 0)
    labels = read_labels(y, classes, allow_single_class=True)
    if by == "midpoint":
        key = _equal_parts(labels.lower + labels.upper, n_strata)
    else:
        key = labels.lower * labels.n_classes + labels.upper
    _, place, counts = np.unique(key, return_inverse=True, return_counts=True)
    return _merge(counts, least)[place.ravel()]


def _equal_parts(values: IntArray, n_parts: int) -> IntArray:
    """Cut values into parts of about equal size; equal values stay together."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    centre = np.cumsum(counts) - counts / 2
    return np.floor(centre / len(values) * n_parts).astype(np.int64)[place.ravel()]


def _merge(counts: NDArray[np.intp], least: int) -> IntArray:
    """Put neighbouring groups together until each has enough rows."""
    stratum = np.empty(len(counts), dtype=np.int64)
    current, filled = 0, 0
    for group, count in enumerate(counts.tolist()):
        stratum[group] = current
        filled += count
        if filled >= least:
            current, filled = current + 1, 0
    if filled and current:  # the last one stayed too small
        stratum[stratum == current] = current - 1
    return stratum


class IntervalStratifiedKFold(StratifiedKFold):
    """Folds that have every part of the scale in equal shares, for interval labels.

    This splitter reads all forms of labels; those of scikit-learn differ, see the notes.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds, at least 2.
    by : {"midpoint", "cell"}, default="midpoint"
        Whether strata are neighbouring midpoints or equal intervals, see
        :func:`~vilma.intervals.interval_strata`.
    n_strata : int, default=10
        Number of strata by midpoint; fewer for small data.
    classes : array-like of shape (n_classes,), default=None
        The ordered scale; needed for strings that bring none.
    shuffle : bool, default=False
        Whether rows are shuffled within their stratum.
    random_state : int, RandomState instance or None, default=None
        Seed of the shuffle.

    See Also
    --------
    IntervalStratifiedGroupKFold : The same for rows that belong together.

    Notes
    -----
    ``KFold``, ``ShuffleSplit`` and ``GroupKFold`` never look at `y` and go with every form of
    labels. A number as `cv`, and ``StratifiedKFold`` itself, look:

    ==============================  ==================  ===================
    form of `y`                     ``cv=5``            ``StratifiedKFold``
    ==============================  ==================  ===================
    one column of exact labels      strata by label     strata by label
    two columns, no end open        no strata           refused
    two columns, an end open        refused             refused
    ``pandas.Interval`` objects     no strata           refused
    structured array of two fields  a class per row     a class per row
    ==============================  ==================  ===================

    "A class per row" means that every different pair counts as a class of its own, most of them
    too small to be dealt to all folds. So pass ``KFold``, or this splitter, along with intervals.

    Examples
    --------
    >>> import numpy as np
    >>> from vilma.intervals import IntervalStratifiedKFold
    >>> y = [(1, 2), (1, 2), (3, 4), (3, None)]
    >>> for train, test in IntervalStratifiedKFold(2).split(np.zeros((4, 1)), y):
    ...     print(test)
    [0 2]
    [1 3]
    """

    def __init__(
        self,
        n_splits: int = 5,
        *,
        by: Literal["midpoint", "cell"] = "midpoint",
        n_strata: int = 10,
        classes: ArrayLike | None = None,
        shuffle: bool = False,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        super().__init__(n_splits=n_splits, shuffle=shuffle, random_state=random_state)
        self.by = by
        self.n_strata = n_strata
        self.classes = classes

    def split(self, X: Any, y: ArrayLike, groups: Any = None) -> Iterator[Split]:
        """Yield the rows of training and test for every fold.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Data, of which only the number of rows counts.
        y : array-like of shape (n_samples,) or (n_samples, 2)
            Exact or interval labels, in any form.
        groups : object, default=None
            Ignored with a warning, as by ``StratifiedKFold``.

        Yields
        ------
        train, test : ndarray of int
            Row numbers.

        Raises
        ------
        ValueError
            If labels are malformed or there are fewer rows than folds.
        """
        yield from super().split(X, _strata(self, y), groups)


class IntervalStratifiedGroupKFold(StratifiedGroupKFold):
    """Folds that keep groups together and deal the scale as evenly as the groups allow.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds, at least 2.
    by : {"midpoint", "cell"}, default="midpoint"
        Whether strata are neighbouring midpoints or equal intervals, see
        :func:`~vilma.intervals.interval_strata`.
    n_strata : int, default=10
        Number of strata by midpoint; fewer for small data.
    classes : array-like of shape (n_classes,), default=None
        The ordered scale; needed for strings that bring none.
    shuffle : bool, default=False
        Whether groups are shuffled.
    random_state : int, RandomState instance or None, default=None
        Seed of the shuffle.

    See Also
    --------
    IntervalStratifiedKFold : The same without groups.

    Examples
    --------
    >>> import numpy as np
    >>> from vilma.intervals import IntervalStratifiedGroupKFold
    >>> y = [(1, 2), (3, 4), (1, 2), (3, None)]
    >>> people = ["a", "a", "b", "b"]
    >>> for train, test in IntervalStratifiedGroupKFold(2).split(np.zeros((4, 1)), y, people):
    ...     print(test)
    [0 1]
    [2 3]
    """

    def __init__(
        self,
        n_splits: int = 5,
        *,
        by: Literal["midpoint", "cell"] = "midpoint",
        n_strata: int = 10,
        classes: ArrayLike | None = None,
        shuffle: bool = False,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        super().__init__(n_splits=n_splits, shuffle=shuffle, random_state=random_state)
        self.by = by
        self.n_strata = n_strata
        self.classes = classes

    def split(self, X: Any, y: ArrayLike, groups: ArrayLike) -> Iterator[Split]:
        """Yield the rows of training and test for every fold.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Data, of which only the number of rows counts.
        y : array-like of shape (n_samples,) or (n_samples, 2)
            Exact or interval labels, in any form.
        groups : array-like of shape (n_samples,)
            Rows of one group are never divided.

        Yields
        ------
        train, test : ndarray of int
            Row numbers.

        Raises
        ------
        ValueError
            If labels or groups are malformed or there are fewer rows than folds.
        """
        yield from super().split(X, _strata(self, y), groups)


def _strata(splitter: Any, y: ArrayLike) -> IntArray:
    """Return strata of which each has at least one row for every fold, if there are so many."""
    return interval_strata(
        y,
        by=splitter.by,
        n_strata=splitter.n_strata,
        least=splitter.n_splits,
        classes=splitter.classes,
    )
