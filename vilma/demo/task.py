"""What is to be learned: rows, their annotations, and which of them test the result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vilma.intervals import DrawnIntervals, annotate_cells, annotate_questions

TRAIN, VALIDATION, TEST = -1, 0, 1


@dataclass(frozen=True)
class Task:
    """An ordinal task with interval annotations.

    Attributes
    ----------
    items : ndarray of shape (n, ...)
        Rows of a table, or grey images of dtype uint8.
    intervals : ndarray of shape (n, 2)
        The annotations learned from; infinite where an end is open.
    truth : ndarray of shape (n, 2)
        What predictions are measured against: the true level twice, or the annotation where no
        more is known.
    classes : ndarray of shape (n_classes,), dtype int64
        The ordered scale, consecutive integers.
    part : ndarray of shape (n,)
        TRAIN, VALIDATION or TEST.
    item_name, level_name : str
        What a row and a level are, for axes and captions.
    description : str
        Where the rows come from and how they are divided, for the report.
    """

    items: NDArray[Any]
    intervals: NDArray[np.float64]
    truth: NDArray[np.float64]
    classes: NDArray[np.int64]
    part: NDArray[np.int64]
    item_name: str
    level_name: str
    description: str

    @property
    def exact(self) -> bool:
        """Whether the true level of every row is known."""
        return bool(np.all(self.truth[:, 0] == self.truth[:, 1]))

    @property
    def n_supported(self) -> int:
        """At how many thresholds annotations of training rows end, with rows on either side."""
        lower, upper = self.intervals[self.part != TEST].T
        below, above = upper.min(), lower.max()
        return sum(
            bool(np.any((upper == level) | (lower == level + 1)))
            for level in self.classes[:-1]
            if below <= level < above
        )


@dataclass(frozen=True)
class Vagueness:
    """How known levels are made vague.

    Attributes
    ----------
    cell_width : int or None
        Levels per cell; None: the answer to one question, "is it at least k?", k drawn for every
        row.
    exact_share : float
        Share of the rows whose level stays known.
    """

    cell_width: int | None = None
    exact_share: float = 0.0

    def draw(
        self, levels: NDArray[np.int64], classes: NDArray[np.int64], seed: int
    ) -> DrawnIntervals:
        """Annotate known levels.

        Parameters
        ----------
        levels : ndarray of shape (n,)
            True levels.
        classes : ndarray of shape (n_classes,)
            The ordered scale.
        seed : int
            Seed of the draw.

        Returns
        -------
        DrawnIntervals
            The annotations.
        """
        options: dict[str, Any] = {
            "exact": float(self.exact_share),
            "classes": classes,
            "random_state": seed,
        }
        if self.cell_width is None:
            return annotate_questions(levels, **options)
        return annotate_cells(levels, width=self.cell_width, **options)

    def __str__(self) -> str:
        """What was made known of the levels."""
        if self.cell_width is None:
            form = 'one answer each to "is it at least k?", k at random'
        else:
            form = f"cells of {self.cell_width} levels"
        return f"{form}, {self.exact_share:.0%} exact" if self.exact_share else form
