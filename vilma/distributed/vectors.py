r"""Vectors of one number per row, of which the client knows what they are made of.

All scores are linear in the coefficients, so a vector of scores is X w with the w that is known
here, and the rows' own scores stay with the parts. A vector that a part has lost comes again as
X w. Slopes c of a plane are constant within cells, so that :math:`\langle c, t\rangle` follows
from the cells' sums for the vectors that the scores were combined of, from :math:`X^T c` where
that is known, and is asked for otherwise.
"""

from __future__ import annotations

import itertools
import weakref
from typing import Any, NamedTuple

import numpy as np

from vilma.distributed.cells import CellSums, Edges
from vilma.distributed.engine import Engine
from vilma.distributed.part import MissingVectorsError, Terms, Update

__all__ = ["CellSlopes", "Rows", "Scores"]

_MOST_TERMS = 2  # in the combination of a vector of scores


class _Vector:
    """A vector that every part holds its share of, X w."""

    def __init__(self, key: int, coef: np.ndarray) -> None:
        self.key = key
        self.coef = coef
        self.origin: Terms = ()  # what it was combined of, if it was


class Rows:
    """The parts' rows: asks them for sums, and tells them which vectors are needed.

    Parameters
    ----------
    engine : Engine
    shape : tuple of (int, int)
    """

    def __init__(self, engine: Engine, shape: tuple[int, int]) -> None:
        self._engine = engine
        self.shape = shape
        self._keys = itertools.count()
        self._vectors: weakref.WeakValueDictionary[int, _Vector] = weakref.WeakValueDictionary()
        self._news = Update({}, {}, [])

    def product(self, coef: np.ndarray) -> Scores:
        """Return the scores X w; they are computed with the next sum that is asked for."""
        vector = self._new_vector(coef)
        self._news.products[vector.key] = coef
        return Scores(self, {vector: 1.0})

    def combine(self, terms: dict[_Vector, float]) -> _Vector:
        """Make one vector of several."""
        vector = self._new_vector(_combined_coef(terms, self.shape[1]))
        vector.origin = tuple((each.key, factor) for each, factor in terms.items())
        self._news.combinations[vector.key] = vector.origin
        return vector

    def _new_vector(self, coef: np.ndarray) -> _Vector:
        vector = _Vector(next(self._keys), np.asarray(coef, dtype=np.float64))
        self._vectors[vector.key] = vector
        weakref.finalize(vector, self._forget, vector.key)
        return vector

    def _forget(self, key: int) -> None:
        self._news.forgotten.append(key)

    def sum(self, method: str, scores: Scores, *args: Any) -> Any:
        """Sum what the parts return of a method of the scores."""
        news, self._news = self._news, Update({}, {}, [])
        try:
            return self._engine.sum(method, news, scores.combination(), *args)
        except MissingVectorsError:
            everything = {key: each.coef for key, each in list(self._vectors.items())}
            again = Update(everything, {}, news.forgotten)
            return self._engine.sum(method, again, scores.combination(), *args)


def _combined_coef(terms: dict[_Vector, float], n_features: int) -> np.ndarray:
    """Coefficients of a combination of vectors."""
    out = np.zeros(n_features)
    for vector, factor in terms.items():
        out += factor * vector.coef
    return out


class Scores:
    """A combination of vectors, as the solvers calculate with it."""

    __array_ufunc__ = None  # numbers of NumPy leave products to this class

    def __init__(self, rows: Rows, terms: dict[_Vector, float]) -> None:
        self.rows = rows
        self._terms = {vector: factor for vector, factor in terms.items() if factor != 0.0}

    @property
    def coef(self) -> np.ndarray:
        """The w of which these are the scores X w."""
        return _combined_coef(self._terms, self.rows.shape[1])

    def combination(self) -> Terms:
        """Return what the parts combine."""
        return tuple((vector.key, factor) for vector, factor in self._terms.items())

    def expanded(self) -> dict[int, float]:
        """Return the combination by key, with vectors also as what they were combined of."""
        out: dict[int, float] = {}
        for vector, factor in self._terms.items():
            for key, part in vector.origin or ((vector.key, 1.0),):
                out[key] = out.get(key, 0.0) + factor * part
        return out

    def __add__(self, other: Scores) -> Scores:
        self._shorten(other)
        terms = dict(self._terms)
        for vector, factor in other._terms.items():
            terms[vector] = terms.get(vector, 0.0) + factor
        return Scores(self.rows, terms)

    def __sub__(self, other: Scores) -> Scores:
        self._shorten(other)
        return self + -1.0 * other

    def _shorten(self, other: Scores) -> None:
        """Combine terms of either, the same vector as before, where both have too many."""
        for each in (self, other):
            if len({*self._terms, *other._terms}) > _MOST_TERMS and len(each._terms) > 1:
                each._terms = {self.rows.combine(each._terms): 1.0}

    def __mul__(self, factor: float) -> Scores:
        return Scores(
            self.rows, {vector: float(factor) * old for vector, old in self._terms.items()}
        )

    __rmul__ = __mul__

    def __abs__(self) -> Scores:
        return self  # read by `_Magnitudes` only

    @property
    def size(self) -> int:
        """Number of rows."""
        return self.rows.shape[0]


class CellSlopes:
    """Slopes of a plane, the same for all rows of a cell but for their weights.

    Parameters
    ----------
    scores : Scores
        At which the cells are.
    edges : Edges
    slopes : ndarray of shape (n_cells,)
        Of a row of weight 1.
    sums : CellSums
    largest_shift : float
        How far a score may be from its shifted one.
    """

    __array_ufunc__ = None

    def __init__(
        self,
        scores: Scores,
        edges: Edges,
        slopes: np.ndarray,
        sums: CellSums,
        largest_shift: float,
    ) -> None:
        # A copy, since the scores may be combined differently later on.
        self._scores = Scores(scores.rows, dict(scores._terms))
        self._edges, self._slopes = edges.without_steps(slopes, sums.totals[0] > 0.0)
        by_vector = sums.totals[2:] @ slopes
        self._products = dict(
            zip((key for key, _ in self._scores.combination()), map(float, by_vector), strict=True)
        )
        largest = np.maximum(abs(sums.low), abs(sums.high)) + largest_shift
        largest[sums.totals[0] == 0.0] = 0.0
        self._magnitude = float((abs(slopes) * sums.totals[0]) @ largest)
        self._gradient: np.ndarray | None = None

    def __matmul__(self, scores: Scores) -> float:
        for terms in (dict(scores.combination()), scores.expanded()):
            if terms.keys() <= self._products.keys():
                return sum(factor * self._products[key] for key, factor in terms.items())
        if self._gradient is not None:
            return float(self._gradient @ scores.coef)
        return self._scores.rows.sum(
            "product", self._scores, self._edges, self._slopes, scores.combination()
        )

    def gradient(self) -> np.ndarray:
        """Return X^T c, asking the parts once."""
        if self._gradient is None:
            gradient = self._scores.rows.sum("gradient", self._scores, self._edges, self._slopes)
            self._gradient = np.asarray(gradient)
        return self._gradient

    def __abs__(self) -> _Magnitudes:
        return _Magnitudes(self._magnitude)


class _Magnitudes(NamedTuple):
    """The slopes without their signs, at the scores of their own cells."""

    total: float

    def __matmul__(self, scores: Scores) -> float:
        """Bound the sum of ``|c_i| |s_i|`` from above: by the largest score of every cell."""
        return self.total
