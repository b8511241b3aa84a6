"""Image files to arrays, grey or coloured, the way a viewer would show them."""

from __future__ import annotations

import os
import re
import stat
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO, NoReturn

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError
from PIL.TiffImagePlugin import PHOTOMETRIC_INTERPRETATION, TiffImageFile

from vilma._arguments import require_path

_HEADER_BYTES = 1 << 16
_FILTERS = threading.Lock()  # held while headers are read, not while pixels are decoded
_IGNORE_PILLOW = ("ignore", None, Warning, re.compile(r"PIL\.(?#while vilma reads)"), 0)
_UPRIGHT_BY = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


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
        If the file is empty, is not an image, is damaged or cut short, holds more pixels than
        :data:`PIL.Image.MAX_IMAGE_PIXELS` or pixels without a fixed range (32-bit or floating).
    OSError
        If there is no such file, or it may not be opened.

    See Also
    --------
    read_rgb : The same in colour.

    Notes
    -----
    - The EXIF orientation is applied; EXIF data that cannot be read are passed over.
    - Colour becomes grey as by Pillow's ``convert("L")``, ``0.299 R + 0.587 G + 0.114 B``;
      palettes are looked up, and CMYK goes through RGB without its colour profile.
    - 16-bit images keep the upper 8 bits.
    - Transparent pixels are blended with white.
    - Of an animation, or a file of several pages, the first image is taken.
    - Images of more than :data:`PIL.Image.MAX_IMAGE_PIXELS` pixels (89 million, if it has not
      been changed) are refused before they are decoded: a small file can unfold to any size.
    """
    return _read(path, "L")


def read_rgb(path: str | os.PathLike[str]) -> NDArray[np.uint8]:
    """Read an image file as an RGB image, by the rules of :func:`read_image`.

    Parameters
    ----------
    path : str or path-like
        An image file of any format that Pillow reads.

    Returns
    -------
    ndarray of uint8 of shape (height, width, 3)
        Red, green and blue from 0 to 255; equal to each other for grey files.

    Raises
    ------
    ImageReadError
        If the file is empty, is not an image, is damaged or cut short, holds more pixels than
        :data:`PIL.Image.MAX_IMAGE_PIXELS` or pixels without a fixed range (32-bit or floating).
    OSError
        If there is no such file, or it may not be opened.

    See Also
    --------
    read_image : The same in grey, with the rules.
    """
    return _read(path, "RGB")


def _read(path: str | os.PathLike[str], mode: str) -> NDArray[np.uint8]:
    """Read an image file as mode L or RGB."""
    require_path("path", path)
    kind = os.stat(path).st_mode
    if not stat.S_ISREG(kind) and not stat.S_ISDIR(kind):  # opening a pipe waits for its writer
        _refuse(path, "it is a pipe, a socket or a device")
    with open(path, "rb", buffering=_HEADER_BYTES) as file:
        if not file.read(1):  # also fetches the header, before other threads have to wait for it
            _refuse(path, "the file is empty")
        file.seek(0)
        # The decoders meet broken files with exceptions of any type (OSError, SyntaxError,
        # struct.error, IndexError, ...), so all of them mean one thing here.
        try:
            with _open(file) as image:
                image.load()
                turn = _UPRIGHT_BY.get(_orientation(image))
                pixels = _convert(image, mode)
                return np.array(pixels if turn is None else pixels.transpose(turn))
        except UnidentifiedImageError as error:
            _refuse(path, "not an image, or of an unknown format", error)
        except MemoryError:  # of the machine, not of the file
            raise
        except Exception as error:
            _refuse(path, str(error) or type(error).__name__, error)


def _refuse(path: str | os.PathLike[str], reason: str, error: Exception | None = None) -> NoReturn:
    raise ImageReadError(
        f"Cannot read {os.fspath(path)!r} as an image: {reason.rstrip('.')}."
    ) from error


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Keep Pillow's warnings back: what they say either does not matter here, or is an error."""
    # The filters belong to all threads, which replace the list by others and back with
    # catch_warnings. Doing so here as well could leave the wrong one behind, so one filter is
    # put into the list instead, and taken out of it and of the one that is there by then.
    with _FILTERS:
        filters = warnings.filters
        filters.insert(0, _IGNORE_PILLOW)  # type: ignore[attr-defined]
        try:
            yield
        finally:
            for each in (filters, warnings.filters):
                with suppress(ValueError):  # taken out already
                    each.remove(_IGNORE_PILLOW)  # type: ignore[attr-defined]


def _open(file: BinaryIO) -> Image.Image:
    """Open an image that is not too large, without decoding it."""
    limit = Image.MAX_IMAGE_PIXELS
    try:
        with _without_warnings():
            image = Image.open(file)
        too_large = limit is not None and image.width * image.height > limit
    except Image.DecompressionBombError:
        too_large = True
    if too_large:
        raise ValueError(
            f"it has more than {limit:,} pixels; make it smaller, or in Python set "
            "PIL.Image.MAX_IMAGE_PIXELS higher if it is to be decoded"
        )
    return image


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation of a decoded image, 1 if it has none that can be read."""
    try:
        with _without_warnings():
            return image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # damaged EXIF data, of any type as above; the pixels are good
        return 1


def _convert(image: Image.Image, mode: str) -> Image.Image:
    if image.mode == "F" or (image.mode == "I" and image.format not in {"PNG", "PPM"}):
        raise ValueError(
            f"its pixels (Pillow mode {image.mode!r}) have no fixed range; scale them to 8 bits "
            "first"
        )
    if image.mode.startswith("I"):
        # convert() would clip 16-bit values at 255, or keep the upper bits, by version.
        image = Image.fromarray(_upper_bits(image))
    elif "A" in image.getbands() or "transparency" in image.info:
        coloured = image.convert("RGBA")
        white = Image.new("RGBA", coloured.size, "white")
        image = Image.alpha_composite(white, coloured)
    return image.convert(mode)


def _upper_bits(image: Image.Image) -> NDArray[np.uint8]:
    """Return 16-bit pixels as 8-bit ones, by the rules that Pillow keeps for 8 bits alone."""
    deep = np.asarray(image)
    grey = (deep >> 8).astype(np.uint8)
    if isinstance(image, TiffImageFile) and image.tag_v2.get(PHOTOMETRIC_INTERPRETATION) == 0:
        return 255 - grey  # white is zero
    if "transparency" in image.info:
        grey[deep == image.info["transparency"]] = 255
    return grey
