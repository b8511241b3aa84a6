"""Thresholds and biases of the two parametrisations, and thresholds the data leave open.

Labels are codes 0, ..., Y - 1; threshold k separates label k from k + 1. MORD's biases b and the
thresholds theta are tied by ``theta_k = b_k - b_{k+1}``.
"""

from __future__ import annotations

import numpy as np

__all__ = ["hull_thresholds", "separated_thresholds", "spread_thresholds", "to_biases"]


def to_biases(thresholds: np.ndarray) -> np.ndarray:
    """Biases of shape (Y,) of the given thresholds, the first one 0."""
    return np.concatenate([[0.0], -np.cumsum(thresholds)])


def hull_thresholds(differences: np.ndarray) -> np.ndarray:
    """Nondecreasing thresholds that predict as the biases do.

    The label with the largest ``s * y + b_y`` is a vertex of the upper concave hull of the points
    (y, b_y): between neighbouring vertices all thresholds are the hull's slope, and the labels
    between are never predicted.

    Parameters
    ----------
    differences : ndarray of shape (Y - 1,)
        ``b_k - b_{k+1}``, in any order.
    """
    biases = to_biases(differences)
    vertices = [0]
    for y in range(1, len(biases)):
        while len(vertices) > 1:
            before, last = vertices[-2], vertices[-1]
            rise = (biases[last] - biases[before]) * (y - last)
            if rise > (biases[y] - biases[last]) * (last - before):
                break
            vertices.pop()
        vertices.append(y)
    widths = np.diff(vertices)
    slopes = -np.diff(biases[vertices]) / widths
    single = widths == 1  # no detour through sums
    slopes[single] = differences[np.asarray(vertices[:-1])[single]]
    return np.maximum.accumulate(np.repeat(slopes, widths))


def separated_thresholds(lower: np.ndarray, upper: np.ndarray, n_classes: int) -> np.ndarray:
    """Tell which thresholds some annotation supports.

    Threshold k is supported by an annotation that ends at k or begins at k + 1. Where there is
    none, the data cannot tell the labels k and k + 1 apart.

    Returns
    -------
    ndarray of shape (n_classes - 1,), dtype=bool
    """
    separated = np.zeros(n_classes - 1, dtype=bool)
    separated[upper[upper < n_classes - 1]] = True
    separated[lower[lower > 0] - 1] = True
    return separated


def spread_thresholds(thresholds: np.ndarray, separated: np.ndarray) -> np.ndarray:
    """Place the thresholds that no annotation supports evenly between those that some do.

    Outside the first and the last supported threshold the mean spacing between the two goes on.
    With fewer than two supported thresholds there is no spacing to go by, and nothing changes.
    """
    known = np.flatnonzero(separated)
    if len(known) < 2 or len(known) == len(thresholds):
        return thresholds
    places = np.arange(len(thresholds))
    spread = np.interp(places, known, thresholds[known])
    first, last = known[0], known[-1]
    spacing = (thresholds[last] - thresholds[first]) / (last - first)
    spread[:first] = thresholds[first] - spacing * (first - places[:first])
    spread[last + 1 :] = thresholds[last] + spacing * (places[last + 1 :] - last)
    return spread
