"""Where the labels of a scale stand on a line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Scale:
    """An ordered scale whose labels have positions.

    Networks work in units of the scale: its first label is at 0, its last at 1.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
        The labels, lowest first.
    """

    classes: NDArray[Any]

    @property
    def n_classes(self) -> int:
        """Number of labels."""
        return len(self.classes)

    @property
    def values(self) -> FloatArray:
        """The labels as numbers; strings count as 0, 1, 2 and so on."""
        if self.classes.dtype.kind == "U":
            return np.arange(self.n_classes, dtype=np.float64)
        return np.asarray(self.classes, dtype=np.float64)

    @property
    def span(self) -> float:
        """Distance from the first label to the last."""
        values = self.values
        return float(values[-1] - values[0])

    @property
    def positions(self) -> FloatArray:
        """Positions of the labels in units of the scale, from 0 to 1."""
        values = self.values
        return (values - values[0]) / (values[-1] - values[0])

    def to_values(self, positions: NDArray[Any]) -> FloatArray:
        """Turn positions in units of the scale into label values, kept on the scale."""
        values = self.values
        inside = np.clip(np.asarray(positions, dtype=np.float64), 0.0, 1.0)
        return values[0] + inside * (values[-1] - values[0])

    def nearest(self, values: FloatArray) -> NDArray[Any]:
        """Return the labels nearest to values; the lower one of two that are equally near."""
        middles = (self.values[1:] + self.values[:-1]) / 2.0
        return self.classes[np.searchsorted(middles, values, side="left")]
