"""Models that the user brings: modules of torch, their methods, and plain functions."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vilma.features.deep.embedder import Embedder, Image
from vilma.features.deep.identity import callable_name, digest
from vilma.features.deep.network import NetworkRunner, as_rows, choose_device
from vilma.features.deep.preparation import as_item

Preprocessing = Callable[[list[Image]], Any]


def module_of(model: Any) -> Any:
    """Return the ``torch.nn.Module`` that `model` is or is a method of, else None."""
    torch = sys.modules.get("torch")  # who has a module has imported torch
    if torch is None:
        return None
    for candidate in (model, getattr(model, "__self__", None)):
        if isinstance(candidate, torch.nn.Module):
            return candidate
    return None


class ModuleEmbedder(Embedder):
    """A module of torch, or a method of one, with its own preprocessing.

    Parameters
    ----------
    model : torch.nn.Module or bound method
        Maps a batch of prepared images to embeddings.
    preprocessing : callable
        Maps a list of RGB images to a batch.
    identity : str or None
        The user's name for both.
    device, dtype : str
        As in ``DeepFeatures``.
    """

    packages = ("pillow", "torch")

    def __init__(
        self,
        model: Any,
        preprocessing: Preprocessing,
        identity: str | None,
        device: str,
        dtype: str,
    ) -> None:
        self.model = model
        self.preprocessing = preprocessing
        self.name = identity
        self.device = device
        self.dtype = dtype
        self.identity_is_safe = identity is not None

    @cached_property
    def identity(self) -> str:
        function = getattr(self.model, "__name__", "forward")
        weights = digest(module_of(self.model))
        name = self.name or callable_name(self.preprocessing)
        return f"module:{digest([function, weights, name])}"

    def prepare(self, image: Image) -> NDArray[Any]:
        return as_item(self.preprocessing([image]))

    def embed(self, prepared: Sequence[NDArray[Any]]) -> NDArray[np.float32]:
        return self._runner.embed(prepared)

    @cached_property
    def _runner(self) -> NetworkRunner:
        import torch

        device = choose_device(self.device)
        # A copy: the user's module keeps its mode, place and precision.
        function = copy.deepcopy(self.model)
        module_of(function).eval().to(device=device, dtype=getattr(torch, self.dtype))
        return NetworkRunner(function, device, self.dtype)


class FunctionEmbedder(Embedder):
    """Any function from images to embeddings.

    Parameters
    ----------
    model : callable
        Maps a list of RGB images, or of what `preprocessing` made of each, to embeddings.
    preprocessing : callable or None
        Maps a list of RGB images to a batch.
    identity : str or None
        The user's name for both.
    """

    def __init__(
        self,
        model: Callable[[Any], Any],
        preprocessing: Preprocessing | None,
        identity: str | None,
    ) -> None:
        self.model = model
        self.preprocessing = preprocessing
        self.name = identity
        self.identity_is_safe = identity is not None

    @property
    def identity(self) -> str:
        name = self.name or [callable_name(self.model), callable_name(self.preprocessing)]
        return f"function:{digest(name)}"

    def prepare(self, image: Image) -> Any:
        return image if self.preprocessing is None else as_item(self.preprocessing([image]))

    def embed(self, prepared: Sequence[Any]) -> NDArray[np.float32]:
        images = list(prepared) if self.preprocessing is None else np.stack(prepared)
        return as_rows(self.model(images), len(prepared))
