"""Files from which an interrupted training goes on."""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import joblib
import numpy as np

from vilma.deep._torch import torch

__all__ = ["Checkpoint", "fingerprint"]

_FORMAT = 2


def fingerprint(*objects: Any) -> str:
    """Return a digest of parameters and data, the same in every process.

    Parameters
    ----------
    *objects : object
        Arrays, numbers, strings, containers of such; networks, which count by structure and
        weights; objects with ``get_params``; functions, which count by name.

    Returns
    -------
    str
        Hexadecimal digits.
    """
    return joblib.hash([_plain(each) for each in objects])


def _plain(value: Any) -> Any:
    """Replace what pickles differently from process to process."""
    if isinstance(value, torch.nn.Module):
        weights = {name: _plain(each) for name, each in value.state_dict().items()}
        return [repr(value), weights]
    if isinstance(value, torch.Tensor):
        return value.detach().cpu().numpy()
    if isinstance(value, np.ndarray):
        return value
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if hasattr(value, "get_params") and not isinstance(value, type):
        return [type(value).__qualname__, _plain(value.get_params(deep=False))]
    if callable(value):
        named = value if hasattr(value, "__qualname__") else type(value)
        return [named.__module__, named.__qualname__, _plain(getattr(value, "__dict__", {}))]
    return repr(value)


class Checkpoint:
    """The file of one training.

    Parameters
    ----------
    path : str or Path
        The file; it need not exist, but its folder must.
    digest : str
        Fingerprint of what is trained, on what, and how.

    Raises
    ------
    ValueError
        If the folder is missing, or `path` is a folder.
    """

    def __init__(self, path: str | Path, digest: str) -> None:
        self._path = Path(path)
        self._digest = digest
        if self._path.is_dir() or not self._path.absolute().parent.is_dir():
            raise ValueError(
                f"checkpoint should be the path of a file in a folder that exists, got "
                f"{str(path)!r}."
            )

    def load(self) -> dict[str, Any] | None:
        """Return what was saved last, or None if nothing was.

        Raises
        ------
        ValueError
            If the file is no checkpoint, or one of another training.
        """
        if not self._path.exists():
            return None
        with self.reading():
            # torch takes damaged numbers as they are; the archive knows what they should be.
            with zipfile.ZipFile(self._path) as archive:
                damaged = archive.testzip()
            if damaged is not None:
                raise ValueError(f"its part {damaged} is damaged")
            saved = torch.load(self._path, map_location="cpu", weights_only=True)
            recorded, digest, state = saved["format"], saved["digest"], saved["state"]
        if recorded != _FORMAT or digest != self._digest:
            raise ValueError(
                f"{self._path} is a checkpoint of another configuration: parameters, data or "
                "labels differ from those it was saved with. Restore them, name another file, or "
                "remove this one to train from the beginning."
            )
        return state

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Turn whatever goes wrong with the content into one error.

        Raises
        ------
        ValueError
            If anything does: what damaged bytes lead to has no end.
        """
        try:
            yield
        except Exception as error:
            raise ValueError(
                f"{self._path} cannot be read as a checkpoint ({type(error).__name__}: {error}). "
                "Remove it to train from the beginning."
            ) from error

    def save(self, state: dict[str, Any]) -> None:
        """Replace the file at once, so that an interrupt leaves the old one or the new one.

        Parameters
        ----------
        state : dict
            Tensors, numbers, strings and containers of such.
        """
        handle, name = tempfile.mkstemp(dir=self._path.absolute().parent, suffix=".part")
        os.close(handle)
        try:
            torch.save({"format": _FORMAT, "digest": self._digest, "state": state}, name)
            os.replace(name, self._path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
