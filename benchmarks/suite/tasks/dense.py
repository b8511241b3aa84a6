"""Gaussian features and the cells of a noisy linear score."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from benchmarks.suite.storage import save_matrix, save_targets
from benchmarks.suite.tasks.base import Task

__all__ = ["Dense"]


@dataclass(frozen=True, kw_only=True)
class Dense(Task):
    """Dense data from a linear model with noise."""

    kind: ClassVar[str] = "dense"

    rows: int = 20_000
    test_rows: int = 20_000
    features: int = 50
    n_classes: int = 10
    noise: float = 0.5

    @property
    def container(self) -> str:
        return "dense"

    @property
    def size(self) -> tuple[int, int]:
        return self.rows, self.features

    def describe(self) -> str:
        return (
            f"{self.rows:,} rows of {self.features} standard normal features; the score is "
            f"their product with a random unit vector plus normal noise of deviation "
            f"{self.noise:g}, cut at its training quantiles into {self.n_classes} labels; "
            f"{self.annotate}; tested on {self.test_rows:,} rows."
        )

    def make(self, folder: Path) -> None:
        rng = np.random.default_rng(self.seed)
        direction = rng.normal(size=self.features)
        direction /= np.linalg.norm(direction)
        X = rng.normal(size=(self.rows + self.test_rows, self.features))
        scores = X @ direction + self.noise * rng.normal(size=len(X))
        shares = np.arange(1, self.n_classes) / self.n_classes
        labels = np.searchsorted(np.quantile(scores[: self.rows], shares), scores)
        intervals = self.annotate(labels[: self.rows], self.n_classes, rng)
        save_matrix(folder / "train", X[: self.rows])
        save_matrix(folder / "test", X[self.rows :])
        save_targets(folder, intervals, labels[self.rows :], np.arange(self.n_classes))
