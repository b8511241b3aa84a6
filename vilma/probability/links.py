"""Distributions of the noise around a projection: the links of cumulative models.

All have logarithmically concave densities, which makes the likelihood of intervals convex.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_expit, log_ndtr

__all__ = ["LINKS", "Link", "log_mass"]

FloatArray = NDArray[np.float64]


class Link(Protocol):
    """A distribution function F, in logarithms so that its tails do not vanish."""

    def log_cdf(self, z: FloatArray) -> FloatArray:
        """Return log F(z)."""

    def log_sf(self, z: FloatArray) -> FloatArray:
        """Return log(1 - F(z))."""

    def log_pdf(self, z: FloatArray) -> FloatArray:
        """Return log F'(z)."""

    def slope(self, z: FloatArray) -> FloatArray:
        """Return the derivative of :meth:`log_pdf`."""


class Logit:
    """Logistic noise: the proportional odds model."""

    def log_cdf(self, z: FloatArray) -> FloatArray:
        return log_expit(z)

    def log_sf(self, z: FloatArray) -> FloatArray:
        return log_expit(-z)

    def log_pdf(self, z: FloatArray) -> FloatArray:
        return log_expit(z) + log_expit(-z)

    def slope(self, z: FloatArray) -> FloatArray:
        return -np.tanh(z / 2.0)


class Probit:
    """Normal noise."""

    def log_cdf(self, z: FloatArray) -> FloatArray:
        return log_ndtr(z)

    def log_sf(self, z: FloatArray) -> FloatArray:
        return log_ndtr(-z)

    def log_pdf(self, z: FloatArray) -> FloatArray:
        return -0.5 * z**2 - 0.5 * np.log(2.0 * np.pi)

    def slope(self, z: FloatArray) -> FloatArray:
        return -z


LINKS: dict[str, Link] = {"logit": Logit(), "probit": Probit()}


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
    with np.errstate(divide="ignore"):  # no mass between two points that round to one
        return larger + np.log(-np.expm1(smaller - larger))
