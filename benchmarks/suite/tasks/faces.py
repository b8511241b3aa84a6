"""A folder of face photographs with ages; not shipped."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from benchmarks.suite.storage import append_codes, codes_to_csr, save_targets
from benchmarks.suite.tasks.base import Task

__all__ = ["Faces"]


@dataclass(frozen=True, kw_only=True)
class Faces(Task):
    """Multi-scale LBP features of photographs, labelled by whole numbers.

    Parameters
    ----------
    images : str
        Folder of the photographs; relative paths start at the working directory.
    labels : str
        CSV file with a header and the columns file and label.
    box : sequence of 4 int, optional
        Crop: left, top, right, bottom.
    test_share : float
        Share of the rows held out at random.
    """

    kind: ClassVar[str] = "faces"

    images: str
    labels: str
    box: tuple[int, int, int, int] | None = None
    test_share: float = 0.3

    @property
    def container(self) -> str:
        return "csr"

    @property
    def size(self) -> None:
        return None

    def missing(self) -> str | None:
        if not Path(self.images).is_dir():
            return f"there is no folder {self.images}"
        if not Path(self.labels).is_file():
            return f"there is no file {self.labels}"
        return None

    def describe(self) -> str:
        return (
            f"Multi-scale LBP features of the photographs in {self.images}, as csr; "
            f"{self.annotate}; tested on {self.test_share:.0%}, seed {self.seed}."
        )

    def make(self, folder: Path) -> None:
        from vilma.features import MultiScaleLBP, canonical_crop, read_image

        with Path(self.labels).open(newline="", encoding="utf-8") as file:
            names, labels = zip(*list(csv.reader(file))[1:], strict=True)
        box = None if self.box is None else tuple(self.box)
        crops = np.stack(
            [canonical_crop(read_image(Path(self.images) / name), box=box) for name in names]
        )
        X = MultiScaleLBP(output="codes").fit_transform(crops)
        ages = np.array([int(label) for label in labels])
        rng = np.random.default_rng(self.seed)
        order = rng.permutation(len(ages))
        n_test = round(self.test_share * len(ages))
        parts = {"test": np.sort(order[:n_test]), "train": np.sort(order[n_test:])}
        for part, rows in parts.items():
            codes = np.ascontiguousarray(X.codes[rows])
            with append_codes(folder / part, codes.shape, int(X.block_sizes[0])) as sink:
                codes.tofile(sink)
            codes_to_csr(folder / part)
        first, last = ages.min(), ages.max()
        intervals = self.annotate(ages[parts["train"]] - first, last - first + 1, rng) + first
        save_targets(folder, intervals, ages[parts["test"]], np.arange(first, last + 1))
