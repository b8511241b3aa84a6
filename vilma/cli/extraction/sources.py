"""Images named on the command line, and what becomes of one before features are computed.

A reader is called with the path and the name of a file, and raises ValueError or OSError for one
that cannot be used. It is sent to worker processes, so it must be pickled.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import click
import numpy as np
from numpy.typing import NDArray

from vilma.cli._report import warn
from vilma.cli.extraction.options import AlignmentOptions
from vilma.features import canonical_crop, find_images, read_image, read_rgb
from vilma.labels.label_file import match_names

if TYPE_CHECKING:
    from vilma.features import FaceAligner


Box = tuple[int, int, int, int]

_MOST_HEADERS = 200  # images whose shape is looked at before the work
_MOST_DISTORTION = 1.1  # ratio of the ratios of width to height


@dataclass(frozen=True)
class ImageFile:
    """An image and the name it goes by in the feature file and the label file.

    Attributes
    ----------
    path : Path
        Where it is.
    name : str
        The path relative to the folder given, with slashes; the file name of a file given alone.
    """

    path: Path
    name: str


def list_images(arguments: Sequence[Path]) -> list[ImageFile]:
    """Return the images in files and folders, with their names.

    Parameters
    ----------
    arguments : sequence of Path
        Files and folders; a folder stands for the images in it and below.

    Returns
    -------
    list of ImageFile
        In the order of the arguments; within a folder, sorted.

    Raises
    ------
    click.ClickException
        If there are none, or two images would get the same name.
    """
    found: dict[str, Path] = {}
    for argument in arguments:
        for path in find_images([argument]):
            name = path.relative_to(argument).as_posix() if argument.is_dir() else path.name
            if name in found and found[name].resolve() != path.resolve():
                raise click.ClickException(
                    f"{found[name]} and {path} would both be named {name!r}. "
                    "Give the folder above both, so that their names differ."
                )
            found.setdefault(name, path)
    if not found:
        raise click.ClickException(f"no images in {', '.join(str(a) for a in arguments)}.")
    return [ImageFile(path, name) for name, path in found.items()]


def warn_of_shapes(files: Sequence[ImageFile], *, boxed: bool) -> None:
    """Warn if images of different shapes would be brought to one size in silence.

    Parameters
    ----------
    files : sequence of ImageFile
        The images, of which at most 200 are looked at, at their headers only.
    boxed : bool
        Whether a part of every image is cut out, at places in pixels.
    """
    from PIL import Image

    step = max(len(files) // _MOST_HEADERS, 1)
    shapes: dict[tuple[int, int], str] = {}
    for file in files[::step]:
        if not file.path.is_file():  # opening a pipe waits for its writer
            continue
        try:
            with Image.open(file.path) as image:
                shapes.setdefault(image.size, file.name)
        except (OSError, ValueError, Image.DecompressionBombError):
            continue  # what cannot be read is reported when it is to be read
    ratios = [width / height for width, height in shapes]
    if len(shapes) < 2 or (not boxed and max(ratios) < _MOST_DISTORTION * min(ratios)):
        return
    by_ratio = sorted(shapes.items(), key=lambda each: each[0][0] / each[0][1])
    (first, name), *_, (last, other) = by_ratio
    sizes = f"{first[0]}x{first[1]} ({name}), {last[0]}x{last[1]} ({other})"
    what = (
        "--box cuts the same pixels out of all of them, which are different parts"
        if boxed
        else "all are brought to one size, which distorts them differently"
    )
    warn(f"images have different shapes, such as {sizes}: {what}. Faces are aligned by --align")


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
        return _face_settings(self.aligner, f"found by dlib ({how}{turns})")

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
        return _face_settings(self.aligner, f"given ({self.aligner.layout})")

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
    from vilma.features import FaceAligner, read_landmarks
    from vilma.features.alignment.dlib_models import face_detector, landmark_predictor
    from vilma.features.alignment.placing import choose_layout

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


def _face_settings(aligner: FaceAligner, landmarks: str) -> dict[str, Any]:
    alignment = f"{aligner.warp} by landmarks {landmarks}"
    return {"size": list(aligner.size), "box": None, "alignment": alignment}
