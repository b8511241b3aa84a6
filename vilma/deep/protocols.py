"""Training sets of published protocols: curricula, few samples a label, shifted labels.

All choose rows at random, the same for the same seed, and return their numbers in increasing
order. An interval counts for the label in its middle, the lower of two.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vilma._arguments import require_choice
from vilma._numbers import as_numbers, read_random_state, require_integer, require_number
from vilma.labels import read_labels
from vilma.labels.scale import IntArray

__all__ = ["FEW_SHOT_SIZES", "distribution_shift", "few_shot", "nested_curricula"]

Seed = int | np.random.RandomState | None

#: Samples per label of the few-shot protocol.
FEW_SHOT_SIZES = (1, 2, 4, 8, 16, 32, 64)


def nested_curricula(
    y: ArrayLike,
    *,
    fractions: Sequence[float] = (0.2, 0.4, 0.6, 0.8, 1.0),
    classes: ArrayLike | None = None,
    random_state: Seed = None,
) -> list[NDArray[np.intp]]:
    r"""Cut a long-tailed training set into stages from balanced to all of it.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, 2)
        Exact or interval labels, in any form.
    fractions : sequence of float, default=(0.2, 0.4, 0.6, 0.8, 1.0)
        Dividing lines delta of the stages, increasing, in (0, 1].
    classes : array-like of shape (n_classes,), default=None
        The ordered scale, as for :func:`vilma.labels.read_labels`.
    random_state : int, RandomState instance or None, default=None
        Seed of the draw.

    Returns
    -------
    stages : list of ndarray of int
        Row numbers of each stage; every stage contains the one before.

    Raises
    ------
    ValueError
        If labels are malformed, or the fractions are not as described.

    Notes
    -----
    Let C labels occur, in ascending order of their counts. A stage takes all samples of the labels
    up to the :math:`\lceil \delta C \rceil`-th, and as many of every other as that one has.

    References
    ----------
    Deng et al.: PML: Progressive margin loss for long-tailed age classification, CVPR, 2021,
    equation 12.

    Examples
    --------
    >>> from vilma.deep.protocols import nested_curricula
    >>> y = [1] + [2] * 3 + [3] * 4
    >>> [len(stage) for stage in nested_curricula(y, fractions=(0.3, 0.6, 1.0), random_state=0)]
    [3, 7, 8]
    """
    lines = [0.0, *as_numbers(fractions, "fractions").ravel().tolist()]
    if len(lines) == 1 or lines[-1] > 1 or not all(a < b for a, b in pairwise(lines)):
        raise ValueError(
            f"fractions should be increasing numbers above 0 and up to 1, got {fractions!r}."
        )
    labels = _middle_labels(y, classes)
    place = _place_in_label(labels, random_state)
    counts = np.bincount(labels)
    ascending = np.sort(counts[counts > 0])
    # Rounding must not lift 0.7 * 10 over 7.
    last = [math.ceil(line * len(ascending) - 1e-9) for line in lines[1:]]
    return [np.flatnonzero(place < ascending[max(at, 1) - 1]) for at in last]


def few_shot(
    y: ArrayLike,
    n_per_label: int,
    *,
    classes: ArrayLike | None = None,
    random_state: Seed = None,
) -> NDArray[np.intp]:
    """Choose a few samples of every label.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, 2)
        Exact or interval labels, in any form.
    n_per_label : int
        Samples of each label; labels with fewer keep all of them.
    classes : array-like of shape (n_classes,), default=None
        The ordered scale, as for :func:`vilma.labels.read_labels`.
    random_state : int, RandomState instance or None, default=None
        Seed of the draw. With the same seed a larger choice contains the smaller ones.

    Returns
    -------
    rows : ndarray of int
        Row numbers.

    Raises
    ------
    ValueError
        If labels are malformed, or `n_per_label` is not positive.

    References
    ----------
    RegCLIP: A label-efficient coarse-to-fine learner for ordinal regression, section 4.3: n of
    1 to 64, doubled each time, ``FEW_SHOT_SIZES``.

    Examples
    --------
    >>> from vilma.deep.protocols import few_shot
    >>> len(few_shot([1, 2, 2, 2, 3, 3], 2, random_state=0))
    5
    """
    require_integer("n_per_label", n_per_label, 1)
    labels = _middle_labels(y, classes)
    return np.flatnonzero(_place_in_label(labels, random_state) < n_per_label)


def distribution_shift(
    y: ArrayLike,
    n_labels: int,
    share: float,
    *,
    select: Literal["random", "top"] = "random",
    classes: ArrayLike | None = None,
    random_state: Seed = None,
) -> NDArray[np.intp]:
    """Take most samples of some labels away.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, 2)
        Exact or interval labels, in any form.
    n_labels : int
        Number of labels to thin out.
    share : float
        Share of their samples that stays, in [0, 1]; one sample always does.
    select : {"random", "top"}, default="random"
        Which labels: drawn at random, as in the paper, or the most frequent ones, as in the
        program that was released with it.
    classes : array-like of shape (n_classes,), default=None
        The ordered scale, as for :func:`vilma.labels.read_labels`.
    random_state : int, RandomState instance or None, default=None
        Seed of the draw.

    Returns
    -------
    rows : ndarray of int
        Numbers of the rows that stay.

    Raises
    ------
    ValueError
        If labels are malformed, fewer than `n_labels` occur, or an argument is not as described.

    References
    ----------
    RegCLIP: A label-efficient coarse-to-fine learner for ordinal regression, section 4.3: 10 to 40
    labels, of which 10 or 20 percent stay.

    Examples
    --------
    >>> from vilma.deep.protocols import distribution_shift
    >>> distribution_shift([1] * 4 + [2, 3], n_labels=1, share=0.5, select="top", random_state=0)
    array([1, 2, 4, 5])
    """
    require_choice("select", select, ("random", "top"))
    require_number("share", share)
    require_integer("n_labels", n_labels, 0)
    if not 0 <= share <= 1:
        raise ValueError(f"share should be between 0 and 1, got {share!r}.")
    labels = _middle_labels(y, classes)
    counts = np.bincount(labels)
    occurring = np.flatnonzero(counts)
    if not 0 <= n_labels <= len(occurring):
        raise ValueError(
            f"n_labels should be between 0 and the {len(occurring)} labels that occur, got "
            f"{n_labels!r}."
        )
    rng = read_random_state(random_state)
    place = _place_in_label(labels, rng)
    if select == "top":
        chosen = occurring[np.argsort(-counts[occurring], kind="stable")[:n_labels]]
    else:
        chosen = rng.choice(occurring, n_labels, replace=False)
    allowed = counts.copy()
    # Rounding must not push 0.29 * 100 under 29.
    allowed[chosen] = np.maximum((share * counts[chosen] + 1e-9).astype(np.int64), 1)
    return np.flatnonzero(place < allowed[labels])


def _middle_labels(y: ArrayLike, classes: ArrayLike | None) -> IntArray:
    """Return the code of the label in the middle of each annotation."""
    labels = read_labels(y, classes, allow_single_class=True)
    return (labels.lower + labels.upper) // 2


def _place_in_label(labels: IntArray, random_state: Seed) -> IntArray:
    """Number the rows of each label from 0 on, in random order."""
    shuffled = read_random_state(random_state).permutation(len(labels))
    order = shuffled[np.argsort(labels[shuffled], kind="stable")]
    counts = np.bincount(labels)
    start = np.cumsum(counts) - counts
    place = np.empty(len(labels), dtype=np.int64)
    place[order] = np.arange(len(labels)) - np.repeat(start, counts)
    return place
