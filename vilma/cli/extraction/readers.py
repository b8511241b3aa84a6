"""What becomes of an image file before features are computed.

A reader is called with the path and the name of a file, and raises ValueError or OSError for one
that cannot be used. It is sent to worker processes, so it must be pickled.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from vilma.features import canonical_crop, read_image, read_rgb

Box = tuple[int, int, int, int]


class Reader(Protocol):
    """Makes an array of an image file."""

    @property
    def settings(self) -> dict[str, Any]:
        """What has to be equal for features to be comparable; plain values, as JSON has them."""

    @property
    def inputs(self) -> dict[str, str]:
        """Digests of further files that its results depend on, by what they are."""

    def __call__(self, path: Path, name: str) -> NDArray:
        """Read a file.

        Parameters
        ----------
        path : Path
        name : str
            What labels and landmarks call it.

        Returns
        -------
        ndarray

        Raises
        ------
        ValueError
            If the image cannot be used.
        OSError
            If the file cannot be opened.
        """


@dataclass(frozen=True)
class GreyCrop:
    """A part of the image, grey and of a fixed size.

    Attributes
    ----------
    size : (int, int)
        Height and width, in pixels.
    box : (int, int, int, int) or None
        Left, top, right and bottom of the part; None takes the whole image.
    """

    size: tuple[int, int]
    box: Box | None

    @property
    def settings(self) -> dict[str, Any]:
        return {"size": list(self.size), **_box_settings(self.box)}

    @property
    def inputs(self) -> dict[str, str]:
        return {}

    def __call__(self, path: Path, name: str) -> NDArray[np.uint8]:
        return canonical_crop(read_image(path), size=self.size, box=self.box)


@dataclass(frozen=True)
class ColourPart:
    """A part of the image as it is, in colour.

    Attributes
    ----------
    box : (int, int, int, int) or None
        Left, top, right and bottom of the part; None takes the whole image.
    """

    box: Box | None

    @property
    def settings(self) -> dict[str, Any]:
        return _box_settings(self.box)

    @property
    def inputs(self) -> dict[str, str]:
        return {}

    def __call__(self, path: Path, name: str) -> NDArray[np.uint8]:
        image = read_rgb(path)
        if self.box is None:
            return image
        left, top, right, bottom = self.box
        return canonical_crop(image, size=(bottom - top, right - left), box=self.box)


def _box_settings(box: Box | None) -> dict[str, Any]:
    return {"box": None if box is None else list(box)}
