"""Identities: short strings that are equal exactly when contents are."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

from vilma._fingerprint import fingerprint

_DIGITS = 32


def digest(*parts: Any) -> str:
    """Hash anything, as short as names of files should be."""
    return fingerprint(*parts)[:_DIGITS]


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


def file_versions(files: Iterable[Path]) -> tuple[tuple[str, int, int], ...]:
    """Tell cheaply whether files have changed: their paths, sizes and times."""
    return tuple((os.fspath(file), *_size_and_time(file)) for file in files)


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
