"""Photographs of faces with ages: features and splits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.experiments.real_data import IntervalTable
from vilma import OneHotCodes
from vilma.intervals import annotate_cells

__all__ = ["FaceSplit", "Faces", "bracket_table", "load_faces", "split_faces"]

# Not the seed of any folds: the same permutation would put all exact labels into one of them.
_ANNOTATION_SEED = 4711


@dataclass(frozen=True)
class Faces:
    """Multi-scale LBP codes and ages.

    Parameters
    ----------
    X : OneHotCodes of shape (n_samples, n_features)
    ages : ndarray of shape (n_samples,)
        Whole years.
    """

    X: OneHotCodes
    ages: np.ndarray

    @property
    def classes(self) -> np.ndarray:
        """The scale: all years from the lowest to the highest age."""
        return np.arange(self.ages.min(), self.ages.max() + 1)

    def cells(
        self, width: int, exact: int | float = 0, rows: np.ndarray | slice = slice(None)
    ) -> np.ndarray:
        """Return ages of some rows as cells, some of them exact, by the paper's process.

        Parameters
        ----------
        width : int
            Years per cell.
        exact : int or float
            Number or share of exact labels.
        rows : ndarray of int or slice
            By default all.

        Returns
        -------
        ndarray of shape (n_rows, 2)
            Intervals.
        """
        return annotate_cells(
            self.ages[rows],
            width=width,
            exact=exact,
            classes=self.classes,
            random_state=_ANNOTATION_SEED,
        ).intervals


@dataclass(frozen=True)
class FaceSplit:
    """Rows to train on, in random order, and rows to test on."""

    train: np.ndarray
    test: np.ndarray


def load_faces(
    images: Path, labels: Path | None, box: tuple[float, float, float, float] | None
) -> Faces:
    """Read a folder of faces.

    Parameters
    ----------
    images : Path
        The folder.
    labels : Path, optional
        CSV file with the columns file and label; by default names are read as UTKFace's.
    box : tuple of 4 float, optional
        Crop: left, top, right, bottom.
    """
    from vilma.datasets import load_image_folder
    from vilma.features import MultiScaleLBP

    data = load_image_folder(images, labels, box=box)
    if data.target.ndim != 1 or data.target.dtype.kind not in "iu":
        raise ValueError(
            f"The experiments draw intervals for known ages, so {labels} should have one column "
            "of whole numbers besides the files."
        )
    return Faces(MultiScaleLBP(output="codes").fit_transform(data.images), data.target)


def split_faces(n_samples: int, n_splits: int, *, test_share: float = 0.3) -> Iterator[FaceSplit]:
    """Draw random splits, one for each of the seeds 0, 1, ..."""
    n_test = round(test_share * n_samples)
    for seed in range(n_splits):
        order = np.random.default_rng(seed).permutation(n_samples)
        yield FaceSplit(order[n_test:], order[:n_test])


def bracket_table(faces: Faces, width: int = 10) -> IntervalTable:
    """Return ages as brackets only, with the true ages to test on."""
    return IntervalTable(
        f"faces, brackets of {width} years",
        faces.X,
        faces.cells(width),
        faces.classes,
        "years",
        faces.ages,
    )
