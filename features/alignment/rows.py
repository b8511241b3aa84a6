"""The landmarks that belong to the images of X."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

import numpy as np

from vilma._wording import some_of
from vilma.features.alignment.landmarks_file import read_landmarks
from vilma.features.inputs import is_path


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
    if not isinstance(landmarks, (Sequence, np.ndarray)):
        raise TypeError(
            "landmarks should be an array with points for every image, a path of a CSV file or a "
            f"mapping of names, got a {type(landmarks).__name__}."
        )
    if len(landmarks) != len(images):
        raise ValueError(f"landmarks are of {len(landmarks)} images, but X has {len(images)}.")
    return list(landmarks)


def _by_name(images: Sequence[Any], landmarks: Mapping[str, Any]) -> list[Any]:
    from vilma.labels.label_file import match_names  # scikit-learn takes a while to import

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
