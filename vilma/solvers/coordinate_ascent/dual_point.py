"""A point of the dual problem, and what belongs to it: coefficients, thresholds, a plane."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np

from vilma.design_matrices import DesignMatrix, Rows, reorder_rows, row_bytes
from vilma.solvers.coordinate_ascent import _kernels as kernels
from vilma.solvers.metric import EUCLIDEAN, Metric
from vilma.surrogates import Hinges, Plane

__all__ = [
    "DualPoint",
    "HingeDualPoint",
    "Reached",
    "Slopes",
    "best_multiple",
    "single_slopes",
]

# The proximal step gamma of the thresholds of hinges, in units of what a typical example's score
# moves for a step of 1 per unit of its weight, |x_i - mean|^2 / (lambda P): from 0.005 to 0.05
# the passes hardly change.
_PROX_SHARE = 0.02
_ALIKE = 1e-3  # share of a row's squared norm below which the centred norms count as rounding

# Rows are copied once into random order; then neighbours are visited together, in blocks in random
# order, and what belongs to them is read as it lies in memory: 33,000 one-hot rows take 101 ms a
# pass one by one, 77, 76, 71 ms in blocks of 16, 64, 256, text-like CSR 60, 31, 29, 40. At 16 the
# number of passes stays (76 to 75, 21 to 21, 14 to 14), at 64 and 256 some data take up to a fifth
# more. Longer rows than a page of memory gain nothing, and are not copied.
_BLOCK = 16
_LONG_ROW = 4096  # bytes

# Where an example's dual variables are. A record fills a line of the cache.
LAYOUT = np.dtype(
    [
        ("first_dual", np.int64),  # of the example in `duals`; hinges below come first
        ("n_duals", np.int64),
        ("n_below", np.int64),
        ("below_start", np.int64),  # threshold of the first hinge below
        ("above_start", np.int64),  # threshold of the first hinge above, less `n_below`
        ("window_start", np.int64),  # outside the window all dual variables are 0
        ("window_stop", np.int64),
        ("row", np.int64),  # in the rows that are visited
    ]
)
ROW_STATS = np.dtype(
    [
        ("weight", np.float64),
        ("centre_product", np.float64),  # of the row with the mean row
        ("squared_centred_norm", np.float64),  # squared norm of their difference
        ("below_margin", np.float64),
        ("above_margin", np.float64),
    ]
)


def best_multiple(offset: float, curvature: float) -> float:
    """Multiple of a dual point, at most 1, that maximises the dual."""
    return 1.0 if offset >= curvature else max(offset / curvature, 0.0)


def _take(hinges: Hinges, order: np.ndarray) -> Hinges:
    """Hinges of the examples in another order."""
    return hinges._replace(
        below_start=hinges.below_start[order],
        below_stop=hinges.below_stop[order],
        above_start=hinges.above_start[order],
        above_stop=hinges.above_stop[order],
        below_margin=hinges.below_margin[order],
        above_margin=hinges.above_margin[order],
        weight=hinges.weight[order],
    )


def mean_breakpoints(total: np.ndarray, weight: np.ndarray) -> np.ndarray:
    r"""Mean of every threshold's breakpoints at scores of 0, where the ascent begins.

    A hinge below an interval breaks at :math:`\theta_k = -a^-_i` there, one above at
    :math:`a^+_i`. From the middle between the means of both kinds 60 fits of codes and text by IMC
    and the squared loss take 3 % more work, from 0 those of the squared loss up to 1.7 times.

    Parameters
    ----------
    total : ndarray of shape (n_thresholds,)
        Weighted sums of the breakpoints.
    weight : ndarray of shape (n_thresholds,)
        Weights of the hinges. Thresholds without any are interpolated.
    """
    known = np.flatnonzero(weight > 1e-9 * weight.max(initial=0.0))  # more than rounding
    if len(known) == 0:
        return np.zeros(len(weight))
    return np.interp(np.arange(len(weight)), known, total[known] / weight[known])


def _first_thresholds(hinges: Hinges) -> np.ndarray:
    """Return where the thresholds of hinges begin."""
    sums = np.zeros((2, hinges.n_thresholds + 1))
    for start, stop, breakpoint in (
        (hinges.below_start, hinges.below_stop, -hinges.below_margin),
        (hinges.above_start, hinges.above_stop, hinges.above_margin),
    ):
        for each, value in zip(sums, (hinges.weight * breakpoint, hinges.weight), strict=True):
            np.add.at(each, start, value)
            np.subtract.at(each, stop, value)
    return mean_breakpoints(*np.cumsum(sums, axis=1)[:, :-1])


class Slopes(NamedTuple):
    """Slopes of one hinge of either kind per example, 0 where there is none."""

    below: np.ndarray  # (m,) q^-_i
    above: np.ndarray  # (m,) q^+_i
    thresholds: np.ndarray  # (n_thresholds,) with which they were formed
    derivative: np.ndarray  # (n_thresholds,) d
    imbalance: float  # |d|_1, as a share of all weighted slopes


def single_slopes(hinges: Hinges, difference: np.ndarray, thresholds: np.ndarray) -> Slopes:
    """Slopes of one hinge of either kind by their difference: "From planes to slopes".

    Parameters
    ----------
    hinges : Hinges
        At most one below and one above every interval.
    difference : ndarray of shape (m,)
        The delta.
    thresholds : ndarray of shape (n_thresholds,)
    """
    has_below = hinges.below_stop > hinges.below_start
    has_above = hinges.above_stop > hinges.above_start
    before = np.where(has_below, hinges.below_start, 0)
    after = np.where(has_above, hinges.above_start, 0)
    width = hinges.below_margin + hinges.above_margin
    both = has_below & has_above & (thresholds[after] - thresholds[before] < width)
    below = np.where(both, 1.0 + difference, difference).clip(0.0, 1.0) * has_below
    above = np.where(both, 1.0 - difference, -difference).clip(0.0, 1.0) * has_above
    n, weight = len(thresholds), hinges.weight
    derivative = np.bincount(before, weight * below, n) - np.bincount(after, weight * above, n)
    total = float(weight @ (below + above))
    imbalance = float(abs(derivative).sum()) / (total or 1.0)
    return Slopes(below, above, thresholds, derivative, imbalance)


class Reached(NamedTuple):
    """What belongs to a dual point."""

    plane: Plane
    coef: np.ndarray  # (n,) w, or (n * n_pieces,) V
    by_sample: np.ndarray  # (m,) u with w = X^T u, or (m * n_pieces,)


class DualPoint(ABC):
    """Slopes of the loss at every example, with the coefficients and thresholds that they make.

    Examples are numbered in a random order, drawn once: `order` has their rows of X.
    """

    _prox_share: float  # the proximal step in units of a typical example's own

    def __init__(
        self, X: DesignMatrix, rows: Rows, squared_row_norms: np.ndarray, weight: np.ndarray
    ) -> None:
        self._rng = np.random.default_rng(0)
        self.order = self._rng.permutation(len(squared_row_norms))
        self.set_rows(rows)
        self._total_weight = float(weight.sum())
        self._weight = weight[self.order]
        self._mean = X.transpose_dot(weight / self._total_weight)
        self._squared_mean_norm = float(self._mean @ self._mean)
        self._centre_product = X.dot(self._mean)[self.order]
        squared_row_norms = squared_row_norms[self.order]
        self._squared_centred_norm = np.maximum(
            squared_row_norms - 2.0 * self._centre_product + self._squared_mean_norm, 0.0
        )
        # Rows that are all alike leave nothing but rounding of their norms.
        least = _ALIKE * float(squared_row_norms.mean())
        self._typical_squared_norm = max(float(self._squared_centred_norm.mean()), least) or 1.0
        self._scale = self._prox_step = 0.0
        self._metric: Metric = EUCLIDEAN

    def _begin(
        self, sums: np.ndarray, drift: np.ndarray, duals: np.ndarray, thresholds: np.ndarray
    ) -> None:
        """Take the arrays of the dual point, which kernels change.

        Parameters
        ----------
        sums : ndarray
            Sums of the rows, by their weighted slopes.
        drift : ndarray of shape (2, ...)
            Products of `sums` with the mean row, and sums of the factors.
        duals : ndarray
            The slopes, example by example.
        thresholds : ndarray of shape (n_thresholds,)
        """
        self._sums, self._drift, self._duals = sums, drift, duals
        self._thresholds = thresholds
        # The thresholds are the proximal centre less `prox_step` times their derivatives d, with
        # those of the order constraint.
        self._prox_center = self._thresholds.copy()

    def set_rows(self, rows: Rows) -> None:
        """Take the rows of X."""
        self._copied = row_bytes(rows) <= _LONG_ROW
        self._rows: Rows | None = reorder_rows(rows, self.order) if self._copied else rows

    def release_rows(self) -> None:
        """Let go of the rows: nothing but `set_rows` may be called next."""
        self._rows = None

    def prepare(self, alpha: float, metric: Metric = EUCLIDEAN) -> None:
        """Turn to another alpha and metric, with the best multiple of the dual point for them."""
        self._metric = metric
        self._scale = 1.0 / (alpha * self._total_weight)
        before = self._prox_step
        self._prox_step = self._prox_share * self._scale * self._typical_squared_norm
        if before == 0.0:  # nothing there yet
            return
        gradient = self._centred_sums() / self._total_weight
        curvature = metric.inner(gradient, gradient) / alpha
        self._shrink(best_multiple(self.reached().plane.offset, curvature), before)

    def _shrink(self, multiple: float, step_before: float) -> None:
        """Take a multiple of the dual point, which was made with another proximal step."""
        for part in (self._sums, self._drift, self._duals):
            part *= multiple
        moved = self._thresholds - self._prox_center
        self._thresholds[:] = self._prox_center + multiple * self._prox_step / step_before * moved

    def ascend(self) -> None:
        """Visit every example once, blocks of neighbours in random order."""
        n = len(self.order)
        blocks = self._rng.permutation(-(-n // _BLOCK))
        visits = (_BLOCK * blocks[:, None] + np.arange(_BLOCK)).ravel()
        self._visit(visits[visits < n])
        # The method of multipliers: the thresholds reached become the centre. As these are kept,
        # theta = centre - gamma d, and d stays: they move on by what they moved in the pass.
        reached = self._thresholds.copy()
        self._thresholds += self._thresholds - self._prox_center
        self._prox_center = reached

    @abstractmethod
    def _visit(self, visits: np.ndarray) -> None:
        """Give some examples the best dual variables, one after the other."""

    @abstractmethod
    def _balance(self) -> tuple[np.ndarray, float, float, np.ndarray]:
        """Return a plane's gradient, offset and residual, times the total weight, and slopes.

        Gradient and slopes, which are those of the dual point as it is, of shape (m, ...).
        """

    @abstractmethod
    def _centred_sums(self) -> np.ndarray:
        """Return the sums of the rows less the mean row, as the solver keeps vectors."""

    def reached(self) -> Reached:
        """Return the plane of these slopes, their imbalance removed, and the coefficients."""
        gradient, offset, residual, slopes = self._balance()
        total = self._total_weight
        shares = np.multiply.outer(self._weight, self._drift[1] / total)
        return Reached(
            Plane(self._by_row(gradient) / total, offset / total, residual / total),
            self._scale * self._centred_sums(),
            self._scale * self._by_row(slopes - shares),
        )

    def _by_row(self, values: np.ndarray) -> np.ndarray:
        """Values of the examples in the order of X, one after the other."""
        out = np.empty_like(values)
        out[self.order] = values
        return out.ravel()


class HingeDualPoint(DualPoint):
    """The slopes of all hinges."""

    _prox_share = _PROX_SHARE

    def __init__(
        self, X: DesignMatrix, rows: Rows, squared_row_norms: np.ndarray, hinges: Hinges
    ) -> None:
        super().__init__(X, rows, squared_row_norms, hinges.weight)
        self._n_thresholds, self._ordered = hinges.n_thresholds, hinges.ordered
        hinges = _take(hinges, self.order)
        self._row_stats = np.empty(len(self.order), ROW_STATS)
        self._row_stats["weight"] = hinges.weight
        self._row_stats["centre_product"] = self._centre_product
        self._row_stats["squared_centred_norm"] = self._squared_centred_norm
        self._row_stats["below_margin"] = hinges.below_margin
        self._row_stats["above_margin"] = hinges.above_margin
        counts = hinges.counts()
        n_below = hinges.below_stop - hinges.below_start
        layout = np.zeros(len(counts), LAYOUT)
        layout["first_dual"] = np.cumsum(counts) - counts
        layout["n_duals"] = counts
        layout["n_below"] = n_below
        layout["below_start"] = hinges.below_start
        layout["above_start"] = hinges.above_start - n_below
        layout["window_start"] = layout["window_stop"] = n_below  # an empty window
        layout["row"] = np.arange(len(counts)) if self._copied else self.order
        self._layout = layout
        # Of the constraints theta_k <= theta_{k+1}; none where the order is no constraint.
        self._order_duals = np.zeros(hinges.n_thresholds - 1 if hinges.ordered else 0)
        self._begin(
            sums=np.zeros(X.shape[1]),
            drift=np.zeros(2),
            duals=np.zeros(counts.sum()),  # of every example, those of hinges below first
            thresholds=_first_thresholds(hinges),
        )

    def take_over(self, slopes: Slopes, X: DesignMatrix, scores: np.ndarray) -> None:
        """Become the dual point of single slopes.

        Parameters
        ----------
        slopes : Slopes
            By `single_slopes`.
        X : DesignMatrix
        scores : ndarray of shape (m,)
            To which the thresholds of the slopes belong. Those of centred rows are less by the
            mean score.
        """
        layout, below, above = self._layout, slopes.below[self.order], slopes.above[self.order]
        first, n_below, n_duals = layout["first_dual"], layout["n_below"], layout["n_duals"]
        has_below, has_above = n_below > 0, n_duals > n_below
        self._duals[first[has_below]] = below[has_below]
        self._duals[(first + n_below)[has_above]] = above[has_above]
        layout["window_start"], layout["window_stop"] = 0, n_duals
        factors = self._weight * (below - above)
        self._sums[:] = X.transpose_dot(self._by_row(factors))
        self._drift[:] = self._sums @ self._mean, factors.sum()
        shares = self._weight / self._total_weight
        self._thresholds[:] = slopes.thresholds - float(shares @ scores[self.order])
        self._prox_center = self._thresholds + self._prox_step * slopes.derivative
        self._order_duals[:] = 0.0

    def _centred_sums(self) -> np.ndarray:
        return self._sums - self._drift[1] * self._mean

    def _shrink(self, multiple: float, step_before: float) -> None:
        super()._shrink(multiple, step_before)
        self._order_duals *= multiple

    def _visit(self, visits: np.ndarray) -> None:
        assert self._rows is not None
        kernels.ascend(
            self._rows,
            self._row_stats,
            self._squared_mean_norm,
            visits,
            self._scale,
            self._prox_step,
            (
                self._sums,
                self._drift,
                self._duals,
                self._layout,
                self._thresholds,
                self._order_duals,
            ),
        )

    def _balance(self) -> tuple[np.ndarray, float, float, np.ndarray]:
        gradient, offset, slopes = kernels.balanced_plane(
            self._row_stats, self._layout, self._duals, self._n_thresholds, self._ordered
        )
        return gradient, offset, 0.0, slopes
