r"""A surrogate seen through cells of scores: what the client needs to know of the rows.

The loss of a row is a sum over *kinds*, each a convex function of the row's score at given
thresholds: for the hinge surrogates a hinge of one threshold, for the V-shaped one the side of an
endpoint. The scores of a kind are cut into cells. Of each cell r the client gets the weight
:math:`P_r`, the weighted mean :math:`\bar t_r`, and the smallest and largest score.

Rows of one kind have one function. Hinges with margins of the endpoints
(`vilma.surrogates.margins`) become so by a *shift* of the scores that depends on the endpoint:

.. math:: \max(0, a_l - s + \theta'_k) = \max(0, 1 - t + \theta'_k),\; t = s + 1 - a_l, \qquad
          \max(0, c_u + s - \theta'_k) = \max(0, 1 + t - \theta'_k),\; t = s + c_u - 1.

In what follows t is the shifted score. Shifts are constants, so a plane in t is one in s.

**From below.** A convex function of the mean is at most the mean of the function (Jensen):

.. math:: \sum_{i \in r} p_i\, \ell(t_i, \theta) \ge P_r\, \ell(\bar t_r, \theta)
          \qquad\text{for all scores } t \text{ and thresholds } \theta,

where :math:`\bar t_r` is the mean of these rows at the scores t, whatever t is. The problem of the
cells, one row of weight :math:`P_r` for each, is thus below the problem of the rows everywhere. A
plane of the cells, :math:`o + \sum_r c_r \bar t_r`, is one of the rows with the slope
:math:`c_r p_i / P_r` for row i, and the same bias part: nothing that ``plane.py`` asks for is
lost, however coarse the cells are.

**From above.** Between the smallest and the largest score of the cell the function lies below its
chord, so

.. math:: \sum_{i \in r} p_i\, \ell(t_i, \theta) \le P_r \bigl[(1 - \mu_r)\, \ell(\min_r, \theta)
          + \mu_r\, \ell(\max_r, \theta)\bigr], \qquad
          \mu_r = \frac{\bar t_r - \min_r}{\max_r - \min_r} .

Where the function is affine in the cell, or all of its scores tie, both are equalities. Only
the few cells on the *borders*, where one piece takes over from another, leave a gap, which falls
with the square of their width: cells are fine near the borders and nowhere else.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from vilma.surrogates import (
    ExplicitHinge,
    InnerMinimum,
    LabeledWeights,
    Margins,
    Surrogate,
    VShaped,
)
from vilma.surrogates._v_shaped_kernels import find_envelope

__all__ = ["CellModel", "CellSums", "Edges", "HingeModel", "Kinds", "VShapedModel"]

_BOUNDLESS = 1e300
_RESOLUTION = 1e-14  # of hinges; Newton steps on biases reach ten times that of the largest cost


class Edges(NamedTuple):
    """Where the scores of every kind are cut, ascending."""

    start: np.ndarray  # (n_kinds + 1,) int64; those of kind k are values[start[k]:start[k + 1]]
    values: np.ndarray  # (n_edges,)

    @classmethod
    def of(cls, by_kind: list[np.ndarray]) -> Edges:
        """Join the edges of all kinds."""
        start = np.concatenate([[0], np.cumsum([len(edges) for edges in by_kind])])
        return cls(start.astype(np.int64), np.concatenate([*by_kind, np.empty(0)]))

    @property
    def n_cells(self) -> int:
        """Number of cells of all kinds together, one more than edges for each kind."""
        return len(self.values) + len(self.start) - 1

    def kind_of_cells(self) -> np.ndarray:
        """Return the kind of every cell, of shape (n_cells,)."""
        return np.repeat(np.arange(len(self.start) - 1), np.diff(self.start) + 1)

    def without_steps(self, values: np.ndarray, full: np.ndarray) -> tuple[Edges, np.ndarray]:
        """Join neighbouring cells of the same value.

        Parameters
        ----------
        values : ndarray of shape (n_cells,)
        full : ndarray of shape (n_cells,)
            Whether a cell has rows; the value of one without does not matter.

        Returns
        -------
        edges : Edges
            Some of these.
        values : ndarray
            Of the cells that are left.
        """
        kind = self.kind_of_cells()
        begins = np.concatenate([[True], kind[1:] != kind[:-1]])
        cell = np.arange(self.n_cells)
        # A cell without rows takes the value of the one before it.
        source = np.maximum.accumulate(np.where(full | begins, cell, 0))
        values = values[source]
        kept = begins | np.concatenate([[True], values[1:] != values[:-1]])
        # The edge before cell j of kind k is number j - k - 1.
        inner = np.flatnonzero(kept & ~begins)
        n_inner = np.bincount(kind[inner], minlength=len(self.start) - 1)
        start = np.concatenate([[0], np.cumsum(n_inner)]).astype(np.int64)
        return Edges(start, self.values[inner - kind[inner] - 1]), values[kept]


class Kinds(NamedTuple):
    """Which rows belong to every kind: by label of an endpoint, the lower or the upper one."""

    side: np.ndarray  # (n_kinds,) int64: 0 for lower endpoints, 1 for upper ones
    first: np.ndarray  # (n_kinds,) int64, the first label
    stop: np.ndarray  # (n_kinds,) int64, one more than the last label
    shift: np.ndarray  # (2, n_classes) what is added to the scores of rows of every label

    @property
    def number(self) -> int:
        """Number of kinds."""
        return len(self.side)


@dataclass
class CellSums:
    """Sums over the rows of every cell; those of several parts are added by ``+``.

    Parameters
    ----------
    totals : ndarray of shape (2 + n_vectors, n_cells)
        The weight, the weighted sum of the shifts, and those of the vectors that scores are
        combined of.
    low, high : ndarray of shape (n_cells,)
        Smallest and largest shifted score; infinite without rows.
    """

    totals: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def __add__(self, other: CellSums) -> CellSums:
        return CellSums(
            self.totals + other.totals,
            np.minimum(self.low, other.low),
            np.maximum(self.high, other.high),
        )


class CellModel(ABC):
    """How a surrogate looks in cells.

    Parameters
    ----------
    n_classes : int
    resolution : float
        Differences of two values below this are rounding.
    step : ndarray of shape (n_classes - 1,)
        How far the thresholds of the cells are above those of the surrogate.
    """

    def __init__(self, n_classes: int, resolution: float, step: np.ndarray) -> None:
        self.n_classes = n_classes
        self.resolution = resolution
        self.step = step

    @abstractmethod
    def kinds(self) -> Kinds:
        """Return which kinds the labels belong to."""

    @abstractmethod
    def borders(self, thresholds: np.ndarray) -> list[np.ndarray]:
        """Return for every kind where its loss has kinks, ascending."""

    @abstractmethod
    def losses(self, kind: np.ndarray, scores: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
        """Return the losses of rows of one kind each, at shifted scores."""

    @abstractmethod
    def endpoints(self) -> tuple[np.ndarray, np.ndarray]:
        """Return labels of rows that are of one kind only, of shape (n_kinds,) each."""

    @abstractmethod
    def surrogate(self, labels: LabeledWeights) -> Surrogate:
        """Return the surrogate whose loss of such rows is that of their kind."""

    def minimize(
        self,
        kind: np.ndarray,
        means: np.ndarray,
        weight: np.ndarray,
        accuracy: float,
        largest_score: float,
    ) -> InnerMinimum:
        """Minimise the problem of the cells, each a row of the given kind, score and weight."""
        lower, upper = self.endpoints()
        labels = LabeledWeights(lower[kind], upper[kind], weight, self.n_classes)
        return self.surrogate(labels).minimize(means, accuracy, largest_score)


class HingeModel(CellModel):
    """Hinges of single thresholds: kind k is a hinge below, of threshold k, K + k one above.

    Rows of one hinge are rows of the explicit surrogate, whichever surrogate they come from. The
    order of the thresholds, which it asks for, holds by itself at some minimiser of the implicit
    one, whatever its margins.

    Parameters
    ----------
    margins : Margins
    implicit : bool
        Whether rows have hinges of all thresholds outside of their interval, or only of the two
        next to it.
    """

    def __init__(self, margins: Margins, implicit: bool) -> None:
        largest = max(float(np.abs(part).max(initial=0.0)) for part in margins)
        super().__init__(len(margins.below), _RESOLUTION * largest, margins.step)
        self._shift = np.stack([1.0 - margins.below, margins.above - 1.0])
        self._implicit = implicit

    def kinds(self) -> Kinds:
        k = np.arange(self.n_classes - 1)
        if self._implicit:
            first, stop = [k + 1, np.zeros_like(k)], [np.full_like(k, self.n_classes), k + 1]
        else:
            first, stop = [k + 1, k], [k + 2, k + 1]
        side = np.repeat([0, 1], len(k))
        return Kinds(side, np.concatenate(first), np.concatenate(stop), self._shift)

    def borders(self, thresholds: np.ndarray) -> list[np.ndarray]:
        return list(np.concatenate([thresholds + 1.0, thresholds - 1.0])[:, None])

    def losses(self, kind: np.ndarray, scores: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
        n = self.n_classes - 1
        beyond = thresholds[kind % n] - scores
        return np.maximum(0.0, 1.0 + np.where(kind < n, beyond, -beyond))

    def endpoints(self) -> tuple[np.ndarray, np.ndarray]:
        k = np.arange(self.n_classes - 1)
        last = np.full_like(k, self.n_classes - 1)
        return np.concatenate([k + 1, np.zeros_like(k)]), np.concatenate([last, k])

    def surrogate(self, labels: LabeledWeights) -> Surrogate:
        return ExplicitHinge(labels)


class VShapedModel(CellModel):
    """Sides of the V-shaped loss: kind y is the side below the lower endpoint y, Y + y that above.

    Parameters
    ----------
    cost : ndarray of shape (n_classes, n_classes)
        ``cost[y, y_true]``.
    """

    def __init__(self, cost: np.ndarray) -> None:
        resolution = 10.0 * _RESOLUTION * float(np.max(cost))
        super().__init__(len(cost), resolution, np.zeros(len(cost) - 1))
        self._cost = np.ascontiguousarray(cost, dtype=np.float64)

    def kinds(self) -> Kinds:
        n = self.n_classes
        label = np.arange(n)
        # Below the first label there is no other, nor above the last.
        stop = np.concatenate([label + (label > 0), label + (label < n - 1)])
        side = np.repeat([0, 1], n)
        return Kinds(side, np.concatenate([label, label]), stop, np.zeros((2, n)))

    def borders(self, thresholds: np.ndarray) -> list[np.ndarray]:
        n = self.n_classes
        biases = np.concatenate([[0.0], -np.cumsum(thresholds)])
        labels, by_endpoint = np.arange(n, dtype=np.float64), np.ascontiguousarray(self._cost.T)
        hull, border = np.zeros(n, np.int64), np.zeros(n)
        out = []
        for direction in (-1, 1):
            for endpoint in range(n):
                n_hull = find_envelope(
                    labels,
                    by_endpoint,
                    biases,
                    endpoint,
                    direction,
                    -_BOUNDLESS,
                    _BOUNDLESS,
                    hull,
                    border,
                )
                out.append(np.sort(direction * border[1:n_hull]))
        return out

    def losses(self, kind: np.ndarray, scores: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
        n = self.n_classes
        biases = np.concatenate([[0.0], -np.cumsum(thresholds)])
        endpoint, above = kind % n, kind >= n
        label = np.arange(n)
        values = self._cost[:, endpoint].T + scores[:, None] * (label - endpoint[:, None])
        values += biases - biases[endpoint][:, None]
        allowed = np.where(above[:, None], label >= endpoint[:, None], label <= endpoint[:, None])
        out = np.where(allowed, values, -np.inf).max(axis=1)
        # The endpoint itself costs exactly 0, others that cost nothing may exceed it by rounding.
        size = self._cost.max() + n * np.abs(scores).max() + np.abs(biases).max()
        return np.where(out > np.finfo(np.float64).eps * size, out, 0.0)

    def endpoints(self) -> tuple[np.ndarray, np.ndarray]:
        label = np.arange(self.n_classes)
        first, last = np.zeros_like(label), np.full_like(label, self.n_classes - 1)
        return np.concatenate([label, first]), np.concatenate([last, label])

    def surrogate(self, labels: LabeledWeights) -> Surrogate:
        return VShaped(labels, self._cost)
