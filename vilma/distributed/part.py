"""The rows of a partition, where they are: what is done with them, one call at a time."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from vilma.design_matrices import DesignMatrix, as_design_matrix
from vilma.design_matrices.threads import BlockThreads
from vilma.distributed import _kernels as kernels
from vilma.distributed.cells import CellSums, Edges, Kinds
from vilma.labels import encode_endpoints
from vilma.labels.endpoints import read_endpoints
from vilma.surrogates._v_shaped_kernels import sort_by_label

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


class _Steps(NamedTuple):
    """In which order kinds are gone through, and which rows come in with each."""

    steps: np.ndarray  # (n_kinds, 4) kind, group, first and stop of the runs
    runs: np.ndarray  # (n_runs, 2) first row and stop
    shift: np.ndarray  # (n_runs,) of the scores of a run


class _Grids(NamedTuple):
    """The edges of all kinds as grids, one for each group, and room to work in."""

    start: np.ndarray  # (n_kinds + 1,) of the edges of every kind
    rank: np.ndarray  # (n_edges,) place in the grids
    values: np.ndarray  # (n_edges,) ascending in every group
    group_start: np.ndarray  # (n_groups + 1,)
    table: np.ndarray


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
        # Large arrays are kept to be written to again: a worker gives back what it lets go of, and
        # taking it anew costs half as much again as the work.
        self._vectors: dict[int, np.ndarray] = {}
        self._spare: list[np.ndarray] = []
        self._scores, self._slopes = (np.zeros(len(self._kept)) for _ in range(2))
        self._terms: Terms | None = None  # that the scores are combined of

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
        lower, upper = lower[self._kept], upper[self._kept]
        weight = np.ldexp(self._weight[self._kept], -exponent)
        is_out = np.zeros(len(weight), dtype=bool)
        if without is not None:
            is_out = self._deal(without.n_folds) == without.number
        # Rows stand label by label, those that are held out behind the others.
        pairs = lower * n_classes + upper
        place = pairs + n_classes**2 * is_out
        counts = np.bincount(place)
        self._order = np.empty(len(weight), np.int32 if len(weight) < 2**31 else np.int64)
        starts = np.cumsum(counts) - counts
        sort_by_label(np.arange(len(weight)), place, starts.copy(), self._order)
        self._used = weight[self._order]
        present = np.flatnonzero(counts)
        self._runs = np.stack([starts[present], starts[present] + counts[present]], axis=1)
        self._run_labels = np.stack(np.divmod(present % n_classes**2, n_classes))
        self._n_runs = int(np.searchsorted(present, n_classes**2))  # of the rows to learn from
        self._n_learned = len(weight) - int(is_out.sum())
        kept = ~is_out
        return np.bincount(pairs[kept], weight[kept], n_classes**2).reshape(n_classes, n_classes)

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
        self._spare += self._vectors.values()
        self._vectors.clear()
        self._terms = None
        self._steps = self._order_kinds(kinds)
        return self._n_learned

    def _order_kinds(self, kinds: Kinds) -> _Steps:
        """Put kinds whose ranges of labels grow from one to the next into one group."""
        lower = np.flatnonzero(kinds.side == 0)[::-1]  # those of higher thresholds have fewer rows
        order = np.concatenate([lower, np.flatnonzero(kinds.side == 1)])
        labels = self._run_labels[:, : self._n_runs]
        steps, chosen, group = [], [np.empty(0, dtype=np.int64)], -1
        before: tuple[int, int, int] | None = None
        n_before = 0
        for kind in order:
            side, first, stop = (int(each[kind]) for each in kinds[:3])
            label = labels[side]
            is_new = (first <= label) & (label < stop)
            if before and before[0] == side and first <= before[1] <= before[2] <= stop:
                is_new &= (label < before[1]) | (before[2] <= label)
            else:
                group += 1
            before = side, first, stop
            new = np.flatnonzero(is_new)
            steps.append([kind, group, n_before, n_before + len(new)])
            chosen.append(new)
            n_before += len(new)
        n_new = [len(new) for new in chosen[1:]]
        runs, sides = np.concatenate(chosen), np.repeat(kinds.side[order], n_new)
        return _Steps(
            np.array(steps, dtype=np.int64).reshape(-1, 4),
            self._runs[runs],
            kinds.shift[sides, labels[sides, runs]],
        )

    def _grids(self, edges: Edges) -> _Grids:
        """Put the edges of every group of kinds together."""
        kind, group = self._steps.steps[:, :2].T
        n_edges = np.diff(edges.start)[kind]
        stop = np.cumsum(n_edges)
        order = np.repeat(edges.start[kind] - (stop - n_edges), n_edges) + np.arange(stop[-1])
        n_kinds = np.bincount(group)
        group_stop = stop[np.cumsum(n_kinds) - 1]
        group_start = np.concatenate([[0], group_stop])
        for number in np.flatnonzero(n_kinds > 1):
            members = order[group_start[number] : group_stop[number]]
            members[:] = members[np.argsort(edges.values[members])]
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order))
        table = np.empty(4 * np.diff(group_start).max() + 4, dtype=np.int64)
        return _Grids(_writable(edges.start), rank, edges.values[order], group_start, table)

    def cells(self, update: Update, terms: Terms, edges: Edges) -> CellSums:
        """Sum over the rows of every cell of the scores."""
        self._apply(update)
        scores, grids = self._combined(terms), self._grids(edges)
        one, other = ([self._vectors[key] for key, _ in terms] + 2 * [self._used])[:2]
        totals = np.zeros((4, edges.n_cells))
        low, high = np.full(edges.n_cells, np.inf), np.full(edges.n_cells, -np.inf)
        bins = np.empty((np.diff(grids.group_start).max() + 1, 6))
        kernels.add_cells(
            scores, self._used, one, other, *self._steps, *grids, bins, totals, low, high
        )
        return CellSums(totals[: 2 + len(terms)], low, high)

    def gradient(
        self, update: Update, terms: Terms, edges: Edges, slopes: np.ndarray
    ) -> np.ndarray:
        """Return X^T c, c the slopes of the cells times the rows' weights."""
        self._apply(update)
        spread = self._spread(terms, edges, slopes)
        if self._matrix is None:
            return np.zeros(self._n_features)
        c = self._room()
        c[self._order] = spread
        gradient = self._matrix.transpose_dot(c)
        self._spare.append(c)
        return gradient

    def product(
        self, update: Update, terms: Terms, edges: Edges, slopes: np.ndarray, other: Terms
    ) -> float:
        """Return the inner product of c with other scores."""
        self._apply(update)
        c = self._spread(terms, edges, slopes)
        return float(sum(factor * (c @ self._vector(key)) for key, factor in other))

    def _spread(self, terms: Terms, edges: Edges, slopes: np.ndarray) -> np.ndarray:
        """Return c, of shape (m,), rows label by label; it holds until the next call."""
        grids = self._grids(edges)
        bins = np.empty(np.diff(grids.group_start).max() + 1)
        self._slopes[:] = 0.0
        kernels.spread_slopes(
            self._combined(terms),
            self._used,
            *self._steps,
            *grids,
            bins,
            _writable(slopes),
            self._slopes,
        )
        return self._slopes

    def count_predicted(
        self, update: Update, terms: Terms, thresholds: np.ndarray, held_out: bool
    ) -> np.ndarray:
        """Sum the weights by pair of labels and predicted place, of shape (Y, Y, Y)."""
        self._apply(update)
        n = len(thresholds) + 1
        rows = slice(self._n_learned, None) if held_out else slice(self._n_learned)
        place = np.searchsorted(thresholds, self._combined(terms)[rows], side="left")
        lower, upper = np.repeat(self._run_labels, np.diff(self._runs)[:, 0], axis=1)[:, rows]
        cell = (lower * n + upper) * n + place
        return np.bincount(cell, self._used[rows], n**3).reshape(n, n, n)

    def distribution(self, update: Update, terms: Terms, edges: np.ndarray) -> CellSums:
        """Sum the weights, and the weighted scores, of the cells between ascending edges."""
        self._apply(update)
        scores, weight = (
            values[: self._n_learned] for values in (self._combined(terms), self._used)
        )
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
                vector = self._room()
                if self._matrix is not None:
                    vector[:] = self._matrix.dot(_writable(coef))[self._order]
                self._vectors[key] = vector
        for key, terms in update.combinations.items():
            if key not in self._vectors:
                self._vectors[key] = self._combine(terms, self._room())
        for key in update.forgotten:
            if key in self._vectors:
                self._spare.append(self._vectors.pop(key))

    def _room(self) -> np.ndarray:
        """Return an array for one number per row."""
        return self._spare.pop() if self._spare else np.empty(len(self._kept))

    def _vector(self, key: int) -> np.ndarray:
        if key not in self._vectors:
            raise MissingVectorsError
        return self._vectors[key]

    def _combine(self, terms: Terms, out: np.ndarray) -> np.ndarray:
        vectors = [self._vector(key) for key, _ in terms]
        out[:] = 0.0
        for (_, factor), vector in zip(terms, vectors, strict=True):
            kernels.add_multiple(out, factor, vector)
        return out

    def _combined(self, terms: Terms) -> np.ndarray:
        """Combine scores, unless they are so already."""
        if self._terms != terms:
            self._terms = None
            self._combine(terms, self._scores)
            self._terms = terms
        return self._scores


def _writable(array: np.ndarray) -> np.ndarray:
    """Return an array that may be written to: kernels are compiled for such."""
    return np.require(array, requirements="W")


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
