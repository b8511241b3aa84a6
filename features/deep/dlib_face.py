"""The face embedder of dlib: a ResNet that maps a face to 128 numbers."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vilma.features.alignment.detection import choose_face, find_faces
from vilma.features.alignment.dlib_models import landmark_predictor, load_dlib, model_path
from vilma.features.alignment.errors import FaceNotFoundError
from vilma.features.deep.embedder import Embedder, Image
from vilma.features.deep.identity import digest, files_digest
from vilma.features.inputs import to_grey

FACES = ("detect", "whole", "detect_or_whole")
"""Where the face is: what `preprocessing` may be."""

_NETWORK = "dlib_face_recognition_resnet_model_v1.dat"
_LANDMARKS = "shape_predictor_5_face_landmarks.dat"
_PURPOSE = "The face embedder of dlib"
_NETWORK_IS_BUSY = threading.Lock()  # it keeps its layers' outputs in itself
_DOUBLINGS = 2  # as FaceAligner does by default


class DlibEmbedder(Embedder):
    """dlib's face network behind its landmarks, which turn and scale the face.

    Parameters
    ----------
    face : str
        One of `FACES`.

    Raises
    ------
    ImportError
        If dlib or its weights are not installed.
    """

    packages = ("pillow", "dlib", "dlib-bin")
    width = 128

    def __init__(self, face: str) -> None:
        load_dlib(_PURPOSE)
        self.face = face
        self._files = [Path(model_path(name)) for name in (_NETWORK, _LANDMARKS)]

    @cached_property
    def identity(self) -> str:
        how = {"files": files_digest(self._files), "doublings": _DOUBLINGS}
        return f"dlib:{self.face}:{digest(how)}"

    def prepare(self, image: Image) -> NDArray[np.uint8]:
        dlib = load_dlib(_PURPOSE)
        points = [dlib.point(round(x), round(y)) for x, y in self._find_landmarks(image)]
        height, width = image.shape[:2]
        landmarks = dlib.full_object_detection(dlib.rectangle(0, 0, width - 1, height - 1), points)
        return dlib.get_face_chip(np.ascontiguousarray(image), landmarks)

    def embed(self, prepared: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        with _NETWORK_IS_BUSY:
            vectors = [_network().compute_face_descriptor(chip) for chip in prepared]
        return np.array(vectors, dtype=np.float32)

    def _find_landmarks(self, image: Image) -> list[tuple[float, float]]:
        grey = to_grey(image)
        if self.face == "whole":
            return _landmarks_of_whole(grey)
        faces = find_faces(grey, doublings=_DOUBLINGS, turns=False)
        if faces:
            return choose_face(faces, grey.shape, "largest").landmarks.tolist()
        if self.face == "detect_or_whole":
            return _landmarks_of_whole(grey)
        raise FaceNotFoundError(
            f"no face found in an image of {grey.shape[1]} x {grey.shape[0]} pixels. If it is a "
            "crop that a face fills, give preprocessing='whole' or 'detect_or_whole'."
        )


def _landmarks_of_whole(grey: NDArray[np.uint8]) -> list[tuple[float, float]]:
    dlib = load_dlib(_PURPOSE)
    height, width = grey.shape
    everything = dlib.rectangle(0, 0, width - 1, height - 1)
    return [(part.x, part.y) for part in landmark_predictor()(grey, everything).parts()]


@lru_cache(maxsize=1)
def _network() -> Any:
    return load_dlib(_PURPOSE).face_recognition_model_v1(model_path(_NETWORK))
