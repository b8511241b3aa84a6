"""Densities of the labels along the projection."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from vilma.metrics.labelwise import spread

N_POINTS = 512
_TAIL = 0.001  # share of the samples that may lie outside the grid on either side

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


class LabelDensities(NamedTuple):
    """Densities of the projection, given the label.

    Parameters
    ----------
    grid : ndarray of shape (n_points,)
        Equidistant places on the projection.
    densities : ndarray of shape (n_classes, n_points)
        Each integrates to one; zero for a label without samples.
    weights : ndarray of shape (n_classes,)
        What the samples of each label weigh.
    """

    grid: FloatArray
    densities: FloatArray
    weights: FloatArray


def label_densities(
    projection: FloatArray,
    lower: IntArray,
    upper: IntArray,
    weights: FloatArray,
    n_classes: int,
) -> LabelDensities:
    """Estimate the density of each label by Gaussian kernels.

    An interval belongs to each of its labels in equal parts. The width of the kernels of a label
    with n samples is ``s * n ** (-1 / 5)`` with the standard deviation s within labels, pooled
    over all: labels of one or two samples have none of their own.

    Parameters
    ----------
    projection : ndarray of shape (n_samples,)
        Where the samples lie.
    lower, upper : ndarray of shape (n_samples,), dtype=int64
        Codes of the first and last label of each.
    weights : ndarray of shape (n_samples,)
        Nonnegative, not all zero.
    n_classes : int
        Number of labels.

    Returns
    -------
    LabelDensities
        Grid, densities and weights of the labels.
    """
    counted = weights > 0.0
    projection, weights = projection[counted], weights[counted]
    lower, upper = lower[counted], upper[counted]
    total = spread(lower, upper, weights, n_classes)
    samples = spread(lower, upper, np.ones(len(weights)), n_classes)
    used = samples > 1e-9  # sums of differences leave rounding where no interval lies
    total = np.where(used, total, 0.0)
    deviation = _deviation_within(projection, lower, upper, weights, total)
    low, high = np.quantile(projection, [_TAIL, 1.0 - _TAIL])
    edges = np.linspace(low - deviation, high + deviation, N_POINTS + 1)
    step = edges[1] - edges[0]
    histograms = _histograms(projection, lower, upper, weights, n_classes, edges)
    densities = np.zeros_like(histograms)
    for k in np.flatnonzero(used):
        width = deviation * max(samples[k], 1.0) ** -0.2
        smooth = gaussian_filter1d(histograms[k], width / step, mode="constant")
        densities[k] = smooth / (total[k] * step)
    return LabelDensities((edges[:-1] + edges[1:]) / 2, densities, total)


def _deviation_within(
    projection: FloatArray,
    lower: IntArray,
    upper: IntArray,
    weights: FloatArray,
    total: FloatArray,
) -> float:
    """Return the standard deviation around the labels' means, or a small width if it is 0."""
    centred = projection - np.average(projection, weights=weights)
    n_classes = len(total)
    sums = spread(lower, upper, weights * centred, n_classes)
    means = np.divide(sums, total, out=np.zeros(n_classes), where=total > 0.0)
    variance = (weights @ centred**2 - total @ means**2) / weights.sum()
    size = np.abs(projection).max()
    if variance > (1e-9 * size) ** 2:
        return float(np.sqrt(variance))
    return 0.01 * float(np.ptp(projection) or size or 1.0)


def _histograms(
    projection: FloatArray,
    lower: IntArray,
    upper: IntArray,
    weights: FloatArray,
    n_classes: int,
    edges: FloatArray,
) -> FloatArray:
    """Return one weighted histogram per label; samples off the grid are left out."""
    n_bins = len(edges) - 1
    bins = np.searchsorted(edges, projection, side="right") - 1
    on_grid = (bins >= 0) & (bins < n_bins)
    bins, first, last = bins[on_grid], lower[on_grid], upper[on_grid]
    parts = weights[on_grid] / (last - first + 1)
    size = (n_classes + 1) * n_bins
    added = np.bincount(first * n_bins + bins, parts, minlength=size)
    removed = np.bincount((last + 1) * n_bins + bins, parts, minlength=size)
    steps = (added - removed).reshape(n_classes + 1, n_bins)
    return np.maximum(np.cumsum(steps, axis=0)[:-1], 0.0)
