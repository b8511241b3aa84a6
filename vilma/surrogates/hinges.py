r"""A surrogate as a sum of hinges: what a solver of the dual problem sees of it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from vilma.surrogates.labeled import LabeledWeights

__all__ = ["Hinges", "explicit_hinges", "implicit_hinges"]


class Hinges(NamedTuple):
    r"""The hinges of every example, two ranges of thresholds.

    .. math:: \sum_{k \in \text{upper}} \max(0, 1 - s + \theta_k)
            + \sum_{k \in \text{lower}} \max(0, 1 + s - \theta_k)

    Averaged with the examples' weights and minimised over the thresholds, this is the surrogate.
    """

    upper_start: np.ndarray  # (m,) int64
    upper_stop: np.ndarray  # (m,) int64
    lower_start: np.ndarray  # (m,) int64
    lower_stop: np.ndarray  # (m,) int64
    weight: np.ndarray  # (m,) float64, positive
    n_thresholds: int
    ordered: bool  # whether the thresholds are constrained to be nondecreasing

    def counts(self) -> np.ndarray:
        """Return the number of hinges of every example."""
        n_upper = self.upper_stop - self.upper_start
        return n_upper + self.lower_stop - self.lower_start


def implicit_hinges(labels: LabeledWeights) -> Hinges:
    """Return all thresholds outside the interval, which come in order by themselves."""
    lower, upper, weight, n_classes = labels
    first, last = np.zeros_like(lower), np.full_like(upper, n_classes - 1)
    return Hinges(first, lower, upper, last, weight, n_classes - 1, ordered=False)


def explicit_hinges(labels: LabeledWeights) -> Hinges:
    """Return the thresholds next to the interval, which must be ordered.

    Thresholds that are next to no interval are left out: they fit between their neighbours.
    """
    lower, upper, weight, n_classes = labels
    has_upper, has_lower = lower > 0, upper < n_classes - 1
    used = np.union1d(lower[has_upper] - 1, upper[has_lower])
    before, after = np.searchsorted(used, lower - 1), np.searchsorted(used, upper)
    return Hinges(
        before, before + has_upper, after, after + has_lower, weight, len(used), ordered=True
    )
