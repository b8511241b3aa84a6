"""Loading networks and their preprocessing by transformers, without torchvision."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache, wraps
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

from vilma._optional import require

NETWORKS = {
    "clip": "CLIPVisionModelWithProjection",
    "clip_vision_model": "CLIPVisionModelWithProjection",
    "resnet": "ResNetModel",
    "siglip": "SiglipVisionModel",
    "siglip_vision_model": "SiglipVisionModel",
}
"""The class of transformers for some model types in ``config.json``; the others' is AutoModel."""

_PURPOSE = "A model of Hugging Face"
_Loader = TypeVar("_Loader", bound=Callable[..., Any])
_LOADING = threading.Lock()


def _one_at_a_time(load: _Loader) -> _Loader:
    """Let threads wait for each other: what one loads is there for the next.

    Besides, the verbosity of transformers, which `_quiet` changes, belongs to all of them.
    """

    @wraps(load)
    def load_alone(*arguments: Any) -> Any:
        with _LOADING:
            return load(*arguments)

    return load_alone  # type: ignore[return-value]


# Two of them stay in memory: a grid search asks for the same one in every fit. Versions
# make changed files be read again.
@_one_at_a_time
@lru_cache(maxsize=2)
def load_network(
    directory: Path, kind: str, versions: tuple[Any, ...], device: Any, dtype: str
) -> Any:
    """Load an image encoder for inference.

    Parameters
    ----------
    directory : pathlib.Path
        Where the files are.
    kind : str
        The model type.
    versions : tuple
        What changes when the files do.
    device : torch.device
        Where to put the network.
    dtype : str
        Its precision.

    Returns
    -------
    torch.nn.Module or method of one
        The network, in evaluation mode, or its method that embeds images.

    Raises
    ------
    ValueError
        If weights are missing, of other shapes than the configuration says, or unreadable.
    """
    torch = require("torch", "deep", _PURPOSE)
    transformers = require("transformers", "deep", _PURPOSE)
    encoder = getattr(transformers, NETWORKS.get(kind, "AutoModel"))
    with _quiet(transformers):
        try:
            network, report = encoder.from_pretrained(
                directory,
                config=_encoder_config(directory, kind),
                dtype=getattr(torch, dtype),
                local_files_only=True,
                trust_remote_code=False,
                output_loading_info=True,
            )
        except Exception as error:  # whatever the readers of damaged files raise
            raise ValueError(
                f"The model in {os.fspath(directory)!r} cannot be loaded: {error}"
            ) from error
    # transformers would go on with random numbers in their place.
    missing = sorted(report["missing_keys"])
    if missing and all(name.startswith("pooler.") for name in missing):
        network.pooler = None  # saved without one: the first token is the embedding
    elif missing:
        raise ValueError(
            f"The weights in {os.fspath(directory)!r} lack {len(missing)} of the tensors of "
            f"{type(network).__name__}, {missing[0]!r} among them. Download the model again."
        )
    _own_memory(network)
    network = network.to(device).eval()
    # A model of images and texts has a method for the former.
    return getattr(network, "get_image_features", network)


@_one_at_a_time
@lru_cache(maxsize=2)
def load_processor(directory: Path, versions: tuple[Any, ...]) -> Any:
    """Load the preprocessing saved with a model.

    The one of NumPy and Pillow is taken even where torchvision is there, so that the values do
    not depend on it.

    Parameters
    ----------
    directory : pathlib.Path
        Where ``preprocessor_config.json`` is.
    versions : tuple
        What changes when the file does.

    Returns
    -------
    transformers.BaseImageProcessor
        The preprocessing.

    Raises
    ------
    ValueError
        If the file is damaged or of a kind that is not known.
    """
    require("torch", "deep", _PURPOSE)  # transformers goes without it, but not far
    transformers = require("transformers", "deep", _PURPOSE)
    with _quiet(transformers):
        try:
            return transformers.AutoImageProcessor.from_pretrained(
                directory, backend="pil", local_files_only=True, trust_remote_code=False
            )
        except Exception as error:  # whatever it raises for contents it does not expect
            raise ValueError(
                f"The preprocessing in {os.fspath(directory)!r} cannot be loaded: {error}"
            ) from error


def takes_images(kind: str) -> bool:
    """Tell whether transformers has preprocessing of images for a model type."""
    require("transformers", "deep", _PURPOSE)
    from transformers.models.auto.image_processing_auto import IMAGE_PROCESSOR_MAPPING_NAMES

    return kind in NETWORKS or kind in IMAGE_PROCESSOR_MAPPING_NAMES


def load_config(directory: Path) -> Any:
    """Load the configuration of a model, completed by the defaults of transformers."""
    transformers = require("transformers", "deep", _PURPOSE)
    return transformers.AutoConfig.from_pretrained(
        directory, local_files_only=True, trust_remote_code=False
    )


def _encoder_config(directory: Path, kind: str) -> Any:
    config = load_config(directory)
    if kind == "siglip":
        return config.vision_config
    if kind != "clip":
        return config
    # The full model projects to the width of its own configuration, whatever the part says.
    config.vision_config.projection_dim = config.projection_dim
    return config.vision_config


def _own_memory(network: Any) -> None:
    """Copy weights out of the mapped file.

    Where they lie in it decides on their alignment, and that on the last bits of the results; and
    a file that is replaced while it is mapped can end the process.
    """
    for tensor in chain(network.parameters(), network.buffers()):
        tensor.data = tensor.data.clone()


@contextmanager
def _quiet(transformers: Any) -> Iterator[None]:
    """Keep the reports on the unused text encoder, and the progress bars, off the terminal."""
    logging = transformers.utils.logging
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
