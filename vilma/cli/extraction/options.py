"""What the commands that compute features have in common on the command line."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import click

from vilma.cli._files import OutputFeatures, OutputFile
from vilma.cli._options import (
    IntRange,
    WholeNumber,
    box_option,
    check_n_jobs,
    quiet_option,
    strict_option,
)


@dataclass(frozen=True)
class AlignmentOptions:
    """Values of the options.

    Attributes
    ----------
    align : bool
    landmarks : Path or None
    layout, warp, several : str or None
        None stands for the default.
    turns : bool
    doublings : int or None
    """

    align: bool
    landmarks: Path | None
    layout: str | None
    warp: str | None
    several: str | None
    turns: bool
    doublings: int | None

    def __post_init__(self) -> None:
        finds = self.align and self.landmarks is None
        if self.layout is not None and self.landmarks is None:
            raise click.UsageError("--layout says which points the --landmarks are; give them.")
        if self.warp is not None and not self.asked:
            raise click.UsageError("--warp belongs to alignment; give --align or --landmarks.")
        how = self.several is not None or self.turns or self.doublings is not None
        if how and not finds:
            raise click.UsageError(
                "--several, --turns and --doublings belong to finding faces: give --align, "
                "without --landmarks."
            )

    @property
    def asked(self) -> bool:
        """Whether faces are to be aligned at all."""
        return self.align or self.landmarks is not None


@dataclass(frozen=True)
class ExtractionOptions:
    """Values of the common options.

    Attributes
    ----------
    images : tuple of Path
    output : Path
    box : (int, int, int, int) or None
    alignment : AlignmentOptions
    batch_size : int
    start_over : bool
    manifest : Path or None
    n_jobs : int or None
    strict, quiet : bool
    """

    images: tuple[Path, ...]
    output: Path
    box: tuple[int, int, int, int] | None
    alignment: AlignmentOptions
    batch_size: int
    start_over: bool
    manifest: Path | None
    n_jobs: int | None
    strict: bool
    quiet: bool

    def __post_init__(self) -> None:
        if self.box is not None and self.alignment.asked:
            raise click.UsageError(
                "--box takes the same part of every image, alignment the face: give one of them."
            )
        is_file = self.output.suffix == ".npz"
        if is_file and self.start_over:
            raise click.UsageError(
                "--start-over belongs to folders; a file is always written anew."
            )
        if self.manifest is not None and not is_file:
            raise click.UsageError(
                "--manifest belongs to files; a folder has its manifest.csv inside."
            )
        if self.manifest == self.output:
            raise click.UsageError("--manifest and --output are the same file; name two.")


def extraction_options(batch_size: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the common options, as one argument.

    Parameters
    ----------
    batch_size : int
        The default.

    Returns
    -------
    callable
        A decorator. The command's first argument is to be an :class:`ExtractionOptions`.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def with_options(**values: Any) -> None:
            alignment = AlignmentOptions(**_take(AlignmentOptions, values))
            common = _take(ExtractionOptions, values)
            try:
                command(ExtractionOptions(alignment=alignment, **common), **values)
            except ImportError as error:  # an extra is missing; the text names it
                raise click.ClickException(str(error)) from error

        for option in reversed(_options(batch_size)):
            with_options = option(with_options)
        return with_options

    return decorate


def _take(group: type, values: dict[str, Any]) -> dict[str, Any]:
    """Take the values that belong to a group of options."""
    names = [field.name for field in fields(group) if field.name in values]
    return {name: values.pop(name) for name in names}


def _options(batch_size: int) -> list[Any]:
    return [
        click.argument(
            "images",
            nargs=-1,
            required=True,
            type=click.Path(exists=True, path_type=Path),
            metavar="IMAGES...",
        ),
        click.option(
            "--output",
            "-o",
            type=OutputFeatures(),
            required=True,
            metavar="FEATURES",
            help="What to write: a file if the name ends in .npz, a folder otherwise.",
        ),
        box_option,
        *_alignment_options(),
        click.option(
            "--batch-size",
            type=IntRange(min=1),
            default=batch_size,
            show_default=True,
            help="How many images to compute at a time; up to three times as many are held in "
            "memory. After a kill, no more than these are read again.",
        ),
        click.option(
            "--start-over",
            is_flag=True,
            help="Throw unfinished work on the folder away and begin again; a finished one is "
            "replaced.",
        ),
        click.option(
            "--manifest",
            type=OutputFile(),
            metavar="MANIFEST.csv",
            help="Where to list what became of every file, if FEATURES is a file.",
        ),
        click.option(
            "--n-jobs",
            type=WholeNumber(),
            callback=check_n_jobs,
            help="How many processes read images; -1 for one per core. The output is the same.",
        ),
        strict_option,
        quiet_option,
    ]


def _alignment_options() -> list[Any]:
    return [
        click.option(
            "--align",
            is_flag=True,
            help="Find the face in every image and bring it to the canonical crop. Needs "
            'pip install "vilma[faces]".',
        ),
        click.option(
            "--landmarks",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            metavar="LANDMARKS.csv",
            help="Align by these points instead of finding them; columns file,x1,y1,x2,y2,...",
        ),
        click.option(
            "--layout",
            type=click.Choice(["dlib5", "mtcnn5", "ibug68", "fgnet68"]),
            help="Which points the landmarks are.  [default: dlib5 or ibug68, by their number]",
        ),
        click.option(
            "--warp",
            type=click.Choice(["similarity", "affine"]),
            help="What alignment may do to an image.  [default: similarity]",
        ),
        click.option(
            "--several",
            type=click.Choice(["error", "best", "largest", "central"]),
            help="Which of several faces to take; by default such an image is left out.",
        ),
        click.option("--turns", is_flag=True, help="Look for faces that lie on their side, too."),
        click.option(
            "--doublings",
            type=IntRange(min=0),
            metavar="NUMBER",
            help="How often to look again at twice the resolution while no face is found.  "
            "[default: 2]",
        ),
    ]
