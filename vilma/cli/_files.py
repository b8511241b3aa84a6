"""Files that commands write: each appears whole or not at all."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import BinaryIO, NoReturn

import click

from vilma._atomic import atomic_write as atomic_file


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
        return self._check_parent(path, param, ctx)

    def _check_parent(
        self, path: Path, param: click.Parameter | None, ctx: click.Context | None
    ) -> Path:
        if not path.parent.is_dir():
            self.fail(f"the folder {path.parent} does not exist; create it first.", param, ctx)
        if not os.access(path.parent, os.W_OK):
            self.fail(f"the folder {path.parent} is not writable.", param, ctx)
        return path


class OutputFeatures(OutputFile):
    """A feature file, named ``*.npz``, or a feature folder of any other name."""

    name = "file or folder"

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
            The path with symbolic links resolved.

        Raises
        ------
        click.BadParameter
            If the folder around it is missing or not writable, or there is a file in the place
            of a folder.
        """
        path = Path(os.path.realpath(value))
        if path.suffix == ".npz":
            return super().convert(value, param, ctx)
        if path.exists() and not path.is_dir():
            self.fail(
                f"{value} exists and is not a folder; name a file of features *.npz.", param, ctx
            )
        return self._check_parent(path, param, ctx)


def keep_inputs(option: str, output: Path | None, *inputs: Path | None) -> None:
    """Refuse an output in the place of a file that is read.

    Parameters
    ----------
    option : str
        That names the output.
    output : Path or None
        None where nothing is written.
    *inputs : Path or None
        What the command reads.

    Raises
    ------
    click.UsageError
        If they are the same file.
    """
    if output is None or not output.exists():
        return
    for path in inputs:
        if path is not None and path.exists() and output.samefile(path):
            raise click.UsageError(
                f"{option} {output} would replace a file that this command reads; name another."
            )


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
        The temporary file, open for writing and reading.

    Raises
    ------
    click.ClickException
        If the operating system refuses the writing (a full disk, for example).

    Notes
    -----
    As :func:`vilma._atomic.atomic_write`. SIGTERM ends the block as Ctrl-C does.
    """
    try:
        with _sigterm_raises(), atomic_file(path) as stream:
            yield stream
    except OSError as error:
        raise click.ClickException(f"{path} could not be written: {error}.") from error


@contextmanager
def _sigterm_raises() -> Iterator[None]:
    """Let SIGTERM raise SystemExit, so that the program cleans up as after Ctrl-C."""
    if threading.current_thread() is not threading.main_thread():  # others may not ask for signals
        yield
        return

    def stop(number: int, frame: FrameType | None) -> NoReturn:
        raise SystemExit(128 + number)

    previous = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)
