r"""Distributions of the noise around a projection: the links F of cumulative models.

All have logarithmically concave densities, which makes the likelihood of intervals convex. An
interval between two *ends* :math:`v < u` has the loss

.. math:: \ell(v, u) = -\log(F(u) - F(v)),

and a link knows its value and derivatives without cancellation, far in the tails as well.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_expit, log_ndtr, ndtr, ndtri, ndtri_exp

__all__ = ["LINKS", "FloatArray", "IntervalLoss", "Link", "log_mass"]

FloatArray = NDArray[np.float64]


class IntervalLoss(NamedTuple):
    """First and second derivatives of the loss of intervals in their two ends.

    Those in an end at infinity are 0.
    """

    d_low: FloatArray  # nonnegative: the loss grows with the lower end
    d_high: FloatArray  # nonpositive
    dd_low: FloatArray
    dd_high: FloatArray
    dd_both: FloatArray


class Link(Protocol):
    """A distribution function F."""

    def cdf(self, z: FloatArray) -> FloatArray:
        """Return F(z)."""

    def pdf(self, z: FloatArray) -> FloatArray:
        """Return F'(z)."""

    def pdf_slope(self, z: FloatArray) -> FloatArray:
        """Return F''(z)."""

    def log_cdf(self, z: FloatArray) -> FloatArray:
        """Return log F(z)."""

    def log_sf(self, z: FloatArray) -> FloatArray:
        """Return log(1 - F(z))."""

    def quantile(self, p: FloatArray) -> FloatArray:
        """Return the inverse of F."""

    def quantile_log(self, log_p: FloatArray) -> FloatArray:
        """Return the inverse of log F, for probabilities that round to 0."""

    def quantile_log_sf(self, log_p: FloatArray) -> FloatArray:
        """Return the inverse of log(1 - F)."""

    def loss(self, low: FloatArray, high: FloatArray) -> FloatArray:
        """Return the loss of intervals ``low < high``, of which either may be infinite."""

    def loss_derivatives(self, low: FloatArray, high: FloatArray) -> IntervalLoss:
        """Return the derivatives of :meth:`loss`."""


class Logit:
    r"""Logistic noise: the proportional odds model.

    With :math:`F(u) - F(v) = F(u)\,(1 - F(v))\,(1 - e^{v - u})` the loss is a sum of convex
    functions of one variable each, and nothing cancels.
    """

    def cdf(self, z: FloatArray) -> FloatArray:
        return expit(z)

    def pdf(self, z: FloatArray) -> FloatArray:
        return expit(z) * expit(-z)

    def pdf_slope(self, z: FloatArray) -> FloatArray:
        return -np.tanh(z / 2.0) * self.pdf(z)

    def log_cdf(self, z: FloatArray) -> FloatArray:
        return log_expit(z)

    def log_sf(self, z: FloatArray) -> FloatArray:
        return log_expit(-z)

    def quantile(self, p: FloatArray) -> FloatArray:
        return np.log(p) - np.log1p(-p)

    def quantile_log(self, log_p: FloatArray) -> FloatArray:
        return log_p - np.log(-np.expm1(log_p))

    def quantile_log_sf(self, log_p: FloatArray) -> FloatArray:
        return -self.quantile_log(log_p)

    def loss(self, low: FloatArray, high: FloatArray) -> FloatArray:
        with np.errstate(divide="ignore"):  # no mass between two points that round to one
            between = np.log(-np.expm1(low - high))
        return _softplus(-high) + _softplus(low) - between

    def loss_derivatives(self, low: FloatArray, high: FloatArray) -> IntervalLoss:
        with np.errstate(over="ignore"):  # 1 - F(u), F(v), by exp: four times as fast as expit
            above, below = 1.0 / (1.0 + np.exp(high)), 1.0 / (1.0 + np.exp(-low))
            growth = np.expm1(high - low)
        thin = 1.0 / growth  # slope of -log(1 - exp(-d)) at the width d, and its curvature
        bend = thin + thin * thin
        return IntervalLoss(
            d_low=below + thin,
            d_high=-(above + thin),
            dd_low=below * (1.0 - below) + bend,
            dd_high=above * (1.0 - above) + bend,
            dd_both=-bend,
        )


def _softplus(z: FloatArray) -> FloatArray:
    """Return log(1 + exp(z)), seven times as fast as ``-log_expit(-z)``."""
    return np.log1p(np.exp(-np.abs(z))) + np.maximum(z, 0.0)


class _GenericLoss:
    """The loss by ratios of densities to the interval's mass, for links without a closed form."""

    def log_pdf(self, z: FloatArray) -> FloatArray:
        """Return log F'(z)."""
        raise NotImplementedError

    def log_pdf_slope(self, z: FloatArray) -> FloatArray:
        """Return the derivative of :meth:`log_pdf`."""
        raise NotImplementedError

    def loss(self: Link, low: FloatArray, high: FloatArray) -> FloatArray:
        return -log_mass(self, low, high)

    def loss_derivatives(self, low: FloatArray, high: FloatArray) -> IntervalLoss:
        mass = log_mass(self, low, high)  # type: ignore[arg-type]
        at_low, bend_low = self._ratios(low, mass)
        at_high, bend_high = self._ratios(high, mass)
        return IntervalLoss(
            d_low=at_low,
            d_high=-at_high,
            dd_low=at_low * at_low + bend_low,
            dd_high=at_high * at_high - bend_high,
            dd_both=-at_low * at_high,
        )

    def _ratios(self, z: FloatArray, mass: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return F'(z) and F''(z), divided by the mass; both 0 at infinity."""
        finite = np.isfinite(z)
        inner = np.where(finite, z, 0.0)
        ratio = np.exp(np.where(finite, self.log_pdf(inner) - mass, -np.inf))
        return ratio, ratio * self.log_pdf_slope(inner)


class Probit(_GenericLoss):
    """Normal noise."""

    def cdf(self, z: FloatArray) -> FloatArray:
        return ndtr(z)

    def pdf(self, z: FloatArray) -> FloatArray:
        return np.exp(self.log_pdf(z))

    def pdf_slope(self, z: FloatArray) -> FloatArray:
        return np.where(np.isfinite(z), -z, 0.0) * self.pdf(z)

    def log_cdf(self, z: FloatArray) -> FloatArray:
        return log_ndtr(z)

    def log_sf(self, z: FloatArray) -> FloatArray:
        return log_ndtr(-z)

    def quantile(self, p: FloatArray) -> FloatArray:
        return ndtri(p)

    def quantile_log(self, log_p: FloatArray) -> FloatArray:
        return ndtri_exp(log_p)

    def quantile_log_sf(self, log_p: FloatArray) -> FloatArray:
        return -ndtri_exp(log_p)

    def log_pdf(self, z: FloatArray) -> FloatArray:
        return -0.5 * z**2 - 0.5 * np.log(2.0 * np.pi)

    def log_pdf_slope(self, z: FloatArray) -> FloatArray:
        return -z


class CLogLog(_GenericLoss):
    """Gumbel noise of the smallest value, F(z) = 1 - exp(-exp(z)): proportional hazards."""

    def cdf(self, z: FloatArray) -> FloatArray:
        with np.errstate(over="ignore"):
            return -np.expm1(-np.exp(z))

    def pdf(self, z: FloatArray) -> FloatArray:
        with np.errstate(over="ignore", invalid="ignore"):
            return np.where(np.isfinite(z), np.exp(z - np.exp(z)), 0.0)

    def pdf_slope(self, z: FloatArray) -> FloatArray:
        return self.log_pdf_slope(z) * self.pdf(z)

    def log_cdf(self, z: FloatArray) -> FloatArray:
        with np.errstate(over="ignore", divide="ignore"):
            hazard = np.exp(z)
            # For a small hazard log F is z to rounding, for a large one F is 1 to rounding.
            inner = np.where(hazard < 1.0, np.log(-np.expm1(-hazard)), np.log1p(-np.exp(-hazard)))
            return np.where(z < -36.0, z, inner)

    def log_sf(self, z: FloatArray) -> FloatArray:
        with np.errstate(over="ignore"):
            return -np.exp(z)

    def quantile(self, p: FloatArray) -> FloatArray:
        return np.log(-np.log1p(-p))

    def quantile_log(self, log_p: FloatArray) -> FloatArray:
        with np.errstate(divide="ignore"):
            return np.where(log_p < -36.0, log_p, np.log(-np.log1p(-np.exp(log_p))))

    def quantile_log_sf(self, log_p: FloatArray) -> FloatArray:
        return np.log(-log_p)

    def log_pdf(self, z: FloatArray) -> FloatArray:
        with np.errstate(over="ignore"):
            return z - np.exp(z)

    def log_pdf_slope(self, z: FloatArray) -> FloatArray:
        return -np.expm1(np.minimum(z, 700.0))


LINKS: dict[str, Link] = {"logit": Logit(), "probit": Probit(), "cloglog": CLogLog()}


def log_mass(link: Link, low: FloatArray, high: FloatArray) -> FloatArray:
    """Return the logarithm of ``F(high) - F(low)`` without cancellation.

    Parameters
    ----------
    link : Link
        The distribution.
    low, high : ndarray of the same shape
        With ``low < high``; ``low`` may be -inf and ``high`` +inf.

    Returns
    -------
    ndarray
        At most 0.
    """
    # Of the two tails, take the one in which the interval is not a difference of ones.
    right = low > 0.0
    larger = np.where(right, link.log_sf(low), link.log_cdf(high))
    smaller = np.where(right, link.log_sf(high), link.log_cdf(low))
    with np.errstate(divide="ignore", invalid="ignore"):
        mass = larger + np.log(-np.expm1(smaller - larger))
    return np.where(larger == -np.inf, -np.inf, mass)
