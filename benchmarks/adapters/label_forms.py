"""Intervals in the forms that other methods want them in."""

from __future__ import annotations

import numpy as np

__all__ = ["LATENT_RANGE", "LatentScale", "PointLabels", "midpoints"]

LATENT_RANGE = 10.0


def midpoints(intervals: np.ndarray) -> np.ndarray:
    """Return the middles of the intervals."""
    return intervals.mean(axis=1)


class PointLabels:
    """Midpoints rounded to labels, and these as codes 0, 1, ... without gaps.

    Attributes
    ----------
    codes : ndarray of shape (n_samples,)
    """

    def __init__(self, intervals: np.ndarray) -> None:
        self._labels, self.codes = np.unique(
            np.rint(midpoints(intervals)).astype(np.int64), return_inverse=True
        )

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """Return the labels of predicted codes."""
        return self._labels[np.asarray(codes, dtype=np.int64)]

    def median(self, probabilities: np.ndarray) -> np.ndarray:
        """Return the labels that minimise the expected absolute error."""
        codes = (np.cumsum(probabilities, axis=1) < 0.5).sum(axis=1)
        return self.decode(np.minimum(codes, len(self._labels) - 1))


class LatentScale:
    """The scale stretched over a real line, for models of censored real outcomes.

    Label y stands for the reals between y - 1/2 and y + 1/2; beyond the ends of the scale there
    is nothing, so intervals that reach them are open there. The line is cut to 0, ...,
    `LATENT_RANGE`, so that its exponential, the time of a survival model, is harmless.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
    """

    def __init__(self, classes: np.ndarray) -> None:
        self._classes = classes
        self._unit = LATENT_RANGE / (classes[-1] - classes[0])

    def bounds(self, intervals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return lower and upper bounds, infinite where open."""
        first, last = self._classes[0], self._classes[-1]
        lower = (intervals[:, 0] - 0.5 - first) * self._unit
        upper = (intervals[:, 1] + 0.5 - first) * self._unit
        lower[intervals[:, 0] <= first] = -np.inf
        upper[intervals[:, 1] >= last] = np.inf
        return lower, upper

    def labels(self, latent: np.ndarray) -> np.ndarray:
        """Return real labels, to be rounded."""
        return latent / self._unit + self._classes[0]
