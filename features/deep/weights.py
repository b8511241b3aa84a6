"""Finding the files of a Hugging Face model: in a directory, the local cache, or the hub."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from vilma._optional import require

CONFIG = "config.json"
_PREPROCESSING = ("processor_config.json", "preprocessor_config.json")
_WEIGHTS = ("model.safetensors", "pytorch_model.bin")  # in the order transformers prefers
_INDEX = ".index.json"
_LONGEST_SIDE = 4096  # pixels; the largest networks on the hub take some 1,000


def find_directory(model: str | os.PathLike[str], local_files_only: bool) -> Path:
    """Find the directory with the files of a model.

    Parameters
    ----------
    model : str or path-like
        A directory, or the name of a model on the Hugging Face hub.
    local_files_only : bool
        Whether a model that is not in the local cache is an error, or is downloaded.

    Returns
    -------
    pathlib.Path
        The directory given, or the snapshot in the local cache.

    Raises
    ------
    FileNotFoundError
        If there is neither, with the ways to get the files.
    """
    if Path(model).is_dir():
        return Path(model)
    name = os.fspath(model)
    looks_like_name = isinstance(model, str) and name.count("/") <= 1 and name[:1] not in "./~\\"
    if not looks_like_name:
        raise FileNotFoundError(f"There is no directory {name!r} to load a model from.")
    hub = require("huggingface_hub", "deep", f"The model {name!r}")
    snapshot = _cached_snapshot(hub, name)
    if snapshot is None and not local_files_only:
        snapshot = _download(hub, name)
    if snapshot is None:
        raise FileNotFoundError(
            f"{name!r} is neither a directory nor in the local cache of Hugging Face, and nothing "
            f"is downloaded unless asked. Run `hf download {name}`, or give "
            "local_files_only=False (`--download` on the command line), or a directory with "
            "config.json, preprocessor_config.json and the weights. The face embedder is "
            "called 'dlib'."
        )
    return snapshot


def read_config(directory: Path) -> dict[str, Any]:
    """Read the configuration of the model.

    Raises
    ------
    FileNotFoundError
        If there is none.
    ValueError
        If it cannot be read as JSON.
    """
    path = directory / CONFIG
    if not path.is_file():
        raise FileNotFoundError(
            f"The directory {os.fspath(directory)!r} has no {CONFIG}; it must hold a model as "
            "written by save_pretrained of transformers."
        )
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{os.fspath(path)!r} is not valid JSON: {error}") from error


def preprocessing_files(directory: Path) -> list[Path]:
    """List the files that say how images are prepared.

    Raises
    ------
    FileNotFoundError
        If there are none.
    """
    files = [directory / name for name in _PREPROCESSING if (directory / name).is_file()]
    if not files:
        raise FileNotFoundError(
            f"The directory {os.fspath(directory)!r} has no preprocessor_config.json, so nothing "
            "says how its model wants images. Copy the file from where the weights are from, or "
            "save it with image_processor.save_pretrained(directory)."
        )
    return files


def check_preprocessing(file: Path) -> None:
    """Refuse a preprocessing that makes huge images, which would take all memory.

    Raises
    ------
    ValueError
        If the file cannot be read as JSON, or a side is longer than 4096 pixels.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"The preprocessing in {os.fspath(file.parent)!r} cannot be loaded: {file.name} is "
            f"not valid JSON: {error}"
        ) from error
    largest = max(_sides(content), default=0)
    if largest > _LONGEST_SIDE:
        raise ValueError(
            f"{os.fspath(file)!r} asks for images with a side of {largest:,} pixels; networks "
            f"take at most {_LONGEST_SIDE}. Download the file again, or correct its sizes."
        )


def _sides(content: Any, inside: bool = False) -> Iterator[float]:
    """Yield every number below a key that names a size."""
    if isinstance(content, dict):
        for key, value in content.items():
            yield from _sides(value, inside or str(key).endswith("size"))
    elif isinstance(content, list):
        for value in content:
            yield from _sides(value, inside)
    elif inside and isinstance(content, (int, float)):
        yield content


def weight_files(directory: Path) -> list[Path]:
    """List the files that transformers takes the weights from.

    Raises
    ------
    FileNotFoundError
        If there are none, or one of several parts is missing.
    """
    for name in _WEIGHTS:
        if (directory / name).is_file():
            return [directory / name]
        index = directory / (name + _INDEX)
        if index.is_file():
            return [index, *_parts(index)]
    raise FileNotFoundError(
        f"The directory {os.fspath(directory)!r} has no weights: neither {_WEIGHTS[0]} nor "
        f"{_WEIGHTS[1]}, in one file or in parts with an index. Download the model again."
    )


def _parts(index: Path) -> list[Path]:
    named = json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()
    parts = [index.parent / name for name in sorted(set(named))]
    for part in parts:
        if not part.is_file():
            raise FileNotFoundError(
                f"{os.fspath(index)!r} names the file {part.name!r}, which is not there. Download "
                "the model again."
            )
    return parts


def _cached_snapshot(hub: Any, name: str) -> Path | None:
    # snapshot_download wants every file of the repository, also the weights in other formats.
    try:
        config = hub.try_to_load_from_cache(name, CONFIG)
        if not isinstance(config, str):
            return None
        snapshot = Path(config).parent
        for files_of in (read_config, preprocessing_files, weight_files):
            files_of(snapshot)  # another program may have fetched a part of them
    except (hub.errors.HFValidationError, FileNotFoundError):
        return None
    return snapshot


def _download(hub: Any, name: str) -> Path:
    try:
        info = hub.HfApi().model_info(name)
        there = {sibling.rfilename for sibling in info.siblings}
        # Repositories hold the same weights in several formats; one is enough.
        weights = next((w for w in _WEIGHTS if w in there or w + _INDEX in there), _WEIGHTS[0])
        parts = weights.replace(".", "-*.")
        wanted = [CONFIG, *_PREPROCESSING, weights, weights + _INDEX, parts]
        return Path(hub.snapshot_download(name, allow_patterns=wanted))
    except Exception as error:  # whatever the network layers raise
        raise FileNotFoundError(
            f"{name!r} is not in the local cache of Hugging Face and could not be downloaded: "
            f"{error}"
        ) from error
