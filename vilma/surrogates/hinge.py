r"""The hinge surrogates of SVOR with interval labels: implicit and explicit order constraints.

At fixed scores, the derivative in every threshold of either surrogate is a step function of the
threshold that jumps up at the hinges' breakpoints, so the minimisers are weighted quantiles of the
breakpoints: for IMC of each threshold by itself, for EXP of blocks of neighbours that the order
of the thresholds pools, as in isotonic regression. `vilma.surrogates._hinge_kernels` derives both,
and `vilma.surrogates._breakpoints` says which breakpoints are sorted for them.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

import numpy as np

from vilma.surrogates import _hinge_kernels as kernels
from vilma.surrogates._breakpoints import Breakpoints
from vilma.surrogates._hinge_kernels import Buckets
from vilma.surrogates.linear_form import hinge_form
from vilma.surrogates.margins import Margins
from vilma.surrogates.plane import InnerMinimum, Plane
from vilma.surrogates.surrogate import Hinges, LabeledWeights, PiecewiseLinearForm, Surrogate

__all__ = ["ExplicitHinge", "HingeSurrogate", "ImplicitHinge"]


class HingeSurrogate(Surrogate):
    """A sum of hinges, whose minimisers are found exactly.

    Parameters
    ----------
    labels : LabeledWeights
    below_shift, above_shift : ndarray of shape (n_classes,)
        Breakpoints less scores: of the hinges below the intervals by label ``lower``, of those
        above them by label ``upper``.
    """

    exact = True
    _find_buckets: Callable[..., Buckets]
    _minimizers: Callable[..., tuple[np.ndarray, np.ndarray]]
    _add_up: Callable[..., tuple[float, float, np.ndarray, float]]

    def __init__(
        self, labels: LabeledWeights, below_shift: np.ndarray, above_shift: np.ndarray
    ) -> None:
        self._labels = labels
        self.n_classes = labels.n_classes
        self._total_weight = float(labels.weight.sum())
        self._breakpoints = Breakpoints(labels, below_shift, above_shift)
        totals = (weight[:, None] for weight in self._breakpoints.totals)
        self._one_bucket = self._find_buckets(*totals, self._breakpoints.slack)
        self._one_group = self._breakpoints.group_all(self._one_bucket.bucket)

    def minimize(self, scores: np.ndarray, accuracy: float, largest_score: float) -> InnerMinimum:
        theta = self._place(scores)
        value, offset, score_gradient, residual = self._add_up(self._breakpoints, scores, theta)
        total = self._total_weight
        score_gradient /= total
        plane = Plane(score_gradient, offset / total, residual / total)
        return InnerMinimum(value / total, theta, plane)

    def _place(self, scores: np.ndarray) -> np.ndarray:
        """Return thresholds in the middle of the minimisers."""
        return kernels.middle_thresholds(*self._ends(scores), scores)

    def _ends(self, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the smallest and the largest minimisers, infinite where nothing bounds them."""
        breakpoints = self._breakpoints
        slack = breakpoints.slack
        if not breakpoints.bucketed:
            below, above = breakpoints.sort_all(scores)
            return self._minimizers(below, above, self._one_group, self._one_bucket, slack)
        sums, bucket = breakpoints.weigh(scores)
        buckets = self._find_buckets(*sums, slack)
        below, above, groups = breakpoints.sort_wanted(scores, bucket, buckets.bucket)
        return self._minimizers(below, above, groups, buckets, slack)

    @abstractmethod
    def hinges(self) -> Hinges: ...

    def linear_form(self) -> PiecewiseLinearForm:
        return hinge_form(self.hinges())


class ImplicitHinge(HingeSurrogate):
    r"""II-SVOR-IMC, in (10) of the paper with intervals: a hinge for every threshold outside.

    .. math:: \sum_{k < l} \max(0, 1 - s + \theta_k) + \sum_{k \ge u} \max(0, 1 + s - \theta_k)

    (labels as codes from 0). It bounds the interval-insensitive absolute error from above. Some of
    its minimisers are in order without a constraint, and one of these is taken. With other
    `margins` it is the surrogate of other V-shaped losses, the squared one among them
    (`vilma.surrogates.margins`).

    Parameters
    ----------
    labels : LabeledWeights
    margins : Margins, optional
        1 by default.
    """

    _find_buckets = staticmethod(kernels.imc_buckets)
    _minimizers = staticmethod(kernels.imc_minimizers)
    _add_up = staticmethod(kernels.imc_plane)

    def __init__(self, labels: LabeledWeights, margins: Margins | None = None) -> None:
        margins = Margins.equal(1.0, labels.n_classes) if margins is None else margins
        super().__init__(labels, -margins.below, margins.above)
        self.margins = margins
        self._largest = max(float(np.abs(part).max(initial=0.0)) for part in self.margins)
        self.resolution = 1e-15 * self._largest

    def minimize(self, scores: np.ndarray, accuracy: float, largest_score: float) -> InnerMinimum:
        value, theta, plane = super().minimize(scores, accuracy, largest_score)
        return InnerMinimum(value, theta - self.margins.step, plane)

    def thresholds(self, scores: np.ndarray) -> np.ndarray:
        """Return the minimising thresholds only."""
        scores = np.ascontiguousarray(scores)
        return self._place(scores) - self.margins.step

    def hinges(self) -> Hinges:
        lower, upper, weight, n_classes = self._labels
        first, last = np.zeros_like(lower), np.full_like(upper, n_classes - 1)
        margins = self.margins.below[lower], self.margins.above[upper]
        places = np.arange(n_classes - 1)
        return Hinges(first, lower, upper, last, *margins, weight, places, ordered=False)

    def bound_thresholds(self, largest_score: float) -> float:
        return largest_score + 2.0 * self._largest  # a breakpoint less a step's margin


class ExplicitHinge(HingeSurrogate):
    r"""II-SVOR-EXP, in (9) of the paper with intervals: hinges for the two thresholds beside them.

    .. math:: \max(0, 1 - s + \theta_{l-1}) + \max(0, 1 + s - \theta_u)
              \quad\text{subject to}\quad \theta_0 \le \dots \le \theta_{Y-2}

    (labels as codes from 0, :math:`\theta_{-1} = -\infty` and :math:`\theta_{Y-1} = \infty`). It
    bounds the interval-insensitive 0/1 loss from above.
    """

    resolution = 1e-15
    _find_buckets = staticmethod(kernels.exp_buckets)
    _minimizers = staticmethod(kernels.exp_minimizers)
    _add_up = staticmethod(kernels.exp_plane)

    def __init__(self, labels: LabeledWeights) -> None:
        one = np.ones(labels.n_classes)
        super().__init__(labels, -one, one)

    def hinges(self) -> Hinges:
        # Thresholds that are next to no interval are left out: they fit between their neighbours.
        lower, upper, weight, n_classes = self._labels
        has_below, has_above = lower > 0, upper < n_classes - 1
        used = np.union1d(lower[has_below] - 1, upper[has_above])
        before, after = np.searchsorted(used, lower - 1), np.searchsorted(used, upper)
        one = np.ones(len(lower))
        return Hinges(
            before,
            before + has_below,
            after,
            after + has_above,
            one,
            one,
            weight,
            used,
            ordered=True,
        )

    def bound_thresholds(self, largest_score: float) -> float:
        return largest_score + 1.0  # every breakpoint is a score less or plus 1
