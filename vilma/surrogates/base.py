r"""What a surrogate is to the solvers: scores in, value and a valid plane out.

With scores :math:`s = Xw`, a surrogate stands for

.. math:: G(s) = \min_{\text{biases}} \frac{1}{\sum_i p_i} \sum_i p_i\,
          \ell(l_i, u_i, s_i, \text{biases}),

convex in :math:`s`. It never sees X: the solver turns the per-example coefficients
:math:`c` of a plane into :math:`g = X^T c`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from vilma.surrogates.pieces import Pieces

if TYPE_CHECKING:
    from vilma.surrogates.hinge import HingeSurrogate

__all__ = ["InnerSolution", "Surrogate"]


class InnerSolution(NamedTuple):
    """Minimum over the biases at given scores, with the plane that certifies it.

    The plane ``offset + coefficients @ t`` bounds G(t) from below for every vector of scores t,
    up to ``leak * (largest absolute threshold of a minimiser at t)``.
    """

    value: float  # loss at `thresholds`, an upper bound on G(scores)
    thresholds: np.ndarray  # (n_classes - 1,) differences b_k - b_{k+1} of the biases
    coefficients: np.ndarray  # (m,)
    offset: float
    leak: float  # 1-norm of what is left of the plane's bias part; 0 where it cancels exactly


class Surrogate(ABC):
    """A convex surrogate of an interval-insensitive loss, minimised over its biases."""

    scale: float  # size of a typical loss, the measure of what is rounding
    exact = False  # whether `minimize` ignores the accuracy asked

    @abstractmethod
    def minimize(self, scores: np.ndarray, accuracy: float, largest_score: float) -> InnerSolution:
        """Minimise over the biases at fixed scores.

        Parameters
        ----------
        scores : ndarray of shape (m,)
            The projections X w.
        accuracy : float
            How far the value may stay above the plane; exact surrogates ignore it.
        largest_score : float
            Largest absolute score at which the plane will be used.
        """

    def as_hinges(self) -> HingeSurrogate | None:
        """Return the same function of the scores as a sum of hinges, if it is one."""
        return None

    @abstractmethod
    def pieces(self) -> Pieces:
        """Write the surrogate out as a sum of maxima of linear functions."""

    @abstractmethod
    def bound_thresholds(self, largest_score: float) -> float:
        """Bound the thresholds of some minimiser, where no score exceeds this absolute value."""
