"""Errors by how often labels occur in training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from vilma._numbers import require_number
from vilma.labels import encode_endpoints, read_endpoints
from vilma.metrics._reading import FloatArray, read_pair
from vilma.metrics.labelwise import spread


@dataclass(frozen=True)
class ShotGroup:
    """Errors of the test samples whose labels are about equally frequent in training.

    Parameters
    ----------
    n_samples : int
        Number of test samples.
    mean_absolute_error : float
        NaN for no samples.
    geometric_mean_error : float
        With errors counted as at least the floor; NaN for no samples.
    """

    n_samples: int
    mean_absolute_error: float
    geometric_mean_error: float


def shot_report(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    y_train: ArrayLike,
    *,
    many: int = 100,
    few: int = 20,
    floor: float = 0.5,
    classes: ArrayLike | None = None,
) -> dict[str, ShotGroup]:
    """Mean errors on labels with many, medium and few training samples.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,) or (n_samples, 2)
        Exact labels or intervals of the test samples.
    y_pred : array-like of shape (n_samples,)
        Predicted labels.
    y_train : array-like of shape (n_train,) or (n_train, 2)
        Labels trained on. An interval counts for each of its labels in equal parts.
    many : int, default=100
        Labels with more training samples than this are "many".
    few : int, default=20
        Labels with fewer training samples than this are "few".
    floor : float, default=0.5
        As for :func:`geometric_mean_error`.
    classes : array-like of shape (n_classes,), default=None
        The ordered scale. By default the numbers that occur in `y_true` or `y_train`.

    Returns
    -------
    report : dict of str to ShotGroup
        The keys are "all", "many", "medium" and "few". The frequency of a test interval is the
        mean over its labels.

    Raises
    ------
    ValueError, TypeError
        As for :func:`interval_insensitive_loss`, and if `few` exceeds `many` or the floor is not
        positive.

    References
    ----------
    Yang et al.: Delving into deep imbalanced regression, ICML, 2021.

    Examples
    --------
    >>> from vilma.metrics import shot_report
    >>> report = shot_report([1, 2, 2], [1, 4, 2], [1] * 150 + [2] * 5)
    >>> report["few"].mean_absolute_error
    1.0
    """
    for name, value in (("many", many), ("few", few), ("floor", floor)):
        require_number(name, value)
    if not 0 < few <= many:
        raise ValueError(f"Expected 0 < few <= many, got few={few!r} and many={many!r}.")
    if not (floor > 0 and np.isfinite(floor)):
        raise ValueError(f"floor should be positive, got {floor!r}.")
    pair = read_pair(y_true, y_pred, classes)
    distances = pair.distances()
    trained = read_endpoints(y_train, name="y_train", scale=pair.scale)
    scale = pair.scale_in_use(trained)
    counts = spread(
        *encode_endpoints(trained, scale, name="y_train"), np.ones(len(trained.lower)), len(scale)
    )
    lower, upper = encode_endpoints(pair.truth, scale, name="y_true")
    total = np.concatenate([[0.0], np.cumsum(counts)])
    # Rounded, because sums of equal parts are whole numbers but for rounding.
    frequency = np.round((total[upper + 1] - total[lower]) / (upper - lower + 1), 9)
    groups = {
        "all": np.ones(len(frequency), dtype=bool),
        "many": frequency > many,
        "medium": (frequency >= few) & (frequency <= many),
        "few": frequency < few,
    }
    return {name: _group(distances[members], floor) for name, members in groups.items()}


def _group(distances: FloatArray, floor: float) -> ShotGroup:
    if not len(distances):
        return ShotGroup(0, float("nan"), float("nan"))
    geometric = np.exp(np.log(np.maximum(distances, floor)).mean())
    return ShotGroup(len(distances), float(distances.mean()), float(geometric))
