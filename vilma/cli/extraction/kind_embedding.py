"""Embeddings of a pretrained network, as a kind of features."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from vilma.cli._features import EMBEDDINGS
from vilma.cli.extraction.readers import Reader
from vilma.cli.extraction.rows import DenseRows
from vilma.features import FaceNotFoundError
from vilma.features.deep.embedder import Embedder


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
