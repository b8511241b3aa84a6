"""Files from which an interrupted training goes on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vilma._atomic import atomic_write
from vilma._sealed import seal, verify_seal
from vilma.deep._torch import torch

__all__ = ["Checkpoint"]

_FORMAT = 3


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
        with self.reading(), self._path.open("rb") as file:
            verify_seal(file)  # torch takes damaged numbers as they are
            saved = torch.load(file, map_location="cpu", weights_only=True)
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
        with atomic_write(self._path.absolute()) as file:
            torch.save({"format": _FORMAT, "digest": self._digest, "state": state}, file)
            seal(file)
