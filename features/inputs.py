"""Images as people have them: paths or arrays, in lists, arrays or a column of a table."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vilma.features.reading import ImageReadError, read_rgb

Source = Path | NDArray[np.uint8]

_EXPECTED = (
    "a list, array or column of paths, an array of shape (n_images, height, width) or "
    "(n_images, height, width, 3), or a list of arrays of shape (height, width) or "
    "(height, width, 3), all of uint8"
)


def check_sources(X: Any) -> list[Source]:
    """Check images and list them; no file is opened.

    Parameters
    ----------
    X : sequence of path-like, ndarray of uint8, or sequence of ndarray of uint8
        Paths in a list, an array, a series or a table of one column; or grey or RGB images.

    Returns
    -------
    list of pathlib.Path and ndarray of uint8
        One entry per image.

    Raises
    ------
    TypeError
        If X, or one of its entries, is neither a path nor an array.
    ValueError
        If there is no image, or an array has another shape or type.
    """
    if is_path(X):
        raise TypeError(
            f"X is a single path, {os.fspath(X)!r}; give a list: [path]. The images of a folder "
            "are listed by vilma.features.find_images."
        )
    if isinstance(X, np.ndarray) and X.dtype.kind not in "OUT":
        _check_stack(X)
    sources = [_check_source(entry, row) for row, entry in enumerate(_entries(X))]
    if not sources:
        raise ValueError("Found array with 0 sample(s): X has no images, at least one is needed.")
    return sources


def load_source(source: Source, row: int) -> NDArray[np.uint8]:
    """Read a file, or turn an array into colours.

    Parameters
    ----------
    source : pathlib.Path or ndarray of uint8
        An entry of what :func:`check_sources` returns.
    row : int
        Its place there, for messages.

    Returns
    -------
    ndarray of uint8 of shape (height, width, 3)
        The image in RGB.

    Raises
    ------
    ImageReadError
        If the file is no image or damaged.
    OSError
        If there is no such file or it may not be read.
    """
    if isinstance(source, Path):
        try:
            return read_rgb(source)
        except ImageReadError as error:
            raise ImageReadError(f"X[{row}]: {error}") from error
        except OSError as error:
            raise unreadable(error, source, row) from error
    return to_rgb(source)


def is_path(image: Any) -> bool:
    """Tell whether an image is given by its path."""
    return isinstance(image, (str, os.PathLike))


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
    return image if image.ndim == 3 else np.repeat(image[:, :, np.newaxis], 3, axis=2)


def unreadable(error: OSError, path: Path, row: int) -> OSError:
    """Say which row's file cannot be opened, in an error of the same type."""
    reason = error.strerror or str(error)
    return type(error)(f"X[{row}]: the file {os.fspath(path)!r} cannot be read: {reason}.")


def _entries(X: Any) -> list[Any]:
    shape = getattr(X, "shape", None)
    if shape is not None and len(shape) == 2 and shape[1] == 1:
        return list(np.asarray(X, dtype=object)[:, 0])  # a table, as ColumnTransformer gives
    if not hasattr(X, "__iter__") or isinstance(X, (bytes, dict)):
        raise TypeError(f"X must be {_EXPECTED}. Got {type(X).__name__}.")
    return list(X)


def _check_stack(images: NDArray[Any]) -> None:
    if images.ndim == 3 and images.shape[2] in (3, 4):
        raise ValueError(
            f"X of shape {images.shape} looks like one image in colour; give an array of shape "
            "(n_images, height, width, 3), for a single image image[np.newaxis]."
        )
    if images.ndim not in (3, 4):
        raise ValueError(f"X must be {_EXPECTED}. Got an array of shape {images.shape}.")


def _check_source(entry: Any, row: int) -> Source:
    if is_path(entry):
        path = os.fspath(entry)
        if not isinstance(path, str) or not path:
            raise TypeError(f"X[{row}] must be a path of text, not empty. Got {entry!r}.")
        return Path(path)
    if not isinstance(entry, np.ndarray):
        raise TypeError(
            f"X[{row}] must be a path or an array, got {type(entry).__name__}: {entry!r:.60}. "
            'Images of Pillow become arrays by np.asarray(image.convert("RGB")).'
        )
    good_shape = entry.ndim == 2 or (entry.ndim == 3 and entry.shape[2] == 3)
    if entry.dtype != np.uint8 or not good_shape or entry.size == 0:
        raise ValueError(
            f"X[{row}] must be a grey or RGB image: uint8, of shape (height, width) or (height, "
            f"width, 3), not empty. Got {entry.dtype} of shape {entry.shape}. Scale other images "
            "to 0..255 and convert them to uint8 first."
        )
    return entry
