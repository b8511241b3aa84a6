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
from vilma.surrogates._hinge_kernels import Breakpoints
from vilma.surrogates.linear_form import hinge_form
from vilma.surrogates.margins import Margins
from vilma.surrogates.plane import InnerMinimum, Plane
from vilma.surrogates.surrogate import Hinges, LabeledWeights, PiecewiseLinearForm, Surrogate

__all__ = ["ExplicitHinge", "HingeSurrogate", "ImplicitHinge"]


class HingeSurrogate(Surrogate):
    """A sum of hinges, whose minimisers are found exactly."""

    exact = True

    def __init__(self, labels: LabeledWeights) -> None:
        self._labels = labels
        self.n_classes = labels.n_classes
        self._total_weight = float(labels.weight.sum())

    @abstractmethod
    def hinges(self) -> Hinges: ...

    def linear_form(self) -> PiecewiseLinearForm:
        return hinge_form(self.hinges())


class ImplicitHinge(HingeSurrogate):
    r"""II-SVOR-IMC: every threshold outside the interval is a hinge.

    .. math:: \sum_{k < l} \max(0, 1 - s + \theta_k) + \sum_{k \ge u} \max(0, 1 + s - \theta_k)

    (labels as codes from 0). It bounds the interval-insensitive absolute error from above; its
    minimisers are ordered by themselves. With other `margins` it is the surrogate of other
    V-shaped losses, the squared one among them (`vilma.surrogates.margins`).

    Parameters
    ----------
    labels : LabeledWeights
    margins : Margins, optional
        1 by default.
    """

    def __init__(self, labels: LabeledWeights, margins: Margins | None = None) -> None:
        super().__init__(labels)
        self.margins = Margins.equal(1.0, labels.n_classes) if margins is None else margins
        self._below = self.margins.below[labels.lower]
        self._above = self.margins.above[labels.upper]
        self._all_exact = np.array_equal(labels.lower, labels.upper)
        self._all_alike = bool(np.ptp(labels.weight) == 0.0)
        self._largest = max(float(np.abs(part).max(initial=0.0)) for part in self.margins)
        self.resolution = 1e-15 * self._largest

    def minimize(self, scores: np.ndarray, accuracy: float, largest_score: float) -> InnerMinimum:
        left, right, orders = self._breakpoints(scores)
        theta = self._middle(left, right, scores)
        value, *slopes = kernels.imc_plane(left, right, theta)
        up, down = np.empty_like(scores), np.empty_like(scores)  # p_i U_i and p_i L_i
        for slope, order, of_breakpoint in zip((up, down), orders, slopes, strict=True):
            slope[order] = of_breakpoint
        offset = float(self._below @ up + self._above @ down) / self._total_weight
        plane = Plane((down - up) / self._total_weight, offset)
        return InnerMinimum(value / self._total_weight, theta - self.margins.step, plane)

    def thresholds(self, scores: np.ndarray) -> np.ndarray:
        """Return the minimising thresholds only."""
        left, right, _ = self._breakpoints(scores)
        return self._middle(left, right, scores) - self.margins.step

    def _breakpoints(
        self, scores: np.ndarray
    ) -> tuple[Breakpoints, Breakpoints, tuple[np.ndarray, np.ndarray]]:
        """Breakpoints of the upper and of the lower hinges, ascending, and their orders."""
        lower, upper, weight, _ = self._labels
        if not self.margins.uniform:
            left, right = scores - self._below, scores + self._above
            left_order, right_order = np.argsort(left), np.argsort(right)
            return (
                (left[left_order], lower[left_order], weight[left_order]),
                (right[right_order], upper[right_order], weight[right_order]),
                (left_order, right_order),
            )
        # One order serves both, where the margins' rounding makes ties, too. With many rows
        # bringing arrays into it takes as long as sorting.
        order = np.argsort(scores)
        ascending, lower = scores[order], lower[order]
        upper = lower if self._all_exact else upper[order]
        weight = weight if self._all_alike else weight[order]
        left = ascending - self.margins.below[0], lower, weight
        right = ascending + self.margins.above[0], upper, weight
        return left, right, (order, order)

    def _middle(self, left: Breakpoints, right: Breakpoints, scores: np.ndarray) -> np.ndarray:
        """Thresholds in the middle of the minimisers, the steps' margins added."""
        smallest, largest = kernels.imc_minimizers(left, right, self._labels.n_classes - 1)
        return kernels.middle_thresholds(smallest, largest, scores)

    def hinges(self) -> Hinges:
        lower, upper, weight, n_classes = self._labels
        first, last = np.zeros_like(lower), np.full_like(upper, n_classes - 1)
        margins = self._below, self._above
        return Hinges(first, lower, upper, last, *margins, weight, n_classes - 1, ordered=False)

    def bound_thresholds(self, largest_score: float) -> float:
        return largest_score + 2.0 * self._largest  # a breakpoint less a step's margin


class ExplicitHinge(HingeSurrogate):
    r"""II-SVOR-EXP: only the two thresholds next to the interval are hinges.

    .. math:: \max(0, 1 - s + \theta_{l-1}) + \max(0, 1 + s - \theta_u)
              \quad\text{subject to}\quad \theta_0 \le \dots \le \theta_{Y-2}

    It bounds the interval-insensitive 0/1 loss from above.
    """

    resolution = 1e-15

    def minimize(self, scores: np.ndarray, accuracy: float, largest_score: float) -> InnerMinimum:
        lower, upper, weight, n_classes = self._labels
        order = np.argsort(scores)
        ascending = scores[order], lower[order], upper[order], weight[order]
        smallest, largest = kernels.exp_minimizers(*ascending, n_classes - 1)
        thresholds = kernels.middle_thresholds(smallest, largest, scores)
        value, offset, ascending_gradient = kernels.exp_plane(*ascending, thresholds)
        score_gradient = np.empty_like(scores)
        score_gradient[order] = ascending_gradient / self._total_weight
        plane = Plane(score_gradient, offset / self._total_weight)
        return InnerMinimum(value / self._total_weight, thresholds, plane)

    def hinges(self) -> Hinges:
        # Thresholds that are next to no interval are left out: they fit between their neighbours.
        lower, upper, weight, n_classes = self._labels
        has_upper, has_lower = lower > 0, upper < n_classes - 1
        used = np.union1d(lower[has_upper] - 1, upper[has_lower])
        before, after = np.searchsorted(used, lower - 1), np.searchsorted(used, upper)
        one = np.ones(len(lower))
        return Hinges(
            before,
            before + has_upper,
            after,
            after + has_lower,
            one,
            one,
            weight,
            len(used),
            ordered=True,
        )

    def bound_thresholds(self, largest_score: float) -> float:
        return largest_score + 1.0  # every breakpoint is a score less or plus 1
