"""Checks of the parameters of FaceAligner."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from vilma.features.alignment.fitting import FITS
from vilma.features.alignment.templates import TEMPLATES
from vilma.features.crops import check_size

MOST_DOUBLINGS = 3  # to 6,400 x 6,400 pixels: 350 MB, and 4 seconds for each look at an image
_CHOICES: dict[str, tuple[Any, ...]] = {
    "layout": (None, *TEMPLATES),
    "warp": tuple(FITS),
    "color": (False, True),
    "several": ("error", "best", "largest", "central"),
    "turns": (False, True),
}


def check_parameters(aligner: BaseEstimator) -> None:
    """Refuse parameters that are invalid.

    Parameters
    ----------
    aligner : FaceAligner
        With the parameters as attributes.

    Raises
    ------
    ValueError
        If one is; the message says what it must be.
    """
    check_size(aligner.size)
    for name, choices in _CHOICES.items():
        value = getattr(aligner, name)
        plain = value is None or isinstance(value, (str, bool, np.bool_))
        if not plain or value not in choices:
            _refuse(name, f"one of {', '.join(map(repr, choices))}", value)
    count = aligner.doublings
    counted = isinstance(count, Integral) and not isinstance(count, bool)
    if not counted or not 0 <= count <= MOST_DOUBLINGS:
        _refuse("doublings", f"an integer from 0 to {MOST_DOUBLINGS}", count)
    if not isinstance(aligner.min_score, (int, float)) or not np.isfinite(aligner.min_score):
        _refuse("min_score", "a finite number", aligner.min_score)
    distance = aligner.min_eye_distance
    if not isinstance(distance, (int, float)) or not distance > 0:
        _refuse("min_eye_distance", "a positive number of pixels", distance)


def _refuse(name: str, expected: str, value: Any) -> None:
    raise ValueError(
        f"The {name!r} parameter of FaceAligner must be {expected}. Got {value!r} instead."
    )
