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
from vilma.cli.extraction.alignment_options import AlignmentOptions, alignment_options


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
        *alignment_options(),
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
