"""Files that commands write: each appears whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import click


class OutputFile(click.ParamType):
    """A file to be written: refused before the work starts when it could not be written after."""

    name = "file"

    def convert(
        self, value: str | Path, param: click.Parameter | None, ctx: click.Context | None
    ) -> Path:
        """Resolve links and check the place.

        Parameters
        ----------
        value : str or Path
            The path as typed.
        param : click.Parameter or None
            The option it was typed for.
        ctx : click.Context or None
            The command it was typed for.

        Returns
        -------
        Path
            The path with symbolic links resolved, so that writing replaces the link's target.

        Raises
        ------
        click.BadParameter
            If the folder is missing or not writable, or the path is something else than a file.
        """
        path = Path(os.path.realpath(value))
        if path.exists() and not path.is_file():
            self.fail(f"{value} exists and is not a regular file.", param, ctx)
        if not path.parent.is_dir():
            self.fail(f"the folder {path.parent} does not exist; create it first.", param, ctx)
        if not os.access(path.parent, os.W_OK):
            self.fail(f"the folder {path.parent} is not writable.", param, ctx)
        return path


@contextmanager
def atomic_write(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary neighbour of `path` that takes its name once it is complete.

    Parameters
    ----------
    path : Path
        The file to be written. Its old content stays until the new one is complete.

    Yields
    ------
    BinaryIO
        The temporary file, open for writing.

    Raises
    ------
    click.ClickException
        If the operating system refuses the writing (a full disk, for example).

    Notes
    -----
    Whatever ends the block early, Ctrl-C included, the temporary file is removed. It stands in
    the same folder because only there the final renaming is one step of the file system.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        # not tempfile: its files are readable by the owner alone, whatever the user's umask
        with temporary.open("xb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError as error:
        raise click.ClickException(f"{path} could not be written: {error}.") from error
    finally:
        temporary.unlink(missing_ok=True)
