"""Embeddings on disk: one small file for every image and model."""

from __future__ import annotations

import hashlib
import os
import uuid
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vilma._atomic import atomic_write

_CHECKSUM_BYTES = 32


class EmbeddingCache:
    """Rows of one model, found again by what is in the image.

    An entry is a checksum followed by little-endian float32 numbers. It appears whole, so that
    processes may share the folder and a kill leaves no half entry; one that was damaged later
    fails the checksum and counts as missing.

    Parameters
    ----------
    folder : str or path-like
        Where the entries are; made when the first one is written.
    model_key : str
        What tells the model from others whose rows are in the same folder.
    """

    def __init__(self, folder: str | os.PathLike[str], model_key: str) -> None:
        self.folder = Path(folder)
        self._entries = self.folder / model_key

    def load(self, image_key: str) -> NDArray[np.float32] | None:
        """Return the row of an image, None if there is none or it is damaged."""
        path = self._path(image_key)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._refusal(error, "read") from error
        numbers = content[_CHECKSUM_BYTES:]
        if content[:_CHECKSUM_BYTES] != _checksum(image_key, numbers) or len(numbers) % 4:
            return None
        return np.frombuffer(numbers, dtype="<f4").astype(np.float32)

    def save(self, image_key: str, row: NDArray[np.float32]) -> None:
        """Write the row of an image, replacing what was there."""
        path = self._path(image_key)
        numbers = row.astype("<f4").tobytes()
        self._write(path, _checksum(image_key, numbers) + numbers)

    def check_writable(self) -> None:
        """Find out before the computing whether its results can be kept.

        Raises
        ------
        OSError
            If nothing can be written to the folder.
        """
        probe = self._entries / f".{uuid.uuid4().hex}.probe"
        self._write(probe, b"")
        probe.unlink()

    def _path(self, image_key: str) -> Path:
        # Two digits of the hash: folders with a million files are slow to list.
        return self._entries / image_key[-2:] / image_key

    def _write(self, path: Path, content: bytes) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(path) as file:
                file.write(content)
        except OSError as error:
            raise self._refusal(error, "written") from error

    def _refusal(self, error: OSError, what: str) -> OSError:
        return type(error)(
            f"cache_dir {os.fspath(self.folder)!r} cannot be {what} ({error}). Give a folder that "
            "can be, or cache_dir=None."
        )


def _checksum(image_key: str, numbers: bytes) -> bytes:
    return hashlib.sha256(image_key.encode() + b"\n" + numbers).digest()
