"""``vilma lbp``: binary features of images."""

from __future__ import annotations

from pathlib import Path

import click

from vilma.cli._files import OutputFeatures
from vilma.cli._options import box_option, n_jobs_option, quiet_option, strict_option


@click.command(short_help="Compute LBP features of images.")
@click.argument(
    "images",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, path_type=Path),
    metavar="IMAGES...",
)
@click.option(
    "--output",
    "-o",
    type=OutputFeatures(),
    required=True,
    metavar="FEATURES",
    help="What to write: a file if the name ends in .npz, a folder otherwise.",
)
@box_option
@click.option(
    "--size",
    type=click.IntRange(min=3),
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
@click.option(
    "--batch-size",
    type=click.IntRange(min=1),
    default=512,
    show_default=True,
    help="How many images to hold in memory at a time. After a kill, no more than these are read "
    "again.",
)
@click.option(
    "--start-over",
    is_flag=True,
    help="Throw unfinished work on the folder away and begin again; a finished one is replaced.",
)
@n_jobs_option
@strict_option
@quiet_option
def lbp(
    images: tuple[Path, ...],
    output: Path,
    box: tuple[int, int, int, int] | None,
    size: tuple[int, int],
    full_resolution: bool,
    batch_size: int,
    start_over: bool,
    n_jobs: int | None,
    strict: bool,
    quiet: bool,
) -> None:
    """Compute multi-scale LBP features of IMAGES, files or folders.

    Images are made grey, cut to --box, and brought to --size. An image of a folder is named by
    its path relative to that folder, a single file by its file name; label files use the same
    names. Files that cannot be read are named with the reason, and left out.

    A folder is written as the images are read, so it may be larger than the memory. Until it is
    complete the work is kept in FEATURES.partial, whatever stops it: the same command goes on.
    Its manifest.csv lists every file with what became of it.
    """
    from vilma.cli._extraction import Extraction, extract_to_file, extract_to_folder
    from vilma.cli._images import list_images
    from vilma.cli._report import readable_errors
    from vilma.features import MultiScaleLBP

    if start_over and output.suffix == ".npz":
        raise click.UsageError("--start-over belongs to folders; a file is always written anew.")
    with readable_errors():
        extractor = MultiScaleLBP(
            size=size, drop_full_resolution=not full_resolution, n_jobs=n_jobs
        )
        n_features = extractor.n_features_out_  # refuses a bad size before the work starts
        work = Extraction(list_images(images), extractor, box, batch_size, strict, quiet)
        if output.suffix == ".npz":
            n_rows, n_rejected = extract_to_file(output, work)
        else:
            n_rows, n_rejected = extract_to_folder(output, work, start_over=start_over)
    click.echo(
        f"{output}: {n_rows:,} image(s), {n_features:,} features"
        + (f"; {n_rejected:,} file(s) skipped" if n_rejected else "")
    )
