"""How time grows with the number of rows, over tasks that differ in nothing else."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from benchmarks.suite.grouping import group_rows
from benchmarks.suite.results import Results
from benchmarks.suite.summary import Row

__all__ = ["Series", "find_series"]


class Series(NamedTuple):
    """An adapter's times over tasks of growing size."""

    task: str  # without its size
    adapter: str
    rows: list[int]  # ascending
    seconds: list[float]
    seconds_per_iteration: list[float]  # empty where iterations are unknown

    @property
    def slope(self) -> float:
        """Exponent of the time's growth."""
        return _slope(self.rows, self.seconds)

    @property
    def slope_per_iteration(self) -> float | None:
        """Exponent of the growth of an iteration's time, where iterations are known."""
        if not self.seconds_per_iteration:
            return None
        return _slope(self.rows, self.seconds_per_iteration)


def find_series(results: Results, rows: list[Row]) -> list[Series]:
    """Return every series of at least two sizes."""
    return [
        Series(
            group.task,
            group.adapter,
            group.values,
            [row.seconds for row in group.rows if row.seconds is not None],
            [
                row.seconds_per_iteration
                for row in group.rows
                if row.seconds_per_iteration is not None
            ],
        )
        for group in group_rows(results, rows, "rows")
    ]


def _slope(sizes: list[int], values: list[float]) -> float:
    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])
