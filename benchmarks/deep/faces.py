"""Embeddings of faces with ages, and what is trained and tested on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vilma.intervals import annotate_cells

__all__ = [
    "LABELS",
    "EmbeddedFaces",
    "Split",
    "annotate",
    "load_embeddings",
    "split_faces",
    "thin_tail",
]

_TEST_SHARE = 0.3
_TAIL = 10.0  # the rarest label keeps about a tenth of its rows

Choice = Callable[[np.ndarray, int], np.ndarray]


@dataclass(frozen=True)
class EmbeddedFaces:
    """Embeddings and ages.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
    ages : ndarray of shape (n_samples,)
        Whole years.
    """

    X: np.ndarray
    ages: np.ndarray

    @property
    def classes(self) -> np.ndarray:
        """The scale: whole tens of years from the lowest age on."""
        n_cells = -(-(self.ages.max() - self.ages.min() + 1) // 10)
        return self.ages.min() + np.arange(10 * n_cells)


@dataclass(frozen=True)
class Split:
    """Row numbers of one random split.

    Parameters
    ----------
    train, test : ndarray of int
    seed : int
        Of the split, and of what is trained on it.
    """

    train: np.ndarray
    test: np.ndarray
    seed: int


def load_embeddings(path: Path) -> EmbeddedFaces:
    """Read a file of embeddings.

    Parameters
    ----------
    path : Path
        An .npz file with the arrays `X` and `ages`.

    Raises
    ------
    ValueError
        If one is missing, or they do not belong together.
    """
    with np.load(path) as content:
        missing = {"X", "ages"} - set(content)
        if missing:
            raise ValueError(
                f"{path} has no array {sorted(missing)[0]!r}; it has {list(content)}."
            )
        faces = EmbeddedFaces(content["X"], content["ages"].astype(np.int64))
    if faces.X.ndim != 2 or len(faces.X) != len(faces.ages):
        raise ValueError(
            f"{path}: expected a matrix X and an age for each of its rows, got the shapes "
            f"{faces.X.shape} and {faces.ages.shape}."
        )
    return faces


def split_faces(faces: EmbeddedFaces, seed: int, choose: Choice) -> Split:
    """Hold test rows back, and choose training rows among the others.

    Parameters
    ----------
    faces : EmbeddedFaces
        All of them.
    seed : int
        Of the split and the choice.
    choose : callable
        Gets the ages of what may be trained on and the seed; returns the numbers of the chosen.
    """
    order = np.random.default_rng(seed).permutation(len(faces.ages))
    n_test = round(_TEST_SHARE * len(order))
    train = order[n_test:]
    return Split(np.sort(train[choose(faces.ages[train], seed)]), np.sort(order[:n_test]), seed)


def thin_tail(ages: np.ndarray, seed: int) -> np.ndarray:
    """Make a long tail longer: the rarer a label, the smaller the share of its rows that stays.

    Shares fall exponentially from 1 for the most frequent label to a tenth for the rarest; one
    row at least stays.

    Parameters
    ----------
    ages : ndarray of shape (n_samples,)
        Labels.
    seed : int
        Of the choice.

    Returns
    -------
    ndarray of int
        Row numbers.
    """
    labels, codes, counts = np.unique(ages, return_inverse=True, return_counts=True)
    rank = np.argsort(np.argsort(-counts, kind="stable"))
    stays = np.ceil(counts * _TAIL ** (-rank / max(len(labels) - 1, 1)))
    order = np.random.default_rng(seed).permutation(len(ages))
    seen = np.zeros(len(labels), dtype=np.int64)
    chosen = []
    for row in order:
        if seen[codes[row]] < stays[codes[row]]:
            seen[codes[row]] += 1
            chosen.append(row)
    return np.sort(np.asarray(chosen))


LABELS = ("exact", "intervals", "midpoints")
_WIDEST = 10  # years between an age and the closed end of an open annotation


def annotate(faces: EmbeddedFaces, rows: np.ndarray, labels: str) -> np.ndarray:
    """Return annotations of rows: ages, cells of ten years, their middles, or open intervals.

    Of open annotations a third are ages, a third "at least" an age up to ten years less, and a
    third "at most" one up to ten years more.

    Parameters
    ----------
    faces : EmbeddedFaces
        All faces.
    rows : ndarray of int
        Which of them.
    labels : {"exact", "intervals", "midpoints", "open"}
        What kind of annotation.
    """
    ages = faces.ages[rows]
    if labels == "exact":
        return ages
    if labels == "open":
        rng = np.random.default_rng(rows)  # of the rows: the same for every method
        kind, away = rng.integers(0, 3, len(ages)), rng.integers(0, _WIDEST, len(ages))
        lower = np.where(kind == 2, -np.inf, ages - away * (kind == 1))
        upper = np.where(kind == 1, np.inf, ages + away * (kind == 2))
        first, last = faces.classes[[0, -1]]
        return np.stack(
            [
                np.where(np.isfinite(lower), lower.clip(min=first), lower),
                np.where(np.isfinite(upper), upper.clip(max=last), upper),
            ],
            axis=1,
        )
    cells = annotate_cells(ages, width=10, classes=faces.classes).intervals
    return cells if labels == "intervals" else cells.sum(axis=1) // 2
