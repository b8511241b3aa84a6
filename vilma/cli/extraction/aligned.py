"""Faces brought to the canonical crop, as a reader of image files."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vilma.cli.extraction.alignment_options import AlignmentOptions
from vilma.features import FaceAligner, read_landmarks
from vilma.features.alignment.dlib_models import face_detector, landmark_predictor
from vilma.features.alignment.placing import choose_layout
from vilma.labels.label_file import match_names


@dataclass(frozen=True)
class FoundFace:
    """The face that a detector finds in the image.

    Attributes
    ----------
    aligner : FaceAligner
    """

    aligner: FaceAligner

    @property
    def settings(self) -> dict[str, Any]:
        how = f"of several: {self.aligner.several}, doublings: {self.aligner.doublings}"
        turns = ", turned" if self.aligner.turns else ""
        return _settings(self.aligner, f"found by dlib ({how}{turns})")

    @property
    def inputs(self) -> dict[str, str]:
        return {}

    def __call__(self, path: Path, name: str) -> NDArray[np.uint8]:
        return self.aligner.align(path)


@dataclass(frozen=True)
class MarkedFace:
    """The face whose landmarks are in a table.

    Attributes
    ----------
    aligner : FaceAligner
        Of a named layout.
    landmarks : mapping of str to ndarray of shape (n_points, 2)
        By the names of the images.
    table : Path
        Where they come from.
    digest : str
        Of its content.
    """

    aligner: FaceAligner
    landmarks: Mapping[str, NDArray[np.float64]]
    table: Path
    digest: str

    @property
    def settings(self) -> dict[str, Any]:
        return _settings(self.aligner, f"given ({self.aligner.layout})")

    @property
    def inputs(self) -> dict[str, str]:
        return {"landmarks": self.digest}

    def __call__(self, path: Path, name: str) -> NDArray[np.uint8]:
        if name not in self.landmarks:
            raise ValueError(f"{self.table} has no landmarks of {name!r}.")
        return self.aligner.align(path, self.landmarks[name])


def face_reader(
    options: AlignmentOptions, names: Sequence[str], size: tuple[int, int], *, color: bool
) -> FoundFace | MarkedFace:
    """Make the reader that the options describe.

    Parameters
    ----------
    options : AlignmentOptions
        With alignment asked for.
    names : sequence of str
        The images, each once. A table of landmarks may name them by the ends of their paths, as
        label files may.
    size : (int, int)
        Height and width of the crops, in pixels.
    color : bool
        Whether they are RGB instead of grey.

    Returns
    -------
    FoundFace or MarkedFace

    Raises
    ------
    ImportError
        If faces are to be found, and dlib or its weights are not installed.
    OSError
        If the table of landmarks cannot be opened.
    ValueError
        If it is no such table, its points are not those of the layout, or a name in it fits more
        than one image.
    """
    aligner = FaceAligner(
        layout=options.layout,
        warp=options.warp or "similarity",
        size=size,
        color=color,
        several=options.several or "error",
        turns=options.turns,
        doublings=2 if options.doublings is None else options.doublings,
    )
    aligner.fit()
    if options.landmarks is None:
        face_detector(), landmark_predictor()  # are they installed? before the work starts
        return FoundFace(aligner)
    table = read_landmarks(options.landmarks)
    points = list(table.values())
    if points:
        aligner.set_params(layout=choose_layout(aligner.layout, len(points[0])))
    matches = match_names(list(names), list(table))
    landmarks = {names[row]: points[place] for row, place in matches}
    digest = hashlib.sha256(options.landmarks.read_bytes()).hexdigest()
    return MarkedFace(aligner, landmarks, options.landmarks, digest)


def _settings(aligner: FaceAligner, landmarks: str) -> dict[str, Any]:
    alignment = f"{aligner.warp} by landmarks {landmarks}"
    return {"size": list(aligner.size), "box": None, "alignment": alignment}
