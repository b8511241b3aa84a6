"""Rows of X: images as paths or arrays, and the landmarks that belong to them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vilma._wording import some_of
from vilma.features.alignment.landmarks_file import read_landmarks


def is_path(image: Any) -> bool:
    """Tell whether an image is given by its path.

    Parameters
    ----------
    image : object

    Returns
    -------
    bool
    """
    return isinstance(image, (str, os.PathLike))


def list_images(X: Any) -> list[Any]:
    """Return the images of X, one for each row.

    Parameters
    ----------
    X : sequence of path-like or of array-like

    Returns
    -------
    list
        Not empty.

    Raises
    ------
    ValueError
        If X is a single image or has no rows.
    TypeError
        If X is no sequence.
    """
    if is_path(X):
        raise ValueError(
            f"X must be a sequence of images, got the path {os.fspath(X)!r}. Pass a list, or "
            "use align() for one image."
        )
    if isinstance(X, np.ndarray) and X.ndim == 2 and X.dtype == np.uint8:
        raise ValueError(
            f"X must be a sequence of images, got a single one of shape {X.shape}. Pass a list, "
            "or use align() for one image."
        )
    try:
        images = list(X)
    except TypeError:
        raise TypeError(
            f"X must be a sequence of paths or of uint8 arrays, got {type(X).__name__}."
        ) from None
    if not images:
        raise ValueError("X has no images; expected at least one.")
    return images


def landmarks_of_rows(images: Sequence[Any], landmarks: Any) -> list[Any]:
    """Return the landmarks of each image.

    Parameters
    ----------
    images : sequence of path-like or of array-like
    landmarks : path-like, mapping, sequence or None
        A CSV file or a mapping with landmarks by name, or landmarks of each row.

    Returns
    -------
    list of array-like or None
        None for all, if there are no landmarks.

    Raises
    ------
    ValueError
        If an image has no landmarks or is no path, or there are not as many as images.
    """
    if landmarks is None:
        return [None] * len(images)
    if is_path(landmarks):
        landmarks = read_landmarks(landmarks)
    if isinstance(landmarks, Mapping):
        return _by_name(images, landmarks)
    if len(landmarks) != len(images):
        raise ValueError(f"landmarks are of {len(landmarks)} images, but X has {len(images)}.")
    return list(landmarks)


def _by_name(images: Sequence[Any], landmarks: Mapping[str, Any]) -> list[Any]:
    from vilma.datasets.label_file import match_names

    arrays = [row for row, image in enumerate(images) if not is_path(image)]
    if arrays:
        raise ValueError(
            f"Landmarks by name belong to paths, but row {arrays[0]} of X is an array. Pass "
            "paths, or the landmarks of each row to transform()."
        )
    paths = [PurePath(image).as_posix() for image in images]
    names = list(landmarks)
    different = list(dict.fromkeys(paths))
    found = {different[i]: names[j] for i, j in match_names(different, names)}
    missing = [path for path in different if path not in found]
    if missing:
        raise ValueError(
            f"There are no landmarks of row {paths.index(missing[0])} of X, {missing[0]!r}, nor "
            f"of {len(missing) - 1} others. The landmarks are of {some_of(names)}."
        )
    return [landmarks[found[path]] for path in paths]


def to_grey(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a grey or RGB image as grey, as :func:`vilma.features.read_image` does.

    Parameters
    ----------
    image : ndarray of uint8 of shape (height, width) or (height, width, 3)

    Returns
    -------
    ndarray of uint8 of shape (height, width)
    """
    return image if image.ndim == 2 else np.array(Image.fromarray(image).convert("L"))


def to_rgb(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a grey or RGB image as RGB.

    Parameters
    ----------
    image : ndarray of uint8 of shape (height, width) or (height, width, 3)

    Returns
    -------
    ndarray of uint8 of shape (height, width, 3)
    """
    return image if image.ndim == 3 else np.stack([image] * 3, axis=-1)
