"""Beginning a feature folder, or going on with one: by one process, and only with the same job."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import click

from vilma.cli._feature_folder import (
    MANIFEST,
    read_folder_origin,
    read_folder_settings,
    read_manifest,
    read_sizes,
)
from vilma.cli._files import atomic_write
from vilma.cli.extraction.job import Job
from vilma.cli.extraction.partial import PartialFolder, partial_place
from vilma.cli.extraction.rows import RowFormat

try:
    import fcntl
except ImportError:  # Windows: two processes are not kept apart
    fcntl = None  # type: ignore[assignment]

_OWN = {"job.json", "progress.json", "content", "lock", "replaced"}
_AFRESH = "Give what it was begun with to go on, or --start-over to begin again."


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
    done = Job(settings, names, read_sizes(final), inputs)
    differences = done.differences(job, len(done.sizes))
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
            stream.write(json.dumps([job.settings, job.names, job.sizes, job.inputs]).encode())
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
