"""Images named on the command line, read in batches; a bad file does not stop the others."""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
from numpy.typing import NDArray
from tqdm import tqdm

from vilma.cli._report import warn
from vilma.cli.extraction.ahead import count_workers, map_ahead
from vilma.cli.extraction.rate import Rate
from vilma.cli.extraction.rejected import Rejected, Unusable
from vilma.features import find_images

_MOST_HEADERS = 200  # images whose shape is looked at before the work
_MOST_DISTORTION = 1.1  # ratio of the ratios of width to height


@dataclass(frozen=True)
class ImageFile:
    """An image and the name it goes by in the feature file and the label file.

    Attributes
    ----------
    path : Path
        Where it is.
    name : str
        The path relative to the folder given, with slashes; the file name of a file given alone.
    """

    path: Path
    name: str


def list_images(arguments: Sequence[Path]) -> list[ImageFile]:
    """Return the images in files and folders, with their names.

    Parameters
    ----------
    arguments : sequence of Path
        Files and folders; a folder stands for the images in it and below.

    Returns
    -------
    list of ImageFile
        In the order of the arguments; within a folder, sorted.

    Raises
    ------
    click.ClickException
        If there are none, or two images would get the same name.
    """
    found: dict[str, Path] = {}
    for argument in arguments:
        for path in find_images([argument]):
            name = path.relative_to(argument).as_posix() if argument.is_dir() else path.name
            if name in found and found[name].resolve() != path.resolve():
                raise click.ClickException(
                    f"{found[name]} and {path} would both be named {name!r}. "
                    "Give the folder above both, so that their names differ."
                )
            found.setdefault(name, path)
    if not found:
        raise click.ClickException(f"no images in {', '.join(str(a) for a in arguments)}.")
    return [ImageFile(path, name) for name, path in found.items()]


_NOT_THE_FILES = {  # failures of the machine, which the next file may meet as well
    errno.EIO,
    errno.EMFILE,
    errno.ENFILE,
    errno.ENOENT,
    errno.ENOMEM,
    errno.ESTALE,
}


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


def warn_of_shapes(files: Sequence[ImageFile], *, boxed: bool) -> None:
    """Warn if images of different shapes would be brought to one size in silence.

    Parameters
    ----------
    files : sequence of ImageFile
        The images, of which at most 200 are looked at, at their headers only.
    boxed : bool
        Whether a part of every image is cut out, at places in pixels.
    """
    from PIL import Image

    step = max(len(files) // _MOST_HEADERS, 1)
    shapes: dict[tuple[int, int], str] = {}
    for file in files[::step]:
        if not file.path.is_file():  # opening a pipe waits for its writer
            continue
        try:
            with Image.open(file.path) as image:
                shapes.setdefault(image.size, file.name)
        except (OSError, ValueError, Image.DecompressionBombError):
            continue  # what cannot be read is reported when it is to be read
    ratios = [width / height for width, height in shapes]
    if len(shapes) < 2 or (not boxed and max(ratios) < _MOST_DISTORTION * min(ratios)):
        return
    by_ratio = sorted(shapes.items(), key=lambda each: each[0][0] / each[0][1])
    (first, name), *_, (last, other) = by_ratio
    sizes = f"{first[0]}x{first[1]} ({name}), {last[0]}x{last[1]} ({other})"
    what = (
        "--box cuts the same pixels out of all of them, which are different parts"
        if boxed
        else "all are brought to one size, which distorts them differently"
    )
    warn(f"images have different shapes, such as {sizes}: {what}. Faces are aligned by --align")


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
