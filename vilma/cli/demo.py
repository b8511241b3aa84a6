"""``vilma demo``: the whole job on photographs that are already there, or on a folder."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vilma.cli._options import (
    FloatRange,
    IntRange,
    box_option,
    classes_option,
    columns_option,
    n_jobs_option,
    quiet_option,
    seed_option,
)

if TYPE_CHECKING:
    from vilma.demo import Comparison, Task

PICTURE = "vilma-demo.png"


@click.command(short_help="Show the whole job on photographs, and draw it.")
@click.option(
    "--images",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder of images to use instead of the photographs of scikit-image.",
)
@click.option(
    "--labels",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Their labels, as for `vilma fit`. Exact labels are coarsened for the comparison.",
)
@columns_option
@classes_option
@box_option
@click.option(
    "--cell-width",
    type=IntRange(min=2),
    default=5,
    show_default=True,
    help="Levels per interval when exact labels are coarsened.",
)
@click.option(
    "--exact-share",
    type=FloatRange(0, 1),
    default=0.2,
    show_default=True,
    help="Share of labels that stay exact when they are coarsened.",
)
@click.option(
    "--output-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("vilma-demo"),
    show_default=True,
    help=f"Folder for the picture, {PICTURE}.",
)
@seed_option
@n_jobs_option
@quiet_option
def demo(
    images: Path | None,
    labels: Path | None,
    columns: tuple[str, ...] | None,
    classes: tuple[int, int] | None,
    box: tuple[int, int, int, int] | None,
    cell_width: int,
    exact_share: float,
    output_dir: Path,
    seed: int,
    n_jobs: int | None,
    quiet: bool,
) -> None:
    """Learn from intervals, compare with exact labels, and draw a picture.

    Without options, crops of photographs that come with scikit-image are degraded (blur, noise,
    compression) to one of 20 levels; the levels are learned from intervals and tested on other
    photographs. With --images and --labels the same is done on your images.
    """
    if (images is None) != (labels is None):
        raise click.UsageError("--images and --labels belong together; give both or neither.")
    if images is None and not (columns is None and classes is None and box is None):
        raise click.UsageError(
            "--columns, --classes and --box describe your images; give --images, too."
        )
    if importlib.util.find_spec("matplotlib") is None:
        raise click.ClickException(
            'the picture needs matplotlib; install it with: pip install "vilma[plot]"'
        )
    picture = _prepare(output_dir)

    from vilma.cli._files import atomic_write
    from vilma.cli._report import readable_errors
    from vilma.demo import compare, photographs_task
    from vilma.demo.picture import draw

    with readable_errors():
        if images is None or labels is None:
            task = photographs_task(cell_width=cell_width, exact_share=exact_share, seed=seed)
        else:
            task = _user_task(
                images,
                labels,
                columns,
                classes,
                box,
                cell_width=cell_width,
                exact_share=exact_share,
                seed=seed,
                n_jobs=n_jobs,
                quiet=quiet,
            )
        click.echo(task.description)
        comparison = compare(task, n_jobs=n_jobs)
    _report(comparison)
    figure = draw(comparison)
    with atomic_write(picture) as stream:
        figure.savefig(stream, format="png", dpi=130)
    click.echo(f"\nPicture: {picture}")


def _prepare(folder: Path) -> Path:
    """Make the output folder, and return the picture's place in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.BadParameter(
            f"{folder} cannot be made: {error}.", param_hint="--output-dir"
        ) from error
    if not os.access(folder, os.W_OK):
        raise click.BadParameter(f"{folder} is not writable.", param_hint="--output-dir")
    return folder / PICTURE


def _user_task(
    images: Path,
    labels: Path,
    columns: tuple[str, ...] | None,
    classes: tuple[int, int] | None,
    box: tuple[int, int, int, int] | None,
    *,
    cell_width: int,
    exact_share: float,
    seed: int,
    n_jobs: int | None,
    quiet: bool,
) -> Task:
    """Read the labelled images of a folder, and make a task of them."""
    from contextlib import closing

    import numpy as np

    from vilma.cli._labels import (
        default_classes,
        integer_scale,
        join_labels,
        read_label_table,
        require_on_scale,
    )
    from vilma.cli.extraction.images import list_images, read_batches, split_batch
    from vilma.cli.extraction.rate import Rate
    from vilma.cli.extraction.readers import GreyCrop
    from vilma.cli.extraction.rejected import Rejected
    from vilma.demo import folder_task

    table = read_label_table(labels, columns)
    files, rejected = list_images([images]), Rejected()
    names: list[str] = []
    crops = []
    reading = read_batches(
        files, GreyCrop((60, 40), box), Rate(), batch_size=512, n_jobs=n_jobs, quiet=quiet
    )
    with closing(reading):  # whatever ends the loop ends the workers
        for batch in reading:
            usable = split_batch(batch, rejected)
            names += usable[0]
            crops += usable[1]
    rejected.check(n_files=len(files), strict=False)
    rows, intervals = join_labels(names, table, images=images, labels=labels)
    scale = default_classes(intervals) if classes is None else integer_scale(*classes)
    require_on_scale(intervals, scale, [names[row] for row in rows])
    return folder_task(
        np.stack(crops)[rows],
        intervals,
        scale,
        label_name=table.columns[1] if len(table.columns) == 2 else "level",
        cell_width=cell_width,
        exact_share=exact_share,
        seed=seed,
    )


def _report(comparison: Comparison) -> None:
    """Write the certificate and the table."""
    from vilma.cli._report import certificate

    first = comparison.results[0]
    measure = "MAE" if comparison.task.exact else "interval MAE"
    click.echo(f"\nCertified fit: {certificate(comparison.estimator, first.seconds)}")
    click.echo(f"\n{'test images: ' + format(len(comparison.test), ','):24}{measure:>12}")
    for result in comparison.results:
        alpha = "" if result.alpha is None else f"alpha {result.alpha:g}"
        click.echo(f"{result.name:24}{result.error:12.3f}   {alpha}")
