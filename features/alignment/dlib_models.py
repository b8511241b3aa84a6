"""dlib and the weights for it, both optional."""

from __future__ import annotations

import importlib.util
import threading
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

from vilma._optional import install_command, require

_WEIGHTS = "face_recognition_models"
_local = threading.local()


def load_dlib(purpose: str) -> ModuleType:
    """Import dlib.

    Parameters
    ----------
    purpose : str
        What needs it: the beginning of the error's sentence.

    Returns
    -------
    module

    Raises
    ------
    ImportError
        If dlib is not installed.
    """
    return require("dlib", "faces", purpose)


def model_path(name: str) -> str:
    """Return where a file of the package face-recognition-models is.

    Parameters
    ----------
    name : str
        Such as ``"shape_predictor_5_face_landmarks.dat"``.

    Returns
    -------
    str

    Raises
    ------
    ImportError
        If the package is not installed, or has no such file.
    """
    # The package is not imported: that needs pkg_resources, which is no longer everywhere.
    found = importlib.util.find_spec(_WEIGHTS)
    for folder in (found.submodule_search_locations or []) if found else []:
        path = Path(folder, "models", name)
        if path.is_file():
            return str(path)
    raise ImportError(
        f"The weights {name} are not there: they come with the package face-recognition-models. "
        f"Install it with: {install_command('faces')}",
        name=_WEIGHTS,
    )


def face_detector() -> Any:
    """Return dlib's HOG detector of upright faces, one for each thread.

    Returns
    -------
    dlib.fhog_object_detector

    Raises
    ------
    ImportError
        If dlib is not installed.
    """
    if not hasattr(_local, "detector"):  # a detector keeps what it works on in itself
        _local.detector = load_dlib("Finding faces").get_frontal_face_detector()
    return _local.detector


@lru_cache(maxsize=1)
def landmark_predictor() -> Any:
    """Return dlib's predictor of 5 landmarks.

    Returns
    -------
    dlib.shape_predictor

    Raises
    ------
    ImportError
        If dlib or its weights are not installed.
    """
    dlib = load_dlib("Finding landmarks")
    return dlib.shape_predictor(model_path("shape_predictor_5_face_landmarks.dat"))
