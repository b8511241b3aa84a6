"""Where the landmarks of a face are in the canonical crop.

Coordinates are (x, y) in pixels of the 60 x 40 crop; whole numbers are the centres of pixels, and
(0, 0) is that of the upper left one.

The numbers are the mean places of what dlib's predictors, of 5 points and of 68, find in 4,700
images of UTKFace (aligned, 200 x 200; those of half of part 1 in which the detector sees exactly
one face at full size) after the crop ``box=(40, 10, 160, 190)``. So an aligned crop of any
photograph shows a face where the fixed crop of UTKFace does on average. The standard deviations
are 1 to 1.6 pixels at the eyes and the nose, and about 2 at the mouth.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vilma._arguments import require_choice
from vilma.features.crops import check_size

CANONICAL_SIZE = (60, 40)

# fmt: off
_DLIB5 = np.array([
    (37.31, 16.46), (26.92, 17.09), (0.79, 16.42), (11.17, 17.09), (19.00, 35.54),
])

# Points 17 to 67 of iBUG's 68; 0 to 16 are the jaw.
_IBUG51 = np.array([
    (-5.29, 11.10), (-1.61, 7.73), (3.57, 6.70), (8.93, 7.35), (14.00, 9.31), (23.97, 9.28),
    (29.03, 7.32), (34.44, 6.67), (39.67, 7.71), (43.43, 11.10), (18.99, 15.66), (18.99, 20.48),
    (18.97, 25.26), (18.95, 30.17), (13.15, 33.65), (15.97, 34.58), (18.99, 35.42), (22.02, 34.59),
    (24.91, 33.66), (0.78, 16.42), (4.05, 14.49), (7.92, 14.56), (11.29, 17.24), (7.63, 17.83),
    (3.78, 17.72), (26.85, 17.24), (30.17, 14.60), (34.05, 14.51), (37.35, 16.46), (34.29, 17.77),
    (30.42, 17.85), (7.20, 42.29), (11.61, 40.77), (15.93, 39.95), (19.04, 40.64), (22.08, 39.95),
    (26.42, 40.77), (30.96, 42.30), (26.62, 46.45), (22.32, 48.24), (19.03, 48.57), (15.69, 48.22),
    (11.43, 46.43), (8.93, 42.55), (15.89, 42.28), (19.04, 42.63), (22.11, 42.30), (29.21, 42.55),
    (22.17, 44.72), (19.04, 45.06), (15.84, 44.70),
])
# fmt: on


def _of_ibug() -> NDArray[np.float64]:
    places = np.full((68, 2), np.nan)
    places[17:] = _IBUG51
    return places


def _of_mtcnn(ibug: NDArray[np.float64]) -> NDArray[np.float64]:
    """Two eye centres, the tip of the nose, two corners of the mouth."""
    return np.stack([ibug[36:42].mean(axis=0), ibug[42:48].mean(axis=0), *ibug[[30, 48, 54]]])


def _of_fgnet(mtcnn: NDArray[np.float64]) -> NDArray[np.float64]:
    places = np.full((68, 2), np.nan)
    places[[31, 36, 67, 48, 54]] = mtcnn
    return places


# Points that are nan move with the expression, the age or the pose, and are not fitted.
Layout = Literal["dlib5", "mtcnn5", "ibug68", "fgnet68"]
TEMPLATES = MappingProxyType(
    {
        "dlib5": _DLIB5,
        "ibug68": _of_ibug(),
        "mtcnn5": _of_mtcnn(_of_ibug()),
        "fgnet68": _of_fgnet(_of_mtcnn(_of_ibug())),
    }
)
EYE_DISTANCE = float(np.linalg.norm(TEMPLATES["mtcnn5"][1] - TEMPLATES["mtcnn5"][0]))


def face_template(
    layout: Layout = "dlib5", size: tuple[int, int] = CANONICAL_SIZE
) -> NDArray[np.float64]:
    """Return where :class:`FaceAligner` puts the landmarks of a face.

    Parameters
    ----------
    layout : {"dlib5", "mtcnn5", "ibug68", "fgnet68"}, default="dlib5"
        Which points, in which order; see :class:`FaceAligner`.
    size : tuple of (int, int), default=(60, 40)
        Height and width of the crop in pixels.

    Returns
    -------
    ndarray of shape (n_points, 2)
        The x and y of each point in pixels of the crop, where (0, 0) is the centre of the upper
        left pixel. Rows of nan are points that are not fitted: the jaw of ``"ibug68"``, and all
        but the pupils, the tip of the nose and the corners of the mouth of ``"fgnet68"``.

    Raises
    ------
    ValueError
        If there is no such layout, or the size is not of two positive integers.

    Notes
    -----
    The places are means over 4,700 aligned images of UTKFace, of what dlib finds in the crop
    ``box=(40, 10, 160, 190)`` of 200 x 200.

    Examples
    --------
    >>> from vilma.features import face_template
    >>> face_template("mtcnn5").round(1)
    array([[ 5.9, 16.4],
           [32.2, 16.4],
           [19. , 30.2],
           [ 7.2, 42.3],
           [31. , 42.3]])
    """
    require_choice("layout", layout, TEMPLATES)
    return from_canonical(TEMPLATES[layout], check_size(size))


def from_canonical(points: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.float64]:
    """Bring points of the canonical crop to a crop of another size.

    Parameters
    ----------
    points : ndarray of shape (n_points, 2)
    size : (int, int)
        Height and width.

    Returns
    -------
    ndarray of shape (n_points, 2)
    """
    ratio = np.array(size[::-1]) / CANONICAL_SIZE[::-1]
    return (points + 0.5) * ratio - 0.5
