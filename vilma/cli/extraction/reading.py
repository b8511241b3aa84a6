"""Images read in batches, ahead of their use; a bad file does not stop the others."""

from __future__ import annotations

import errno
import sys
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import click
from numpy.typing import NDArray
from tqdm import tqdm

from vilma.cli._report import some_of
from vilma.cli.extraction.ahead import count_workers, map_ahead
from vilma.cli.extraction.sources import ImageFile

_NOT_THE_FILES = {  # failures of the machine, which the next file may meet as well
    errno.EIO,
    errno.EMFILE,
    errno.ENFILE,
    errno.ENOENT,
    errno.ENOMEM,
    errno.ESTALE,
}


@dataclass(frozen=True)
class Unusable:
    """What becomes of a file that cannot be used.

    Attributes
    ----------
    reason : str
    """

    reason: str


@dataclass
class Rejected:
    """Files that could not be used.

    Attributes
    ----------
    reasons : dict of str to str
        The reason for each name, in the order they were met.
    """

    reasons: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, reason: str) -> None:
        """Keep a file's reason and say it on the standard error.

        Parameters
        ----------
        name : str
            The file's name.
        reason : str
            Why it cannot be used.
        """
        self.reasons[name] = reason
        tqdm.write(f"skipped {name}: {reason}", file=sys.stderr)

    def check(self, n_files: int, *, strict: bool) -> None:
        """Stop when nothing is left, or anything is missing that must not be.

        Parameters
        ----------
        n_files : int
            How many files there were.
        strict : bool
            Whether a single bad file is an error.

        Raises
        ------
        click.ClickException
            If no file could be used or, when strict, one could not. Nothing is written then.
        """
        if len(self.reasons) == n_files:
            raise click.ClickException(
                f"none of the {n_files} file(s) could be used; the reasons are above."
            )
        if strict and self.reasons:
            raise click.ClickException(
                f"{len(self.reasons)} of {n_files} files could not be used "
                f"({some_of(list(self.reasons))}); nothing was written, because of --strict."
            )


@dataclass
class Rate:
    """Numbers of images and the seconds they took.

    Attributes
    ----------
    clock : callable
        Measures the computing: :func:`time.thread_time` where one thread does it, the time on the
        wall where a library has threads or a device of its own.
    n_workers : int
        How many read.
    """

    clock: Callable[[], float] = time.thread_time
    n_workers: int = 1
    _n_read: int = 0
    _reading: float = 0.0
    _n_computed: int = 0
    _computing: float = 0.0
    _start: float = field(default_factory=time.perf_counter)

    def add_reading(self, n_images: int, seconds: float) -> None:
        """Count images that were read, or tried.

        Parameters
        ----------
        n_images : int
        seconds : float
            CPU time of all workers.
        """
        self._n_read += n_images
        self._reading += seconds

    @contextmanager
    def computing(self, n_images: int) -> Iterator[None]:
        """Measure the computing of features.

        Parameters
        ----------
        n_images : int

        Yields
        ------
        None
        """
        start = self.clock()
        yield
        self._computing += self.clock() - start
        self._n_computed += n_images

    def describe(self) -> str:
        """Say how fast it was.

        Returns
        -------
        str
            One line; the reading is counted per core, and so is computing by one thread.
        """
        seconds = time.perf_counter() - self._start
        workers = "1 worker" if self.n_workers == 1 else f"{self.n_workers} workers"
        each = " per core" if self.clock is time.thread_time else ""
        return (
            f"{self._n_read:,} image(s) in {seconds:.1f} s: {_rate(self._n_read, seconds)}; "
            f"reading {_rate(self._n_read, self._reading)} per core ({workers}), "
            f"extraction {_rate(self._n_computed, self._computing)}{each}"
        )


def _rate(n_images: int, seconds: float) -> str:
    rate = n_images / max(seconds, 1e-9)
    return f"{rate:,.0f} images/s" if rate >= 10 else f"{rate:.2g} images/s"


@dataclass(frozen=True)
class _Reading:
    """What a worker does with a file; sent to worker processes."""

    reader: Callable[[Path, str], NDArray]

    def __call__(self, file: ImageFile) -> NDArray | Unusable:
        try:
            return self.reader(file.path, file.name)
        except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: dlib's
            if getattr(error, "errno", None) in _NOT_THE_FILES and not _leads_nowhere(file.path):
                raise _stopped(file.path, str(error)) from error
            return Unusable(str(error))
        except MemoryError as error:
            raise _stopped(file.path, "the memory does not suffice") from error


def _leads_nowhere(path: Path) -> bool:
    return path.is_symlink() and not path.exists()


def _stopped(path: Path, reason: str) -> click.ClickException:
    return click.ClickException(
        f"stopped at {path}: {reason}. This may be no fault of the file, so it is not left out. "
        "Run the command again when the cause is gone; a folder of features goes on from here."
    )


def read_batches(
    files: Sequence[ImageFile],
    reader: Callable[[Path, str], NDArray],
    rate: Rate,
    *,
    batch_size: int,
    n_jobs: int | None,
    quiet: bool,
    n_done: int = 0,
) -> Generator[list[tuple[ImageFile, NDArray | Unusable]]]:
    """Read images batch by batch, one batch ahead, under a progress bar.

    Parameters
    ----------
    files : sequence of ImageFile
        What to read.
    reader : callable
        Makes what is wanted of a path and a name, or raises ValueError or OSError.
    rate : Rate
        Takes the time.
    batch_size : int
        How many images to give at a time; up to three times as many are in memory.
    n_jobs : int or None
        Processes that read; with 1, a thread of this process does.
    quiet : bool
        Whether to leave out the progress bar; it shows on a terminal only.
    n_done : int, default=0
        How many of the files to skip, because an earlier run has read them.

    Yields
    ------
    list of (ImageFile, ndarray or Unusable)
        The files in order, with what the reader made of them. It does not depend on `n_jobs`.
    """
    left = files[n_done:]
    rate.n_workers = count_workers(n_jobs, len(left))
    results = map_ahead(_Reading(reader), left, batch_size=batch_size, n_workers=rate.n_workers)
    with tqdm(
        total=len(files),
        initial=n_done,
        unit="image",
        file=sys.stderr,
        disable=True if quiet else None,  # None: off when not a terminal
    ) as progress:
        read = iter(left)
        for batch, seconds in results:
            rate.add_reading(len(batch), seconds)
            yield [(next(read), result) for result in batch]
            progress.update(len(batch))


def split_batch(
    batch: Sequence[tuple[ImageFile, NDArray | Unusable]], rejected: Rejected
) -> tuple[list[str], list[NDArray]]:
    """Part the usable images from the others.

    Parameters
    ----------
    batch : sequence of (ImageFile, ndarray or Unusable)
    rejected : Rejected
        Takes the others.

    Returns
    -------
    names : list of str
    items : list of ndarray
        Of the usable images, in order.
    """
    names, items = [], []
    for file, result in batch:
        if isinstance(result, Unusable):
            rejected.add(file.name, result.reason)
        else:
            names.append(file.name)
            items.append(result)
    return names, items
