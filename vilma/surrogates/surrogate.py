r"""The contract between surrogates and solvers: scores in, minimum over the biases and plane out.

With scores :math:`s = Xw` and weights p, a surrogate stands for

.. math:: G(s) = \min_{\text{biases}} \frac{1}{\sum_i p_i} \sum_i p_i\,
          \ell(l_i, u_i, s_i, \text{biases}),

convex in :math:`s`. It never sees X: the solver turns the derivative c of a plane in the scores
into its gradient :math:`X^T c` in w.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np
from scipy import sparse

from vilma.surrogates.plane import InnerMinimum

__all__ = [
    "Hinges",
    "LabelMaxima",
    "LabeledWeights",
    "PiecewiseLinearForm",
    "Surrogate",
    "to_biases",
]


def to_biases(thresholds: np.ndarray) -> np.ndarray:
    """Biases of shape (Y,) that predict as nondecreasing thresholds do, the first one 0.

    Theorem 3 of the paper, see `vilma.thresholds`.
    """
    return np.concatenate([[0.0], -np.cumsum(thresholds)])


class LabeledWeights(NamedTuple):
    """The labels and weights of one problem, checked: what every surrogate is built from.

    Labels are the codes 0, ..., n_classes - 1; threshold k separates label k from k + 1.
    """

    lower: np.ndarray  # (m,) int64
    upper: np.ndarray  # (m,) int64, lower <= upper
    weight: np.ndarray  # (m,) float64, positive
    n_classes: int


class Hinges(NamedTuple):
    r"""The hinges of every example, two ranges of thresholds.

    .. math:: \sum_{k \in \text{below}} \max(0, a^- - s + \theta_k)
            + \sum_{k \in \text{above}} \max(0, a^+ + s - \theta_k)

    Averaged with the examples' weights and minimised over the thresholds, this is the surrogate.
    Hinges below are those of the thresholds below the interval, which should lie below the score;
    hinges above those of the thresholds above it, which should lie above. The thresholds may
    differ by constants from those of the labels.
    """

    below_start: np.ndarray  # (m,) int64
    below_stop: np.ndarray  # (m,) int64
    above_start: np.ndarray  # (m,) int64
    above_stop: np.ndarray  # (m,) int64
    below_margin: np.ndarray  # (m,) float64, a^-
    above_margin: np.ndarray  # (m,) float64, a^+
    weight: np.ndarray  # (m,) float64, positive
    places: np.ndarray  # (n_thresholds,) int64, of the thresholds among those of the labels
    ordered: bool  # whether the thresholds are constrained to be nondecreasing

    @property
    def n_thresholds(self) -> int:
        """Number of thresholds that some example has a hinge for."""
        return len(self.places)

    def counts(self) -> np.ndarray:
        """Return the number of hinges of every example."""
        n_below = self.below_stop - self.below_start
        return n_below + self.above_stop - self.above_start


class LabelMaxima(NamedTuple):
    r"""Two maxima over labels for every example, with a score for every piece of the scale.

    .. math:: \max_{y \le l} [\Delta(y, l) + f(y) - f(l)] + \max_{y \ge u} [\Delta(y, u) + f(y)
              - f(u)], \qquad f(y) = \sum_{k < y} (s_{j(k)} - \theta_k)

    Averaged with the examples' weights and minimised over the thresholds, this is the surrogate.
    """

    lower: np.ndarray  # (m,) int64, l
    upper: np.ndarray  # (m,) int64, u
    weight: np.ndarray  # (m,) float64, positive
    cost: np.ndarray  # (n_classes, n_classes), Delta
    pieces: np.ndarray  # (n_classes - 1,) int64, the piece j of every step

    def counts(self) -> np.ndarray:
        """Return the number of steps beyond the ends of every example's interval."""
        return self.lower + len(self.pieces) - self.upper


class PiecewiseLinearForm(NamedTuple):
    r"""The mean loss as :math:`\sum_t \text{share}_t \max_{r \in t} h_r(s, \theta)`.

    The affine functions :math:`h_r` are the entries of ``constant + by_score @ scores +
    by_threshold @ thresholds``.
    """

    constant: np.ndarray  # (n_functions,)
    by_score: sparse.csr_array  # (n_functions, n_scores)
    by_threshold: sparse.csr_array  # (n_functions, n_thresholds)
    term: np.ndarray  # (n_functions,) the term that a function belongs to
    share: np.ndarray  # (n_terms,) weight of the term's example over the total weight
    ordered: bool  # whether the thresholds must be nondecreasing


class Surrogate(ABC):
    """A convex surrogate of an interval-insensitive loss, minimised over its biases."""

    resolution: float  # differences of two values below this are rounding
    exact = False  # whether `minimize` ignores the accuracy asked

    @abstractmethod
    def minimize(self, scores: np.ndarray, accuracy: float, largest_score: float) -> InnerMinimum:
        """Minimise over the biases at fixed scores, the problem (19) of the paper.

        Parameters
        ----------
        scores : ndarray of shape (m,)
            The projections X w.
        accuracy : float
            How far the value may stay above the plane; exact surrogates ignore it.
        largest_score : float
            Largest absolute score at which the plane will be used.
        """

    def hinges(self) -> Hinges | None:
        """Write the surrogate out as hinges of single thresholds; None where it is no such sum."""
        return None

    def label_maxima(self) -> LabelMaxima | None:
        """Write the surrogate out as maxima over labels with scores of several pieces, or None.

        Only the surrogate of PW-VILMA does: coordinate ascent on maxima over labels is written
        for its scores, several per example. `VShaped`, of one score, is left to cutting planes.
        """
        return None

    @abstractmethod
    def linear_form(self) -> PiecewiseLinearForm:
        """Write the surrogate out as a sum of maxima of affine functions."""

    @abstractmethod
    def bound_thresholds(self, largest_score: float) -> float:
        """Bound the thresholds of some minimiser, where no score exceeds this absolute value."""
