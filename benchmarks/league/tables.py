"""Tables of a folder, their annotations, and their splits."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import ShuffleSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from benchmarks.annotations import Annotation

__all__ = ["DESIGNS", "Split", "Table", "annotate", "find_tables", "splits"]

DESIGNS = ("exact", "sliding", "brackets", "question")
_TEST_SHARE = 0.25


@dataclass(frozen=True)
class Table:
    """A table of features with labels or intervals.

    Parameters
    ----------
    name : str
    features : DataFrame of shape (n_samples, n_features)
    intervals : ndarray of shape (n_samples, 2), dtype int64
        Positions on the scale; both alike where labels are exact.
    n_classes : int
    """

    name: str
    features: pd.DataFrame
    intervals: np.ndarray
    n_classes: int

    @property
    def exact(self) -> bool:
        """Whether the true labels are known."""
        return bool((self.intervals[:, 0] == self.intervals[:, 1]).all())


@dataclass(frozen=True)
class Split:
    """One split of a table, in two views.

    Parameters
    ----------
    frames : tuple of DataFrame
        Features of training and test rows, as they are.
    matrices : tuple of ndarray
        The same standardised, missing values imputed and categories one-hot.
    train, test : ndarray of shape (n, 2)
        Annotations of the training rows, and labels or intervals of the test rows.
    classes : ndarray of shape (n_classes,)
    """

    frames: tuple[pd.DataFrame, pd.DataFrame]
    matrices: tuple[np.ndarray, np.ndarray]
    train: np.ndarray
    test: np.ndarray
    classes: np.ndarray

    def view(self, name: str) -> tuple[Any, Any]:
        """Return training and test rows as ``"frame"`` or ``"matrix"``."""
        return self.frames if name == "frame" else self.matrices


def find_tables(folder: Path) -> list[Table]:
    """Read all files ``*.csv`` and ``*.csv.xz`` with a column `label`, or `lower` and `upper`.

    Raises
    ------
    ValueError
        If there is none.
    """
    paths = sorted([*folder.glob("*.csv"), *folder.glob("*.csv.xz")])
    tables = [table for path in paths if (table := _read(path)) is not None]
    if not tables:
        raise ValueError(
            f"No table in {folder}: expected CSV files with a column label, or lower and upper."
        )
    return tables


def _read(path: Path) -> Table | None:
    frame = pd.read_csv(path)
    name = path.name.removesuffix(".xz").removesuffix(".csv")
    if "label" in frame:
        scale, codes = np.unique(frame.pop("label").to_numpy(), return_inverse=True)
        return Table(name, frame, np.column_stack([codes, codes]), len(scale))
    if {"lower", "upper"} <= set(frame.columns):
        ends = np.column_stack([frame.pop("lower"), frame.pop("upper")]).astype(float)
        scale = np.unique(ends[np.isfinite(ends)])
        ends[~(ends[:, 0] >= scale[0]), 0] = scale[0]
        ends[~(ends[:, 1] <= scale[-1]), 1] = scale[-1]
        return Table(name, frame, np.searchsorted(scale, ends), len(scale))
    return None


def annotate(labels: np.ndarray, n_classes: int, design: str, seed: int) -> np.ndarray:
    """Return annotations of true labels, of shape (n_samples, 2).

    Sliding intervals and brackets are a third of the scale wide. One question asks whether the
    label is at least k, k drawn evenly.
    """
    rng = np.random.default_rng(seed)
    if design == "question":
        asked = rng.integers(1, n_classes, len(labels))
        yes = labels >= asked
        return np.column_stack([np.where(yes, asked, 0), np.where(yes, n_classes - 1, asked - 1)])
    width = max(2, round(n_classes / 3))
    form = Annotation() if design == "exact" else Annotation(form=design, width=width)
    return np.asarray(form(labels, n_classes, rng)).astype(np.int64)


def splits(table: Table, n_splits: int, design: str, max_train: int) -> list[Split]:
    """Return the splits of a table: always the same, of at most so many training rows."""
    return [
        _split(table, train[:max_train], test, design, seed)
        for seed, (train, test) in enumerate(
            ShuffleSplit(n_splits, test_size=_TEST_SHARE, random_state=0).split(table.intervals)
        )
    ]


def _split(table: Table, train: np.ndarray, test: np.ndarray, design: str, seed: int) -> Split:
    frames = table.features.iloc[train], table.features.iloc[test]
    numbers = make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler())
    words = make_pipeline(
        SimpleImputer(strategy="most_frequent", keep_empty_features=True),
        OneHotEncoder(handle_unknown="ignore", sparse_output=False),
    )
    prepare = make_column_transformer(
        (numbers, make_column_selector(dtype_include=["number", "bool"])),
        (words, make_column_selector(dtype_exclude=["number", "bool"])),
    )
    matrices = prepare.fit_transform(frames[0]), prepare.transform(frames[1])
    annotations = table.intervals[train]
    if table.exact:
        annotations = annotate(annotations[:, 0], table.n_classes, design, seed)
    return Split(frames, matrices, annotations, table.intervals[test], np.arange(table.n_classes))
