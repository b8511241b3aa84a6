"""Kernels of multi-scale LBP: one pyramid step, and the patterns of one level.

Both run over a block of images held in the dtype of the sums (int32 or int64 for exact
integers, float64 otherwise). Images do not influence one another, so any split into blocks
gives the same bits.
"""

from __future__ import annotations

import numpy as np

from vilma._numba import njit


@njit
def halve(images: np.ndarray, out: np.ndarray) -> None:
    """Replace every 2 x 2 block of pixels by its sum.

    Sums, not means: dividing by four changes no comparison but would round integers.

    Parameters
    ----------
    images : ndarray of shape (n_images, height, width), C-contiguous
        An odd last row or column is ignored.
    out : ndarray of shape (n_images, height // 2, width // 2), C-contiguous
        Overwritten with the sums, each added as ``(a + b) + (c + d)``: the upper pair first.
    """
    n_images, height, width = out.shape
    for i in range(n_images):
        for row in range(height):
            upper = images[i, 2 * row]
            lower = images[i, 2 * row + 1]
            target = out[i, row]
            for column in range(width):
                left = 2 * column
                target[column] = (upper[left] + upper[left + 1]) + (lower[left] + lower[left + 1])


@njit
def interior_patterns(images: np.ndarray, codes: np.ndarray, first: int) -> None:
    """Write the pattern of every interior pixel, row by row.

    Bit k of a pattern is set when neighbour k is strictly smaller than the centre; the eight
    neighbours are counted row by row from the upper left one::

        0 1 2
        3 . 4
        5 6 7

    Parameters
    ----------
    images : ndarray of shape (n_images, height, width), C-contiguous
        One level of the pyramid, both sides at least 3.
    codes : ndarray of uint8 of shape (n_images, n_positions), C-contiguous
        Columns ``first`` to ``first + (height - 2) * (width - 2)`` are overwritten.
    first : int
        Column of the pixel at row 1, column 1.
    """
    n_images, height, width = images.shape
    inner = width - 2
    for i in range(n_images):
        for row in range(height - 2):
            # Row views indexed from 0 keep the loop free of index arithmetic that would stop
            # the compiler from vectorising it.
            upper = images[i, row]
            middle = images[i, row + 1]
            lower = images[i, row + 2]
            start = first + row * inner
            target = codes[i, start : start + inner]
            for column in range(inner):
                centre = middle[column + 1]
                target[column] = (
                    (upper[column] < centre)
                    | ((upper[column + 1] < centre) << 1)
                    | ((upper[column + 2] < centre) << 2)
                    | ((middle[column] < centre) << 3)
                    | ((middle[column + 2] < centre) << 4)
                    | ((lower[column] < centre) << 5)
                    | ((lower[column + 1] < centre) << 6)
                    | ((lower[column + 2] < centre) << 7)
                )
