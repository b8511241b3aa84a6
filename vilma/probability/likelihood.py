r"""The likelihood of interval labels under a cumulative link, and its maximiser.

Labels are codes 0, ..., Y - 1. The model says

.. math:: P(y \le k \mid s) = F(a_k - b s), \qquad a_0 < \dots < a_{Y-2},

so that an annotation [l, u] has the likelihood :math:`F(a_u - b s) - F(a_{l-1} - b s)`, with
:math:`a_{-1} = -\infty` and :math:`a_{Y-1} = \infty`. Its negative logarithm is convex in (a, b),
because F has a logarithmically concave density.
"""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from vilma.probability.links import FloatArray, Link, log_mass
from vilma.surrogates import LabeledWeights

__all__ = ["Objective", "minimize_newton"]

_MAX_STEPS = 200
_MAX_HALVINGS = 60
_DECREMENT = 1e-10  # of the objective, per example: far below what probabilities show


class Derivatives(NamedTuple):
    """Value, gradient and Hessian at a point."""

    value: float
    gradient: FloatArray
    hessian: FloatArray


class Objective:
    """Negative log-likelihood of annotated projections, as a function of (a, b).

    Parameters
    ----------
    link : Link
        The distribution F.
    projection : ndarray of shape (m,)
        Projections s.
    labels : LabeledWeights
        Annotations as codes, with weights, of shape (m,) each.
    """

    def __init__(self, link: Link, projection: FloatArray, labels: LabeledWeights) -> None:
        self._link = link
        self._projection = projection
        self._labels = labels

    def value(self, point: FloatArray) -> float:
        """Return the value at ``point = (a_0, ..., a_{Y-2}, b)``, infinite if a does not grow."""
        if (np.diff(point[:-1]) <= 0.0).any():
            return np.inf
        low, high = self._ends(point)
        return -float(self._labels.weight @ log_mass(self._link, low, high))

    def derivatives(self, point: FloatArray) -> Derivatives:
        """Return value, gradient and Hessian at a point where the value is finite."""
        lower, upper, weight, n_classes = self._labels
        low, high = self._ends(point)
        mass = log_mass(self._link, low, high)
        at_low, bend_low = self._ratios(low, mass)
        at_high, bend_high = self._ratios(high, mass)
        # The gradient and Hessian of -log(F(high) - F(low)) in (low, high) ...
        d_low, d_high = weight * at_low, -weight * at_high
        dd_low = weight * (at_low**2 + bend_low)
        dd_high = weight * (at_high**2 - bend_high)
        dd_both = -weight * at_low * at_high
        # ... and in (a, b): low = a_{l-1} - b s, high = a_u - b s. Places are shifted by one, so
        # that the two ends at infinity, of derivative 0, fall on the borders and are cut off.
        s, size = self._projection, n_classes + 1
        pairs = np.bincount(lower * size + upper + 1, dd_both, minlength=size**2)
        cross = pairs.reshape(size, size)
        curvature = np.diag(
            np.bincount(lower, dd_low, size) + np.bincount(upper + 1, dd_high, size)
        )
        border = -np.bincount(lower, s * (dd_low + dd_both), size) - np.bincount(
            upper + 1, s * (dd_high + dd_both), size
        )
        slope = np.bincount(lower, d_low, size) + np.bincount(upper + 1, d_high, size)
        hessian = np.empty((n_classes, n_classes))
        hessian[:-1, :-1] = (curvature + cross + cross.T)[1:-1, 1:-1]
        hessian[:-1, -1] = hessian[-1, :-1] = border[1:-1]
        hessian[-1, -1] = s**2 @ (dd_low + dd_high + 2.0 * dd_both)
        gradient = np.append(slope[1:-1], -s @ (d_low + d_high))
        return Derivatives(-float(weight @ mass), gradient, hessian)

    def _ends(self, point: FloatArray) -> tuple[FloatArray, FloatArray]:
        lower, upper, _, _ = self._labels
        borders = np.concatenate([[-np.inf], point[:-1], [np.inf]])
        shift = point[-1] * self._projection
        return borders[lower] - shift, borders[upper + 1] - shift

    def _ratios(self, z: FloatArray, mass: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return F'(z) and F''(z), divided by the mass; both 0 at infinity."""
        finite = np.isfinite(z)
        inner = np.where(finite, z, 0.0)
        ratio = np.where(finite, np.exp(self._link.log_pdf(inner) - mass), 0.0)
        return ratio, ratio * self._link.slope(inner)


def minimize_newton(objective: Objective, start: FloatArray, n_examples: float) -> FloatArray:
    """Minimise by Newton's method with halved steps.

    Parameters
    ----------
    objective : Objective
        Strictly convex.
    start : ndarray of shape (n_classes,)
        A point of finite value.
    n_examples : float
        What the tolerance is relative to.

    Returns
    -------
    ndarray of shape (n_classes,)
        The minimiser.

    Warns
    -----
    sklearn.exceptions.ConvergenceWarning
        If 200 steps did not lead there.
    """
    point = start
    for _ in range(_MAX_STEPS):
        value, gradient, hessian = objective.derivatives(point)
        step = -np.linalg.lstsq(hessian, gradient, rcond=None)[0]
        decrement = -gradient @ step
        if decrement <= _DECREMENT * n_examples:
            return point
        size = 1.0
        for _ in range(_MAX_HALVINGS):
            if objective.value(point + size * step) <= value - 0.25 * size * decrement:
                break
            size /= 2.0
        else:  # rounding hides the rest of the descent
            return point
        point = point + size * step
    warnings.warn(
        f"The cumulative link has not converged after {_MAX_STEPS} Newton steps; its projections "
        "are probably of extreme scale. Scale X or increase alpha.",
        ConvergenceWarning,
        stacklevel=2,
    )
    return point
