"""``vilma lbp``: binary features of images."""

from __future__ import annotations

import click

from vilma.cli._command import Command
from vilma.cli._options import IntRange
from vilma.cli.extraction.options import ExtractionOptions, extraction_options


@click.command(cls=Command, short_help="Compute LBP features of images.")
@extraction_options(batch_size=512)
@click.option(
    "--size",
    type=IntRange(min=3),
    nargs=2,
    default=(60, 40),
    show_default=True,
    metavar="HEIGHT WIDTH",
    help="Size every image is brought to, in pixels.",
)
@click.option(
    "--full-resolution",
    is_flag=True,
    help="Keep the pyramid's finest level, too: finer detail, 4.5 times as many features.",
)
def lbp(options: ExtractionOptions, size: tuple[int, int], full_resolution: bool) -> None:
    """Compute multi-scale LBP features of IMAGES, files or folders.

    Images are made grey, cut to --box or aligned, and brought to --size. An image of a folder is
    named by its path relative to that folder, a single file by its file name; label files use the
    same names. Files that cannot be used are named with the reason, and left out.

    A folder is written as the images are read, so it may be larger than the memory. Until it is
    complete the work is kept in FEATURES.partial, whatever stops it: the same command goes on.
    Its manifest.csv lists every file with what became of it.
    """
    from vilma.cli._report import readable_errors
    from vilma.cli.extraction.kinds import LBPKind
    from vilma.cli.extraction.run import run_extraction
    from vilma.cli.extraction.sources import (
        GreyCrop,
        Reader,
        face_reader,
        list_images,
        warn_of_shapes,
    )
    from vilma.features import MultiScaleLBP

    reader: Reader
    with readable_errors():
        files = list_images(options.images)
        if options.alignment.asked:
            reader = face_reader(
                options.alignment, [file.name for file in files], size, color=False
            )
        else:
            reader = GreyCrop(size, options.box)
            warn_of_shapes(files, boxed=options.box is not None)
        extractor = MultiScaleLBP(size=size, drop_full_resolution=not full_resolution)
        run_extraction(options, files, LBPKind(extractor, reader))
