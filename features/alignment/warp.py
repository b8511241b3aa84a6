"""A part of an image, turned and brought to size without aliasing."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from vilma.features.alignment.fitting import Matrix, apply, compose, resample

_MOST_SAMPLES = 4  # per pixel of the crop and axis; twice that just below the next reduction


def share_outside(to_image: Matrix, size: tuple[int, int], shape: tuple[int, int]) -> float:
    """Return which share of a crop's pixels have their centres outside of the image.

    Parameters
    ----------
    to_image : ndarray of shape (2, 3)
        Maps (x, y) of the crop to (x, y) of the image.
    size, shape : (int, int)
        Height and width of the crop and of the image.

    Returns
    -------
    float
    """
    rows, columns = np.indices(size)
    places = apply(to_image, np.column_stack([columns.ravel(), rows.ravel()]).astype(np.float64))
    inside = (places >= -0.5) & (places <= np.array(shape[::-1]) - 0.5)
    return 1 - float(inside.all(axis=1).mean())


def warp_crop(
    image: NDArray[np.uint8], to_image: Matrix, size: tuple[int, int]
) -> NDArray[np.uint8]:
    """Fill a crop from where its pixels lie in an image.

    Parameters
    ----------
    image : ndarray of uint8 of shape (height, width) or (height, width, 3)
    to_image : ndarray of shape (2, 3)
        Maps (x, y) of the crop to (x, y) of the image.
    size : (int, int)
        Height and width of the crop.

    Returns
    -------
    ndarray of uint8 of shape (height, width) or (height, width, 3)
        Each pixel is the mean of k x k samples spread evenly over it, each interpolated linearly
        between the pixels of the image. There are so many that they are no more than one pixel of
        the image apart: a crop of 1/k the size, unturned, is the mean of k x k pixels. Outside of
        the image, its border goes on.

    Notes
    -----
    Where a pixel of the crop covers 4 x 4 or more, the image is first reduced by means over
    blocks, which bounds the work.
    """
    from skimage.transform import warp

    covered = float(np.linalg.norm(to_image[:, :2], ord=2))  # image pixels along one crop pixel
    reduction = max(1, int(covered // _MOST_SAMPLES))
    part, corner = _part(image, to_image, size, margin=2 * reduction)
    reduced = _reduce(part, reduction)
    to_part = to_image.copy()
    to_part[:, 2] -= corner
    to_part = compose(resample(1 / reduction), to_part)

    n_samples = max(1, math.ceil(covered / reduction - 1e-9))
    sampled = compose(to_part, resample(1 / n_samples))
    height, width = size
    samples = warp(
        reduced,
        np.vstack([sampled, [0.0, 0.0, 1.0]]),
        output_shape=(height * n_samples, width * n_samples),
        order=1,
        mode="edge",
        preserve_range=True,
    )
    return np.rint(_block_means(samples, n_samples)).astype(np.uint8)


def _part(
    image: NDArray[np.uint8], to_image: Matrix, size: tuple[int, int], margin: int
) -> tuple[NDArray[np.uint8], NDArray[np.intp]]:
    """Cut out what the crop needs; return it with the place of its upper left pixel."""
    height, width = size
    corners = np.array(
        [(x, y) for x in (-0.5, width - 0.5) for y in (-0.5, height - 0.5)], dtype=np.float64
    )
    places = apply(to_image, corners)
    last = np.array([image.shape[1], image.shape[0]]) - 1
    low = np.clip(np.floor(places.min(axis=0)) - margin, 0, last).astype(np.intp)
    high = np.clip(np.ceil(places.max(axis=0)) + margin, 0, last).astype(np.intp)
    return image[low[1] : high[1] + 1, low[0] : high[0] + 1], low


def _reduce(image: NDArray[np.uint8], factor: int) -> NDArray[np.float64]:
    """Average blocks; those at the lower and right border are completed by repeating it."""
    padding = [(0, -side % factor) for side in image.shape[:2]] + [(0, 0)] * (image.ndim - 2)
    return _block_means(np.pad(image, padding, mode="edge").astype(np.float64), factor)


def _block_means(image: NDArray[np.float64], factor: int) -> NDArray[np.float64]:
    height, width, *channels = image.shape
    blocks = image.reshape(height // factor, factor, width // factor, factor, *channels)
    return blocks.mean(axis=(1, 3))
