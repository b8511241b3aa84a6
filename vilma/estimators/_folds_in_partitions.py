"""Folds of rows in partitions: dealt, fitted and scored where the rows are."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from vilma.distributed import Fold, LoadedRows
from vilma.estimators._problem import problem_in_partitions
from vilma.estimators.path import share_problems, solve_together

__all__ = ["FoldsInPartitions"]


class FoldsInPartitions(NamedTuple):
    """Rows and labels of all partitions, and how they are split and scored."""

    rows: LoadedRows
    classes: np.ndarray
    weighted: bool
    n_folds: int
    error: Callable[..., float]  # of labels, predictions and weights
    tell: bool  # of fits in folds that do not converge
    untold: bool  # whether annotations pass over thresholds of which they tell next to nothing

    def times_held_out(self) -> float:
        """Return how often every row is held out."""
        return 1.0

    def score_points(
        self, model: Any, points: list[dict[str, Any]], sets: list, n_jobs: int | None
    ) -> list[list[float]]:
        """Return the scores of all points, one list for each fold.

        There is one set of columns, and the folds have the whole cluster in turn.
        """
        return [self._score_fold(model, points, number) for number in range(self.n_folds)]

    def _score_fold(self, model: Any, points: list[dict[str, Any]], number: int) -> list[float]:
        rows = self.rows.without(Fold(number, self.n_folds))
        problem = problem_in_partitions(rows, self.classes, self.weighted)
        models = [clone(model).set_params(**point) for point in points]
        for each in models:
            each._validate_params()
        scores = {}
        with warnings.catch_warnings():
            if not self.tell:
                warnings.simplefilter("ignore", ConvergenceWarning)
            for together in share_problems(models):
                solve_together(together, problem)
                scores.update({id(each): self._score(each, rows) for each in together})
        return [scores[id(each)] for each in models]

    def _score(self, model: Any, rows: LoadedRows) -> float:
        """Score a model on the rows that it was fitted without."""
        counts = rows.count_predicted(model.coef_, model.thresholds_, held_out=True)
        lower, upper, predicted = np.nonzero(counts)
        if not len(lower):
            raise ValueError(
                f"A fold of {self.n_folds} has no row of positive weight. Take fewer folds, or "
                "larger partitions."
            )
        ends = np.stack([self.classes[lower], self.classes[upper]], axis=1)
        weight = counts[lower, upper, predicted]
        return -self.error(ends, self.classes[predicted], sample_weight=weight)
