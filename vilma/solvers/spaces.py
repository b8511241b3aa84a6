r"""Where the solver keeps its vectors: among the features or among the samples.

Planes and points of the cutting-plane method are vectors w with one entry per feature, of which
the method needs inner products, linear combinations and scores X w. Starting from zero, every one
of them is :math:`w = X^T u`, and with the scores s = X w at hand

.. math:: \langle w_1, w_2 \rangle = \langle u_1, s_2 \rangle,

so u and s, one entry per sample each, can stand for w. Both spaces cost one product with X and one
with X^T per iteration; what differs is the length of the vectors that are stored and combined.

**Rounding.** A combination of gradients is much smaller than they are where lambda is small. Among
the features that is no harm: what rounding leaves in w is multiplied by w, and is less than the
error of the scores that the certificate allows for. Among the samples it is multiplied by u, which
need not be small: rows of X that depend on one another share w in many ways, and :math:`\langle
u, s \rangle` has come out below 0. There :math:`s = X w` is formed anew where the error is too
large, and what is left of it is told.

With several directions vectors are the V of `vilma.solvers.metric`, scores those of W = V N.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np

from vilma.design_matrices import DesignMatrix
from vilma.solvers.metric import EUCLIDEAN, Metric

__all__ = ["FeatureSpace", "Point", "SampleSpace", "Space", "choose_space"]

_EPS = float(np.finfo(np.float64).eps)


class Point(NamedTuple):
    """A vector w with its scores."""

    vector: np.ndarray  # w (V), or u with w = X^T u
    scores: np.ndarray  # X w (X W)

    def interpolate(self, other: Point, step: float) -> Point:
        """Go a share `step` of the way to another point."""
        return Point(
            self.vector + step * (other.vector - self.vector),
            self.scores + step * (other.scores - self.scores),
        )


class Space(ABC):
    """Inner products and combinations of vectors w.

    A plane's gradient is kept as the arrays that `represent_gradient` returns, stacked plane by
    plane; they do not depend on the metric, which may change.
    """

    def __init__(self, X: DesignMatrix, metric: Metric = EUCLIDEAN) -> None:
        self.X = X
        self.metric = metric

    @property
    @abstractmethod
    def lengths(self) -> tuple[int, ...]:
        """Lengths of the arrays that `represent_gradient` returns."""

    @abstractmethod
    def represent_gradient(self, score_gradient: np.ndarray) -> tuple[np.ndarray, ...]:
        """Return what is kept of the gradient X^T c."""

    @abstractmethod
    def products(self, stacks: list[np.ndarray], gradient: tuple[np.ndarray, ...]) -> np.ndarray:
        """Inner products of all stacked gradients with one of them, in the metric's parts."""

    @abstractmethod
    def combine(
        self, stacks: list[np.ndarray], weights: np.ndarray, accuracy: float
    ) -> tuple[Point, float]:
        """Combine stacked gradients.

        Returns
        -------
        point : Point
        error : float
            By which its squared norm may be too small, at most `accuracy` where that can be had.
        """

    @abstractmethod
    def start(self, coef: np.ndarray | None) -> Point:
        """Return the starting point: zero where `coef` is None."""

    @abstractmethod
    def point(self, vector: np.ndarray) -> Point:
        """Return the point of a vector of this space."""

    @abstractmethod
    def reach(self, coef: np.ndarray, by_sample: np.ndarray) -> Point:
        """Return the point w = coef = X^T by_sample."""

    @abstractmethod
    def by_sample(self, point: Point) -> np.ndarray | None:
        """Return u with w = X^T u where it is known."""

    @abstractmethod
    def inner(self, a: Point, b: Point) -> float:
        """Inner product of two vectors w."""

    @abstractmethod
    def coef(self, point: Point) -> np.ndarray:
        """Return w itself (V)."""


class FeatureSpace(Space):
    """Vectors are kept as they are: for few features."""

    @property
    def lengths(self) -> tuple[int, ...]:
        return (self.X.shape[1],)

    def represent_gradient(self, score_gradient: np.ndarray) -> tuple[np.ndarray, ...]:
        return (self.X.transpose_dot(score_gradient),)

    def products(self, stacks: list[np.ndarray], gradient: tuple[np.ndarray, ...]) -> np.ndarray:
        return self.metric.parts(stacks[0], gradient[0])

    def combine(
        self, stacks: list[np.ndarray], weights: np.ndarray, accuracy: float
    ) -> tuple[Point, float]:
        return self.point(weights @ stacks[0]), 0.0

    def start(self, coef: np.ndarray | None) -> Point:
        if coef is None:
            return Point(np.zeros(self.X.shape[1]), self.X.no_scores())
        return self.point(coef)

    def point(self, vector: np.ndarray) -> Point:
        return Point(vector, self.metric.mix(self.X.dot(vector)))

    def reach(self, coef: np.ndarray, by_sample: np.ndarray) -> Point:
        return self.point(coef)

    def by_sample(self, point: Point) -> np.ndarray | None:
        return None

    def inner(self, a: Point, b: Point) -> float:
        return self.metric.inner(a.vector, b.vector)

    def coef(self, point: Point) -> np.ndarray:
        return point.vector


class SampleSpace(Space):
    """Vectors are kept as u and X X^T u: for more features than samples.

    The largest entry of X X^T u is kept, too, by which rounding is judged.
    """

    @property
    def lengths(self) -> tuple[int, ...]:
        return (self.X.shape[0], self.X.shape[0], 1)

    def represent_gradient(self, score_gradient: np.ndarray) -> tuple[np.ndarray, ...]:
        image = self.X.dot(self.X.transpose_dot(score_gradient))
        return score_gradient, image, np.max(abs(image), keepdims=True)

    def products(self, stacks: list[np.ndarray], gradient: tuple[np.ndarray, ...]) -> np.ndarray:
        return self.metric.parts(stacks[0], gradient[1])

    def combine(
        self, stacks: list[np.ndarray], weights: np.ndarray, accuracy: float
    ) -> tuple[Point, float]:
        vector = weights @ stacks[0]
        added_up = np.full(len(vector), abs(weights) @ stacks[2][:, 0])  # at most, in any score
        error = _EPS * float(abs(vector) @ self.metric.mix(added_up))
        if error <= accuracy:
            return Point(vector, self.metric.mix(weights @ stacks[1])), error
        point = self.point(vector)
        return point, _EPS * float(abs(vector) @ abs(point.scores))

    def start(self, coef: np.ndarray | None) -> Point:
        if coef is not None:
            raise ValueError("Only zero is known to be a combination of samples.")
        return Point(np.zeros(self.X.shape[0]), np.zeros(self.X.shape[0]))

    def point(self, vector: np.ndarray) -> Point:
        return Point(vector, self.metric.mix(self.X.dot(self.X.transpose_dot(vector))))

    def reach(self, coef: np.ndarray, by_sample: np.ndarray) -> Point:
        return Point(by_sample, self.metric.mix(self.X.dot(coef)))

    def by_sample(self, point: Point) -> np.ndarray | None:
        return point.vector

    def inner(self, a: Point, b: Point) -> float:
        return float(a.vector @ b.scores)

    def coef(self, point: Point) -> np.ndarray:
        return self.X.transpose_dot(point.vector)


def choose_space(
    X: DesignMatrix, coef_init: np.ndarray | None, metric: Metric = EUCLIDEAN
) -> Space:
    """Return the space with the shorter vectors that can be used; a start needs the features'."""
    n_samples, n_features = X.shape
    if X.keeps_samples and coef_init is None and 2 * n_samples < n_features:
        return SampleSpace(X, metric)
    return FeatureSpace(X, metric)
