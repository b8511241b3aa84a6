"""Kinds of features: what the extraction has to know of each, and how its rows are kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import click
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from vilma import OneHotCodes
from vilma.cli._features import EMBEDDINGS, LBP
from vilma.cli.extraction.sources import Reader
from vilma.features import MultiScaleLBP
from vilma.features.multiscale_lbp import N_PATTERNS
from vilma.mapped.growing import GrowingMatrix

if TYPE_CHECKING:
    from vilma.features.deep.embedder import Embedder


class RowFormat(Protocol):
    """Where computed rows go."""

    def open(self, folder: Path, n_rows: int) -> GrowingMatrix:
        """Open the matrix in a folder.

        Parameters
        ----------
        folder : Path
        n_rows : int
            How many of the rows in it to keep.

        Returns
        -------
        GrowingMatrix

        Raises
        ------
        ValueError
            If the folder has fewer.
        """

    def join(self, blocks: Sequence[NDArray]) -> sparse.csr_array | NDArray:
        """Make one matrix in memory.

        Parameters
        ----------
        blocks : sequence of ndarray
            At least one block of rows.

        Returns
        -------
        csr_array or ndarray of shape (n_rows, n_features)
        """


@dataclass(frozen=True)
class CodeRows:
    """One-hot codes.

    Attributes
    ----------
    block_sizes : ndarray of shape (n_blocks,)
    """

    block_sizes: NDArray[np.int64]

    def open(self, folder: Path, n_rows: int) -> GrowingMatrix:
        return GrowingMatrix.codes(folder, self.block_sizes, n_rows=n_rows)

    def join(self, blocks: Sequence[NDArray]) -> sparse.csr_array:
        return OneHotCodes(np.concatenate(blocks), self.block_sizes).tocsr()


@dataclass(frozen=True)
class DenseRows:
    """Numbers of single precision.

    Attributes
    ----------
    n_features : int
    """

    n_features: int

    def open(self, folder: Path, n_rows: int) -> GrowingMatrix:
        return GrowingMatrix.dense(folder, self.n_features, np.float32, n_rows=n_rows)

    def join(self, blocks: Sequence[NDArray]) -> NDArray[np.float32]:
        return np.concatenate(blocks, dtype=np.float32)


class FeatureKind(Protocol):
    """What to compute; reading ahead, manifest and restart are the same for all kinds.

    Attributes
    ----------
    reader : Reader
        What becomes of a file before, in other processes.
    clock : callable
        See :class:`~vilma.cli.extraction.reading.Rate`.
    """

    @property
    def reader(self) -> Reader: ...

    @property
    def clock(self) -> Callable[[], float]: ...

    @property
    def settings(self) -> dict[str, Any]:
        """What has to be equal for features to be comparable; plain values, as JSON has them."""

    @property
    def inputs(self) -> dict[str, str]:
        """Digests of further files that the features depend on, by what they are."""

    def prepare(self) -> RowFormat:
        """Do what is done once and takes its time: load a model, compile.

        Returns
        -------
        RowFormat
            How rows are kept.
        """

    def compute(self, items: Sequence[NDArray]) -> NDArray:
        """Compute features.

        Parameters
        ----------
        items : sequence of ndarray
            At least one, as the reader makes them.

        Returns
        -------
        ndarray of shape (n_items, ...)
            A row for each. Which items come together must not matter.

        Raises
        ------
        ValueError
            If one of the items cannot be used.
        """


@dataclass(frozen=True)
class LBPKind:
    """One-hot codes of local binary patterns.

    Attributes
    ----------
    extractor : MultiScaleLBP
        With one thread: it takes a hundredth of the time of reading.
    reader : Reader
        Makes grey crops of its size.
    """

    extractor: MultiScaleLBP
    reader: Reader
    clock = staticmethod(time.thread_time)

    @property
    def settings(self) -> dict[str, Any]:
        return {
            "features": LBP,
            "drop_full_resolution": self.extractor.drop_full_resolution,
            **self.reader.settings,
        }

    @property
    def inputs(self) -> dict[str, str]:
        return self.reader.inputs

    def prepare(self) -> CodeRows:
        rows = CodeRows(np.full(len(self.extractor.positions_), N_PATTERNS))
        self.compute([np.zeros(self.extractor.size, np.uint8)])  # loads the kernels
        return rows

    def compute(self, items: Sequence[NDArray]) -> NDArray[np.uint8]:
        return self.extractor.compute_codes(np.stack(items))


@dataclass(frozen=True)
class PreparedImage:
    """An image with the preprocessing that belongs to the network, as a reader.

    Attributes
    ----------
    crop : Reader
        What is done before; makes RGB images.
    embedder : Embedder
    """

    crop: Reader
    embedder: Embedder

    @property
    def settings(self) -> dict[str, Any]:
        return self.crop.settings

    @property
    def inputs(self) -> dict[str, str]:
        return self.crop.inputs

    def __call__(self, path: Path, name: str) -> NDArray:
        return self.embedder.prepare(self.crop(path, name))


@dataclass(frozen=True)
class EmbeddingKind:
    """What a network makes of prepared images.

    Attributes
    ----------
    reader : PreparedImage
        Of the network.
    dtype : str
        Precision of the network.
    """

    reader: PreparedImage
    dtype: str
    clock = staticmethod(time.perf_counter)

    @property
    def embedder(self) -> Embedder:
        """The network."""
        return self.reader.embedder

    @property
    def settings(self) -> dict[str, Any]:
        return {
            "features": EMBEDDINGS,
            "network": self.embedder.identity,
            "dtype": self.dtype,
            **self.reader.settings,
        }

    @property
    def inputs(self) -> dict[str, str]:
        return self.reader.inputs

    def prepare(self) -> DenseRows:
        from vilma.features import FaceNotFoundError

        blank = np.zeros((64, 64, 3), np.uint8)
        # Loads the weights, and refuses a network that does not take what its preprocessing makes.
        with suppress(FaceNotFoundError):
            self.compute([self.embedder.prepare(blank)])
        assert self.embedder.width is not None
        return DenseRows(self.embedder.width)

    def compute(self, items: Sequence[NDArray]) -> NDArray[np.float32]:
        try:
            return self.embedder.embed(items)
        except RuntimeError as error:  # torch's, of a device without memory for example
            raise click.ClickException(
                f"the network failed on a batch of {len(items)} image(s): {error} A smaller "
                "--batch-size takes less memory, --device cpu another one."
            ) from error
