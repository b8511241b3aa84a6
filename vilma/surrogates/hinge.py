"""The hinge surrogates of SVOR with interval labels: implicit and explicit order constraints."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from vilma.surrogates import _hinge_kernels as kernels
from vilma.surrogates.base import InnerSolution, Surrogate
from vilma.surrogates.hinges import Hinges, explicit_hinges, implicit_hinges
from vilma.surrogates.labeled import LabeledWeights
from vilma.surrogates.pieces import Pieces, hinge_pieces

__all__ = ["ExplicitHinge", "HingeSurrogate", "ImplicitHinge"]


class HingeSurrogate(Surrogate):
    """Sort the scores, find the thresholds' minimisers, read off the plane."""

    scale = 1.0
    exact = True

    def __init__(self, labels: LabeledWeights) -> None:
        self._labels = labels
        self._total_weight = float(labels.weight.sum())

    # The two kernels of a surrogate: minimisers of the thresholds, and the plane at thresholds.
    _minimizers = staticmethod(kernels.imc_minimizers)
    _plane = staticmethod(kernels.imc_plane)

    def minimize(self, scores: np.ndarray, accuracy: float, largest_score: float) -> InnerSolution:
        lower, upper, weight, n_classes = self._labels
        order = np.argsort(scores)
        ascending = scores[order], lower[order], upper[order], weight[order]
        smallest, largest = self._minimizers(*ascending, n_classes - 1)
        thresholds = kernels.middle_thresholds(smallest, largest, scores)
        value, offset, ascending_coefficients = self._plane(*ascending, thresholds)
        coefficients = np.empty_like(scores)
        coefficients[order] = ascending_coefficients / self._total_weight
        return InnerSolution(
            value / self._total_weight,
            thresholds,
            coefficients,
            offset / self._total_weight,
            leak=0.0,
        )

    def as_hinges(self) -> HingeSurrogate:
        return self

    @abstractmethod
    def hinges(self) -> Hinges:
        """Write the surrogate out as hinges of single thresholds."""

    def bound_thresholds(self, largest_score: float) -> float:
        return largest_score + 1.0


class ImplicitHinge(HingeSurrogate):
    r"""II-SVOR-IMC: every threshold outside the interval is a hinge.

    .. math:: \sum_{k < l} \max(0, 1 - s + \theta_k) + \sum_{k \ge u} \max(0, 1 + s - \theta_k)

    (labels as codes from 0). It bounds the interval-insensitive absolute error from above; its
    minimisers are ordered by themselves.
    """

    def hinges(self) -> Hinges:
        return implicit_hinges(self._labels)

    def pieces(self) -> Pieces:
        lower, upper, _, n_classes = self._labels
        below = ((i, k, 1.0) for i, stop in enumerate(lower) for k in range(stop))
        above = (
            (i, k, -1.0) for i, start in enumerate(upper) for k in range(start, n_classes - 1)
        )
        return hinge_pieces(self._labels, [*below, *above], ordered=False)


class ExplicitHinge(HingeSurrogate):
    r"""II-SVOR-EXP: only the two thresholds next to the interval are hinges.

    .. math:: \max(0, 1 - s + \theta_{l-1}) + \max(0, 1 + s - \theta_u)
              \quad\text{subject to}\quad \theta_0 \le \dots \le \theta_{Y-2}

    It bounds the interval-insensitive 0/1 loss from above.
    """

    _minimizers = staticmethod(kernels.exp_minimizers)
    _plane = staticmethod(kernels.exp_plane)

    def hinges(self) -> Hinges:
        return explicit_hinges(self._labels)

    def pieces(self) -> Pieces:
        lower, upper, _, n_classes = self._labels
        below = ((i, k - 1, 1.0) for i, k in enumerate(lower) if k > 0)
        above = ((i, k, -1.0) for i, k in enumerate(upper) if k < n_classes - 1)
        return hinge_pieces(self._labels, [*below, *above], ordered=True)
