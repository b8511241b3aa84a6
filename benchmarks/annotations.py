"""How true labels become the annotations that are learned from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

__all__ = ["Annotation"]

Form = Literal["exact", "brackets", "sliding"]


@dataclass(frozen=True, kw_only=True)
class Annotation:
    """An annotation process on the scale 0, ..., n_classes - 1.

    Parameters
    ----------
    form : {"exact", "brackets", "sliding"}
        Brackets are the cells of one partition of the scale, the last cut short; sliding intervals
        lie anywhere around the label. Both are as wide as `width`, less what leaves the scale.
    width : int
        Labels per interval.
    exact_share : float
        Share of the labels that are given exactly all the same.
    """

    form: Form = "exact"
    width: int = 1
    exact_share: float = 0.0

    def __post_init__(self) -> None:
        if self.form not in get_args(Form):
            raise ValueError(f"annotation must be one of {get_args(Form)}, got {self.form!r}.")
        if self.width < 1:
            raise ValueError(f"width must be at least 1 label, got {self.width}.")
        if not 0.0 <= self.exact_share <= 1.0:
            raise ValueError(f"exact_share must be from 0 to 1, got {self.exact_share}.")

    def __str__(self) -> str:
        if self.form == "exact":
            return "exact labels"
        exact = f", {self.exact_share:.0%} exact" if self.exact_share else ""
        shape = "brackets" if self.form == "brackets" else "sliding intervals"
        return f"{shape} of {self.width} labels{exact}"

    def __call__(self, labels: np.ndarray, n_classes: int, rng: np.random.Generator) -> np.ndarray:
        """Return the intervals, an array of shape (n_samples, 2)."""
        if self.form == "exact":
            return np.column_stack([labels, labels])
        # Not above: processes that fit others' methods would hold what this imports.
        from vilma.intervals import annotate_cells, annotate_sliding

        draw = annotate_cells if self.form == "brackets" else annotate_sliding
        drawn = draw(
            labels,
            width=self.width,
            exact=float(self.exact_share),
            classes=np.arange(n_classes),
            random_state=int(rng.integers(2**31)),
        )
        return drawn.intervals
