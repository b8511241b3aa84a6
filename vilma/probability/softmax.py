r"""Softmax models of label scores: fitting, and what they say.

With scores f(x, y) of the labels y, of which the largest is predicted, the model is

.. math:: P(y \mid x) \propto \exp(a f(x, y) + c_y) .

It serves classifiers with several projections, whose label scores are no function of one number.
An annotation [l, u] has the likelihood :math:`\sum_{y = l}^{u} P(y \mid x)`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax

from vilma.likelihood.links import FloatArray
from vilma.surrogates import LabeledWeights
from vilma.thresholds import supported_thresholds

__all__ = ["SoftmaxLink", "fit_softmax_link"]


@dataclass(frozen=True)
class SoftmaxLink:
    """The model ``P(y | x)`` proportional to ``exp(slope * f(x, y) + offsets[y])``.

    Parameters
    ----------
    slope : float
        Nonnegative.
    offsets : ndarray of shape (n_classes,)
        The first one 0.
    """

    slope: float
    offsets: FloatArray

    def log_probabilities(self, label_scores: FloatArray) -> FloatArray:
        """Return log P(y | x), of shape (n_samples, n_classes)."""
        return log_softmax(self.slope * label_scores + self.offsets, axis=1)

    def medians(self, label_scores: FloatArray) -> np.ndarray:
        """Return the code of the median label, the lower one of two."""
        below = np.cumsum(np.exp(self.log_probabilities(label_scores)), axis=1)
        return np.minimum((below < 0.5).sum(axis=1), label_scores.shape[1] - 1)


def fit_softmax_link(label_scores: FloatArray, labels: LabeledWeights) -> SoftmaxLink:
    """Fit by maximum likelihood of the annotations, with a weak prior.

    Parameters
    ----------
    label_scores : ndarray of shape (m, n_classes)
        Held-out scores of all labels.
    labels : LabeledWeights
        The rows' annotations.

    Returns
    -------
    SoftmaxLink
        The maximiser for exact labels; with intervals, for which the likelihood is not concave, a
        local one near slope 1 and offsets 0.

    Notes
    -----
    The prior is one more example of mean weight: every label in equal parts, spread evenly over
    the rows. It keeps probabilities away from 0 and 1.

    Offsets change only at steps that the annotations support, by the rule of
    :func:`vilma.thresholds.supported_thresholds`: inside a bracket the label scores decide.
    """
    lower, upper, weight, n_classes = labels
    supported = supported_thresholds(labels)
    steps = np.zeros((n_classes, int(supported.sum())))  # offsets = steps @ changes
    steps[1:] = np.cumsum(np.eye(n_classes - 1), axis=0)[:, supported]
    codes = np.arange(n_classes)
    outside = (codes < lower[:, None]) | (codes > upper[:, None])
    prior = weight.mean() / (len(weight) * n_classes)

    def objective(point: FloatArray) -> tuple[float, FloatArray]:
        logs = SoftmaxLink(point[0], steps @ point[1:]).log_probabilities(label_scores)
        probabilities = np.exp(logs)
        inside = np.where(outside, -np.inf, logs)
        likelihood = np.logaddexp.reduce(inside, axis=1)
        value = -weight @ likelihood - prior * logs.sum()
        # The derivative in the exponents: what the model expects less what the annotations say.
        residual = weight[:, None] * (probabilities - np.exp(inside - likelihood[:, None]))
        residual += prior * (n_classes * probabilities - 1.0)
        gradient = np.append(np.sum(residual * label_scores), residual.sum(axis=0) @ steps)
        return value / weight.sum(), gradient / weight.sum()

    start = np.zeros(1 + steps.shape[1])
    start[0] = 1.0
    bounds = [(0.0, None)] + [(None, None)] * steps.shape[1]
    options = {"maxiter": 1000, "ftol": 1e-12, "gtol": 1e-8}
    found = minimize(
        objective, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options
    ).x
    return SoftmaxLink(float(found[0]), steps @ found[1:])
