"""Reading and preparing images ahead of the network, in batches."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vilma.features.alignment.errors import FaceNotFoundError
from vilma.features.deep.embedder import Embedder
from vilma.features.deep.network import DeviceError
from vilma.features.inputs import Source, load_source


def embed_sources(
    embedder: Embedder,
    sources: Sequence[Source],
    wanted: Sequence[int],
    batch_size: int,
    n_threads: int,
) -> Iterator[tuple[Sequence[int], NDArray[np.float32]]]:
    """Embed images batch by batch.

    Parameters
    ----------
    embedder : Embedder
        The network with its preprocessing.
    sources : sequence of pathlib.Path and ndarray
        The images.
    wanted : sequence of int
        Places in `sources` of those to embed.
    batch_size, n_threads : int
        Images per batch, and threads that read and prepare them; the images of two batches are
        in memory at a time.

    Yields
    ------
    (sequence of int, ndarray of shape (n_in_batch, n_columns))
        Places of the images of a batch, and their rows.

    Raises
    ------
    ValueError
        If a file is no image, or the network or its preprocessing refuses one.
    OSError
        If a file cannot be opened.
    """
    batches = [wanted[start : start + batch_size] for start in range(0, len(wanted), batch_size)]
    if n_threads == 1:
        for batch in batches:
            yield batch, _embed(embedder, batch, [_prepare(embedder, sources, r) for r in batch])
        return
    ahead: deque[tuple[Sequence[int], list[Future[Any]]]] = deque()
    with ThreadPoolExecutor(n_threads) as pool:

        def embed_next() -> tuple[Sequence[int], NDArray[np.float32]]:
            batch, futures = ahead.popleft()
            return batch, _embed(embedder, batch, [future.result() for future in futures])

        try:
            for batch in batches:
                ahead.append((batch, [pool.submit(_prepare, embedder, sources, r) for r in batch]))
                if len(ahead) > 1:
                    yield embed_next()
            if ahead:
                yield embed_next()
        finally:
            pool.shutdown(cancel_futures=True)


def _prepare(embedder: Embedder, sources: Sequence[Source], row: int) -> Any:
    image = load_source(sources[row], row)
    try:
        return embedder.prepare(image)
    except ValueError as error:
        raise _in_row(row, error) from error


def _embed(embedder: Embedder, batch: Sequence[int], prepared: list[Any]) -> NDArray[np.float32]:
    try:
        return embedder.embed(prepared)
    except DeviceError:
        raise
    except ValueError:
        for row, image in zip(batch, prepared, strict=True):  # which one was it?
            try:
                embedder.embed([image])
            except ValueError as error:
                raise _in_row(row, error) from error
        raise


def _in_row(row: int, error: ValueError) -> ValueError:
    kind = FaceNotFoundError if isinstance(error, FaceNotFoundError) else ValueError
    return kind(f"X[{row}]: {error}")
