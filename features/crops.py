"""Crops of images, brought to one size."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image


def canonical_crop(
    image: ArrayLike,
    size: tuple[int, int] = (60, 40),
    box: tuple[float, float, float, float] | None = None,
) -> NDArray[np.uint8]:
    """Cut a box out of an image and resize it by averaging areas.

    Parameters
    ----------
    image : array-like of uint8 of shape (height, width) or (height, width, 3)
        A grey or an RGB image, as from :func:`read_image` or :func:`read_rgb`.
    size : tuple of (int, int), default=(60, 40)
        Height and width of the result in pixels.
    box : tuple of (left, top, right, bottom) or None, default=None
        What to cut out, in pixels from the upper left corner of the image; ``right`` and
        ``bottom`` are just outside. Fractions are allowed. None takes the whole image. The
        aspect ratio is not kept: choose a box with that of ``size``.

    Returns
    -------
    ndarray of uint8 of shape (height, width) or (height, width, 3)
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
    pixels = check_image(image)
    height, width = check_size(size)
    box = _check_box(box, pixels.shape[:2])
    resized = Image.fromarray(pixels).resize((width, height), Image.Resampling.BOX, box=box)
    return np.array(resized)


def check_image(image: ArrayLike) -> NDArray[np.uint8]:
    """Return a grey or RGB image as an array, or say what it is instead.

    Parameters
    ----------
    image : array-like of uint8 of shape (height, width) or (height, width, 3)

    Returns
    -------
    ndarray of uint8
        The same pixels.

    Raises
    ------
    ValueError
        If it is of another shape or type, or empty.
    """
    pixels = np.asarray(image)
    shaped = pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] == 3)
    if pixels.dtype != np.uint8 or not shaped or pixels.size == 0:
        raise ValueError(
            "image must be a uint8 array of shape (height, width) if grey or (height, width, 3) "
            "if RGB, as from vilma.features.read_image or read_rgb. Got an array of dtype "
            f"{pixels.dtype} and shape {pixels.shape}. Scale other images to 0..255 and convert "
            "them to uint8 first."
        )
    return pixels


def check_size(size: tuple[int, int]) -> tuple[int, int]:
    """Return a (height, width) as two ints, or say what it is instead.

    Parameters
    ----------
    size : tuple of (int, int)

    Returns
    -------
    height, width : int

    Raises
    ------
    ValueError
        If it is not of two positive integers.
    """
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
