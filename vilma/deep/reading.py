"""From annotated rows to rows to train on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vilma.deep._torch import torch
from vilma.deep.label_weights import weigh_rows
from vilma.deep.losses import class_counts
from vilma.deep.objectives import Task
from vilma.deep.rows import Rows
from vilma.deep.scale import Scale
from vilma.deep.sources import Source
from vilma.labels import IntervalLabels
from vilma.probability.annotated import AnnotatedRows

__all__ = ["find_task", "hold_back", "label_pairs", "take_labels", "weighted_rows"]

IntArray = NDArray[np.int64]


def take_labels(labels: IntervalLabels, rows: IntArray) -> IntervalLabels:
    """Select annotations by number."""
    return IntervalLabels(labels.lower[rows], labels.upper[rows], labels.classes)


def find_task(labels: IntervalLabels) -> Task:
    """Note the scale of annotations, and how frequent its labels are."""
    counts = class_counts(
        torch.from_numpy(labels.lower), torch.from_numpy(labels.upper), labels.n_classes
    )
    return Task(Scale(labels.classes), np.asarray(counts, dtype=np.float64))


def label_pairs(labels: IntervalLabels) -> NDArray:
    """Return annotations as pairs of label values, of shape (n_rows, 2)."""
    return labels.classes[np.stack([labels.lower, labels.upper], axis=1)]


def hold_back(n_rows: int, share: float, seed: int) -> tuple[IntArray, IntArray]:
    """Choose rows at random.

    Parameters
    ----------
    n_rows : int
        Number of rows.
    share : float
        How many of them to hold back, at least one.
    seed : int
        Of the choice.

    Returns
    -------
    kept, held_back : ndarray of int
        Row numbers, increasing.

    Raises
    ------
    ValueError
        If no row would be kept.
    """
    n_held_back = max(1, round(share * n_rows))
    if n_held_back >= n_rows:
        raise ValueError(
            f"early_stopping with validation_fraction={share:g} holds back {n_held_back} of "
            f"{n_rows} rows, which leaves none to train on."
        )
    order = np.random.RandomState(seed).permutation(n_rows)
    return np.sort(order[n_held_back:]), np.sort(order[:n_held_back])


def weighted_rows(
    source: Source, annotated: AnnotatedRows, label_weights: NDArray[np.float64]
) -> Rows:
    """Return rows with weights of mean 1, of samples and labels together.

    Parameters
    ----------
    source : Source
        Where the rows are.
    annotated : AnnotatedRows
        Numbers of rows of positive weight, as X, with their annotations.
    label_weights : ndarray of shape (n_classes,)
        Weights of labels.

    Returns
    -------
    Rows
        The rows.

    Raises
    ------
    ValueError
        If no row has a positive weight.
    """
    lower, upper = annotated.labels.lower, annotated.labels.upper
    weight = weigh_rows(label_weights, lower, upper)
    if annotated.weight is not None:
        weight = weight * annotated.weight
    mean = weight.mean()
    if not mean > 0.0:
        raise ValueError("By its label, every row has the weight 0: there is nothing to learn.")
    return Rows(source, annotated.X, lower, upper, weight / mean)
