"""The surrogate of any V-shaped interval-insensitive loss (VILMA), biases minimised out."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from vilma.surrogates import _v_shaped_kernels as kernels
from vilma.surrogates.linear_form import v_shaped_form
from vilma.surrogates.plane import InnerMinimum, Plane
from vilma.surrogates.smoothing import MAX_EVALUATIONS, NARROWEST, Attempt, shrink_width
from vilma.surrogates.surrogate import LabeledWeights, PiecewiseLinearForm, Surrogate

__all__ = ["VShaped"]

_NEWTON_TOL = 1e-6  # largest derivative left; the plane's fractions remove the rest
_RESOLUTION = 1e-13  # of the largest cost: Newton steps on the thresholds do not get below
_UNSMOOTHED = 1e-300  # ties share a label's border evenly, nothing else is mixed


class _SortedScores(NamedTuple):
    """The scores as the kernels take them: one side per kind of endpoint."""

    lower_side: tuple[np.ndarray, ...]
    upper_side: tuple[np.ndarray, ...]
    members: tuple[np.ndarray, np.ndarray]
    spread: float


class VShaped(Surrogate):
    r"""Margin-rescaled bound of a V-shaped interval-insensitive loss.

    .. math:: \max_{y \le l} [\Delta(y, l) + s (y - l) + b_y - b_l]
            + \max_{y \ge u} [\Delta(y, u) + s (y - u) + b_y - b_u]

    The biases are found by Newton's method on a smoothed problem whose width shrinks until value
    and plane are within the accuracy asked. Thresholds and width are kept for the next call.

    Parameters
    ----------
    labels : LabeledWeights
    cost : ndarray of shape (n_classes, n_classes)
        ``cost[y, y_true]``, growing away from the diagonal.
    """

    def __init__(self, labels: LabeledWeights, cost: np.ndarray) -> None:
        self._labels = labels
        self._cost = np.ascontiguousarray(cost, dtype=np.float64)
        self.scale = float(self._cost.max())
        self.resolution = _RESOLUTION * self.scale
        self._max_evaluations = MAX_EVALUATIONS[0] + MAX_EVALUATIONS[1] * labels.n_classes
        self._total_weight = float(labels.weight.sum())
        self._starts = [
            np.concatenate([[0], np.cumsum(np.bincount(codes, minlength=labels.n_classes))])
            for codes in (labels.lower, labels.upper)
        ]
        self._thresholds: np.ndarray | None = None
        self._half_width = np.inf

    def minimize(self, scores: np.ndarray, accuracy: float, largest_score: float) -> InnerMinimum:
        sorted_scores = self._sort(scores)
        bound = self.bound_thresholds(largest_score)
        spread = sorted_scores.spread

        def solve(start: np.ndarray, half_width: float) -> Attempt:
            inner, n_evaluations = self._solve_width(sorted_scores, start, half_width)
            residual = inner.plane.bias_residual
            charge = bound * residual
            error = inner.value - inner.plane.at(scores) + charge
            return Attempt(
                inner.thresholds, half_width, error, charge, residual, n_evaluations, inner
            )

        center = np.full(self._labels.n_classes - 1, float(np.median(scores)))
        start = center if self._thresholds is None else self._thresholds
        half_width = min(max(self._half_width, 10.0 * NARROWEST * spread), spread)
        best = shrink_width(solve, start, center, half_width, spread, spread, accuracy)
        self._thresholds = best.thresholds
        self._half_width = 1.5 * best.width if best.error < 0.5 * accuracy else best.width
        return best.result

    def evaluate(
        self, scores: np.ndarray, thresholds: np.ndarray
    ) -> tuple[float, Plane, np.ndarray]:
        """Value, plane and derivative in the thresholds; nothing is minimised."""
        sorted_scores = self._sort(scores)
        sides = sorted_scores.lower_side, sorted_scores.upper_side
        value = kernels.mean_loss(self._cost, thresholds, *sides, self._total_weight)
        score_gradient, offset, gradient = kernels.mixed_plane(
            self._cost,
            thresholds,
            _UNSMOOTHED,
            np.zeros_like(thresholds),
            *sides,
            sorted_scores.members,
            self._labels.weight,
            self._total_weight,
        )
        return value, Plane(score_gradient, offset), gradient

    def linear_form(self) -> PiecewiseLinearForm:
        steps_before = np.arange(self._labels.n_classes)[:, None]
        return v_shaped_form(self._labels, self._cost, steps_before)

    def bound_thresholds(self, largest_score: float) -> float:
        # Some minimiser is a vertex: its biases are tied together by a spanning tree of at most
        # Y - 1 active pairs, each bounding a difference by a cost and (Y - 1) times a score.
        steps = self._labels.n_classes - 1
        return steps * (self.scale + steps * largest_score)

    def _sort(self, scores: np.ndarray) -> _SortedScores:
        lower, upper, weight, _ = self._labels
        order = np.argsort(scores)
        below = kernels.group_by_endpoint(
            -scores, np.ascontiguousarray(order[::-1]), lower, weight, self._starts[0]
        )
        above = kernels.group_by_endpoint(scores, order, upper, weight, self._starts[1])
        # Thresholds live where the scores do, give or take the size of the costs.
        spread = float(scores[order[-1]] - scores[order[0]]) + self.scale
        return _SortedScores(
            (self._starts[0], *below[1:]),
            (self._starts[1], *above[1:]),
            (below[0], above[0]),
            spread,
        )

    def _solve_width(
        self, sorted_scores: _SortedScores, start: np.ndarray, half_width: float
    ) -> tuple[InnerMinimum, int]:
        """Minimise the problem smoothed over `half_width`; value and plane of the result."""
        sides = sorted_scores.lower_side, sorted_scores.upper_side
        thresholds, n_evaluations = kernels.minimize_smoothed(
            self._cost,
            start,
            half_width,
            *sides,
            self._total_weight,
            sorted_scores.spread,
            _NEWTON_TOL,
            self._max_evaluations,
        )
        value = kernels.mean_loss(self._cost, thresholds, *sides, self._total_weight)
        score_gradient, offset, bias_residual = kernels.balanced_plane(
            self._cost,
            thresholds,
            half_width,
            *sides,
            sorted_scores.members,
            self._labels.weight,
            self._total_weight,
        )
        plane = Plane(score_gradient, offset, bias_residual)
        return InnerMinimum(value, thresholds, plane), n_evaluations
