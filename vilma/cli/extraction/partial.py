"""Work on a feature folder that can be stopped at any moment and taken up again.

``NAME.partial`` stands beside the folder NAME until that is complete:

=================  ================================================================
``job.json``       settings and images: what must be the same to go on
``progress.json``  how much of the content counts; replaced after every batch
``content/``       becomes NAME
``lock``           held by the one process that works on it
=================  ================================================================

What a killed process wrote behind the mark of ``progress.json`` is cut off, so the content depends
on the images and settings alone.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import click
import numpy as np

from vilma.cli._feature_folder import (
    MANIFEST,
    MANIFEST_HEADER,
    Outcome,
    manifest_lines,
    read_folder_settings,
    read_manifest,
    write_folder_settings,
    write_sizes,
)
from vilma.cli._files import atomic_write
from vilma.cli.extraction.job import Job
from vilma.cli.extraction.rows import RowFormat
from vilma.mapped.checksums import write_checksums


class PartialFolder:
    """An unfinished feature folder, made by :func:`~vilma.cli.extraction.take_up.take_up`.

    Attributes
    ----------
    place : Path
        The folder of the partial work.
    n_done : int
        How many images are finished, usable or not.
    rejected : dict of str to str
        Why the others among them cannot be used.
    """

    def __init__(self, final: Path, job: Job, rows: RowFormat) -> None:
        self.place = partial_place(final)
        self._final = final
        self._job = job
        self._content = self.place / "content"
        self.n_done, n_rows, n_bytes = self._read_progress()
        if not self.n_done:
            shutil.rmtree(self._content, ignore_errors=True)
            self._content.mkdir()
        self._manifest = self._open_manifest(n_bytes)
        try:
            self._rows = rows.open(self._content, n_rows)
        except (ValueError, OSError) as error:
            self._manifest.close()
            raise self._damaged(str(error)) from error
        self.rejected = {
            name: reason
            for name, status, reason in read_manifest(self._content / MANIFEST)
            if status != "ok"
        }

    @property
    def n_rows(self) -> int:
        """How many images are usable so far."""
        return self._rows.n_rows

    def append(self, outcomes: Sequence[Outcome], rows: np.ndarray | None) -> None:
        """Add a batch; from here on it is not lost.

        Parameters
        ----------
        outcomes : sequence of Outcome
            What became of the next images.
        rows : ndarray of shape (n_usable, ...) or None
            Features of the others; None if there are none.
        """
        with self._writing():
            if rows is not None:
                self._rows.append(rows)
            self._manifest.write(manifest_lines(outcomes))
            self._rows.sync()
            self._manifest.flush()
            os.fsync(self._manifest.fileno())
            self.n_done += len(outcomes)
            progress = [self.n_done, self._rows.n_rows, self._manifest.tell()]
            with atomic_write(self.place / "progress.json") as stream:
                stream.write(json.dumps(progress).encode())
        self.rejected.update((name, reason) for name, reason in outcomes if reason is not None)

    def finish(self) -> None:
        """Complete the folder and give it its name."""
        with self._writing():
            self._rows.finish()
            write_sizes(self._content, self._job.sizes)
            write_folder_settings(self._content, self._job.settings, self._job.inputs)
            self.close()
            write_checksums(self._content)
            _sync_files(self._content)
        if self._final.exists():
            read_folder_settings(self._final)  # never replace what is no feature folder
            shutil.rmtree(self.place / "replaced", ignore_errors=True)
            self._final.rename(self.place / "replaced")
        self._content.rename(self._final)
        self.discard()

    def discard(self) -> None:
        """Remove the partial work."""
        self.close()
        shutil.rmtree(self.place, ignore_errors=True)

    def close(self) -> None:
        """Close the files."""
        self._rows.close()
        self._manifest.close()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Say what to do where the system refuses, because of a full disk for example."""
        try:
            yield
        except OSError as error:
            raise click.ClickException(
                f"{self.place} could not be written: {error}. Finished work is kept in it: make "
                "room and run the command again."
            ) from error

    def _read_progress(self) -> tuple[int, int, int]:
        path = self.place / "progress.json"
        if not path.exists():
            return 0, 0, 0
        try:
            n_done, n_rows, n_bytes = map(int, json.loads(path.read_bytes()))
        except (ValueError, TypeError) as error:
            raise self._damaged(f"{path.name}: {error}") from error
        return n_done, n_rows, n_bytes

    def _open_manifest(self, n_bytes: int) -> BinaryIO:
        path = self._content / MANIFEST
        if not n_bytes:
            path.write_bytes(MANIFEST_HEADER)
            n_bytes = path.stat().st_size
        if not path.exists() or path.stat().st_size < n_bytes:
            raise self._damaged(f"{MANIFEST} is cut short")
        file = path.open("r+b")
        file.truncate(n_bytes)
        file.seek(n_bytes)
        return file

    def _damaged(self, reason: str) -> click.ClickException:
        return click.ClickException(
            f"the unfinished work in {self.place} is damaged ({reason}). "
            "Begin again by --start-over."
        )


def _sync_files(folder: Path) -> None:
    """Bring the files to the disk, so that the folder's name never stands for less."""
    for path in folder.iterdir():
        with path.open("r+b") as file:
            os.fsync(file.fileno())


def partial_place(final: Path) -> Path:
    """Return where the unfinished work on a folder is kept."""
    return final.with_name(f"{final.name}.partial")
