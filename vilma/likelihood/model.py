"""Cumulative link models of scores: what they say of labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vilma.likelihood.links import LINKS, FloatArray

__all__ = ["CumulativeModel"]


@dataclass(frozen=True)
class CumulativeModel:
    """The model ``P(y <= k | s) = F(thresholds[k] - s)``.

    Parameters
    ----------
    link : str
        A key of ``LINKS``.
    thresholds : ndarray of shape (n_classes - 1,)
        Nondecreasing; some may be infinite.
    """

    link: str
    thresholds: FloatArray

    def log_probabilities(self, scores: FloatArray) -> FloatArray:
        """Return log P(y = k | s), of shape (n_samples, n_classes), summing to 1 as exp."""
        inner = self.thresholds - scores[:, None]
        end = np.full((len(scores), 1), np.inf)
        low, high = np.hstack([-end, inner]), np.hstack([inner, end])
        empty = low >= high
        with np.errstate(invalid="ignore", over="ignore"):
            logs = -LINKS[self.link].loss(np.where(empty, -np.inf, low), high)
        logs = np.where(empty, -np.inf, logs)
        return logs - np.logaddexp.reduce(logs, axis=1, keepdims=True)

    def medians(self, scores: FloatArray) -> np.ndarray:
        """Return the code of the median label."""
        middle = float(LINKS[self.link].quantile(np.array(0.5)))
        return np.searchsorted(self.thresholds, scores + middle, side="left")

    def modes(self, scores: FloatArray) -> np.ndarray:
        """Return the code of the most probable label."""
        return np.argmax(self.log_probabilities(scores), axis=1)

    def means(self, scores: FloatArray) -> FloatArray:
        """Return the expected code of the label."""
        return np.exp(self.log_probabilities(scores)) @ np.arange(len(self.thresholds) + 1.0)
