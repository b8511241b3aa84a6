"""``vilma lbp``: binary features of images."""

from __future__ import annotations

from pathlib import Path

import click

from vilma.cli._files import OutputFile
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
    type=OutputFile(),
    required=True,
    metavar="FEATURES.npz",
    help="File to write.",
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
    help="How many images to hold in memory at a time.",
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
    n_jobs: int | None,
    strict: bool,
    quiet: bool,
) -> None:
    """Compute multi-scale LBP features of IMAGES, files or folders.

    Images are made grey, cut to --box, and brought to --size. An image of a folder is named by
    its path relative to that folder, a single file by its file name; label files use the same
    names. Files that cannot be read are named with the reason, and left out.
    """
    from scipy import sparse

    from vilma.cli._features import FeatureStore, lbp_settings, write_features
    from vilma.cli._images import Rejected, list_images, read_crops
    from vilma.cli._report import readable_errors
    from vilma.features import MultiScaleLBP

    rejected = Rejected()
    names: list[str] = []
    blocks = []
    with readable_errors():
        extractor = MultiScaleLBP(
            size=size, drop_full_resolution=not full_resolution, n_jobs=n_jobs
        )
        n_features = extractor.n_features_out_  # refuses a bad size before the work starts
        files = list_images(images)
        for batch_names, crops in read_crops(
            files,
            rejected,
            size=size,
            box=box,
            batch_size=batch_size,
            n_jobs=n_jobs,
            quiet=quiet,
        ):
            names += batch_names
            blocks.append(extractor.fit_transform(crops))
    rejected.check(n_files=len(files), strict=strict)
    store = FeatureStore(names, sparse.vstack(blocks, format="csr"), lbp_settings(extractor, box))
    write_features(output, store)
    click.echo(
        f"{output}: {len(names):,} image(s), {n_features:,} features"
        + (f"; {len(rejected.reasons):,} file(s) skipped" if rejected.reasons else "")
    )
