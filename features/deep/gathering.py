"""The matrix of embeddings, put together from batches and the cache."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vilma.features.deep.cache import EmbeddingCache
from vilma.features.deep.identity import image_digest
from vilma.features.inputs import Source, unreadable

Compute = Callable[[Sequence[int]], Iterator[tuple[Sequence[int], NDArray[np.float32]]]]
"""From the places of images to (places, rows) of one batch after the other."""

Progress = Callable[[int], object]
"""Told how many more rows are there."""


def gather(compute: Compute, n_images: int, progress: Progress) -> NDArray[np.float32]:
    """Compute all rows.

    Parameters
    ----------
    compute : callable
        See `Compute`.
    n_images : int
        How many images there are, at least 1.
    progress : callable
        See `Progress`.

    Returns
    -------
    ndarray of float32 of shape (n_images, n_columns)
        The rows in the order of the images.
    """
    matrix = None
    for places, rows in compute(range(n_images)):
        if matrix is None:
            matrix = np.empty((n_images, rows.shape[1]), dtype=np.float32)
        _check_width(rows, matrix.shape[1])
        matrix[places] = rows
        progress(len(rows))
    assert matrix is not None
    return matrix


def gather_with_cache(
    compute: Compute,
    sources: Sequence[Source],
    cache: EmbeddingCache,
    n_threads: int,
    progress: Progress,
) -> NDArray[np.float32]:
    """Look rows up, and compute and keep those that are missing; equal images once.

    Parameters
    ----------
    compute : callable
        See `Compute`.
    sources : sequence of pathlib.Path and ndarray
        The images.
    cache : EmbeddingCache
        Where the rows are kept.
    n_threads : int
        Threads that read files to find out what is in them.
    progress : callable
        See `Progress`.

    Returns
    -------
    ndarray of float32 of shape (n_images, n_columns)
        The rows in the order of the images.

    Raises
    ------
    OSError
        If a file cannot be opened or the cache not be used.
    """
    with ThreadPoolExecutor(n_threads) as pool:
        keys = list(pool.map(_image_key, sources, range(len(sources))))
    copies = Counter(keys)
    first = {key: place for place, key in reversed(list(enumerate(keys)))}
    found: dict[str, NDArray[np.float32]] = {}
    missing = []
    for key in copies:
        row = cache.load(key)
        if row is None:
            missing.append(first[key])
        else:
            found[key] = row
            progress(copies[key])
    if missing:
        cache.check_writable()
    for places, rows in compute(missing):
        for place, row in zip(places, rows, strict=True):
            cache.save(keys[place], row)
            found[keys[place]] = row
            progress(copies[keys[place]])
    for row in found.values():
        _check_width(row[np.newaxis], len(found[keys[0]]))
    return np.stack([found[key] for key in keys])


def _check_width(rows: NDArray[np.float32], width: int) -> None:
    if rows.shape[1] != width:
        raise ValueError(
            f"The model gave rows of {width} numbers for some images and of {rows.shape[1]} for "
            "others; all must have the same number."
        )


def _image_key(source: Source, row: int) -> str:
    try:
        return image_digest(source)
    except OSError as error:
        assert isinstance(source, Path)
        raise unreadable(error, source, row) from error
