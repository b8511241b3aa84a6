"""Files and folders that appear whole or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

__all__ = ["atomic_folder", "atomic_write"]


@contextmanager
def atomic_write(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary neighbour of `path` that takes its name once it is complete.

    Parameters
    ----------
    path : Path
        The file to be written. Its old content stays until the new one is on the disk.

    Yields
    ------
    BinaryIO
        The temporary file, open for writing and reading.

    Raises
    ------
    OSError
        If the operating system refuses the writing (a full disk, for example).

    Notes
    -----
    However the block ends, the temporary file is removed; only a process killed without warning
    leaves it. It stands in the same folder because only there the final renaming is one step of
    the file system.
    """
    temporary = _neighbour(path)
    try:
        # not tempfile: its files are readable by the owner alone, whatever the user's umask
        with temporary.open("x+b") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
        _sync_names(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(folder: Path) -> Iterator[Path]:
    """Give a neighbour of `folder` that takes its name once it is complete.

    Parameters
    ----------
    folder : Path
        The folder to be written. There must be nothing of that name.

    Yields
    ------
    Path
        The temporary folder. The files in it are brought to the disk before it is renamed.

    Raises
    ------
    FileExistsError
        If there is something of that name.
    OSError
        If the operating system refuses the writing.
    """
    if folder.exists() or folder.is_symlink():
        raise FileExistsError(f"{folder} exists. Choose another name, or remove it first.")
    temporary = _neighbour(folder)
    temporary.mkdir()
    try:
        yield temporary
        for path in temporary.iterdir():
            with path.open("r+b") as file:
                os.fsync(file.fileno())
        temporary.rename(folder)
        _sync_names(folder.parent)
    except BaseException:  # an interrupt too must not leave half a folder
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _neighbour(path: Path) -> Path:
    if not path.parent.exists():  # the system's message would name the temporary file
        raise FileNotFoundError(f"The folder {path.parent} does not exist; create it first.")
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")


def _sync_names(folder: Path) -> None:
    """Bring a renaming to the disk, where the system can do so for a folder."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:  # Windows opens no folders
        return
    try:
        os.fsync(descriptor)
    except OSError:  # nor do some file systems sync them
        pass
    finally:
        os.close(descriptor)
