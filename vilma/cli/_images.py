"""Images named on the command line, read in batches; a bad file does not stop the others."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click
import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from tqdm import tqdm

from vilma.cli._report import some_of
from vilma.features import ImageReadError, canonical_crop, find_images, read_image

Box = tuple[int, int, int, int]


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


def _read_one(
    file: ImageFile, size: tuple[int, int], box: Box | None
) -> NDArray[np.uint8] | Exception:
    try:
        return canonical_crop(read_image(file.path), size=size, box=box)
    except (ImageReadError, OSError, ValueError) as error:
        return error


def read_batches(
    files: Sequence[ImageFile],
    *,
    size: tuple[int, int],
    box: Box | None,
    batch_size: int,
    n_jobs: int | None,
    quiet: bool,
    n_done: int = 0,
) -> Iterator[list[tuple[ImageFile, NDArray[np.uint8] | Exception]]]:
    """Read images batch by batch, under a progress bar.

    Parameters
    ----------
    files : sequence of ImageFile
        What to read.
    size : (int, int)
        Height and width of the crops, in pixels.
    box : (int, int, int, int) or None
        Left, top, right and bottom of the part to use.
    batch_size : int
        How many images to hold at a time.
    n_jobs : int or None
        Threads that read.
    quiet : bool
        Whether to leave out the progress bar; it shows on a terminal only.
    n_done : int, default=0
        How many of the files to skip, because an earlier run has read them.

    Yields
    ------
    list of (ImageFile, ndarray of shape (height, width) or Exception)
        The files in order, with their crops, or what is wrong with them.
    """
    with (
        Parallel(n_jobs=n_jobs, prefer="threads") as parallel,
        tqdm(
            total=len(files),
            initial=n_done,
            unit="image",
            file=sys.stderr,
            disable=True if quiet else None,  # None: off when not a terminal
        ) as progress,
    ):
        for start in range(n_done, len(files), batch_size):
            batch = files[start : start + batch_size]
            results = parallel(delayed(_read_one)(file, size, box) for file in batch)
            yield list(zip(batch, results, strict=True))
            progress.update(len(batch))


def read_crops(
    files: Sequence[ImageFile],
    rejected: Rejected,
    *,
    size: tuple[int, int],
    box: Box | None,
    batch_size: int,
    n_jobs: int | None,
    quiet: bool,
) -> Iterator[tuple[list[str], NDArray[np.uint8]]]:
    """Read the usable images batch by batch, under a progress bar.

    Parameters
    ----------
    files : sequence of ImageFile
        What to read.
    rejected : Rejected
        Takes the files that cannot be used.
    size, box, batch_size, n_jobs, quiet
        As for :func:`read_batches`.

    Yields
    ------
    names : list of str
        Names of the images in the batch that could be read.
    crops : ndarray of shape (n_read, height, width), dtype uint8
        Their crops.
    """
    for batch in read_batches(
        files, size=size, box=box, batch_size=batch_size, n_jobs=n_jobs, quiet=quiet
    ):
        names, crops = [], []
        for file, result in batch:
            if isinstance(result, Exception):
                rejected.add(file.name, str(result))
            else:
                names.append(file.name)
                crops.append(result)
        if names:
            yield names, np.stack(crops)
