r"""The inner product of coefficient vectors: how the penalty sees several directions at once.

With one direction the penalty is :math:`\frac{\lambda}{2} |w|^2`. With the directions
:math:`W = [w_1, \dots, w_J]` of the pieces of PW-VILMA it is

.. math:: \frac{\lambda}{2} \operatorname{tr}(W N^{-1} W^T), \qquad
          N = \rho\, 1 1^T + (1 - \rho) I ,

N the prior correlation of the directions: W is a common direction of penalty
:math:`\lambda / \rho` plus one of its own for each piece, of penalty :math:`\lambda / (1 - \rho)`.

The solvers keep :math:`V = W N^{-1}` instead of W. The derivative of G in W is :math:`X^T C` with
C of shape (m, J), and the reduced problem's solution is
:math:`W = -\frac{1}{\lambda} X^T C N`, so V is a combination of the planes' gradients
whatever :math:`\rho`, and inner products are

.. math:: \langle V, V' \rangle_N = \operatorname{tr}(V N V'^T)
          = (1 - \rho) \sum_j \langle v_j, v'_j \rangle
          + \rho\, \Bigl\langle \sum_j v_j, \sum_j v'_j \Bigr\rangle .

Both *parts* are kept of the planes' Gram matrix, with the *shares* :math:`1 - \rho` and
:math:`\rho`: the same planes serve every :math:`\rho`, as they serve every :math:`\lambda`.

The diagonal of N is 1, so :math:`|w_j|^2 \le \operatorname{tr}(W N^{-1} W^T)`: bounds on scores
hold as for a single direction.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

__all__ = ["EUCLIDEAN", "CorrelatedMetric", "Metric"]


class Metric(ABC):
    """An inner product of vectors V, and the map from V to the coefficients W."""

    shares: np.ndarray  # (n_parts,)

    @abstractmethod
    def mix(self, vector: np.ndarray) -> np.ndarray:
        """Return V N for V, or the scores of V N for those of V."""

    @abstractmethod
    def unmix(self, coef: np.ndarray) -> np.ndarray:
        """Return V for W = V N."""

    @abstractmethod
    def parts(self, stack: np.ndarray, vector: np.ndarray) -> np.ndarray:
        """Parts of the inner products of stacked vectors with one, of shape (n_parts, n_stack)."""

    def inner(self, a: np.ndarray, b: np.ndarray) -> float:
        """Inner product of two vectors V."""
        return float(a @ self.mix(b))


class _EuclideanMetric(Metric):
    """One direction: V is w."""

    shares = np.ones(1)

    def mix(self, vector: np.ndarray) -> np.ndarray:
        return vector

    def unmix(self, coef: np.ndarray) -> np.ndarray:
        return coef

    def parts(self, stack: np.ndarray, vector: np.ndarray) -> np.ndarray:
        return (stack @ vector)[None]


EUCLIDEAN = _EuclideanMetric()


class CorrelatedMetric(Metric):
    """Several directions, entry j of each feature or sample side by side.

    Parameters
    ----------
    n_columns : int
        The number J of directions.
    correlation : float
        The correlation rho of any two of them, at least 0 and below 1.
    """

    def __init__(self, n_columns: int, correlation: float) -> None:
        self._n_columns = n_columns
        self._correlation = correlation
        self._ones = np.ones((n_columns, n_columns))
        self.shares = np.array([1.0 - correlation, correlation])

    def mix(self, vector: np.ndarray) -> np.ndarray:
        return self.shares[0] * vector + self.shares[1] * self._summed(vector)

    def unmix(self, coef: np.ndarray) -> np.ndarray:
        shared = self._correlation / (1.0 + (self._n_columns - 1) * self._correlation)
        return (coef - shared * self._summed(coef)) / self.shares[0]

    def root(self) -> np.ndarray:
        """Return the symmetric square root of N, of shape (n_columns, n_columns)."""
        own = np.sqrt(self.shares[0])
        shared = np.sqrt(1.0 + (self._n_columns - 1) * self._correlation) - own
        return own * np.eye(self._n_columns) + shared / self._n_columns

    def parts(self, stack: np.ndarray, vector: np.ndarray) -> np.ndarray:
        # Two products with one vector take half as long as one with two rows.
        return np.stack([stack @ vector, stack @ self._summed(vector)])

    def _summed(self, vector: np.ndarray) -> np.ndarray:
        """Return the sums over the columns, in the place of every column."""
        # A product with ones takes a tenth of the time of sums over so few numbers.
        return (vector.reshape(-1, self._n_columns) @ self._ones).ravel()
