"""Image encoders saved by Hugging Face transformers: CLIP, ResNet, ViT, DINOv2, SigLIP, ..."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vilma.features.deep.embedder import Embedder, Image
from vilma.features.deep.identity import digest, file_versions, files_digest
from vilma.features.deep.loading import (
    NETWORKS,
    load_config,
    load_network,
    load_processor,
    takes_images,
)
from vilma.features.deep.network import NetworkRunner, choose_device
from vilma.features.deep.preparation import as_item
from vilma.features.deep.weights import (
    CONFIG,
    check_preprocessing,
    preprocessing_files,
    read_config,
    weight_files,
)

_MOST_ELONGATED = 50  # the shorter side is brought to the network's size before the crop is cut


class PretrainedEmbedder(Embedder):
    """The image encoder in a directory, with the preprocessing in the same directory.

    Parameters
    ----------
    directory : pathlib.Path
        A directory with ``config.json``, weights and ``preprocessor_config.json``.
    device, dtype : str
        As in ``DeepFeatures``.

    Raises
    ------
    FileNotFoundError
        If one of the files is missing.
    ValueError
        If the model takes no images, does not say how wide its embeddings are, or its
        preprocessing makes images of an absurd size.
    """

    packages = ("pillow", "torch", "transformers")

    def __init__(self, directory: Path, device: str, dtype: str) -> None:
        self.directory = directory
        self.device = device
        self.dtype = dtype
        config = read_config(directory)
        self.kind = _check_kind(directory, config)
        self.width = _read_width(directory, config)
        self._preprocessing = preprocessing_files(directory)
        for file in self._preprocessing:
            check_preprocessing(file)
        self._model = [directory / CONFIG, *weight_files(directory)]

    @cached_property
    def identity(self) -> str:
        contents = [files_digest(self._model), files_digest(self._preprocessing)]
        return f"{self.kind.split('_')[0]}:{digest(contents)}"

    def prepare(self, image: Image) -> NDArray[Any]:
        height, width = image.shape[:2]
        if max(height, width) > _MOST_ELONGATED * min(height, width):
            raise ValueError(
                f"an image of {width} x {height} pixels is too thin for this network: one side "
                f"may be {_MOST_ELONGATED} times the other. Cut out the part that matters."
            )
        item = as_item(self._processor([image], input_data_format="channels_last"))
        size = self._image_size
        if size is not None and item.shape[1:] != (size, size):
            raise ValueError(
                f"The preprocessing in {os.fspath(self.directory)!r} makes images of "
                f"{item.shape[1]} x {item.shape[2]} pixels, the model beside it takes "
                f"{size} x {size}. The two files do not belong together: take both "
                "preprocessor_config.json and the weights from one source."
            )
        return item

    def embed(self, prepared: Sequence[NDArray[Any]]) -> NDArray[np.float32]:
        device = choose_device(self.device)
        network = load_network(
            self.directory, self.kind, file_versions(self._model), device, self.dtype
        )
        return NetworkRunner(network, device, self.dtype).embed(prepared)

    @property
    def _processor(self) -> Any:
        return load_processor(self.directory, file_versions(self._preprocessing))

    @cached_property
    def _image_size(self) -> int | None:
        config = read_config(self.directory)
        return (config.get("vision_config") or config).get("image_size")


def _check_kind(directory: Path, config: dict[str, Any]) -> str:
    kind = str(config.get("model_type"))
    if kind not in NETWORKS and not takes_images(kind):
        raise ValueError(
            f"The model in {os.fspath(directory)!r} is of the type {kind!r}, for which "
            "transformers has no preprocessing of images. Load it yourself, and give the module "
            "with preprocessing=."
        )
    return kind


def _read_width(directory: Path, config: dict[str, Any]) -> int:
    # What the file leaves out has the value that transformers gives it; of a CLIP that is the
    # width of the projection, whatever its layers have.
    clip = str(config.get("model_type")).startswith("clip")
    found = _width_in(config) if not clip or "projection_dim" in config else None
    found = _width_in(load_config(directory).to_dict()) if found is None else found
    if found is None:
        raise ValueError(
            f"The {CONFIG} in {os.fspath(directory)!r} does not say how many columns the model "
            "has. Load it yourself, and give the module with preprocessing=."
        )
    return found


def _width_in(config: dict[str, Any]) -> int | None:
    """Return the width of projected embeddings, of the last stage, or of all layers."""
    if config.get("projection_dim"):
        return int(config["projection_dim"])
    for part in (config, config.get("vision_config") or {}):
        if part.get("hidden_sizes"):
            return int(part["hidden_sizes"][-1])
        if part.get("hidden_size"):
            return int(part["hidden_size"])
    return None
