r"""The surrogate of PW-VILMA: a V-shaped loss with a projection for every step between labels.

With pieces :math:`j(k)` of the steps k and one score :math:`s_j` per piece, a label's score is

.. math:: f(y) = \sum_{k < y} (s_{j(k)} - \theta_k),

and the surrogate is that of VILMA with f in the place of :math:`s y + b_y`. With one piece it is
VILMA's. Proposition 2 of the paper does not hold for several: hinges per step would be a bound,
too, but a worse one.

Scores come as one vector of length m * n_pieces, those of one example side by side.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from vilma.surrogates import _piecewise_kernels as kernels
from vilma.surrogates.hinge import ImplicitHinge
from vilma.surrogates.linear_form import v_shaped_form
from vilma.surrogates.margins import Margins, find_margins
from vilma.surrogates.plane import InnerMinimum, Plane
from vilma.surrogates.smoothing import (
    NARROWEST,
    STEP_RULES,
    Attempt,
    bound_vertex,
    shrink_width,
    weight_with_choice,
)
from vilma.surrogates.surrogate import (
    LabeledWeights,
    LabelMaxima,
    PiecewiseLinearForm,
    Surrogate,
    to_biases,
)

__all__ = ["PiecewiseVShaped"]

_RESOLUTION = 1e-13  # of the largest cost, as for VILMA
_BALANCED = 1e-16  # of all capacities counts as balanced; rounding ends the iteration before
_MAX_EVALUATIONS = 100, 4  # of one width, and for every label: against widths that never end
_FIRST_STEP = 10.0  # widths that the first step may take a light label (3 to 100 are alike)
_SHORTEST_REACH = 0.25  # widths that a list serves at least (0.5 and 1 take a tenth longer)
_LONG_WAY = 10.0  # widths after which a list is made anew
# Figures as in ``smoothing.py``, of the fits of PW-VILMA.
_LONGER_REACH = 1.5  # times what the thresholds moved in the call before (1 and 3: within 5 %)
# Of its width a list serves (changes keep their digits, and it is short); 0.003, 0.03: the same.
_SMALLEST_SHARE = 0.01
_KEPT_CALLS = 4  # which foretell; with 1 the lists are made 1.6 times as often
_SAMPLED = 1024  # scores foretell as well as all, which take a tenth of a call
_FIRST_WIDTH = 2.0  # of the accuracy, where hinges give the start (1 and 4: within 3 %)
_AIM = (
    0.7  # of the accuracy is the error for which a width is chosen (0.35: 6 % more; 0.9: as many)
)
_MUCH_WIDER = 3.0  # a width that proved too narrow grows by no more (1.5 and 6: within 1 %)
# Of the mean margin, where hinges give the start: wide lists are long (0.05 and 0.2: within 7 %).
_WIDEST = 0.1
# Accuracies that a start may lie above a bound before hinges are asked (2 and 10: within 1 %, and
# 8 % more and 6 % fewer lists).
_LOOSE = 5.0


class _Call(NamedTuple):
    """What an earlier call came to."""

    scores: np.ndarray  # (m, n_pieces)
    thresholds: np.ndarray
    plane: Plane


class _Listed(NamedTuple):
    """The list of contested sides, which the kernels keep in the work space."""

    thresholds: np.ndarray  # where it was made
    reach: np.ndarray  # how far from there it serves
    n: int
    constant: float  # losses where it was made, of the sides that are not contested
    fixed: np.ndarray  # derivative of these in the biases
    width: float  # for which it was made; it serves smaller ones


class PiecewiseVShaped(Surrogate):
    r"""Margin-rescaled bound of a V-shaped interval-insensitive loss, several projections.

    .. math:: \max_{y \le l} [\Delta(y, l) + f(y) - f(l)]
            + \max_{y \ge u} [\Delta(y, u) + f(y) - f(u)]

    The thresholds are found by Newton's method on a smoothed problem whose width shrinks until
    value and plane are within the accuracy asked. What was found is kept for the next calls.

    Parameters
    ----------
    labels : LabeledWeights
    cost : ndarray of shape (n_classes, n_classes)
        ``cost[y, y_true]``, growing away from the diagonal.
    pieces : ndarray of shape (n_classes - 1,)
        The piece of every step, 0, ..., n_pieces - 1.
    """

    def __init__(self, labels: LabeledWeights, cost: np.ndarray, pieces: np.ndarray) -> None:
        lower, upper, weight, n_classes = labels
        self._labels = labels
        self._cost = np.ascontiguousarray(cost, dtype=np.float64)
        self._pieces = np.asarray(pieces, dtype=np.int64)
        self.n_pieces = int(self._pieces.max()) + 1
        self.scale = float(self._cost.max())
        self.resolution = _RESOLUTION * self.scale
        mean_margin = float(np.diag(self._cost, 1).mean()) or self.scale
        found = find_margins(self._cost)
        self._hinges_fit = found is not None
        margins = found or Margins.equal(mean_margin, n_classes)
        self._hinges = ImplicitHinge(labels, margins)
        self._widest = _WIDEST * mean_margin if self._hinges_fit else np.inf
        self._max_evaluations = _MAX_EVALUATIONS[0] + _MAX_EVALUATIONS[1] * n_classes
        self._total_weight = float(weight.sum())
        self._sides: tuple[tuple, tuple] = (
            _by_endpoint(lower, weight, n_classes),
            _by_endpoint(upper, weight, n_classes),
        )
        # The bias of a frequent label is the fixed one: it is well determined.
        ends = np.bincount(np.concatenate([lower, upper]), np.tile(weight, 2), n_classes)
        self._anchor = int(np.argmax(ends))
        self._capacity = weight_with_choice(lower, upper, weight, n_classes)
        self._steps_before = np.zeros((n_classes, self.n_pieces))
        np.cumsum(np.eye(self.n_pieces)[self._pieces], axis=0, out=self._steps_before[1:])
        self._calls: list[_Call] = []
        self._solved = np.inf, np.inf
        self._hinge_excess = 0.0
        self._reach = np.zeros(n_classes - 1)
        self._work: tuple[tuple, tuple] | None = None

    def minimize(self, scores: np.ndarray, accuracy: float, largest_score: float) -> InnerMinimum:
        by_piece = np.ascontiguousarray(scores.reshape(-1, self.n_pieces))
        if self._work is None:
            self._work = _work_space(self._labels)
        bound = self.bound_thresholds(largest_score)
        spread = float(by_piece.max() - by_piece.min()) + self.scale
        width = min(max(self._fitting_width(accuracy), 10.0 * NARROWEST * spread), 0.5 * spread)
        listed, hinge_loss = self._start(by_piece, width, accuracy)
        start = listed.thresholds

        def solve(thresholds: np.ndarray, width: float) -> Attempt:
            nonlocal listed
            listed, attempt = self._solve_width(by_piece, listed, thresholds, width, bound)
            return attempt

        center = np.zeros_like(start)
        best = shrink_width(solve, start, center, width, 0.5 * spread, spread, accuracy)
        if listed is not best.result[0]:  # what came after was worse, and took its place
            best = solve(best.solution, best.width)
        _, change, value = best.result
        score_gradient = np.empty_like(by_piece)
        offset = kernels.mixture_gradient(
            change,
            best.width,
            listed.n,
            self._work,
            self._sides,
            self._labels[:3],
            self._steps_before,
            self._cost,
            score_gradient,
        )
        score_gradient /= self._total_weight
        plane = Plane(score_gradient.ravel(), offset / self._total_weight, best.bias_residual)
        self._calls = [*self._calls[1 - _KEPT_CALLS :], _Call(by_piece, best.solution, plane)]
        self._reach = _LONGER_REACH * np.abs(best.solution - start)
        self._solved = best.width, best.error
        if hinge_loss is not None:
            self._hinge_excess = max(hinge_loss - value, 0.0)
        return InnerMinimum(value, best.solution, plane)

    def label_maxima(self) -> LabelMaxima:
        lower, upper, weight, _ = self._labels
        return LabelMaxima(lower, upper, weight, self._cost, self._pieces)

    def linear_form(self) -> PiecewiseLinearForm:
        return v_shaped_form(self._labels, self._cost, self._steps_before)

    def bound_thresholds(self, largest_score: float) -> float:
        # As for VILMA: f(y) - f(y') sums at most Y - 1 scores, whichever pieces they belong to.
        return bound_vertex(self._labels.n_classes - 1, self.scale, largest_score)

    def _fitting_width(self, accuracy: float) -> float:
        """Width whose error should be within the accuracy, by that of the last call.

        The error falls with the square of the width, in proportion to it under ties.
        """
        width, error = self._solved
        if width == np.inf:
            return _FIRST_WIDTH * accuracy if self._hinges_fit else np.inf
        ratio = _AIM * accuracy / error if error > 0.0 else np.inf
        ratio = ratio if ratio < 1.0 else min(np.sqrt(ratio), _MUCH_WIDER)
        return min(ratio * width, self._widest)

    def _start(
        self, scores: np.ndarray, width: float, accuracy: float
    ) -> tuple[_Listed, float | None]:
        """List where to start: at thresholds foretold by earlier calls, or at those of hinges.

        Also returns the mean loss at the latter, where they were asked for: they take the time of
        several evaluations.
        """
        foretold = None
        if self._calls:
            foretold = self._foretell(scores)
            listed, loss = self._list(scores, foretold, self._reach, width)
            bound = max(call.plane.at(scores.ravel()) for call in self._calls)
            if loss - bound <= _LOOSE * accuracy + self._hinge_excess:
                return listed, None
        by_hinges = self._hinge_thresholds(scores)
        listed, hinge_loss = self._list(scores, by_hinges, self._reach, width)
        if foretold is not None and loss < hinge_loss:
            listed, _ = self._list(scores, foretold, self._reach, width)
        return listed, hinge_loss

    def _foretell(self, scores: np.ndarray) -> np.ndarray:
        """Combine the thresholds of earlier calls as their scores combine to the new ones.

        The minimisers move nearly linearly along a line of scores, and a line search asks for
        many points of one line.
        """
        *others, last = self._calls
        every = max(1, scores.size // _SAMPLED)
        moves = np.array([call.scores[::every] for call in others] + [scores[::every]])
        moves -= last.scores[::every]
        moves = moves.reshape(len(moves), -1)
        with np.errstate(over="ignore", invalid="ignore"):
            products = moves @ moves.T
        if not np.isfinite(products).all():
            moves /= np.abs(moves).max()
            products = moves @ moves.T
        shares = np.linalg.lstsq(products[:-1, :-1], products[:-1, -1], rcond=1e-10)[0]
        thresholds = last.thresholds.copy()
        for share, call in zip(shares, others, strict=True):
            thresholds += share * (call.thresholds - last.thresholds)
        return thresholds

    def _hinge_thresholds(self, scores: np.ndarray) -> np.ndarray:
        """Minimisers of a hinge per threshold, as of II-SVOR-IMC, each with its own score.

        They are close to the minimiser, exactly there with one piece and the absolute or squared
        error: far from any earlier call they save nine evaluations in ten.
        """
        thresholds = np.empty(self._labels.n_classes - 1)
        for piece in range(self.n_pieces):
            own = self._pieces == piece
            thresholds[own] = self._hinges.thresholds(scores[:, piece])[own]
        return thresholds

    def _list(
        self, scores: np.ndarray, thresholds: np.ndarray, reach: np.ndarray, width: float
    ) -> tuple[_Listed, float]:
        """List the contested sides for thresholds within reach and widths up to the given one.

        Also returns the mean loss at the thresholds.
        """
        reach = np.maximum(reach, _SHORTEST_REACH * width)
        n, constant, total, fixed = kernels.list_contested(
            scores,
            self._pieces,
            self._cost,
            thresholds,
            reach,
            width,
            self._sides,
            self._work,
        )
        listed = _Listed(thresholds, reach, n, constant, fixed, width)
        return listed, total / self._total_weight

    def _solve_width(
        self, scores: np.ndarray, listed: _Listed, start: np.ndarray, width: float, bound: float
    ) -> tuple[_Listed, Attempt]:
        """Minimise the problem smoothed over `width`; also returns the list that serves it."""
        moved = np.abs(start - listed.thresholds)
        serves = _SMALLEST_SHARE * listed.width <= width <= listed.width
        if not serves or np.any(moved > listed.reach):
            listed, _ = self._list(scores, start, np.zeros_like(start), width)
        center, reach = listed.thresholds.copy(), listed.reach.copy()
        change = to_biases(start - center)
        change -= change[self._anchor]
        made, value, slack, residual, n_evaluations = kernels.minimize_smoothed(
            scores,
            self._pieces,
            self._cost,
            self._sides,
            self._work,
            (listed.n, listed.constant, listed.fixed, listed.width),
            center,
            reach,
            change,
            width,
            self._anchor,
            self._capacity,
            (_BALANCED, _FIRST_STEP, _SHORTEST_REACH, _LONG_WAY),
            tuple(STEP_RULES),
            self._max_evaluations,
        )
        listed = _Listed(center, reach, *made)
        thresholds = center - np.diff(change)
        residual /= self._total_weight
        bias_residual = float(np.abs(np.cumsum(residual)[:-1]).sum())
        charge = bound * bias_residual
        error = slack / self._total_weight + float(residual @ to_biases(thresholds)) + charge
        attempt = Attempt(
            thresholds,
            width,
            error,
            charge,
            bias_residual,
            n_evaluations,
            (listed, change, value / self._total_weight),
        )
        return listed, attempt


def _by_endpoint(endpoints: np.ndarray, weight: np.ndarray, n_classes: int) -> tuple:
    """Examples in the order of their endpoints, where each endpoint's begin, their weights."""
    order = np.argsort(endpoints, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(endpoints, minlength=n_classes))])
    return order, starts, weight[order]


def _work_space(labels: LabeledWeights) -> tuple[tuple, tuple]:
    """Arrays for the kernel's lists, large enough for the worst case; pages are used as needed."""
    n_samples = len(labels.weight)
    n_labels = int(np.sum(labels.lower + 1 + labels.n_classes - labels.upper))
    alone = np.empty(n_samples, np.int64), np.empty(n_samples, np.int64)
    contested = (
        np.empty(2 * n_samples, np.int64),
        np.empty(2 * n_samples, np.int64),
        np.empty(2 * n_samples, np.bool_),
        np.empty(2 * n_samples, np.int64),
        np.empty(2 * n_samples),
        np.empty(2 * n_samples),
        np.empty(2 * n_samples + 1, np.int64),
        np.empty(n_labels, np.int64),
        np.empty(n_labels),
    )
    return alone, contested
