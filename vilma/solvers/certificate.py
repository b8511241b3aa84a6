r"""The certificate: an upper and a lower bound on the minimum of F, and their history.

Any point w gives the upper bound F(w), any valid plane (or combination of planes) the lower bound

.. math:: \min_w \frac{\lambda}{2} |w|^2 + o + \langle X^T c, w\rangle
          = o - \frac{1}{2 \lambda} |X^T c|^2 .

Both are kept at their best over all iterations and all methods that work on a problem. The gap is
(upper - lower) / upper and nothing else: where the bounds cannot come closer in floating point,
the solver stops and says so, but the gap stays what it is.

**Rounding.** A score whose products do not cancel has the relative error eps, and an affine
function :math:`o + \langle c, s\rangle` of such scores the error :math:`\text{eps} \sum_i |c_i|
|s_i|`. With the c of a plane at the solution, that is an estimate of the error of the objective
and of the bound there, and it is taken off the bound that is returned, with eps times the
objective for the sums: features so large that eps times a score exceeds the margin show in the
gap.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from vilma.design_matrices import DesignMatrix
from vilma.solvers.oracle import INNER_SHARE, InnerTarget, Oracle
from vilma.solvers.problem import Settings

__all__ = ["HISTORY_DTYPE", "Certificate", "History", "Solution", "relative_gap", "rounding_error"]

# No progress: in so many iterations the bounds come closer by less than this share, and the lower
# one has not grown by as much. A guard, not tuned: at that pace a factor of 1000 would take 70,000
# iterations, where `max_iter` is 1,000 by default.
_STALLED_ITERATIONS = 100
_STALLED_SHARE = 0.01
# The point is evaluated anew at the end, with the inner loop's error: leave room for that.
_STOP_SHARE = 1.0 - 1.5 * INNER_SHARE

HISTORY_DTYPE = np.dtype(
    [
        ("objective", np.float64),  # best so far
        ("lower_bound", np.float64),  # best so far
        ("gap", np.float64),  # relative
        ("step", np.float64),  # accepted by the line search, in [0, 1]
        ("n_evaluations", np.int64),  # of the surrogate, in this iteration
        ("n_planes", np.int64),  # kept
        ("inner_seconds", np.float64),  # of this iteration, spent on the biases
        ("seconds", np.float64),  # since the start
    ]
)


def relative_gap(objective: float, lower_bound: float) -> float:
    """Return ``(objective - lower_bound) / objective``, 0 where the bounds have met."""
    return (objective - lower_bound) / objective if objective > lower_bound else 0.0


def rounding_error(score_gradient: np.ndarray, scores: np.ndarray, objective: float) -> float:
    """Estimate the error of ``score_gradient @ scores``, and of the sums in the objective.

    The first is that of the scores, the other no less than the last digit of the value.
    """
    eps = np.finfo(np.float64).eps
    return float(eps * (abs(score_gradient) @ abs(scores) + objective))


# Why a solver stopped: the gap is at most tol; the bounds come no closer; the iterations ran out.
Status: TypeAlias = Literal["converged", "stalled", "max_iter"]


@dataclass(frozen=True)
class Solution:
    """A point with an upper and a lower bound on the optimal value."""

    coef: np.ndarray  # (n_features,)
    thresholds: np.ndarray  # (n_classes - 1,) differences of the biases
    objective: float
    lower_bound: float
    gap: float  # relative
    status: Status
    history: np.ndarray  # of HISTORY_DTYPE, one row per iteration

    @property
    def n_iter(self) -> int:
        """Number of iterations of the outer loop."""
        return len(self.history)


class History:
    """Collects a record per iteration, and prints them if asked."""

    def __init__(self, verbose: int) -> None:
        self._verbose = verbose
        self._records: list[tuple] = []
        self._start = time.perf_counter()

    def __len__(self) -> int:
        return len(self._records)

    def add(
        self,
        objective: float,
        lower_bound: float,
        gap: float,
        step: float,
        n_evaluations: int,
        n_planes: int,
        inner_seconds: float,
    ) -> None:
        """Add the record of an iteration that ends."""
        seconds = time.perf_counter() - self._start
        self._records.append(
            (objective, lower_bound, gap, step, n_evaluations, n_planes, inner_seconds, seconds)
        )
        if self._verbose and len(self._records) % self._verbose == 0:
            planes = f"planes {n_planes:4d}  " if n_planes else ""
            print(
                f"iteration {len(self._records):5d}  objective {objective:.8g}  "
                f"lower bound {lower_bound:.8g}  gap {gap:.2e}  {planes}{seconds:.1f} s"
            )

    @property
    def n_evaluations(self) -> int:
        """Evaluations of the surrogate in the last iteration."""
        return self._records[-1][4]

    def bounds(self, n_back: int) -> tuple[float, float]:
        """Objective and lower bound so many iterations before the last one."""
        objective, lower_bound = self._records[-1 - n_back][:2]
        return objective, lower_bound

    def as_array(self) -> np.ndarray:
        """Return the records as a structured array."""
        return np.array(self._records, dtype=HISTORY_DTYPE)


class Certificate:
    """The two bounds on one problem, and their history.

    The methods that work on a problem, one after the other, share it.

    Parameters
    ----------
    settings : Settings
    oracle : Oracle
        That of the alpha of the settings.
    n_methods : int, default=1
        How many methods take turns: each may be without progress as long as one alone.
    """

    def __init__(self, settings: Settings, oracle: Oracle, n_methods: int = 1) -> None:
        self.settings = settings
        self.oracle = oracle
        self.history = History(settings.verbose)
        self.objective = np.inf
        self.lower_bound = 0.0  # no loss is negative
        self.gap = 1.0
        self._stalled_iterations = n_methods * _STALLED_ITERATIONS

    def gap_target(self, objective: float) -> float:
        """Absolute gap between a point and the bound, no less than what `tol` allows."""
        return max(objective - self.lower_bound, self.settings.tol * objective)

    def inner_target(self, objective: float) -> InnerTarget:
        """Accuracy that the inner loop needs near a point of the given objective."""
        return self.oracle.target(objective, self.gap_target(objective))

    def record(self, objective: float, lower_bound: float, step: float, n_planes: int) -> None:
        """End an iteration with the bounds that it found.

        Raises
        ------
        FloatingPointError
            If one of them is not a number: a comparison would pass over it.
        """
        if not np.isfinite(objective) or np.isnan(lower_bound):
            raise FloatingPointError(
                f"An iteration ended with the objective {objective} and the lower bound "
                f"{lower_bound}: the features or the costs are too large for float64. Bring the "
                "features to a common scale near 1."
            )
        self.objective = min(self.objective, objective)
        self.lower_bound = max(self.lower_bound, lower_bound)
        self.gap = relative_gap(self.objective, self.lower_bound)
        n_evaluations, inner_seconds = self.oracle.take_counts()
        self.history.add(
            self.objective,
            self.lower_bound,
            self.gap,
            step,
            n_evaluations,
            n_planes,
            inner_seconds,
        )

    def is_closed(self) -> bool:
        """Tell whether the gap is within `tol`, grows no smaller, or no iteration is left."""
        return (
            self.gap <= _STOP_SHARE * self.settings.tol
            or self._has_stalled()
            or len(self.history) >= self.settings.max_iter
        )

    def _has_stalled(self) -> bool:
        """Tell whether the bounds are as close as the oracle resolves, or come no closer."""
        if self.objective - self.lower_bound <= self.oracle.resolution:
            return True
        # Not the gap alone, which is near 1 while a small bound grows by factors.
        if len(self.history) <= self._stalled_iterations:
            return False
        objective, lower_bound = self.history.bounds(self._stalled_iterations)
        return (
            self.objective - self.lower_bound > (1.0 - _STALLED_SHARE) * (objective - lower_bound)
            and self.lower_bound <= (1.0 + _STALLED_SHARE) * lower_bound
        )

    def _status(self, gap: float) -> Status:
        if gap <= self.settings.tol:
            return "converged"
        out_of_iterations = len(self.history) >= self.settings.max_iter
        return "max_iter" if out_of_iterations and not self._has_stalled() else "stalled"

    def solution(self, X: DesignMatrix, vector: np.ndarray) -> Solution:
        """Evaluate the vector that is returned: no rounding from updated scores."""
        settings, oracle = self.settings, self.oracle
        coef = settings.metric.mix(vector)
        scores = X.dot(coef)
        inner = oracle(scores, oracle.target(self.objective, settings.tol * self.objective))
        objective = 0.5 * settings.alpha * float(vector @ coef) + inner.value
        error = rounding_error(inner.plane.score_gradient, scores, objective)
        # Evaluated anew, the objective may lie below a bound taken at other scores: by rounding,
        # or by the inner loop's error. Both are then worth the smaller number.
        lower_bound = max(min(self.lower_bound, objective) - error, 0.0)
        gap = relative_gap(objective, lower_bound)
        return Solution(
            coef=coef,
            thresholds=inner.thresholds,
            objective=objective,
            lower_bound=lower_bound,
            gap=gap,
            status=self._status(gap),
            history=self.history.as_array(),
        )
