"""What the solvers return: a point, its certificate and how it was reached."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from vilma.solvers.settings import Settings

__all__ = ["HISTORY_DTYPE", "History", "Solution", "relative_gap"]

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


def relative_gap(objective: float, lower_bound: float, rounding: float) -> float:
    """Return ``(objective - lower_bound) / objective``, 0 where the difference is rounding."""
    difference = objective - lower_bound
    return 0.0 if difference <= rounding else difference / objective


@dataclass(frozen=True)
class Solution:
    """A point with an upper and a lower bound on the optimal value."""

    coef: np.ndarray  # (n_features,)
    thresholds: np.ndarray  # (n_classes - 1,) differences of the biases
    objective: float
    lower_bound: float
    gap: float  # relative
    converged: bool
    history: np.ndarray  # of HISTORY_DTYPE, one row per iteration

    @property
    def n_iter(self) -> int:
        """Number of iterations of the outer loop."""
        return len(self.history)


class History:
    """Collects a record per iteration, and prints them if asked."""

    def __init__(self, settings: Settings) -> None:
        self._verbose = settings.verbose
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
        """Note the state at the end of an iteration."""
        seconds = time.perf_counter() - self._start
        self._records.append(
            (objective, lower_bound, gap, step, n_evaluations, n_planes, inner_seconds, seconds)
        )
        if self._verbose and len(self._records) % self._verbose == 0:
            print(
                f"iteration {len(self._records):5d}  objective {objective:.8g}  "
                f"lower bound {lower_bound:.8g}  gap {gap:.2e}  "
                f"planes {n_planes:4d}  {seconds:.1f} s"
            )

    def as_array(self) -> np.ndarray:
        """Return the records as a structured array."""
        return np.array(self._records, dtype=HISTORY_DTYPE)
