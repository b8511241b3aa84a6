"""Faces and their landmarks, found by dlib."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vilma.features.alignment.dlib_models import face_detector, landmark_predictor
from vilma.features.alignment.errors import FaceNotFoundError
from vilma.features.alignment.fitting import apply, resample

FIRST_SIDE = 800  # pixels; the detector sees faces that are 80 wide


@dataclass(frozen=True)
class Face:
    """A face in an image.

    Attributes
    ----------
    landmarks : ndarray of shape (5, 2)
        In dlib's order, in pixels of the image.
    centre : ndarray of shape (2,)
        Of the rectangle found.
    width : float
        Of that rectangle.
    score : float
        The detector's, higher for what looks more like a face.
    """

    landmarks: NDArray[np.float64]
    centre: NDArray[np.float64]
    width: float
    score: float


def find_faces(
    image: NDArray[np.uint8], *, doublings: int, turns: bool, min_score: float = 0.0
) -> list[Face]:
    """Find the faces in an image.

    Parameters
    ----------
    image : ndarray of uint8 of shape (height, width)
        Grey.
    doublings : int
        The longer side is first reduced to 800 pixels, if it is longer; as long as there is no
        face, the resolution is doubled, at most this many times.
    turns : bool
        Whether to turn the image by quarters when it has no upright face. The turn with the
        highest score is taken.
    min_score : float, default=0.0
        The least score of a face.

    Returns
    -------
    list of Face
        In the order of the detector; empty if there are none.
    """
    for scaled, scale in _resolutions(image, doublings):
        faces = _find_upright(scaled, scale, min_score)
        if faces:
            return faces
    if turns:
        for scaled, scale in _resolutions(image, doublings):
            found = [_find_turned(scaled, scale, min_score, quarters) for quarters in (1, 3, 2)]
            best = max(
                found, key=lambda faces: max((face.score for face in faces), default=-np.inf)
            )
            if best:
                return best
    return []


def choose_face(faces: list[Face], shape: tuple[int, int], several: str) -> Face:
    """Return the one face that is meant.

    Parameters
    ----------
    faces : list of Face
        Not empty.
    shape : (int, int)
        Height and width of the image.
    several : {"error", "best", "largest", "central"}
        What to do if there is more than one.

    Returns
    -------
    Face
        Of equals, the one of the highest score.

    Raises
    ------
    FaceNotFoundError
        If there are several, and that is an error.
    """
    if len(faces) > 1 and several == "error":
        widths = ", ".join(
            f"{width:.0f}" for width in sorted((f.width for f in faces), reverse=True)
        )
        raise FaceNotFoundError(
            f"there are {len(faces)} faces, {widths} pixels wide, and no saying which one is "
            "meant. Cut the image, or choose by setting several='best', 'largest' or 'central'."
        )
    if several in ("error", "best"):
        return max(faces, key=lambda face: (face.score, face.width))
    if several == "largest":
        return max(faces, key=lambda face: (face.width, face.score))
    middle = (np.array(shape[::-1]) - 1) / 2
    return min(faces, key=lambda face: (float(np.linalg.norm(face.centre - middle)), -face.score))


def _resolutions(
    image: NDArray[np.uint8], doublings: int
) -> Iterator[tuple[NDArray[np.uint8], float]]:
    """Yield the image at rising resolutions, with its scale."""
    height, width = image.shape
    first = min(1.0, FIRST_SIDE / max(height, width))
    for exponent in range(doublings + 1):
        scale = first * 2**exponent
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        if size == (width, height):
            yield image, 1.0
        else:  # averages where it reduces
            resized = Image.fromarray(image).resize(size, Image.Resampling.BILINEAR)
            yield np.array(resized), scale


def _find_upright(image: NDArray[np.uint8], scale: float, min_score: float) -> list[Face]:
    """Find faces in an image of another resolution, in pixels of the original."""
    image = image.copy()  # dlib wants the strides of a new array, also where a side is one pixel
    rectangles, scores, _ = face_detector().run(image, 0, min_score)
    back = resample(1 / scale)
    faces = []
    for rectangle, score in zip(rectangles, scores, strict=True):
        parts = landmark_predictor()(image, rectangle).parts()
        landmarks = np.array([(part.x, part.y) for part in parts], dtype=np.float64)
        centre = np.array(
            [[rectangle.left() + rectangle.right(), rectangle.top() + rectangle.bottom()]]
        )
        faces.append(
            Face(
                apply(back, landmarks),
                apply(back, centre / 2)[0],
                rectangle.width() / scale,
                float(score),
            )
        )
    return faces


def _find_turned(
    image: NDArray[np.uint8], scale: float, min_score: float, quarters: int
) -> list[Face]:
    height, width = image.shape[0] / scale, image.shape[1] / scale

    def back(points: NDArray[np.float64]) -> NDArray[np.float64]:
        x, y = points[..., 0], points[..., 1]
        if quarters == 1:  # the upper border was the right one
            return np.stack([width - 1 - y, x], axis=-1)
        if quarters == 2:
            return np.stack([width - 1 - x, height - 1 - y], axis=-1)
        return np.stack([y, height - 1 - x], axis=-1)

    return [
        Face(back(face.landmarks), back(face.centre), face.width, face.score)
        for face in _find_upright(np.rot90(image, quarters), scale, min_score)
    ]
