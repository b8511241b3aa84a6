"""Where the canonical crop lies in an image, from the landmarks of a face."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vilma.features.alignment.errors import FaceNotFoundError
from vilma.features.alignment.fitting import FITS, Matrix, apply, fit_similarity, invert
from vilma.features.alignment.templates import EYE_DISTANCE, TEMPLATES

# Root mean square distance from the template, in pixels of the canonical crop. Right landmarks are
# up to 5.4 off (UTKFace in every layout, FG-NET), the same points in the order of another layout
# or of the mirror image 9.5 and more.
LARGEST_MISFIT = 8.0
LARGEST_STRETCH = 3.0  # of an affine map, one direction against the other
_LAYOUT_OF = {5: "dlib5", 68: "ibug68"}


def choose_layout(layout: str | None, n_points: int) -> str:
    """Return the layout of so many points.

    Parameters
    ----------
    layout : str or None
        The layout asked for; None goes by the number.
    n_points : int

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If the number does not fit.
    """
    chosen = _LAYOUT_OF.get(n_points) if layout is None else layout
    if chosen is None or len(TEMPLATES[chosen]) != n_points:
        expected = "5 or 68" if layout is None else f"{len(TEMPLATES[layout])} (layout={layout!r})"
        raise ValueError(f"landmarks must be {expected} points (x, y), got {n_points}.")
    return chosen


def check_landmarks(landmarks: ArrayLike) -> NDArray[np.float64]:
    """Return landmarks as an array.

    Parameters
    ----------
    landmarks : array-like of shape (n_points, 2)

    Returns
    -------
    ndarray of shape (n_points, 2)

    Raises
    ------
    ValueError
        If they are of another shape, or not numbers.
    """
    points = np.asarray(landmarks)
    if points.dtype.kind not in "iuf" or points.ndim != 2 or points.shape[1] != 2:
        raise ValueError(
            "landmarks must be an array of numbers of shape (n_points, 2), one row (x, y) for "
            f"each point. Got an array of dtype {points.dtype} and shape {points.shape}."
        )
    return points.astype(np.float64)


def place_crop(
    landmarks: NDArray[np.float64], layout: str, warp: str, min_eye_distance: float
) -> Matrix:
    """Return the map from the canonical crop to the image.

    Parameters
    ----------
    landmarks : ndarray of shape (n_points, 2)
        In pixels of the image.
    layout : str
        Which points they are.
    warp : {"similarity", "affine"}
        What may be done to the image.
    min_eye_distance : float
        The least distance of the eyes, in pixels of the image.

    Returns
    -------
    ndarray of shape (2, 3)

    Raises
    ------
    ValueError
        If the landmarks are no face in the order of the layout, or an affine map would distort it.
    FaceNotFoundError
        If the face is too small.
    """
    template = TEMPLATES[layout]
    fitted = ~np.isnan(template[:, 0])
    points, places = landmarks[fitted], template[fitted]
    if not np.isfinite(points).all():
        bad = np.flatnonzero(fitted)[np.argmin(np.isfinite(points).all(axis=1))]
        raise ValueError(f"landmarks must be finite; point {bad} (counted from 0) is not.")
    if np.ptp(points, axis=0).max() == 0:
        raise ValueError(f"all landmarks are in one place, {tuple(points[0].tolist())}.")
    with np.errstate(over="ignore", invalid="ignore"):
        similarity = fit_similarity(points, places)
        misfit = np.sqrt(((apply(similarity, points) - places) ** 2).sum(axis=1).mean())
    if not misfit <= LARGEST_MISFIT:  # nan, too: coordinates may be too large to square
        raise ValueError(
            f"the landmarks are no face in the order of layout={layout!r}: at best they are "
            f"{misfit:.1f} pixels of the 60 x 40 crop off; {LARGEST_MISFIT:.0f} are accepted. "
            "Check the order of the points and set `layout` to theirs."
        )
    eye_distance = EYE_DISTANCE / np.sqrt(np.linalg.det(similarity[:, :2]))
    if eye_distance < min_eye_distance:
        raise FaceNotFoundError(
            f"the face is too small: its eyes are {eye_distance:.1f} pixels apart, less than "
            f"min_eye_distance={min_eye_distance:g}. Use a larger photograph, or lower it."
        )
    matrix = FITS[warp](points, places)
    if np.linalg.cond(matrix[:, :2]) > LARGEST_STRETCH:
        raise ValueError(
            "an affine map would stretch the face more than "
            f"{LARGEST_STRETCH:.0f} times in one direction; it may be seen from the side. "
            "Use warp='similarity'."
        )
    return invert(matrix)
