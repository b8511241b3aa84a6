"""Options for the alignment of faces."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from vilma.cli._options import IntRange


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


def alignment_options() -> list[Any]:
    """Return the options, in the order of the help.

    Returns
    -------
    list of callable
        Decorators.
    """
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
