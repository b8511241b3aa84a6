"""The map that brings landmarks to their places, by least squares."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]  # (2, 3): the linear part, and the shift in the last column


def fit_similarity(points: NDArray[np.float64], places: NDArray[np.float64]) -> Matrix:
    """Fit rotation, scale and shift.

    Parameters
    ----------
    points : ndarray of shape (n_points, 2)
        Points that are not all the same.
    places : ndarray of shape (n_points, 2)
        Where they should go.

    Returns
    -------
    ndarray of shape (2, 3)
        The matrix A of the map (x, y) -> A (x, y, 1) of least squared distance among those whose
        linear part is [[a, -b], [b, a]]. Mirror images are not among them.
    """
    centre, target = points.mean(axis=0), places.mean(axis=0)
    x, y = (points - centre).T
    u, v = (places - target).T
    spread = (x**2 + y**2).sum()
    a = (x * u + y * v).sum() / spread
    b = (x * v - y * u).sum() / spread
    linear = np.array([[a, -b], [b, a]])
    return np.column_stack([linear, target - linear @ centre])


def fit_affine(points: NDArray[np.float64], places: NDArray[np.float64]) -> Matrix:
    """Fit any linear map and shift.

    Parameters
    ----------
    points : ndarray of shape (n_points, 2)
        At least three points that are not on one line.
    places : ndarray of shape (n_points, 2)
        Where they should go.

    Returns
    -------
    ndarray of shape (2, 3)
        The matrix A of the map (x, y) -> A (x, y, 1) of least squared distance.
    """
    centre, target = points.mean(axis=0), places.mean(axis=0)
    linear = np.linalg.lstsq(points - centre, places - target, rcond=None)[0].T
    return np.column_stack([linear, target - linear @ centre])


FITS: MappingProxyType[str, Callable[[NDArray, NDArray], Matrix]] = MappingProxyType(
    {"similarity": fit_similarity, "affine": fit_affine}
)


def apply(matrix: Matrix, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Map points.

    Parameters
    ----------
    matrix : ndarray of shape (2, 3)
    points : ndarray of shape (n_points, 2)

    Returns
    -------
    ndarray of shape (n_points, 2)
    """
    return points @ matrix[:, :2].T + matrix[:, 2]


def invert(matrix: Matrix) -> Matrix:
    """Return the map back.

    Parameters
    ----------
    matrix : ndarray of shape (2, 3)
        Of a map that loses no dimension.

    Returns
    -------
    ndarray of shape (2, 3)
    """
    linear = np.linalg.inv(matrix[:, :2])
    return np.column_stack([linear, -linear @ matrix[:, 2]])


def compose(outer: Matrix, inner: Matrix) -> Matrix:
    """Return the map that is one map after another.

    Parameters
    ----------
    outer, inner : ndarray of shape (2, 3)

    Returns
    -------
    ndarray of shape (2, 3)
        Of the map x -> outer(inner(x)).
    """
    linear = outer[:, :2] @ inner[:, :2]
    return np.column_stack([linear, apply(outer, inner[np.newaxis, :, 2])[0]])


def resample(factor: float | NDArray[np.float64]) -> Matrix:
    """Return the map between pixel coordinates of an image and of one of more or fewer pixels.

    Parameters
    ----------
    factor : float or ndarray of shape (2,)
        How many pixels of the second image there are to one of the first, along x and y.

    Returns
    -------
    ndarray of shape (2, 3)
        Of the map p -> (p + 1/2) factor - 1/2: whole numbers are the centres of pixels.
    """
    factors = np.broadcast_to(np.asarray(factor, dtype=np.float64), 2)
    return np.column_stack([np.diag(factors), factors / 2 - 0.5])
