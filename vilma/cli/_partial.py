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
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import click
import numpy as np

from vilma.cli._feature_folder import (
    MANIFEST,
    manifest_lines,
    read_folder_settings,
    read_manifest,
    write_folder_settings,
)
from vilma.cli._files import atomic_write
from vilma.cli._job import Job
from vilma.mapped.growing import GrowingMatrix

try:
    import fcntl
except ImportError:  # Windows: two processes are not kept apart
    fcntl = None  # type: ignore[assignment]

_OWN = {"job.json", "progress.json", "content", "lock", "replaced"}
_AFRESH = "Give what it was begun with to go on, or --start-over to begin again."


class PartialFolder:
    """An unfinished feature folder, made by :func:`take_up`.

    Attributes
    ----------
    place : Path
        The folder of the partial work.
    n_done : int
        How many images are finished, usable or not.
    rejected : dict of str to str
        Why the others among them cannot be used.
    """

    def __init__(
        self, final: Path, job: Job, open_rows: Callable[[Path, int], GrowingMatrix]
    ) -> None:
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
            self._rows = open_rows(self._content, n_rows)
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

    def append(self, outcomes: Sequence[tuple[str, str | None]], rows: np.ndarray | None) -> None:
        """Add a batch; from here on it is not lost.

        Parameters
        ----------
        outcomes : sequence of (str, str or None)
            The names of the next images, and the reasons of those that cannot be used.
        rows : ndarray of shape (n_usable, ...) or None
            Features of the others; None if there are none.
        """
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
        self._rows.finish()
        write_folder_settings(self._content, self._job.settings)
        self.close()
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
            path.write_bytes(manifest_lines(()))
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


def partial_place(final: Path) -> Path:
    """Return where the unfinished work on a folder is kept."""
    return final.with_name(f"{final.name}.partial")


def is_complete(final: Path, job: Job) -> bool:
    """Return whether a job's folder is there already, and nothing is under way to replace it.

    Parameters
    ----------
    final : Path
        Where it would be.
    job : Job
        What is asked for.

    Returns
    -------
    bool

    Raises
    ------
    click.ClickException
        If there is a folder of other features, or of something else.
    """
    place = partial_place(final)
    if not final.exists() or (place / "content").exists():
        return False
    names = [name for name, _, _ in read_manifest(final / MANIFEST)]
    differences = Job(read_folder_settings(final), names, []).differences(job, 0)
    if differences:
        raise click.ClickException(
            f"{final} exists and is of another job: {'; '.join(differences)}. Choose another "
            "name, or give --start-over to replace it."
        )
    if place.exists():  # a process was killed between completing the folder and clearing up
        _require_own(place)
        with _locked(place):
            shutil.rmtree(place, ignore_errors=True)
    return True


@contextmanager
def take_up(
    final: Path, job: Job, open_rows: Callable[[Path, int], GrowingMatrix], *, start_over: bool
) -> Iterator[PartialFolder]:
    """Begin to write a feature folder, or go on where a former process stopped.

    Parameters
    ----------
    final : Path
        The folder to be written.
    job : Job
        What is asked for.
    open_rows : callable
        Opens the matrix in a folder, keeping a number of rows.
    start_over : bool
        Whether to throw away unfinished work, and to replace a finished folder at the end.

    Yields
    ------
    PartialFolder

    Raises
    ------
    click.ClickException
        If another process works on it, or it was begun with other settings or images.
    """
    place = partial_place(final)
    begun = (place / "job.json").exists()
    if place.exists() and not begun:
        _require_own(place)
    if final.exists():
        read_folder_settings(final)  # as `finish` does, but before the work
    place.mkdir(exist_ok=True)
    with _locked(place):
        if start_over or not begun:
            (place / "progress.json").unlink(missing_ok=True)
        else:
            _require_same_job(place, job)
        with atomic_write(place / "job.json") as stream:
            stream.write(json.dumps([job.settings, job.names, job.sizes]).encode())
        partial = PartialFolder(final, job, open_rows)
        try:
            yield partial
        finally:
            partial.close()


def _require_own(place: Path) -> None:
    """Refuse a folder that only happens to have the name."""
    for each in place.iterdir():
        if each.name not in _OWN and not each.name.startswith("."):
            raise click.ClickException(
                f"{place} is in the way: it is no unfinished work of this command, because it "
                f"holds {each.name!r}. Move it away."
            )


def _require_same_job(place: Path, job: Job) -> None:
    try:
        begun = Job(*json.loads((place / "job.json").read_bytes()))
        progress = place / "progress.json"
        n_done = json.loads(progress.read_bytes())[0] if progress.exists() else 0
    except (ValueError, TypeError, LookupError) as error:
        raise click.ClickException(
            f"the unfinished work in {place} is damaged ({error}). Begin again by --start-over."
        ) from error
    differences = begun.differences(job, n_done)
    if differences:
        raise click.ClickException(
            f"the unfinished work in {place} is of another job: {'; '.join(differences)}. "
            f"{_AFRESH}"
        )


@contextmanager
def _locked(place: Path) -> Iterator[None]:
    """Keep other processes out; the system frees the lock however this process ends."""
    with (place / "lock").open("wb") as file:
        if fcntl is not None:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise click.ClickException(
                    f"another process is working in {place}. Wait until it has ended."
                ) from error
        yield
