"""Image files to grey arrays: find, read, crop and resize."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

IMAGE_SUFFIXES = frozenset(
    {".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp"}
)


class ImageReadError(ValueError):
    """A file that exists but cannot be read as an image; the message says which and why."""


def read_image(path: str | os.PathLike[str]) -> NDArray[np.uint8]:
    """Read an image file as a grey image, the way a viewer would show it.

    Parameters
    ----------
    path : str or path-like
        An image file of any format that Pillow reads.

    Returns
    -------
    ndarray of uint8 of shape (height, width)
        Brightness from 0 (black) to 255 (white).

    Raises
    ------
    ImageReadError
        If the file is empty, is not an image, is damaged or cut short, or holds pixels without
        a fixed range (32-bit or floating).
    OSError
        If there is no such file, or it may not be opened.

    Notes
    -----
    - The EXIF orientation is applied.
    - Colour becomes grey as by Pillow's ``convert("L")``, ``0.299 R + 0.587 G + 0.114 B``;
      palettes are looked up, and CMYK goes through RGB without its colour profile.
    - 16-bit images keep the upper 8 bits.
    - Transparent pixels are blended with white.
    - Of an animation, or a file of several pages, the first image is taken.
    """
    with open(path, "rb") as file:
        if not file.read(1):
            raise ImageReadError(
                f"Cannot read {os.fspath(path)!r} as an image: the file is empty."
            )
        file.seek(0)
        # The decoders meet broken files with exceptions of any type (OSError, SyntaxError,
        # struct.error, IndexError, ...), so all of them mean one thing here.
        try:
            with Image.open(file) as image:
                ImageOps.exif_transpose(image, in_place=True)
                return np.array(_to_grey(image))
        except UnidentifiedImageError as error:
            _refuse(path, "not an image, or of an unknown format", error)
        except Exception as error:
            _refuse(path, str(error) or type(error).__name__, error)


def canonical_crop(
    image: ArrayLike,
    size: tuple[int, int] = (60, 40),
    box: tuple[float, float, float, float] | None = None,
) -> NDArray[np.uint8]:
    """Cut a box out of a grey image and resize it by averaging areas.

    Parameters
    ----------
    image : array-like of uint8 of shape (height, width)
        A grey image, as from :func:`read_image`.
    size : tuple of (int, int), default=(60, 40)
        Height and width of the result in pixels.
    box : tuple of (left, top, right, bottom) or None, default=None
        What to cut out, in pixels from the upper left corner of the image; ``right`` and
        ``bottom`` are just outside. Fractions are allowed. None takes the whole image. The
        aspect ratio is not kept: choose a box with that of ``size``.

    Returns
    -------
    ndarray of uint8 of shape size
        The crop. Each pixel is the mean of the image pixels whose centres it covers (Pillow's
        ``BOX`` filter), or the nearest one, first along rows, then along columns, rounded each
        time.

    Raises
    ------
    ValueError
        If the image is not of the shape and type above, the size is not of two positive
        integers, or the box is empty or reaches outside the image.

    Examples
    --------
    >>> import numpy as np
    >>> from vilma.features import canonical_crop
    >>> canonical_crop(np.array([[0, 2, 9], [4, 6, 9]], dtype=np.uint8), (1, 1), (0, 0, 2, 2))
    array([[3]], dtype=uint8)
    """
    pixels = np.asarray(image)
    if pixels.dtype != np.uint8 or pixels.ndim != 2 or pixels.size == 0:
        raise ValueError(
            "image must be a grey image: a uint8 array of shape (height, width), as from "
            f"vilma.features.read_image. Got an array of dtype {pixels.dtype} and shape "
            f"{pixels.shape}. Scale other images to 0..255 and convert them to uint8 first."
        )
    height, width = _check_size(size)
    box = _check_box(box, pixels.shape)
    resized = Image.fromarray(pixels).resize((width, height), Image.Resampling.BOX, box=box)
    return np.array(resized)


def find_images(paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]]) -> list[Path]:
    """List image files, looking into folders and their subfolders.

    Parameters
    ----------
    paths : path or iterable of paths
        Files are taken as they are, whatever their ending. In folders, files with the ending
        of a common image format count, in capitals or not; names that start with a dot, and
        links to other folders, are left out.

    Returns
    -------
    list of pathlib.Path
        In the order given, the contents of each folder sorted by path; a file that is met
        again is not repeated. Empty if the folders hold no image.

    Raises
    ------
    FileNotFoundError
        If one of the paths does not exist.
    """
    if isinstance(paths, (str, os.PathLike)):
        paths = [paths]
    found: dict[Path, None] = {}
    for path in map(Path, paths):
        if not path.exists():
            raise FileNotFoundError(f"There is no file or folder {os.fspath(path)!r}.")
        found.update(dict.fromkeys(_images_below(path) if path.is_dir() else [path]))
    return list(found)


def _refuse(path: str | os.PathLike[str], reason: str, error: Exception) -> NoReturn:
    raise ImageReadError(
        f"Cannot read {os.fspath(path)!r} as an image: {reason.rstrip('.')}."
    ) from error


def _to_grey(image: Image.Image) -> Image.Image:
    if image.mode == "F" or (image.mode == "I" and image.format not in {"PNG", "PPM"}):
        raise ValueError(
            f"its pixels (Pillow mode {image.mode!r}) have no fixed range; scale them to 8 bits "
            "first"
        )
    if image.mode.startswith("I"):
        # convert("L") would clip 16-bit values at 255, or keep the upper bits, by version.
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if "A" in image.getbands() or "transparency" in image.info:
        coloured = image.convert("RGBA")
        white = Image.new("RGBA", coloured.size, "white")
        return Image.alpha_composite(white, coloured).convert("L")
    return image.convert("L")


def _check_size(size: tuple[int, int]) -> tuple[int, int]:
    sides = np.asarray(size)
    if sides.shape != (2,) or sides.dtype.kind not in "iu" or sides.min() < 1:
        raise ValueError(
            f"size must be a tuple (height, width) of positive integers, got {size!r}."
        )
    return int(sides[0]), int(sides[1])


def _check_box(
    box: tuple[float, float, float, float] | None, shape: tuple[int, ...]
) -> tuple[float, float, float, float]:
    height, width = shape
    if box is None:
        return 0, 0, width, height
    edges = np.asarray(box)
    if edges.shape != (4,) or edges.dtype.kind not in "iuf":
        raise ValueError(f"box must be four numbers (left, top, right, bottom), got {box!r}.")
    left, top, right, bottom = edges.tolist()
    if not (0 <= left < right <= width and 0 <= top < bottom <= height):
        raise ValueError(
            f"box (left, top, right, bottom) = {(left, top, right, bottom)} must be inside the "
            f"image, which is {width} pixels wide and {height} high, with left < right and "
            "top < bottom."
        )
    return left, top, right, bottom


def _images_below(folder: Path) -> list[Path]:
    def fail(error: OSError) -> NoReturn:
        raise error  # os.walk would leave out an unreadable folder in silence

    images = []
    for place, subfolders, names in os.walk(folder, onerror=fail):
        subfolders[:] = [name for name in subfolders if not name.startswith(".")]
        images += [
            Path(place, name)
            for name in names
            if not name.startswith(".") and Path(name).suffix.lower() in IMAGE_SUFFIXES
        ]
    return sorted(images, key=lambda image: image.parts)
