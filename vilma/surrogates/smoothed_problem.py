"""The V-shaped surrogate on a set of labels, smoothed over a window of scores, and its plane."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from vilma.surrogates import _v_shaped_kernels as kernels
from vilma.surrogates.plane import Plane
from vilma.surrogates.smoothing import STEP_RULES, weight_with_choice
from vilma.surrogates.surrogate import LabeledWeights

__all__ = ["SmoothedProblem", "SortedScores"]

# Newton's method ends when no label's derivative exceeds this share of its weight; the fractions
# of the plane remove the rest. Near the solution the method converges at once: 1e-4 to 1e-8 differ
# by an evaluation.
_BALANCED = 1e-6
# Evaluations for one width. Widths that can be solved take 5 to 40; too narrow ones never end. 30
# take 2.5 times as many in all, 120 7 % more (six fits, see ``smoothing.py``).
_MAX_EVALUATIONS = 60
# Rounds of moving the fractions themselves. The first leaves rounding unless some are clipped; two
# are enough for the six fits.
_MAX_ROUNDS = 4
# Share of a label's typical curvature that couples it to its neighbour where no example does;
# 1e-10 and 1e-14 are alike.
_LOOSE_COUPLING = 1e-12


class SortedScores(NamedTuple):
    """The scores as the kernels take them: one side per kind of endpoint."""

    sides: tuple[tuple, tuple]  # direction, starts, sorted x, its prefix sums; lower and upper
    members: tuple[np.ndarray, np.ndarray]  # the examples in these orders
    lowest: float
    highest: float


class SmoothedProblem:
    """The mean loss over K of the labels.

    A lower endpoint that is none of them counts as the next above, an upper one as the next below.

    Parameters
    ----------
    labels : LabeledWeights
    cost : ndarray of shape (n_classes, n_classes)
        ``cost[y, y_true]``.
    used : ndarray of shape (K,)
        Ascending codes of the labels.
    """

    def __init__(self, labels: LabeledWeights, cost: np.ndarray, used: np.ndarray) -> None:
        lower, upper, self._weight, _ = labels
        n = len(used)
        self.used = used
        below = np.minimum(np.searchsorted(used, lower), n - 1)
        above = np.maximum(np.searchsorted(used, upper, side="right") - 1, 0)
        self._endpoints = below, above
        self._starts = tuple(
            np.concatenate([[0], np.cumsum(np.bincount(places, minlength=n))])
            for places in self._endpoints
        )
        capacity = weight_with_choice(below, above, self._weight, n)
        # Transposed: the kernels read the costs of one endpoint in a row.
        endpoint_cost = np.ascontiguousarray(cost[np.ix_(used, used)].T, dtype=np.float64)
        self._problem = used.astype(np.float64), endpoint_cost, capacity
        self._total_weight = float(self._weight.sum())
        self._graph = np.zeros((n, n)), np.zeros((n, n), np.int64), np.zeros(n, np.int64)
        self._elimination = np.zeros(n, np.int64), np.zeros(n, np.int64)
        self._envelope = np.zeros(n, np.int64), np.zeros(n)

    def sort(self, scores: np.ndarray, order: np.ndarray) -> SortedScores:
        """Sort the examples by score within each endpoint; `order` sorts all scores."""
        m = len(scores)
        sides, members = [], []
        for direction, places, starts in zip((-1, 1), self._endpoints, self._starts, strict=True):
            member, x = np.empty(m, np.int64), direction * scores
            ordered = np.ascontiguousarray(order[::direction])
            kernels.sort_by_label(ordered, places, starts[:-1].copy(), member)
            weight_before, x_before = np.zeros(m + 1), np.zeros(m + 1)
            kernels.prefix_sums(self._weight, member, weight_before)
            np.cumsum((self._weight * x)[member], out=x_before[1:])
            sides.append((direction, starts, x[member], weight_before, x_before))
            members.append(member)
        lowest, highest = float(scores[order[0]]), float(scores[order[-1]])
        return SortedScores((sides[0], sides[1]), (members[0], members[1]), lowest, highest)

    def range_of_breakpoints(self, biases: np.ndarray, scores: SortedScores) -> float:
        """Range of the scores and of the breakpoints between neighbouring labels."""
        breaks = np.diff(biases) / -np.diff(self.used)
        return float(np.ptp(np.append(breaks, [scores.lowest, scores.highest])))

    def minimize(
        self, scores: SortedScores, start: np.ndarray, half_width: float
    ) -> tuple[np.ndarray, int]:
        """Minimise the smoothed mean loss; return the biases and the number of evaluations.

        Newton's method with the damping of Levenberg and Marquardt, which holds neighbouring
        biases together: it shortens the steps of labels without examples in their windows, where
        the curvature is unknown, and leaves the well-determined ones alone.
        """
        label_values, endpoint_cost, capacity = self._problem
        coupling = np.minimum(capacity[1:], capacity[:-1]) / np.diff(label_values)
        spread = scores.highest - scores.lowest + float(endpoint_cost.max()) + half_width
        biases = start
        gradient = self._derivatives(scores, biases, half_width)
        imbalance = float(np.max(np.abs(gradient) / capacity))
        damping = imbalance / spread
        n_evaluations = 1
        while n_evaluations < _MAX_EVALUATIONS and imbalance > _BALANCED:
            step = -gradient
            kernels.solve_laplacian(self._graph, damping * coupling, step, *self._elimination)
            trial_gradient = self._derivatives(scores, biases + step, half_width)
            n_evaluations += 1
            # Share of the slope along the step that is left at its end; negative beyond a minimum.
            left = float(trial_gradient @ step) / float(gradient @ step)
            if not left >= -STEP_RULES.overshot:
                gradient = self._derivatives(scores, biases, half_width)
                damping *= min(max(-4.0 * left, STEP_RULES.least_rise), STEP_RULES.most_rise)
                continue
            biases = biases + step
            gradient = trial_gradient
            imbalance = float(np.max(np.abs(gradient) / capacity))
            for lowest, factor in STEP_RULES.factors:
                if left >= lowest:
                    damping *= factor
                    break
            damping = min(damping, imbalance / half_width)
        return biases, n_evaluations

    def _derivatives(
        self, scores: SortedScores, biases: np.ndarray, half_width: float
    ) -> np.ndarray:
        """Return the gradient of the smoothed loss; its Hessian becomes the graph."""
        matrix, _, degree = self._graph
        if degree.any():
            matrix[:] = 0.0
            degree[:] = 0
        gradient = np.zeros(len(biases))
        for side in scores.sides:
            kernels.add_side_derivatives(
                self._problem, biases, half_width, side, gradient, self._graph, self._envelope
            )
        return gradient

    def value(self, scores: SortedScores, biases: np.ndarray) -> float:
        """Mean loss, not smoothed."""
        label_values, endpoint_cost, _ = self._problem
        values = [
            kernels.side_value(label_values, endpoint_cost, biases, side, *self._envelope)
            for side in scores.sides
        ]
        return sum(values) / self._total_weight

    def mixture(
        self, scores: SortedScores, biases: np.ndarray, half_width: float, nudge: np.ndarray
    ) -> tuple[Plane, np.ndarray]:
        """Plane of the mixed labels, and its derivative in the biases times the total weight."""
        score_gradient = np.zeros(len(self._weight))
        gradient = np.zeros(len(biases))
        offset = 0.0
        for side, members in zip(scores.sides, scores.members, strict=True):
            offset += kernels.add_side_plane(
                self._problem,
                biases,
                half_width,
                nudge,
                side,
                members,
                self._weight,
                score_gradient,
                gradient,
                np.zeros(len(members) + 1),
                self._envelope,
            )
        score_gradient /= self._total_weight
        return Plane(score_gradient, offset / self._total_weight), gradient

    def plane(self, scores: SortedScores, biases: np.ndarray, half_width: float) -> Plane:
        """Plane of the mixture at the smoothed minimiser, its bias part cancelled to rounding.

        It is c and o of ``plane.py`` with the fractions of the windows, of which `mixture` sums up
        what every label wins.
        """
        capacity = self._problem[2]
        loose = _LOOSE_COUPLING * np.minimum(capacity[:-1], capacity[1:]) / half_width
        nudge = np.zeros(len(biases))
        best: Plane | None = None
        for _ in range(_MAX_ROUNDS):
            plane, gradient = self.mixture(scores, biases, half_width, nudge)
            # By thresholds: the derivative in theta_k is the sum over the biases up to k.
            residual = float(np.abs(np.cumsum(gradient)[:-1]).sum()) / self._total_weight
            if best is not None and not residual < best.bias_residual:
                break
            gained = best is None or residual < 0.01 * best.bias_residual
            best = plane._replace(bias_residual=residual)
            if residual <= 1e-16 or not gained:
                break
            self._derivatives(scores, biases, half_width)
            step = -gradient
            kernels.solve_laplacian(self._graph, loose, step, *self._elimination)
            nudge += step
        assert best is not None
        return best
