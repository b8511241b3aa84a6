"""The V-shaped surrogate with biases that are variables like any other (the paper's VILMA-REG)."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from vilma.surrogates.plane import InnerMinimum, Plane
from vilma.surrogates.surrogate import LabeledWeights, PiecewiseLinearForm, Surrogate
from vilma.surrogates.v_shaped import VShaped

__all__ = ["PenalizedBiases"]


class PenalizedBiases(Surrogate):
    """Nothing is minimised: the biases come as further scores, behind those of the examples.

    Together with `vilma.design_matrices.BorderedMatrix`, which makes the biases coefficients,
    this turns the double loop into the standard single-loop cutting-plane method.
    """

    def __init__(self, labels: LabeledWeights, cost: np.ndarray) -> None:
        self._n_examples = len(labels.weight)
        self._surrogate = VShaped(labels, cost)
        self.resolution = self._surrogate.resolution

    def minimize(self, scores: np.ndarray, accuracy: float, largest_score: float) -> InnerMinimum:
        biases = scores[self._n_examples :]
        thresholds = biases[:-1] - biases[1:]
        value, offset, by_score, by_threshold = self._surrogate.evaluate(
            scores[: self._n_examples], thresholds
        )
        by_bias = np.append(by_threshold, 0.0) - np.append(0.0, by_threshold)
        plane = Plane(np.concatenate([by_score, by_bias]), offset)
        return InnerMinimum(value, thresholds, plane)

    def linear_form(self) -> PiecewiseLinearForm:
        form = self._surrogate.linear_form()
        n_thresholds = form.by_threshold.shape[1]
        differences = sparse.eye_array(n_thresholds, n_thresholds + 1) - sparse.eye_array(
            n_thresholds, n_thresholds + 1, k=1
        )
        by_bias = form.by_threshold @ differences
        return form._replace(
            by_score=sparse.hstack([form.by_score, by_bias], format="csr"),
            by_threshold=sparse.csr_array((len(form.constant), 0)),
        )

    def bound_thresholds(self, largest_score: float) -> float:
        return 2.0 * largest_score
