"""A task from the user's own images and labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vilma.demo.task import TEST, TRAIN, VALIDATION, Task, Vagueness

SHARES = {TRAIN: 0.6, VALIDATION: 0.15, TEST: 0.25}
FEWEST = 20


def folder_task(
    images: NDArray[np.uint8],
    labels: NDArray[np.float64],
    classes: NDArray[np.int64],
    *,
    label_name: str,
    vagueness: Vagueness,
    seed: int,
) -> Task:
    """Divide images at random, and make their labels vague if those are exact.

    Parameters
    ----------
    images : ndarray of shape (n, height, width), dtype uint8
        Grey images.
    labels : ndarray of shape (n, 2)
        Lower and upper ends, infinite where open. If all are exact, they are kept for the
        measurement and made vague for the training.
    classes : ndarray of shape (n_classes,)
        The ordered scale, consecutive integers.
    label_name : str
        What the labels are.
    vagueness : Vagueness
        How exact labels are made vague.
    seed : int
        Seed of the division and of what is drawn.

    Returns
    -------
    Task
        The task.

    Raises
    ------
    ValueError
        If there are fewer than 20 images.
    """
    n = len(images)
    if n < FEWEST:
        raise ValueError(
            f"The demonstration needs at least {FEWEST} labelled images to train and test on; "
            f"got {n}."
        )
    rng = np.random.default_rng(seed)
    part = np.repeat(TRAIN, n)
    order = rng.permutation(n)
    n_test, n_validation = round(SHARES[TEST] * n), round(SHARES[VALIDATION] * n)
    part[order[:n_test]] = TEST
    part[order[n_test : n_test + n_validation]] = VALIDATION

    intervals = labels
    annotated = "annotated as they are"
    if np.all(labels[:, 0] == labels[:, 1]):
        levels = labels[:, 0].astype(np.int64)
        drawn = vagueness.draw(levels, classes, int(rng.integers(2**31)))
        intervals = drawn.intervals.astype(np.float64)
        annotated = f"known by {vagueness}"
    return Task(
        items=images,
        intervals=intervals,
        truth=labels,
        classes=classes,
        part=part,
        item_name="images",
        level_name=label_name,
        description=(
            f"{n:,} images, {label_name} {classes[0]} to {classes[-1]}, {annotated}; divided at "
            "random (images of one person or scene may stand on both sides)"
        ),
    )
