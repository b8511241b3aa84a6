"""A point of the dual problem, and what belongs to it: coefficients, thresholds, a plane."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from vilma.design_matrices import DesignMatrix, Rows
from vilma.solvers import _coordinate_kernels as kernels
from vilma.surrogates import Hinges

__all__ = ["DualPoint", "Plane", "best_share"]

# What the thresholds give way, compared to what an example's score does: from 0.005 to 0.05 the
# number of passes hardly changes.
_THRESHOLD_SHARE = 0.02
_ALIKE = 1e-3  # share of a row's squared norm


def best_share(offset: float, curvature: float) -> float:
    """Multiple of a dual point, at most 1, that maximises the dual."""
    return 1.0 if offset >= curvature else max(offset / curvature, 0.0)


class Plane(NamedTuple):
    """A linear function of the scores below G, ``offset + coefficients @ scores``."""

    coefficients: np.ndarray  # (m,)
    offset: float


class _State(NamedTuple):
    """The dual point and what follows from it."""

    sums: np.ndarray  # (n,) sum of the rows, by their weighted dual variables
    drift: np.ndarray  # (2,) product of `sums` with the mean row, and sum of those factors
    duals: np.ndarray  # of all hinges, example by example, the upper ones first
    places: np.ndarray  # (m, 8) where these are, example by example, as the kernels say
    thresholds: np.ndarray  # (n_thresholds,)
    order_duals: np.ndarray  # (n_thresholds - 1,), empty where the order is no constraint


class DualPoint:
    """The slopes of all hinges, and the coefficients and thresholds that belong to them."""

    def __init__(
        self, X: DesignMatrix, rows: Rows, squared_row_norms: np.ndarray, hinges: Hinges
    ) -> None:
        self.rows = rows
        self._total_weight = float(hinges.weight.sum())
        self._n_thresholds, self._ordered = hinges.n_thresholds, hinges.ordered
        self._mean = X.transpose_dot(hinges.weight / self._total_weight)
        self._mean_norm = float(self._mean @ self._mean)
        products = X.dot(self._mean)
        squared = np.maximum(squared_row_norms - 2.0 * products + self._mean_norm, 0.0)
        self._numbers = np.column_stack([hinges.weight, products, squared])
        # Rows that are all alike leave nothing but rounding of their norms.
        self._typical_norm = (
            max(float(squared.mean()), _ALIKE * float(squared_row_norms.mean())) or 1.0
        )
        counts = hinges.counts()
        n_upper = hinges.upper_stop - hinges.upper_start
        self._state = _State(
            np.zeros(X.shape[1]),
            np.zeros(2),
            np.zeros(counts.sum()),
            np.column_stack(
                [
                    np.cumsum(counts) - counts,
                    counts,
                    n_upper,
                    hinges.upper_start,
                    hinges.lower_start - n_upper,
                    n_upper,  # an empty window
                    n_upper,
                    np.zeros_like(counts),  # a row fills a line of the cache
                ]
            ),
            np.zeros(hinges.n_thresholds),
            np.zeros(hinges.n_thresholds - 1 if hinges.ordered else 0),
        )
        # The thresholds are where they were before, plus `give` times minus their derivatives.
        self._anchor = np.zeros(hinges.n_thresholds)
        self._scale = self._give = 0.0
        self._rng = np.random.default_rng(0)

    def prepare(self, alpha: float) -> None:
        """Turn to another alpha, with the best multiple of the dual point for it."""
        self._scale = 1.0 / (alpha * self._total_weight)
        before, self._give = self._give, _THRESHOLD_SHARE * self._scale * self._typical_norm
        if before == 0.0:  # nothing there yet
            return
        sums, drift, duals, _, thresholds, order_duals = self._state
        gradient = (sums - drift[1] * self._mean) / self._total_weight
        curvature = float(gradient @ gradient) / alpha
        share = best_share(self.plane().offset, curvature)
        for part in (sums, drift, duals, order_duals):
            part *= share
        pulled = thresholds - self._anchor
        thresholds[:] = self._anchor + share * self._give / before * pulled

    def ascend(self) -> None:
        """Visit every example once, in random order."""
        visits = self._rng.permutation(len(self._numbers))
        self._visit(visits)
        thresholds = self._state.thresholds
        reached = thresholds.copy()
        thresholds += thresholds - self._anchor
        self._anchor = reached

    def _visit(self, visits: np.ndarray) -> None:
        """Give some examples the best dual variables, one after the other."""
        # Plain tuples: Numba keeps the names of others, which may change, with its cache.
        kernels.ascend(
            self.rows,
            self._numbers,
            self._mean_norm,
            visits,
            self._scale,
            self._give,
            tuple(self._state),
        )

    def plane(self) -> Plane:
        """Plane of G with these slopes, their imbalance removed."""
        state = self._state
        coefficients, offset = kernels.balance(
            self._numbers, state.places, state.duals, self._n_thresholds, self._ordered
        )
        return Plane(coefficients / self._total_weight, offset / self._total_weight)

    def coef(self) -> np.ndarray:
        """Coefficients that belong to the slopes."""
        return self._scale * (self._state.sums - self._state.drift[1] * self._mean)
