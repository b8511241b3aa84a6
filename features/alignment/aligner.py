"""Faces to canonical crops as a scikit-learn transformer."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from functools import partial
from typing import Any, Literal

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import ArrayLike, NDArray
from PIL import Image
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags

from vilma._arguments import require_jobs
from vilma.features.alignment.detection import choose_face, find_faces
from vilma.features.alignment.errors import FaceNotFoundError
from vilma.features.alignment.fitting import compose, resample
from vilma.features.alignment.parameters import check_parameters
from vilma.features.alignment.placing import check_landmarks, choose_layout, place_crop
from vilma.features.alignment.rows import landmarks_of_rows
from vilma.features.alignment.templates import CANONICAL_SIZE, Layout
from vilma.features.alignment.warp import share_outside, warp_crop
from vilma.features.crops import check_image, check_size
from vilma.features.inputs import check_sources, is_path, to_grey, to_rgb
from vilma.features.reading import ImageReadError, read_image, read_rgb

ImageLike = str | os.PathLike[str] | NDArray[np.uint8]
_MOST_OUTSIDE = 0.5
_BLOCK_ROWS = 256


class FaceAligner(TransformerMixin, BaseEstimator):
    """Turn, scale and cut photographs so that every face is in the same place.

    Landmarks, given or found by dlib, are brought to their places in the canonical crop
    (:func:`face_template`) by a map of least squares, and the image follows.

    Parameters
    ----------
    landmarks : path-like, mapping of str to array-like of shape (n_points, 2) or None, \
default=None
        Landmarks of images by name, in pixels: a CSV file as for :func:`read_landmarks`, or a
        mapping. Images are then given as paths, and a path belongs to the name that it ends in.
        None finds faces by dlib's HOG detector and predictor of 5 points, which need
        ``pip install "vilma[faces]"``.
    layout : {"dlib5", "mtcnn5", "ibug68", "fgnet68"} or None, default=None
        Which points the landmarks are. Left and right are those of the picture.

        - ``"dlib5"``: outer and inner corner of the right eye, outer and inner corner of the left
          eye, base of the nose.
        - ``"mtcnn5"``: centre of the left eye, of the right eye, tip of the nose, left and right
          corner of the mouth, as MTCNN, RetinaFace and others have them.
        - ``"ibug68"``: the 68 points of iBUG and of dlib. The 17 of the jaw are not fitted.
        - ``"fgnet68"``: the 68 points of FG-NET. The pupils, the tip of the nose and the corners
          of the mouth are fitted.

        None takes 5 points for ``"dlib5"`` and 68 for ``"ibug68"``. Points in another order are
        refused, because they do not look like a face.
    warp : {"similarity", "affine"}, default="similarity"
        A similarity turns, scales and shifts. An affine map also stretches and shears, which
        undoes some of a pose. It wants many points: with five, all heights hang on one or two.
    size : tuple of (int, int), default=(60, 40)
        Height and width of the crops in pixels. They show the same part of the face whatever the
        size; the aspect ratio is kept if it is 3 to 2.
    color : bool, default=False
        Whether crops are RGB instead of grey.
    several : {"error", "best", "largest", "central"}, default="error"
        What to do if more than one face is found: refuse the image, or take the face of the
        highest score, the one of the widest rectangle, or the one nearest to the middle.
    doublings : int, default=2
        The detector sees faces of at least 80 pixels, in an image reduced to 800 pixels along
        its longer side. If there is none, the resolution is doubled, at most this many times.
    turns : bool, default=False
        Whether to look for faces in the image turned by 90, 180 and 270 degrees if there is no
        upright one, and take the turn with the highest score. Faces lean by less without it, and
        EXIF orientation is applied anyway.
    min_score : float, default=0.0
        The least score of the detector that is a face. With 0, dlib's own choice, one face is
        found in 99.3 % of UTKFace, and something in 1.1 % of the same images turned on their
        side or head, where nothing should be; with 0.2 these are 95.8 % and 0.2 %.
    min_eye_distance : float, default=12.0
        The least distance of the eyes in pixels of the image. In a crop of 60 x 40 the eyes are 26
        pixels apart: from smaller faces it would be interpolated for the most part.
    n_jobs : int or None, default=None
        Processes of ``transform``. None means 1 unless in a :obj:`joblib.parallel_config` context,
        -1 all cores.

    See Also
    --------
    face_template : Where the landmarks go.
    vilma.features.canonical_crop : A fixed box instead.
    vilma.features.MultiScaleLBP : Features of the crops.

    Notes
    -----
    Nothing is learned: ``fit`` only checks the parameters.

    These are errors: no face, several with ``several="error"``, a face too small, landmarks that
    do not look like one, and a crop of which more than half lies outside of the image. A smaller
    part outside of the image continues its border.

    Each pixel of the crop is a mean of k x k interpolated samples that are at most a pixel of the
    image apart, so that shrinking does not alias. For an upright face at three times the size of
    the crop it is the mean of 3 x 3 pixels, as by :func:`canonical_crop`.

    The detector looks at the grey image, so colour does not change the place of the crop.

    References
    ----------
    .. [1] K. Antoniuk, V. Franc, V. Hlavac, "V-shaped interval insensitive loss for ordinal
       classification", Machine Learning 103, 2016. Its faces are aligned to 60 x 40 pixels.
    .. [2] S. Umeyama, "Least-squares estimation of transformation parameters between two point
       patterns", IEEE Transactions on Pattern Analysis and Machine Intelligence 13, 1991.
    .. [3] V. Kazemi, J. Sullivan, "One millisecond face alignment with an ensemble of regression
       trees", CVPR 2014. The predictor of landmarks.

    Examples
    --------
    >>> import numpy as np
    >>> from vilma.features import FaceAligner, face_template
    >>> photograph = np.random.default_rng(0).integers(0, 256, (300, 300), dtype=np.uint8)
    >>> landmarks = 3 * face_template("mtcnn5") + 100
    >>> aligner = FaceAligner(layout="mtcnn5")
    >>> aligner.align(photograph, landmarks).shape
    (60, 40)
    >>> aligner.transform([photograph, photograph], landmarks=[landmarks, landmarks + 5]).shape
    (2, 60, 40)
    """

    def __init__(
        self,
        landmarks: str | os.PathLike[str] | Mapping[str, ArrayLike] | None = None,
        *,
        layout: Layout | None = None,
        warp: Literal["similarity", "affine"] = "similarity",
        size: tuple[int, int] = CANONICAL_SIZE,
        color: bool = False,
        several: Literal["error", "best", "largest", "central"] = "error",
        doublings: int = 2,
        turns: bool = False,
        min_score: float = 0.0,
        min_eye_distance: float = 12.0,
        n_jobs: int | None = None,
    ) -> None:
        self.landmarks = landmarks
        self.layout = layout
        self.warp = warp
        self.size = size
        self.color = color
        self.several = several
        self.doublings = doublings
        self.turns = turns
        self.min_score = min_score
        self.min_eye_distance = min_eye_distance
        self.n_jobs = n_jobs

    def fit(self, X: Any = None, y: Any = None) -> FaceAligner:
        """Check the parameters; nothing is learned.

        Parameters
        ----------
        X : Ignored
            Not used, present for API consistency by convention.
        y : Ignored
            Not used, present for API consistency by convention.

        Returns
        -------
        FaceAligner
            The transformer itself.

        Raises
        ------
        ValueError
            If a parameter is invalid.
        """
        check_parameters(self)
        return self

    def transform(self, X: Any, landmarks: Any = None) -> NDArray[np.uint8]:
        """Align images.

        Parameters
        ----------
        X : sequence of path-like, ndarray or list of ndarray
            Images, as in :meth:`vilma.features.DeepFeatures.transform`: paths in a list, an array
            or a column of a table; an array of images; or a list of them, of any sizes.
        landmarks : sequence of array-like of shape (n_points, 2), default=None
            Those of each image, in pixels. None takes them from the parameter of that name, or
            finds them.

        Returns
        -------
        ndarray of uint8 of shape (n_images, height, width) or (n_images, height, width, 3)
            The crops.

        Raises
        ------
        FaceNotFoundError
            If an image has no face that can be used; the message names the first one.
        ImageReadError
            If a file cannot be read.
        ImportError
            If landmarks are to be found and dlib is not installed.
        OSError
            If a file cannot be opened.
        TypeError
            If X is no such sequence.
        ValueError
            If a parameter or an image is invalid, landmarks are missing, do not fit their
            number or do not look like a face.
        """
        check_parameters(self)
        images = check_sources(X)
        points = landmarks_of_rows(images, self.landmarks if landmarks is None else landmarks)
        rows = list(zip(range(len(images)), images, points, strict=True))
        crops: list[NDArray[np.uint8]] = []
        worker = copy.copy(self).set_params(landmarks=None)  # rows carry their own
        task = delayed(partial(_align_row, Image.MAX_IMAGE_PIXELS))
        require_jobs(self.n_jobs)
        with Parallel(n_jobs=self.n_jobs) as parallel:
            for start in range(0, len(rows), _BLOCK_ROWS):  # an error ends the work soon
                block = rows[start : start + _BLOCK_ROWS]
                for result in parallel(task(worker, *row) for row in block):
                    if isinstance(result, Exception):
                        raise result
                    crops.append(result)
        return np.stack(crops)

    def align(self, image: ImageLike, landmarks: ArrayLike | None = None) -> NDArray[np.uint8]:
        """Align one image.

        Parameters
        ----------
        image : path-like or array-like of uint8
            An image file, or an image of shape (height, width) or (height, width, 3).
        landmarks : array-like of shape (n_points, 2), default=None
            Its landmarks, in pixels. None takes them from the parameter of that name, or finds
            them.

        Returns
        -------
        ndarray of uint8 of shape (height, width) or (height, width, 3)
            The crop.

        Raises
        ------
        FaceNotFoundError
            If there is no face that can be used.
        ImageReadError
            If the file cannot be read.
        ImportError
            If landmarks are to be found and dlib is not installed.
        OSError
            If the file cannot be opened.
        ValueError
            If a parameter or the image is invalid, landmarks are missing, do not fit their
            number or do not look like a face.
        """
        check_parameters(self)
        if landmarks is None and self.landmarks is not None:
            landmarks = landmarks_of_rows([image], self.landmarks)[0]
        return self._align(image, landmarks)

    def find_landmarks(self, image: ImageLike) -> NDArray[np.float64]:
        """Find the landmarks of the one face in an image.

        Parameters
        ----------
        image : path-like or array-like of uint8
            An image file, or an image of shape (height, width) or (height, width, 3).

        Returns
        -------
        ndarray of shape (5, 2)
            In pixels, in the order ``"dlib5"``.

        Raises
        ------
        FaceNotFoundError
            If there is no face, or more than one with ``several="error"``.
        ImageReadError
            If the file cannot be read.
        ImportError
            If dlib is not installed.
        OSError
            If the file cannot be opened.
        ValueError
            If a parameter or the image is invalid.
        """
        check_parameters(self)
        return self._find(read_image(image) if is_path(image) else to_grey(check_image(image)))

    def _align(self, image: ImageLike, landmarks: ArrayLike | None) -> NDArray[np.uint8]:
        pixels = self._pixels(image)
        if landmarks is None:
            layout, points = "dlib5", self._find(to_grey(pixels))
        else:
            points = check_landmarks(landmarks)
            layout = choose_layout(self.layout, len(points))
        to_image = place_crop(points, layout, self.warp, self.min_eye_distance)
        size = check_size(self.size)
        to_image = compose(to_image, resample(np.divide(CANONICAL_SIZE, size)[::-1]))
        outside = share_outside(to_image, size, pixels.shape[:2])
        if outside > _MOST_OUTSIDE:
            height, width = pixels.shape[:2]
            raise FaceNotFoundError(
                f"{outside:.0%} of the crop would lie outside of the image, which is {width} "
                f"pixels wide and {height} high. Do the landmarks belong to another version of it?"
            )
        return warp_crop(pixels, to_image, size)

    def _pixels(self, image: ImageLike) -> NDArray[np.uint8]:
        """Read an image, or convert it, to what crops are made of."""
        if is_path(image):
            return read_rgb(image) if self.color else read_image(image)
        return to_rgb(check_image(image)) if self.color else to_grey(check_image(image))

    def _find(self, grey: NDArray[np.uint8]) -> NDArray[np.float64]:
        faces = find_faces(
            grey, doublings=self.doublings, turns=self.turns, min_score=self.min_score
        )
        if not faces:
            raise FaceNotFoundError(
                f"no face was found, though the resolution was doubled {self.doublings} times"
                + (" and the image turned. " if self.turns else ". ")
                + "For smaller faces raise `doublings`, for those that lie on their side set "
                "turns=True, or give `landmarks`."
            )
        return choose_face(faces, grey.shape, self.several).landmarks

    def set_output(
        self, *, transform: Literal["default", "pandas", "polars"] | None = None
    ) -> FaceAligner:
        """Accept what a pipeline asks of its steps; crops are an array in any case.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"} or None, default=None
            Not used: images are no columns of a table.

        Returns
        -------
        FaceAligner
            The transformer itself.
        """
        return self

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        tags.input_tags.string = True
        tags.transformer_tags.preserves_dtype = []
        tags.requires_fit = False
        return tags


def _align_row(
    max_pixels: int | None,
    aligner: FaceAligner,
    row: int,
    image: ImageLike,
    landmarks: ArrayLike | None,
) -> NDArray[np.uint8] | Exception:
    """Align an image, or return what is wrong with it: the caller raises the first row's error."""
    Image.MAX_IMAGE_PIXELS = max_pixels  # a new process has Pillow's own limit
    try:
        return aligner._align(image, landmarks)
    except ValueError as error:
        kinds = (FaceNotFoundError, ImageReadError, ValueError)
        kind = next(kind for kind in kinds if isinstance(error, kind))
        return kind(f"Row {row} of X{_named(image)}: {error}")
    except OSError as error:
        return error


def _named(image: ImageLike) -> str:
    return "" if isinstance(image, np.ndarray) else f" ({os.fspath(image)!r})"
