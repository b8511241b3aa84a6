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
from vilma.surrogates.smoothing import MAX_EVALUATIONS, NARROWEST, Attempt, shrink_width
from vilma.surrogates.surrogate import LabeledWeights, PiecewiseLinearForm, Surrogate

__all__ = ["PiecewiseVShaped"]

_NEWTON_TOL = 1e-16  # of the total weight; rounding ends the iteration before
_RESOLUTION = 1e-13  # of the largest cost, as for VILMA
_SHORTEST_REACH = 0.25  # of the width
_LONGER_REACH = 1.5  # times what the thresholds moved in the call before
_SMALLEST_SHARE = 0.01  # of its width a list serves: changes keep their digits, and it is short
_LONG_WAY = 10.0  # times the width
_KEPT_CALLS = (
    4  # whose thresholds foretell the next ones: with 1 the lists are made 1.6 times as often
)
_FAR = 0.3  # of the width: scores that moved further want a start of their own


class _Call(NamedTuple):
    """What an earlier call came to."""

    scores: np.ndarray  # (m, n_pieces)
    thresholds: np.ndarray


class _Contested(NamedTuple):
    """The list of contested sides, which the kernel keeps in the work space."""

    thresholds: np.ndarray  # where it was made
    reach: np.ndarray  # how far from there it serves
    width: float  # for which it was made; it serves smaller ones
    n: int
    constant: float  # losses where it was made, of the sides that are not contested
    total: float  # and of all
    fixed: np.ndarray


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
        margins = find_margins(self._cost) or Margins.equal(mean_margin, n_classes)
        self._hinges = ImplicitHinge(labels, margins)
        self._max_evaluations = MAX_EVALUATIONS[0] + MAX_EVALUATIONS[1] * n_classes
        self._total_weight = float(weight.sum())
        self._sides: tuple[tuple, tuple] = (
            _by_endpoint(lower, weight, n_classes),
            _by_endpoint(upper, weight, n_classes),
        )
        # The bias of a frequent label is the fixed one: it is well determined.
        ends = np.bincount(np.concatenate([lower, upper]), np.tile(weight, 2), n_classes)
        self._anchor = int(np.argmax(ends))
        self._steps_before = np.zeros((n_classes, self.n_pieces))
        np.cumsum(np.eye(self.n_pieces)[self._pieces], axis=0, out=self._steps_before[1:])
        self._calls: list[_Call] = []
        self._width = np.inf
        self._reach = np.zeros(n_classes - 1)
        self._work: tuple[tuple, tuple] | None = None

    def minimize(self, scores: np.ndarray, accuracy: float, largest_score: float) -> InnerMinimum:
        by_piece = np.ascontiguousarray(scores.reshape(-1, self.n_pieces))
        if self._work is None:
            self._work = _work_space(self._labels)
        bound = self.bound_thresholds(largest_score)
        spread = float(by_piece.max() - by_piece.min()) + self.scale
        width = min(max(self._width, 10.0 * NARROWEST * spread), 0.5 * spread)
        start = self._start(by_piece, width)
        contested = self._list(by_piece, start, self._reach, width)

        def solve(thresholds: np.ndarray, width: float) -> Attempt:
            nonlocal contested
            contested, attempt = self._solve_width(by_piece, contested, thresholds, width, bound)
            return attempt

        center = np.zeros_like(start)
        best = shrink_width(solve, start, center, width, 0.5 * spread, spread, accuracy)
        if contested is not best.result[0]:  # what came after was worse, and took its place
            best = solve(best.thresholds, best.width)
        _, change, value = best.result
        score_gradient = np.empty_like(by_piece)
        offset = kernels.mixture_gradient(
            change,
            best.width,
            contested.n,
            *self._work,
            *self._sides,
            self._steps_before,
            self._cost,
            score_gradient,
        )
        self._calls = [*self._calls[1 - _KEPT_CALLS :], _Call(by_piece, best.thresholds)]
        self._reach = _LONGER_REACH * np.abs(best.thresholds - start)
        self._width = 1.5 * best.width if best.error < 0.5 * accuracy else best.width
        score_gradient /= self._total_weight
        plane = Plane(score_gradient.ravel(), offset / self._total_weight, best.bias_residual)
        return InnerMinimum(value, best.thresholds, plane)

    def linear_form(self) -> PiecewiseLinearForm:
        return v_shaped_form(self._labels, self._cost, self._steps_before)

    def bound_thresholds(self, largest_score: float) -> float:
        # As for VILMA: f(y) - f(y') sums at most Y - 1 scores, whichever pieces they belong to.
        steps = self._labels.n_classes - 1
        return steps * (self.scale + steps * largest_score)

    def _start(self, scores: np.ndarray, width: float) -> np.ndarray:
        """Thresholds to start from: foretold by earlier calls, or of a hinge for each step."""
        foretold, distance = self._foretell(scores)
        if distance <= _FAR * width:
            return foretold
        candidates = foretold, self._hinge_thresholds(scores)
        exactly = np.zeros_like(foretold)
        return min(candidates, key=lambda start: self._list(scores, start, exactly, 0.0).total)

    def _foretell(self, scores: np.ndarray) -> tuple[np.ndarray, float]:
        """Combine the thresholds of earlier calls as their scores combine to the new ones.

        The minimisers move nearly linearly along a line of scores, and a line search asks for
        many points of one line. Also returns what is left of the scores, root mean square.
        """
        if not self._calls:
            return np.zeros(self._labels.n_classes - 1), np.inf
        *others, last = self._calls
        wanted = (scores - last.scores).ravel()
        moves = np.array([(call.scores - last.scores).ravel() for call in others])
        moves = moves.reshape(len(others), len(wanted))
        unit = max(_largest(moves), _largest(wanted)) or 1.0  # so that no square overflows
        moves /= unit
        wanted /= unit
        shares = np.linalg.lstsq(moves @ moves.T, moves @ wanted, rcond=1e-10)[0]
        left = wanted - shares @ moves
        thresholds = last.thresholds.copy()
        for share, call in zip(shares, others, strict=True):
            thresholds += share * (call.thresholds - last.thresholds)
        return thresholds, unit * float(np.sqrt(left @ left / len(left)))

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
    ) -> _Contested:
        """List the contested sides for thresholds within reach and widths up to the given one."""
        assert self._work is not None
        reach = np.maximum(reach, _SHORTEST_REACH * width)
        n, constant, total, fixed = kernels.list_contested(
            scores,
            self._pieces,
            self._cost,
            _biases(thresholds),
            reach,
            width,
            *self._sides,
            *self._work,
        )
        return _Contested(thresholds, reach, width, n, constant, total, fixed)

    def _solve_width(
        self,
        scores: np.ndarray,
        contested: _Contested,
        start: np.ndarray,
        width: float,
        bound: float,
    ) -> tuple[_Contested, Attempt]:
        """Minimise the problem smoothed over `width`; also returns the list that serves it."""
        assert self._work is not None
        moved = np.abs(start - contested.thresholds)
        serves = _SMALLEST_SHARE * contested.width <= width <= contested.width
        if not serves or np.any(moved > contested.reach):
            contested = self._list(scores, start, np.zeros_like(start), width)
        change = _biases(start - contested.thresholds)
        change -= change[self._anchor]
        spread = float(scores.max() - scores.min()) + self.scale
        ridge, n_evaluations = -1.0, 0
        while n_evaluations < self._max_evaluations:
            change, wanted, left, ridge, n = kernels.minimize_smoothed(
                change,
                width,
                contested.reach,
                ridge,
                self._anchor,
                contested.n,
                self._work[1],
                contested.fixed,
                self._total_weight,
                spread,
                _NEWTON_TOL,
                self._max_evaluations - n_evaluations,
            )
            n_evaluations += n
            if left:
                there, change = contested.thresholds - np.diff(wanted), change - wanted
            elif np.abs(np.diff(change)).max() > _LONG_WAY * width:
                # Near the list, changes have the digits that the bias part is cancelled with.
                there, change = contested.thresholds - np.diff(change), np.zeros_like(change)
            else:
                break
            contested = self._list(scores, there, np.abs(np.diff(change)), width)
        value, slack, residual = kernels.mixture(
            change, width, contested.n, self._work[1], contested.fixed
        )
        residual /= self._total_weight
        bias_residual = float(np.abs(np.cumsum(residual)[:-1]).sum())
        thresholds = contested.thresholds - np.diff(change)
        charge = bound * bias_residual
        error = slack / self._total_weight + float(residual @ _biases(thresholds)) + charge
        value = (contested.constant + value) / self._total_weight
        return contested, Attempt(
            thresholds,
            width,
            error,
            charge,
            bias_residual,
            n_evaluations,
            (contested, change, value),
        )


def _biases(thresholds: np.ndarray) -> np.ndarray:
    return np.concatenate([[0.0], -np.cumsum(thresholds)])


def _largest(values: np.ndarray) -> float:
    """Return the largest absolute value, 0 of none."""
    return float(max(values.max(initial=0.0), -values.min(initial=0.0)))


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
