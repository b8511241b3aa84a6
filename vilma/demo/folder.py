"""A task from the user's own images and labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vilma.demo.task import TEST, TRAIN, VALIDATION, Task
from vilma.intervals import annotate_cells

SHARES = {TRAIN: 0.6, VALIDATION: 0.15, TEST: 0.25}
FEWEST = 20


def folder_task(
    images: NDArray[np.uint8],
    labels: NDArray[np.float64],
    classes: NDArray[np.int64],
    *,
    label_name: str,
    cell_width: int,
    exact_share: float,
    seed: int,
) -> Task:
    """Divide images at random, and coarsen their labels if those are exact.

    Parameters
    ----------
    images : ndarray of shape (n, height, width), dtype uint8
        Grey images.
    labels : ndarray of shape (n, 2)
        Lower and upper ends, infinite where open. If all are exact, they are kept for the
        measurement and coarsened for the training.
    classes : ndarray of shape (n_classes,)
        The ordered scale, consecutive integers.
    label_name : str
        What the labels are.
    cell_width : int
        Levels per cell of the coarsening.
    exact_share : float
        Share of annotations that stay exact in the coarsening.
    seed : int
        Seed of the division and the coarsening.

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
        intervals = annotate_cells(
            labels[:, 0].astype(np.int64),
            width=cell_width,
            exact=float(exact_share),
            classes=classes,
            random_state=int(rng.integers(2**31)),
        ).intervals.astype(np.float64)
        annotated = f"cells of {cell_width}, {exact_share:.0%} exact"
    return Task(
        images=images,
        intervals=intervals,
        truth=labels,
        classes=classes,
        part=part,
        level_name=label_name,
        description=(
            f"{n:,} images, {label_name} {classes[0]} to {classes[-1]}, {annotated}; divided at "
            "random (images of one person or scene may stand on both sides)"
        ),
    )
