r"""The hinge surrogates of SVOR with interval labels: implicit and explicit order constraints.

At fixed scores, the derivative in every threshold of either surrogate is a step function of the
threshold that jumps up at the hinges' breakpoints, so the minimisers are weighted quantiles of the
breakpoints: for IMC of each threshold by itself, for EXP under the order of the thresholds, by
pooling adjacent violators. `vilma.surrogates._hinge_kernels` derives both.
"""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from vilma.surrogates import _hinge_kernels as kernels
from vilma.surrogates.linear_form import hinge_form
from vilma.surrogates.plane import InnerMinimum, Plane
from vilma.surrogates.surrogate import Hinges, LabeledWeights, PiecewiseLinearForm, Surrogate

__all__ = ["ExplicitHinge", "HingeSurrogate", "ImplicitHinge"]


class HingeSurrogate(Surrogate):
    """Sort the scores, find the thresholds' minimisers, read off the plane."""

    resolution = 1e-15
    exact = True

    def __init__(self, labels: LabeledWeights) -> None:
        self._labels = labels
        self._total_weight = float(labels.weight.sum())

    @staticmethod
    @abstractmethod
    def _minimizers(scores, lower, upper, weight, n_thresholds):
        """Smallest and largest minimiser of every threshold; the scores come in order."""

    @staticmethod
    @abstractmethod
    def _plane(scores, lower, upper, weight, thresholds):
        """Value, offset and score gradient at minimising thresholds, times the total weight."""

    def minimize(self, scores: np.ndarray, accuracy: float, largest_score: float) -> InnerMinimum:
        lower, upper, weight, n_classes = self._labels
        order = np.argsort(scores)
        ascending = scores[order], lower[order], upper[order], weight[order]
        smallest, largest = self._minimizers(*ascending, n_classes - 1)
        thresholds = kernels.middle_thresholds(smallest, largest, scores)
        value, offset, ascending_gradient = self._plane(*ascending, thresholds)
        score_gradient = np.empty_like(scores)
        score_gradient[order] = ascending_gradient / self._total_weight
        plane = Plane(score_gradient, offset / self._total_weight)
        return InnerMinimum(value / self._total_weight, thresholds, plane)

    @abstractmethod
    def hinges(self) -> Hinges: ...

    def linear_form(self) -> PiecewiseLinearForm:
        return hinge_form(self.hinges())

    def bound_thresholds(self, largest_score: float) -> float:
        return largest_score + 1.0  # every breakpoint is a score less or plus 1


class ImplicitHinge(HingeSurrogate):
    r"""II-SVOR-IMC: every threshold outside the interval is a hinge.

    .. math:: \sum_{k < l} \max(0, 1 - s + \theta_k) + \sum_{k \ge u} \max(0, 1 + s - \theta_k)

    (labels as codes from 0). It bounds the interval-insensitive absolute error from above; its
    minimisers are ordered by themselves.
    """

    _minimizers = staticmethod(kernels.imc_minimizers)
    _plane = staticmethod(kernels.imc_plane)

    def hinges(self) -> Hinges:
        lower, upper, weight, n_classes = self._labels
        first, last = np.zeros_like(lower), np.full_like(upper, n_classes - 1)
        return Hinges(first, lower, upper, last, weight, n_classes - 1, ordered=False)


class ExplicitHinge(HingeSurrogate):
    r"""II-SVOR-EXP: only the two thresholds next to the interval are hinges.

    .. math:: \max(0, 1 - s + \theta_{l-1}) + \max(0, 1 + s - \theta_u)
              \quad\text{subject to}\quad \theta_0 \le \dots \le \theta_{Y-2}

    It bounds the interval-insensitive 0/1 loss from above.
    """

    _minimizers = staticmethod(kernels.exp_minimizers)
    _plane = staticmethod(kernels.exp_plane)

    def hinges(self) -> Hinges:
        # Thresholds that are next to no interval are left out: they fit between their neighbours.
        lower, upper, weight, n_classes = self._labels
        has_upper, has_lower = lower > 0, upper < n_classes - 1
        used = np.union1d(lower[has_upper] - 1, upper[has_lower])
        before, after = np.searchsorted(used, lower - 1), np.searchsorted(used, upper)
        return Hinges(
            before, before + has_upper, after, after + has_lower, weight, len(used), ordered=True
        )
