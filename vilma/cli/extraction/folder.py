"""Work on a feature folder that can be stopped at any moment and taken up again.

``NAME.partial`` stands beside the folder NAME until that is complete:

=================  ================================================================
``job.json``       settings and images: what must be the same to go on
``progress.json``  how much of the content counts, with digests; replaced after every batch
``content/``       becomes NAME
``lock``           held by the one process that works on it
=================  ================================================================

What a killed process wrote behind the mark of ``progress.json`` is cut off, so the content depends
on the images and settings alone. What stands before it has to be what was written: damage would
become part of a folder that is sealed as right.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import click
import numpy as np

from vilma.cli._feature_folder import (
    MANIFEST,
    MANIFEST_HEADER,
    Outcome,
    Stamp,
    manifest_lines,
    read_folder_origin,
    read_folder_settings,
    read_manifest,
    read_stamps,
    write_folder_settings,
    write_stamps,
)
from vilma.cli._features import different_settings
from vilma.cli._files import atomic_write
from vilma.cli._report import some_of
from vilma.cli.extraction.kinds import RowFormat
from vilma.cli.extraction.sources import ImageFile
from vilma.mapped.checksums import write_checksums

try:
    import fcntl
except ImportError:  # Windows: two processes are not kept apart
    fcntl = None  # type: ignore[assignment]

_OWN = {"job.json", "progress.json", "content", "lock", "replaced"}
_AFRESH = "Give what it was begun with to go on, or --start-over to begin again."


@dataclass(frozen=True)
class Job:
    """What is to be done.

    Attributes
    ----------
    settings : dict
        Of the features, plain values.
    names : list of str
        The images, in order.
    stamps : list of Stamp
        Their sizes and times.
    inputs : dict of str to str
        Digests of further files, by what they are.
    """

    settings: dict[str, Any]
    names: list[str]
    stamps: list[Stamp]
    inputs: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls, settings: dict[str, Any], inputs: dict[str, str], files: Sequence[ImageFile]
    ) -> Job:
        """Describe the work on some files.

        Parameters
        ----------
        settings, inputs : dict
        files : sequence of ImageFile

        Returns
        -------
        Job
        """
        names = [file.name for file in files]
        return cls(settings, names, [_stamp(file.path) for file in files], inputs)

    def differences(self, other: Job, n_done: int) -> list[str]:
        """Say what another job has that this one has not.

        Parameters
        ----------
        other : Job
            What is asked for.
        n_done : int
            How many images are finished: the others may have changed.

        Returns
        -------
        list of str
            Empty if the work can go on.
        """
        found = different_settings(self.settings, other.settings, "it was made with")
        found += [
            f"the file of {what} is another"
            for what in sorted(self.inputs.keys() | other.inputs.keys())
            if self.inputs.get(what) != other.inputs.get(what)
        ]
        mine, theirs = set(self.names), set(other.names)
        if new := [name for name in other.names if name not in mine]:
            found.append(f"{len(new)} image(s) are new ({some_of(new)})")
        if gone := [name for name in self.names if name not in theirs]:
            found.append(f"{len(gone)} image(s) are gone ({some_of(gone)})")
        if not found and self.names != other.names:
            found.append("the images come in another order")
        if found:
            return found
        finished = zip(self.names[:n_done], self.stamps[:n_done], other.stamps, strict=False)
        if changed := [name for name, before, now in finished if before != now]:
            found.append(f"{len(changed)} finished image(s) have changed ({some_of(changed)})")
        return found


def _stamp(path: Path) -> Stamp:
    try:
        found = path.stat()
    except OSError:
        return Stamp(-1, -1)
    return Stamp(found.st_size, found.st_mtime_ns)


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
    settings, inputs = read_folder_origin(final)
    done = Job(settings, names, read_stamps(final), inputs)
    differences = done.differences(job, len(done.stamps))
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
    final: Path, job: Job, prepare: Callable[[], RowFormat], *, start_over: bool
) -> Iterator[PartialFolder]:
    """Begin to write a feature folder, or go on where a former process stopped.

    Parameters
    ----------
    final : Path
        The folder to be written.
    job : Job
        What is asked for.
    prepare : callable
        Says how rows are kept; called when nothing else stands in the way.
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
    if place.exists() and not _is_begun(place):
        _require_own(place)
    if final.exists():
        read_folder_settings(final)  # as `finish` does, but before the work
    place.mkdir(exist_ok=True)
    with _locked(place):
        if start_over or not _is_begun(place):
            (place / "progress.json").unlink(missing_ok=True)
        else:
            _require_same_job(place, job)
        with atomic_write(place / "job.json") as stream:
            stream.write(json.dumps([job.settings, job.names, job.stamps, job.inputs]).encode())
        partial = PartialFolder(final, job, prepare())
        try:
            yield partial
        finally:
            # Where the disk is full that fails, too; what is not written does not count.
            with suppress(OSError):
                partial.close()


def _is_begun(place: Path) -> bool:
    return (place / "progress.json").exists()  # before that there is nothing to lose


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
        settings, names, stamps, inputs = json.loads((place / "job.json").read_bytes())
        begun = Job(settings, names, [Stamp(*pair) for pair in stamps], inputs)
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
    if fcntl is None:
        yield
        return
    with (place / "lock").open("wb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise click.ClickException(
                f"another process is working in {place}. Wait until it has ended."
            ) from error
        except OSError as error:  # a network's folder without locks, for example
            raise click.ClickException(f"{place} could not be locked: {error}.") from error
        yield


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

    def __init__(self, final: Path, job: Job, rows: RowFormat) -> None:
        self.place = partial_place(final)
        self._final = final
        self._job = job
        self._content = self.place / "content"
        progress = self._read_progress()
        self.n_done, n_rows, n_bytes = progress[:3]
        if not self.n_done:
            shutil.rmtree(self._content, ignore_errors=True)
            self._content.mkdir()
        self._manifest = self._open_manifest(n_bytes)
        try:
            self._rows = rows.open(self._content, n_rows)
        except (ValueError, OSError) as error:
            self._manifest.close()
            raise self._damaged(str(error)) from error
        self._digests = [_Digest(self._content / MANIFEST), _Digest(self._rows.path)]
        if progress[3:] != self._digest() and self.n_done:
            self.close()
            raise self._damaged("its content has changed since it was written")
        manifest = read_manifest(self._content / MANIFEST)
        if len(manifest) != self.n_done:
            self.close()
            raise self._damaged(f"{len(manifest)} images in {MANIFEST}, {self.n_done} counted")
        self.rejected = {name: reason for name, status, reason in manifest if status != "ok"}

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
            progress = [self.n_done, self._rows.n_rows, self._manifest.tell(), *self._digest()]
            with atomic_write(self.place / "progress.json") as stream:
                stream.write(json.dumps(progress).encode())
        self.rejected.update((name, reason) for name, reason in outcomes if reason is not None)

    def finish(self) -> None:
        """Complete the folder and give it its name."""
        with self._writing():
            self._rows.finish()
            write_stamps(self._content, self._job.stamps)
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

    def _digest(self) -> list[str]:
        return [each.extend() for each in self._digests]

    def _read_progress(self) -> list:
        """Return how many images, rows and bytes of the manifest there are, and the digests."""
        path = self.place / "progress.json"
        if not path.exists():
            return [0, 0, 0]
        try:
            n_done, n_rows, n_bytes, *digests = json.loads(path.read_bytes())
            if not all(type(each) is int and each >= 0 for each in (n_done, n_rows, n_bytes)):
                raise ValueError("no counts")
        except (ValueError, TypeError) as error:
            raise self._damaged(f"{path.name}: {error}") from error
        return [n_done, n_rows, n_bytes, *digests]

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


class _Digest:
    """The SHA-256 digest of a file that grows; only what is new is read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._sum = hashlib.sha256()
        self._n_bytes = 0

    def extend(self) -> str:
        """Return the digest of the file as it is on the disk."""
        with self._path.open("rb") as file:
            file.seek(self._n_bytes)
            while content := file.read(1 << 20):
                self._sum.update(content)
                self._n_bytes += len(content)
        return self._sum.hexdigest()


def _sync_files(folder: Path) -> None:
    """Bring the files to the disk, so that the folder's name never stands for less."""
    for path in folder.iterdir():
        with path.open("r+b") as file:
            os.fsync(file.fileno())


def partial_place(final: Path) -> Path:
    """Return where the unfinished work on a folder is kept."""
    return final.with_name(f"{final.name}.partial")
