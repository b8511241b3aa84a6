r"""The surrogate of any V-shaped interval-insensitive loss (VILMA), biases minimised out.

Two classes minimise it. Where the costs have margins, as those of the absolute and of the squared
error do, it is a sum of hinges (`vilma.surrogates.margins`, Proposition 2 of the paper) and
`ImplicitHinge` solves it exactly. `VShaped` is for all others, such as the 0/1 loss, truncated or
uneven costs. `v_shaped_surrogate` chooses.
"""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import numpy as np

from vilma.surrogates.hinge import ImplicitHinge
from vilma.surrogates.linear_form import v_shaped_form
from vilma.surrogates.margins import find_margins
from vilma.surrogates.plane import InnerMinimum, Plane
from vilma.surrogates.smoothed_problem import SmoothedProblem, SortedScores
from vilma.surrogates.smoothing import NARROWEST, Attempt, bound_vertex, shrink_width
from vilma.surrogates.surrogate import (
    LabeledWeights,
    PiecewiseLinearForm,
    Surrogate,
    to_biases,
)
from vilma.surrogates.transport import solve_transport, transport_work

__all__ = ["VShaped", "v_shaped_surrogate"]

# Work of the transportation problem, (2 m)^2 K, up to which it is solved at once (half to all of
# the time of smoothing with 60 to 200 rows and 5 to 60 labels; at 1e7 two to four times it), and
# up to which it is where smoothing fails (a tenth of a second, from afar).
_LITTLE_WORK = 1e6
_BEARABLE_WORK = 1e8
# Windows hold about two breakpoints of envelopes. Wider ones need three times the evaluations,
# because solutions change much with the width; narrower ones leave labels without examples.
_NATURAL = 2.0
# Figures as in ``smoothing.py``. Labels of the coarsest problem of a nested start (4 and 16: 1 %
# fewer and 11 % more), and the share by which its width shrinks (0.15 and 0.6: within 1 %).
_COARSEST = 8
_SHRINK = 0.3
# The last solution is a start if its width, or this share of the scores' mean move (0.1 and 0.6: 5
# and 9 % more, and 13 % more iterations), is at most so many natural widths (1: twice the time
# with 200 labels; 16: some calls fail first).
_MOVED = 0.3
_NEAR = 4.0
# A width that left less than half of the error allowed is taken up so much wider by the next call
# (1: 4 % more; 3: 37 % more).
_WIDENED = 1.5
_RESOLUTION = 1e-13  # of the largest cost: Newton steps on the biases do not get below
_UNSMOOTHED = 1e-300  # examples on a breakpoint are shared evenly, nothing else is mixed


def v_shaped_surrogate(labels: LabeledWeights, cost: np.ndarray) -> Surrogate:
    """Return the surrogate of a V-shaped loss, as a sum of hinges where it is one.

    Parameters
    ----------
    labels : LabeledWeights
    cost : ndarray of shape (n_classes, n_classes)
        ``cost[y, y_true]``, growing away from the diagonal.
    """
    margins = find_margins(cost)
    return VShaped(labels, cost) if margins is None else ImplicitHinge(labels, margins)


class _Start(NamedTuple):
    """Where to begin."""

    biases: np.ndarray
    half_width: float


class VShaped(Surrogate):
    r"""Margin-rescaled bound of a V-shaped interval-insensitive loss: VILMA's, in (13).

    .. math:: \max_{y \le l} [\Delta(y, l) + s (y - l) + b_y - b_l]
            + \max_{y \ge u} [\Delta(y, u) + s (y - u) + b_y - b_u]

    The biases are found by continuation in the width of a smoothing window
    (`vilma.surrogates.smoothed_problem`), or, for few examples, as the potentials of a
    transportation problem (`vilma.surrogates.transport`).

    1. Only labels that win somewhere, attain a maximum for some example, count: a label that is
       nobody's endpoint wins nothing at the minimum.
    2. Few examples: solve the transportation problem, done.
    3. Start at the last call's biases and width if the scores have not moved far since. Otherwise
       nested: solve for every 2^k-th label at the width natural to them, interpolate to twice as
       many labels, and so on.
    4. Minimise the problem smoothed over the width.
    5. Measure the error: value less plane, plus the charge for what is left of its bias part. Done
       if it is within the accuracy asked.
    6. If it is the charge that is too large, the width was too narrow to get there from here:
       solve the transportation problem if that is bearable, else begin again with a nested start,
       else go back to a wider one.
    7. Otherwise narrow the width: the error falls with its square, or in proportion to it under
       ties (`vilma.surrogates.smoothing.shrink_width`). Go on with 4.

    Scores, biases and width are kept for the next call. What came before changes where a call
    begins, and so the last digits of its result, but the error is measured in every call that
    smooths; the transportation problem is exact. Where no width reaches the accuracy asked, the
    best plane found is returned: it is as valid, and the gap of the outer loop shows what it
    lacks.

    Parameters
    ----------
    labels : LabeledWeights
    cost : ndarray of shape (n_classes, n_classes)
        ``cost[y, y_true]``, growing away from the diagonal.
    """

    def __init__(self, labels: LabeledWeights, cost: np.ndarray) -> None:
        self._labels = labels
        self.cost = np.ascontiguousarray(cost, dtype=np.float64)
        self.scale = float(self.cost.max())
        self.resolution = _RESOLUTION * self.scale
        self._problem = SmoothedProblem(labels, self.cost, _winning_labels(labels))
        self._last: tuple[np.ndarray, _Start] | None = None

    def minimize(self, scores: np.ndarray, accuracy: float, largest_score: float) -> InnerMinimum:
        # 1. The labels that win somewhere; a single one wins at no cost.
        problem = self._problem
        order = np.argsort(scores)
        sorted_scores = problem.sort(scores, order)
        if len(problem.used) == 1:
            plane = Plane(np.zeros(len(scores)), 0.0)
            return InnerMinimum(0.0, self._thresholds(np.zeros(1), sorted_scores), plane)
        # 2. Few examples: exactly.
        work = transport_work(self._labels, len(problem.used))
        if work <= _LITTLE_WORK:
            biases, plane = self._transport(scores)
            self._last = scores, _Start(biases, 0.0)
            value = problem.value(sorted_scores, biases)
            return InnerMinimum(value, self._thresholds(biases, sorted_scores), plane)
        # 3. The start.
        near = self._near_start(scores, sorted_scores)
        start = self._nested_start(scores, order) if near is None else near
        nested = near is None
        bound = self.bound_thresholds(largest_score)

        def attempt(biases: np.ndarray, half_width: float) -> Attempt:
            # 4. Minimise the smoothed problem. 5. Measure the error.
            solution, n_evaluations = problem.minimize(sorted_scores, biases, half_width)
            value = problem.value(sorted_scores, solution)
            plane = problem.plane(sorted_scores, solution, half_width)
            charge = bound * plane.bias_residual
            error = value - plane.at(scores) + charge
            residual = plane.bias_residual
            return Attempt(
                solution, half_width, error, charge, residual, n_evaluations, (value, plane)
            )

        def solve(biases: np.ndarray, half_width: float) -> Attempt:
            nonlocal nested
            tried = attempt(biases, half_width)
            if tried.is_too_narrow(accuracy):
                # 6. Another way there.
                if work <= _BEARABLE_WORK:
                    solution, plane = self._transport(scores)
                    value = problem.value(sorted_scores, solution)
                    return Attempt(solution, half_width, 0.0, 0.0, 0.0, 0, (value, plane))
                if not nested:
                    nested = True
                    tried = attempt(*self._nested_start(scores, order))
            return tried

        # 7. Narrow the width.
        spread = sorted_scores.highest - sorted_scores.lowest + self.scale
        # Not at the narrowest: one step narrower must remain, or nothing could be mended.
        half_width = min(max(start.half_width, 10.0 * NARROWEST * spread), spread)
        center = _central_biases(problem.used, scores)
        best = shrink_width(solve, start.biases, center, half_width, spread, spread, accuracy)
        widened = _WIDENED if best.error < 0.5 * accuracy else 1.0
        self._last = scores, _Start(best.solution, widened * best.width)
        value, plane = best.result
        return InnerMinimum(value, self._thresholds(best.solution, sorted_scores), plane)

    def _transport(self, scores: np.ndarray) -> tuple[np.ndarray, Plane]:
        used = self._problem.used
        start = _central_biases(used, scores) if self._last is None else self._last[1].biases
        return solve_transport(self._labels, self.cost, used, scores, start)

    def evaluate(
        self, scores: np.ndarray, thresholds: np.ndarray
    ) -> tuple[float, float, np.ndarray, np.ndarray]:
        """Value, offset and derivatives in scores and thresholds; nothing is minimised.

        They are those of an affine function of scores and thresholds below the mean loss.
        """
        problem = self._all_labels
        sorted_scores = problem.sort(scores, np.argsort(scores))
        biases = to_biases(thresholds)
        plane, gradient = problem.mixture(
            sorted_scores, biases, _UNSMOOTHED, np.zeros_like(biases)
        )
        by_threshold = -np.cumsum(gradient[::-1])[::-1][1:] / self._labels.weight.sum()
        value = problem.value(sorted_scores, biases)
        return value, plane.offset, plane.score_gradient, by_threshold

    @cached_property
    def _all_labels(self) -> SmoothedProblem:
        return SmoothedProblem(self._labels, self.cost, np.arange(self._labels.n_classes))

    def linear_form(self) -> PiecewiseLinearForm:
        steps_before = np.arange(self._labels.n_classes)[:, None]
        return v_shaped_form(self._labels, self.cost, steps_before)

    def bound_thresholds(self, largest_score: float) -> float:
        return bound_vertex(self._labels.n_classes - 1, self.scale, largest_score)

    def _near_start(self, scores: np.ndarray, sorted_scores: SortedScores) -> _Start | None:
        """The last solution, if the scores have not moved far since."""
        if self._last is None:
            return None
        last_scores, last = self._last
        moved = float(np.abs(scores - last_scores).mean())
        half_width = max(last.half_width, _MOVED * moved)
        if half_width > _NEAR * _natural_width(self._problem, last.biases, sorted_scores):
            return None
        return last._replace(half_width=half_width)

    def _nested_start(self, scores: np.ndarray, order: np.ndarray) -> _Start:
        """Start from solutions for fewer labels."""
        levels = [self._problem]
        while len(levels[-1].used) > _COARSEST:
            used = levels[-1].used
            coarser = np.union1d(used[::2], used[-1:])
            levels.append(SmoothedProblem(self._labels, self.cost, coarser))
        level = levels.pop()
        sorted_scores = level.sort(scores, order)
        biases = _central_biases(level.used, scores)
        half_width = sorted_scores.highest - sorted_scores.lowest + self.scale
        if not levels:
            return _Start(biases, half_width)
        natural = 0.0
        while half_width > natural:
            biases, _ = level.minimize(sorted_scores, biases, half_width)
            natural = _natural_width(level, biases, sorted_scores)
            half_width *= _SHRINK
        while levels:
            finer = levels.pop()
            biases = np.interp(finer.used, level.used, biases)
            level = finer
            sorted_scores = level.sort(scores, order)
            half_width = _natural_width(level, biases, sorted_scores)
            if levels:
                biases, _ = level.minimize(sorted_scores, biases, half_width)
        return _Start(biases, half_width)

    def _thresholds(self, biases: np.ndarray, scores: SortedScores) -> np.ndarray:
        """Thresholds of all labels, those that win nowhere given biases at which they do not."""
        used, n_classes = self._problem.used, self._labels.n_classes
        if len(used) == n_classes:
            return -np.diff(biases)
        everything = np.arange(n_classes)
        # Between used labels p < q: below p for every score, where costs fall towards the
        # endpoint, and below q likewise.
        q = np.minimum(np.searchsorted(used, everything), len(used) - 1)
        p = np.maximum(np.searchsorted(used, everything, side="right") - 1, 0)
        full = np.minimum(
            biases[p] - scores.highest * (everything - used[p]),
            biases[q] + scores.lowest * (used[q] - everything),
        )
        full[used] = biases
        thresholds = -np.diff(full)
        # Outside: the next label inwards is better for every score and endpoint.
        rises = np.diff(self.cost, axis=0)
        for k in range(used[0]):
            reached = np.unique(self._labels.lower[self._labels.lower > k])
            thresholds[k] = scores.lowest + rises[k, reached].min(initial=0.0)
        for k in range(used[-1], n_classes - 1):
            reached = np.unique(self._labels.upper[self._labels.upper <= k])
            thresholds[k] = scores.highest + rises[k, reached].max(initial=0.0)
        return thresholds


def _central_biases(used: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Biases with all thresholds at the median score."""
    return -float(np.median(scores)) * used


def _natural_width(problem: SmoothedProblem, biases: np.ndarray, scores: SortedScores) -> float:
    """Windows this wide hold a few breakpoints."""
    return _NATURAL * problem.range_of_breakpoints(biases, scores) / len(biases)


def _winning_labels(labels: LabeledWeights) -> np.ndarray:
    """Codes of the labels that win somewhere at the minimum.

    The fractions of the examples at a label sum to the weight of the examples that have it as an
    endpoint with a choice: where that is 0, the label wins nowhere.
    """
    is_lower = np.bincount(labels.lower, minlength=labels.n_classes) > 0
    is_upper = np.bincount(labels.upper, minlength=labels.n_classes) > 0
    used = np.flatnonzero(is_lower | is_upper)
    while len(used) > 1:
        # Without a smaller label in use a lower endpoint has no choice; likewise an upper one.
        if not is_upper[used[0]]:
            used = used[1:]
        elif not is_lower[used[-1]]:
            used = used[:-1]
        else:
            break
    return used
