"""What every source of embeddings does: the seam between images, networks and the cache."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]  # (height, width, 3), RGB


class Embedder(ABC):
    """A network together with the preprocessing that belongs to it.

    Constructing one is cheap: weights are loaded when the first image comes.
    """

    packages: tuple[str, ...] = ("pillow",)
    """Distributions whose version the values depend on."""

    width: int | None = None
    """Number of columns, None where only a run can tell."""

    identity_is_safe: bool = True
    """Whether embedders that give different rows have different identities."""

    @property
    @abstractmethod
    def identity(self) -> str:
        """What tells this network and preprocessing from others, by content."""

    @abstractmethod
    def prepare(self, image: Image) -> Any:
        """Preprocess one image; called from several threads at once."""

    @abstractmethod
    def embed(self, prepared: Sequence[Any]) -> NDArray[np.float32]:
        """Embed what `prepare` made: one row each, shape (n_images, n_columns)."""

    def versions(self) -> list[str]:
        """Name the installed version of every package in `packages`."""
        return [f"{package} {_version(package)}" for package in self.packages]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"
