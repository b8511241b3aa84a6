"""Annotation processes: intervals drawn for known labels, to study what they cost."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from vilma._numbers import read_random_state, require_integer, require_number
from vilma.intervals._drawing import DrawnIntervals, assemble, prepare


def annotate_cells(
    y: ArrayLike,
    *,
    width: int,
    exact: int | float = 0,
    classes: ArrayLike | None = None,
    random_state: int | np.random.RandomState | None = None,
) -> DrawnIntervals:
    """Annotate as in the experiments of the paper: some rows exactly, the others by cells.

    The scale is cut into cells of `width` labels from its first label on; the last cell is cut
    short where the scale ends. Rows that are not exact get the cell of their label.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        True labels.
    width : int
        Labels per cell, the paper's u.
    exact : int or float, default=0
        Number of rows that are annotated exactly (the paper's m_P), or, as a float, their share
        of all. They are drawn at random.
    classes : array-like of shape (n_classes,), default=None
        The ordered scale. By default the categories of `y` if ordered, otherwise all whole numbers
        from the smallest to the largest label.
    random_state : int, RandomState instance or None, default=None
        Seed of the draw.

    Returns
    -------
    drawn : DrawnIntervals
        The annotations and what was drawn.

    Raises
    ------
    ValueError
        If labels are malformed or not on the scale, the scale is needed and missing, the width is
        not positive, or more exact labels are wanted than there are rows.

    References
    ----------
    Antoniuk, Franc, Hlavac: V-shaped interval insensitive loss for ordinal classification,
    Machine Learning 103, 2016; section 5.3.

    Examples
    --------
    >>> from vilma.intervals import annotate_cells
    >>> annotate_cells([1, 4, 7], width=3).intervals
    array([[1, 3],
           [4, 6],
           [7, 7]])
    """
    codes, scale, _, is_exact = prepare(y, classes, exact, random_state)
    require_integer("width", width, 1)
    lower = codes // width * width
    return assemble(codes, lower, lower + width - 1, is_exact, scale)


def annotate_sliding(
    y: ArrayLike,
    *,
    width: int,
    exact: int | float = 0,
    classes: ArrayLike | None = None,
    random_state: int | np.random.RandomState | None = None,
) -> DrawnIntervals:
    """Annotate by intervals of equal width that slide along the scale.

    Every position of the label in its interval is equally likely; the ends of the scale cut
    intervals short.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        True labels.
    width : int
        Labels per interval.
    exact : int or float, default=0
        Number, or as a float share, of rows that are annotated exactly.
    classes : array-like of shape (n_classes,), default=None
        The ordered scale, as for :func:`annotate_cells`.
    random_state : int, RandomState instance or None, default=None
        Seed of the draw.

    Returns
    -------
    drawn : DrawnIntervals
        The annotations and what was drawn.

    Raises
    ------
    ValueError
        As for :func:`annotate_cells`.

    Examples
    --------
    >>> from vilma.intervals import annotate_sliding
    >>> annotate_sliding([1, 4, 7], width=3, random_state=0).intervals
    array([[1, 2],
           [4, 6],
           [6, 7]])
    """
    codes, scale, rng, is_exact = prepare(y, classes, exact, random_state)
    require_integer("width", width, 1)
    lower = codes - rng.randint(0, width, size=len(codes))
    return assemble(codes, lower, lower + width - 1, is_exact, scale)


def annotate_asymmetric(
    y: ArrayLike,
    *,
    below: int,
    above: int,
    exact: int | float = 0,
    classes: ArrayLike | None = None,
    random_state: int | np.random.RandomState | None = None,
) -> DrawnIntervals:
    """Annotate by intervals that reach differently far to both sides of the label.

    The reach below is drawn from 0 to `below`, that above from 0 to `above`, all equally likely;
    the ends of the scale cut intervals short.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        True labels.
    below, above : int
        Largest reach below and above the label, in steps of the scale.
    exact : int or float, default=0
        Number, or as a float share, of rows that are annotated exactly.
    classes : array-like of shape (n_classes,), default=None
        The ordered scale, as for :func:`annotate_cells`.
    random_state : int, RandomState instance or None, default=None
        Seed of the draw.

    Returns
    -------
    drawn : DrawnIntervals
        The annotations and what was drawn.

    Raises
    ------
    ValueError
        As for :func:`annotate_cells`.

    Examples
    --------
    >>> from vilma.intervals import annotate_asymmetric
    >>> annotate_asymmetric([1, 4, 7], below=0, above=3, random_state=0).intervals
    array([[1, 2],
           [4, 4],
           [7, 7]])
    """
    codes, scale, rng, is_exact = prepare(y, classes, exact, random_state)
    require_integer("below", below, 0)
    require_integer("above", above, 0)
    lower = codes - rng.randint(0, below + 1, size=len(codes))
    upper = codes + rng.randint(0, above + 1, size=len(codes))
    return assemble(codes, lower, upper, is_exact, scale)


def annotate_questions(
    y: ArrayLike,
    *,
    n_questions: int = 1,
    exact: int | float = 0,
    classes: ArrayLike | None = None,
    random_state: int | np.random.RandomState | None = None,
) -> DrawnIntervals:
    """Annotate by answers to yes/no questions: "is the label at least k?".

    Every row is asked about `n_questions` different k, all equally likely. Its annotation is what
    the answers leave: "at least 3" and "below 6" give [3, 5].

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        True labels.
    n_questions : int, default=1
        Questions for every row; one fewer than there are labels tells the label.
    exact : int or float, default=0
        Number, or as a float share, of rows that are annotated exactly.
    classes : array-like of shape (n_classes,), default=None
        The ordered scale, as for :func:`annotate_cells`.
    random_state : int, RandomState instance or None, default=None
        Seed of the draw.

    Returns
    -------
    drawn : DrawnIntervals
        The annotations and what was drawn.

    Raises
    ------
    ValueError
        As for :func:`annotate_cells`, and if there are more questions than thresholds.

    Examples
    --------
    >>> from vilma.intervals import annotate_questions
    >>> annotate_questions([1, 4, 7], random_state=0).intervals
    array([[1, 4],
           [4, 7],
           [5, 7]])
    """
    codes, scale, rng, is_exact = prepare(y, classes, exact, random_state)
    require_integer("n_questions", n_questions, 1)
    last = len(scale) - 1
    if n_questions > last:
        raise ValueError(
            f"{n_questions} questions are wanted for each row, but a scale of {len(scale)} labels "
            f"has {last} to ask: is the label at least the second, the third, ..."
        )
    places = np.argsort(rng.random_sample((len(codes), last)), axis=1)[:, :n_questions] + 1
    yes = codes[:, np.newaxis] >= places
    lower = np.where(yes, places, 0).max(axis=1)
    upper = np.where(yes, last, places - 1).min(axis=1)
    return assemble(codes, lower, upper, is_exact, scale)


def misplace_intervals(
    drawn: DrawnIntervals,
    *,
    share: float,
    random_state: int | np.random.RandomState | None = None,
) -> DrawnIntervals:
    """Move a share of the intervals to where their labels are not.

    This makes an inconsistent annotation process, for which the bounds of the paper do not hold.
    Intervals keep their width; every place that leaves the label out is equally likely.

    Parameters
    ----------
    drawn : DrawnIntervals
        Annotations of known labels.
    share : float
        Share of all rows to make wrong, rounded to a whole number of rows.
    random_state : int, RandomState instance or None, default=None
        Seed of the draw.

    Returns
    -------
    drawn : DrawnIntervals
        A copy with misplaced intervals, marked in `wrong`.

    Raises
    ------
    ValueError
        If the share is not in [0, 1], or more rows are to be made wrong than have intervals
        narrow enough to leave their label out.

    Examples
    --------
    >>> from vilma.intervals import annotate_cells, misplace_intervals
    >>> drawn = misplace_intervals(annotate_cells([1, 4, 7], width=3), share=0.4, random_state=0)
    >>> drawn.intervals
    array([[1, 3],
           [4, 6],
           [6, 6]])
    >>> drawn.wrong
    array([False, False,  True])
    """
    if not isinstance(drawn, DrawnIntervals):
        raise TypeError(
            f"drawn should be what annotate_cells and its like return, got a "
            f"{type(drawn).__name__}."
        )
    require_number("share", share)
    if not 0 <= share <= 1:
        raise ValueError(f"share should be between 0 and 1, got {share!r}.")
    rng = read_random_state(random_state)
    scale = drawn.classes
    place = {label: code for code, label in enumerate(scale.tolist())}
    codes = np.array([place[label] for label in drawn.truth.tolist()])
    ends = np.array([[place[low], place[up]] for low, up in drawn.intervals.tolist()])
    reach = ends[:, 1] - ends[:, 0]
    # An interval from s to s + reach leaves the label c out if s + reach < c or s > c.
    n_before = np.maximum(codes - reach, 0)
    n_after = np.maximum(len(scale) - 1 - reach - codes, 0)
    movable = np.flatnonzero((n_before + n_after > 0) & ~drawn.wrong)
    n_wrong = round(share * len(codes))
    if n_wrong > len(movable):
        raise ValueError(
            f"{n_wrong} of {len(codes)} intervals are to be made wrong, but only {len(movable)} "
            f"can leave their label out on a scale of {len(scale)} labels. Lower the share or the "
            "width."
        )
    moved = np.sort(rng.choice(movable, size=n_wrong, replace=False))
    draw = rng.randint(0, n_before[moved] + n_after[moved])
    start = np.where(
        draw < n_before[moved], draw, codes[moved] + 1 + (draw - n_before[moved])
    ).astype(np.int64)
    intervals, wrong = drawn.intervals.copy(), drawn.wrong.copy()
    intervals[moved] = scale[np.column_stack([start, start + reach[moved]])]
    wrong[moved] = True
    return replace(drawn, intervals=intervals, wrong=wrong, exact=drawn.exact & ~wrong)
