"""What is to be learned: images, their annotations, and which of them test the result."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TRAIN, VALIDATION, TEST = -1, 0, 1


@dataclass(frozen=True)
class Task:
    """An ordinal task with interval annotations.

    Attributes
    ----------
    images : ndarray of shape (n, height, width), dtype uint8
        Grey images.
    intervals : ndarray of shape (n, 2)
        The annotations learned from; infinite where an end is open.
    truth : ndarray of shape (n, 2)
        What predictions are measured against: the true level twice, or the annotation where no
        more is known.
    classes : ndarray of shape (n_classes,), dtype int64
        The ordered scale, consecutive integers.
    part : ndarray of shape (n,)
        TRAIN, VALIDATION or TEST.
    level_name : str
        What a level is, for axes and captions.
    description : str
        Where the images come from and how they are divided, for the report.
    """

    images: NDArray[np.uint8]
    intervals: NDArray[np.float64]
    truth: NDArray[np.float64]
    classes: NDArray[np.int64]
    part: NDArray[np.int64]
    level_name: str
    description: str

    @property
    def exact(self) -> bool:
        """Whether the true level of every image is known."""
        return bool(np.all(self.truth[:, 0] == self.truth[:, 1]))
