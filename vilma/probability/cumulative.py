"""Cumulative link models of a projection: fitting, and what they say."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vilma.probability.likelihood import Objective, minimize_newton
from vilma.probability.links import LINKS, FloatArray, log_mass
from vilma.surrogates import LabeledWeights
from vilma.thresholds import spread_thresholds, supported_thresholds

__all__ = ["CumulativeLink", "fit_cumulative_link"]


@dataclass(frozen=True)
class CumulativeLink:
    """The model ``P(y <= k | s) = F(cuts[k] - slope * s)``.

    Parameters
    ----------
    link : str
        A key of ``LINKS``.
    cuts : ndarray of shape (n_classes - 1,)
        Strictly increasing.
    slope : float
        Any sign: a projection that points the wrong way is turned round.
    """

    link: str
    cuts: FloatArray
    slope: float

    def log_probabilities(self, projection: FloatArray) -> FloatArray:
        """Return log P(y = k | s), of shape (n_samples, n_classes), summing to 1 as exp."""
        inner = self.cuts - self.slope * projection[:, None]
        end = np.full((len(projection), 1), np.inf)
        logs = log_mass(LINKS[self.link], np.hstack([-end, inner]), np.hstack([inner, end]))
        return logs - np.logaddexp.reduce(logs, axis=1, keepdims=True)

    def medians(self, projection: FloatArray) -> np.ndarray:
        """Return the code of the median label: F(0) = 1/2 for symmetric noise."""
        return np.searchsorted(self.cuts, self.slope * projection, side="left")

    def shifted_and_scaled(self, mean: float, deviation: float) -> CumulativeLink:
        """Return the model for projections s, given this one for (s - mean) / deviation."""
        slope = self.slope / deviation
        return CumulativeLink(self.link, self.cuts + slope * mean, slope)


def fit_cumulative_link(
    link: str, projection: FloatArray, labels: LabeledWeights
) -> CumulativeLink:
    """Fit by maximum likelihood of the annotations, with a weak prior.

    Parameters
    ----------
    link : str
        A key of ``LINKS``.
    projection : ndarray of shape (m,)
        Held-out projections in standard units.
    labels : LabeledWeights
        Their annotations.

    Returns
    -------
    CumulativeLink
        The unique maximiser.

    Notes
    -----
    The prior is one more example of mean weight: in equal parts one of every label at the
    projections -1, 0 and 1. It keeps the model finite where classes are separated perfectly or
    have no example, and the cuts apart.

    Cuts that few or no annotations support, by the rule of
    :func:`vilma.thresholds.supported_thresholds`, are placed evenly between the others; labels
    between two supported cuts count as one until then. Otherwise the few exact labels inside a
    bracket would attract all of its probability.

    Tried on seven tables and a set of faces: the thresholds of the estimator with a scale and a
    shift, in place of free cuts, have a ranked probability score that is up to 45 % worse,
    because many of them tie; a normal prior on second differences of the cuts changes the score
    by less than 1 % unless it is so strong that it does harm, and gives unseen labels at the
    ends of the scale much probability.
    """
    supported = supported_thresholds(labels)
    if supported.sum() < 2:  # there is no spacing to go by
        supported = np.ones_like(supported)
    cell = np.concatenate([[0], np.cumsum(supported)])
    n_cells = int(cell[-1]) + 1
    points = np.repeat([-1.0, 0.0, 1.0], n_cells)
    every = np.tile(np.arange(n_cells), 3)
    share = np.full(len(points), 1.0 / len(points))
    with_prior = LabeledWeights(
        np.concatenate([cell[labels.lower], every]),
        np.concatenate([cell[labels.upper], every]),
        np.concatenate([labels.weight / labels.weight.mean(), share]),
        n_cells,
    )
    objective = Objective(LINKS[link], np.concatenate([projection, points]), with_prior)
    start = np.zeros(n_cells)
    start[:-1] = np.linspace(-2.0, 2.0, n_cells + 1)[1:-1]
    solution = minimize_newton(objective, start, n_examples=len(projection) + 1.0)
    cuts = np.zeros(len(supported))
    cuts[supported] = solution[:-1]
    return CumulativeLink(link, spread_thresholds(cuts, supported), float(solution[-1]))
