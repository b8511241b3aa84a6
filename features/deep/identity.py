"""Identities: short strings that are equal exactly when contents are."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

_DIGITS = 32


def digest(parts: Any) -> str:
    """Hash anything that JSON can write down, dictionaries by sorted keys."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]


def image_digest(source: Any) -> str:
    """Hash the bytes of an image file, or the shape and pixels of an array."""
    if isinstance(source, Path):
        with open(source, "rb") as file:
            return "file-" + hashlib.file_digest(file, "sha256").hexdigest()
    pixels = hashlib.sha256(repr(source.shape).encode())
    pixels.update(source.tobytes())
    return "pixels-" + pixels.hexdigest()


def files_digest(files: Iterable[Path]) -> str:
    """Hash the names and contents of files."""
    return digest({file.name: _weights_file_digest(file) for file in files})


def fingerprint(files: Iterable[Path]) -> tuple[tuple[str, int, int], ...]:
    """Tell cheaply whether files have changed: their paths, sizes and times."""
    return tuple((os.fspath(file), *_size_and_time(file)) for file in files)


def state_digest(module: Any) -> str:
    """Hash the structure and the weights of a ``torch.nn.Module``."""
    import torch

    content = hashlib.sha256(f"{_qualified_name(type(module))}\n{module!r}".encode())
    for name, value in sorted(module.state_dict().items()):
        content.update(f"{name} ".encode())
        if isinstance(value, torch.Tensor):
            tensor = value.detach().cpu().contiguous()
            content.update(f"{tensor.dtype} {tuple(tensor.shape)} ".encode())
            content.update(tensor.flatten().view(torch.uint8).numpy().tobytes())
        else:
            content.update(repr(value).encode())
    return content.hexdigest()[:_DIGITS]


def callable_name(function: Any) -> str:
    """Name a function, or the class of a callable object."""
    named = function if hasattr(function, "__qualname__") else type(function)
    return _qualified_name(named)


def _qualified_name(named: Any) -> str:
    return f"{named.__module__}.{named.__qualname__}"


def _size_and_time(file: Path) -> tuple[int, int]:
    status = file.stat()
    return status.st_size, status.st_mtime_ns


def _weights_file_digest(file: Path) -> str:
    return _remembered_digest(file, *_size_and_time(file))


@lru_cache(maxsize=64)
def _remembered_digest(file: Path, size: int, time: int) -> str:
    # Weights have hundreds of megabytes, and a grid search asks in every fit.
    with open(file, "rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
