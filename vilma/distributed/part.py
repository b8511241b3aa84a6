"""The rows of a partition, where they are: what is done with them, one call at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from vilma.design_matrices import DesignMatrix, as_design_matrix
from vilma.design_matrices.threads import BlockThreads
from vilma.distributed import _kernels as kernels
from vilma.distributed.cells import CellSums, Edges, Kinds
from vilma.labels import encode_endpoints
from vilma.labels.endpoints import read_endpoints
from vilma.surrogates._v_shaped_kernels import prefix_sums, sort_by_label

__all__ = ["Description", "Fold", "MissingVectorsError", "Part", "Terms", "Update"]

# A vector of scores: the keys of vectors that parts hold, and the factors to combine them with.
Terms = tuple[tuple[int, float], ...]

_MOST_LABELS = 10_000  # distinct annotations of a part; more are no scale


class MissingVectorsError(Exception):
    """A part was made anew and lacks vectors: they have to come again."""


class Update(NamedTuple):
    """What becomes of the vectors before a call; done twice it is as done once."""

    products: dict[int, np.ndarray]  # new vectors X w, given w
    combinations: dict[int, Terms]  # new vectors out of others
    forgotten: list[int]


class Fold(NamedTuple):
    """Rows that a problem is to do without, for it to be tried on them.

    Parameters
    ----------
    number : int
        From 0.
    n_folds : int
        Number of folds that rows are dealt to.
    """

    number: int
    n_folds: int


class Description(NamedTuple):
    """What the client learns of a part before the problem begins."""

    n_rows: int  # of positive weight
    n_features: int
    labels: Any  # distinct rows of y, in the form of y; None without rows
    largest_weight: float
    largest_squared_norm: float  # of a row


class _Sorted(NamedTuple):
    """The rows of a part sorted by score within their labels, for one kind of endpoint."""

    starts: np.ndarray  # (n_classes + 1,)
    members: np.ndarray  # (m,)
    scores: np.ndarray  # (m,)
    sums: np.ndarray  # (1 + n_vectors, m + 1)


class Part:
    """Rows, labels and weights of a partition, and the vectors of the solver that go with them.

    Parameters
    ----------
    X : ndarray, CSR, OneHotCodes or MappedMatrix of shape (m, n_features)
        Checked.
    y : sequence of array-like
        Labels of m rows in all, exact or intervals, one piece after the other.
    weight : ndarray of shape (m,) or None
        Nonnegative; rows of weight zero are left out.
    first : int, default=0
        Number of the partition that the first piece is from; others follow it. Folds are drawn
        within partitions, by these numbers.
    """

    def __init__(
        self, X: Any, y: Sequence[Any], weight: np.ndarray | None, first: int = 0
    ) -> None:
        self._n_features = X.shape[1]
        self._stops = np.cumsum([len(piece) for piece in y])
        self._first = first
        self._y = [piece for piece in y if len(piece)]
        self._weight = np.ones(X.shape[0]) if weight is None else weight
        self._kept = np.flatnonzero(self._weight > 0.0)
        if len(self._kept) < X.shape[0]:
            X = X[self._kept]
        self._matrix: DesignMatrix | None = None
        if X.shape[0]:
            self._matrix = as_design_matrix(X, BlockThreads(1))
        self._vectors: dict[int, np.ndarray] = {}
        self._sorted: tuple[Terms, tuple[_Sorted, _Sorted]] | None = None

    def describe(self) -> Description:
        """Return what there is to know before the problem begins."""
        norm = 0.0 if self._matrix is None else self._matrix.largest_squared_norm()
        labels = [_distinct(piece) for piece in self._y]
        return Description(
            len(self._kept),
            self._n_features,
            labels,
            float(self._weight.max(initial=0.0)),
            norm,
        )

    def begin(self, scale: np.ndarray, exponent: int, without: Fold | None = None) -> np.ndarray:
        """Take up a problem; return the weight of every pair of labels.

        Parameters
        ----------
        scale : ndarray of shape (n_classes,)
        exponent : int
            Weights are divided by two to this.
        without : Fold, optional
            Rows that are held out.

        Returns
        -------
        ndarray of shape (n_classes, n_classes)
            Row l, column u for rows labelled from l to u that are not held out.
        """
        n_classes = len(scale)
        codes = [encode_endpoints(read_endpoints(y, scale=scale), scale) for y in self._y]
        empty = np.empty(0, dtype=np.int64)
        lower, upper = (
            np.concatenate([each[side] for each in codes] or [empty]) for side in range(2)
        )
        self._labels = lower[self._kept], upper[self._kept]
        self._used = np.ldexp(self._weight[self._kept], -exponent)
        is_out = np.zeros(len(self._used), dtype=bool)
        if without is not None:
            is_out = self._deal(without.n_folds) == without.number
        self._learned, self._held_out = np.flatnonzero(~is_out), np.flatnonzero(is_out)
        learned = [label[self._learned] for label in self._labels]
        self._starts = tuple(
            np.concatenate([[0], np.cumsum(np.bincount(label, minlength=n_classes))])
            for label in learned
        )
        pairs = learned[0] * n_classes + learned[1]
        weight = self._used[self._learned]
        return np.bincount(pairs, weight, n_classes**2).reshape(n_classes, n_classes)

    def _deal(self, n_folds: int) -> np.ndarray:
        """Deal the rows of every partition to folds: always alike, however parts are packed."""
        fold = np.empty(len(self._kept), dtype=np.int64)
        stops = np.searchsorted(self._kept, self._stops)
        for number, (start, stop) in enumerate(pairwise([0, *stops]), start=self._first):
            # Partitions of few rows begin with different folds.
            fold[start:stop] = (np.arange(stop - start) + number) % n_folds
            np.random.default_rng(number).shuffle(fold[start:stop])
        return fold

    def take_kinds(self, kinds: Kinds) -> int:
        """Take up how the loss is to be cut into cells; return the number of rows.

        Vectors of another loss are forgotten.
        """
        self._kinds = kinds.copy()
        self._vectors.clear()
        self._sorted = None
        return len(self._learned)

    def cells(self, update: Update, terms: Terms, edges: Edges) -> CellSums:
        """Sum over the rows of every cell of the scores."""
        self._apply(update)
        totals = np.zeros((2 + len(terms), edges.n_cells))
        low, high = np.full(edges.n_cells, np.inf), np.full(edges.n_cells, -np.inf)
        edges = edges.copy()
        for side, ordered in enumerate(self._sort(terms)):
            kernels.add_cells(
                ordered.scores,
                ordered.starts,
                ordered.sums,
                self._kinds.first[side],
                self._kinds.stop[side],
                self._kinds.shift[side],
                *edges,
                totals,
                low,
                high,
            )
        return CellSums(totals, low, high)

    def gradient(
        self, update: Update, terms: Terms, edges: Edges, slopes: np.ndarray
    ) -> np.ndarray:
        """Return X^T c, c the slopes of the cells times the rows' weights."""
        self._apply(update)
        c = self._spread(terms, edges, slopes)
        return (
            np.zeros(self._n_features) if self._matrix is None else self._matrix.transpose_dot(c)
        )

    def product(
        self, update: Update, terms: Terms, edges: Edges, slopes: np.ndarray, other: Terms
    ) -> float:
        """Return the inner product of c with other scores."""
        self._apply(update)
        return float(self._spread(terms, edges, slopes) @ self._combine(other))

    def _spread(self, terms: Terms, edges: Edges, slopes: np.ndarray) -> np.ndarray:
        """Return c, of shape (m,)."""
        edges, slopes = edges.copy(), slopes.copy()
        out = np.zeros(len(self._used))
        for side, ordered in enumerate(self._sort(terms)):
            kernels.spread_slopes(
                ordered.scores,
                ordered.starts,
                ordered.members,
                self._kinds.first[side],
                self._kinds.stop[side],
                self._kinds.shift[side],
                *edges,
                slopes,
                self._used,
                np.zeros(int(np.diff(ordered.starts).max()) + 1),
                out,
            )
        return out

    def count_predicted(
        self, update: Update, terms: Terms, thresholds: np.ndarray, held_out: bool
    ) -> np.ndarray:
        """Sum the weights by pair of labels and predicted place, of shape (Y, Y, Y)."""
        self._apply(update)
        n = len(thresholds) + 1
        rows = self._held_out if held_out else self._learned
        place = np.searchsorted(thresholds, self._combine(terms)[rows], side="left")
        lower, upper = (label[rows] for label in self._labels)
        cell = (lower * n + upper) * n + place
        return np.bincount(cell, self._used[rows], n**3).reshape(n, n, n)

    def distribution(self, update: Update, terms: Terms, edges: np.ndarray) -> CellSums:
        """Sum the weights, and the weighted scores, of the cells between ascending edges."""
        self._apply(update)
        scores, weight = self._combine(terms)[self._learned], self._used[self._learned]
        cell = np.searchsorted(edges, scores, side="left")
        n = len(edges) + 1
        sums = [np.bincount(cell, values, n) for values in (weight, weight * scores)]
        low, high = np.full(n, np.inf), np.full(n, -np.inf)
        np.minimum.at(low, cell, scores)
        np.maximum.at(high, cell, scores)
        return CellSums(np.stack(sums), low, high)

    def _apply(self, update: Update) -> None:
        """Make new vectors and drop old ones."""
        for key, coef in update.products.items():
            if key not in self._vectors:
                rows = self._matrix
                self._vectors[key] = np.empty(0) if rows is None else rows.dot(coef.copy())
        for key, terms in update.combinations.items():
            if key not in self._vectors:
                self._vectors[key] = self._combine(terms)
        for key in update.forgotten:
            self._vectors.pop(key, None)

    def _combine(self, terms: Terms) -> np.ndarray:
        if any(key not in self._vectors for key, _ in terms):
            raise MissingVectorsError
        out = np.zeros(len(self._used))
        for key, factor in terms:
            out += factor * self._vectors[key]
        return out

    def _sort(self, terms: Terms) -> tuple[_Sorted, _Sorted]:
        """Sort the rows by the scores, unless they are so already."""
        if self._sorted is not None and self._sorted[0] == terms:
            return self._sorted[1]
        self._sorted = None  # its memory is for the next one
        scores = self._combine(terms)
        order = self._learned[np.argsort(scores[self._learned])]
        vectors = [self._vectors[key] for key, _ in terms]
        lower, upper = (self._sort_side(side, scores, order, vectors) for side in range(2))
        self._sorted = terms, (lower, upper)
        return self._sorted[1]

    def _sort_side(
        self, side: int, scores: np.ndarray, order: np.ndarray, vectors: Iterable[np.ndarray]
    ) -> _Sorted:
        m = len(order)
        starts = self._starts[side]
        members = np.empty(m, np.int32 if m < 2**31 else np.int64)
        sort_by_label(order, self._labels[side], starts[:-1].copy(), members)
        columns = [self._used, *(self._used * vector for vector in vectors)]
        sums = np.zeros((len(columns), m + 1))
        for values, row in zip(columns, sums, strict=True):
            prefix_sums(values, members, row)
        return _Sorted(starts, members, scores[members], sums)


def _distinct(y: Any) -> Any:
    """Distinct annotations, in a form that is read as `y` is."""
    if hasattr(y, "drop_duplicates"):  # categories keep their scale
        out = y.drop_duplicates()
    else:
        y = np.asarray(y)
        if y.dtype.kind == "f" and y.ndim == 2 and y.shape[1] == 2:
            # Open ends are read alike; NaN would differ from itself.
            y = np.stack(
                [
                    np.where(np.isnan(y[:, 0]), -np.inf, y[:, 0]),
                    np.where(np.isnan(y[:, 1]), np.inf, y[:, 1]),
                ],
                axis=1,
            )
        if y.dtype.kind == "O":
            rows = list(dict.fromkeys(map(_hashable, y.tolist())))
            out = np.empty((len(rows), *y.shape[1:]), dtype=object)
            out[:] = rows
        else:
            out = np.unique(y, axis=0)
    if len(out) > _MOST_LABELS:
        raise ValueError(
            f"y has {len(out)} distinct annotations in one partition, more than the "
            f"{_MOST_LABELS} that a scale of labels may lead to. Labels are the steps of a scale: "
            "round or bin continuous values first."
        )
    return out


def _hashable(row: Any) -> Any:
    return tuple(row) if isinstance(row, list) else row
