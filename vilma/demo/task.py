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


def coarsen(
    levels: NDArray[np.int64],
    classes: NDArray[np.int64],
    *,
    cell_width: int,
    exact_share: float,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Annotate as in the paper: a share exactly, the others by the cell they fall in.

    Parameters
    ----------
    levels : ndarray of shape (n,)
        True levels.
    classes : ndarray of shape (n_classes,)
        The ordered scale, consecutive integers, cut into cells from its lowest level on; the
        last cell is shorter where the width does not divide the scale.
    cell_width : int
        Levels per cell.
    exact_share : float
        Probability that an annotation is exact.
    rng : Generator
        Draws which ones are.

    Returns
    -------
    ndarray of shape (n, 2)
        Lower and upper ends.

    References
    ----------
    Antoniuk, Franc, Hlavac: V-shaped interval insensitive loss for ordinal classification,
    Machine Learning 103, 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from vilma.demo.task import coarsen
    >>> coarsen(
    ...     np.array([1, 4, 7]),
    ...     np.arange(1, 8),
    ...     cell_width=3,
    ...     exact_share=0.0,
    ...     rng=np.random.default_rng(0),
    ... )
    array([[1., 3.],
           [4., 6.],
           [7., 7.]])
    """
    lower = classes[0] + (levels - classes[0]) // cell_width * cell_width
    upper = np.minimum(lower + cell_width - 1, classes[-1])
    is_exact = rng.random(len(levels)) < exact_share
    ends = np.column_stack([lower, upper])
    return np.where(is_exact[:, np.newaxis], levels[:, np.newaxis], ends).astype(np.float64)
