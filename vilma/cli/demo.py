"""``vilma demo``: a comparison on data that are already there, or on a folder of images."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vilma.cli._command import Command
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
    from vilma.demo import Comparison, Task, Vagueness

PICTURE = "vilma-demo.png"


@click.command(
    cls=Command, short_help="Compare vilma with midpoints, on data that are already there."
)
@click.option(
    "--photographs",
    is_flag=True,
    help="Sample photographs of scikit-image, degraded to 20 levels, instead of the survey.",
)
@click.option(
    "--party",
    is_flag=True,
    help="Another question of the survey: party identification.",
)
@click.option(
    "--images",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder of images of your own instead of the survey.",
)
@click.option(
    "--labels",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Their labels, as for `vilma fit`. Exact labels are made vague for the comparison.",
)
@columns_option
@classes_option
@box_option
@click.option(
    "--cell-width",
    type=IntRange(min=2),
    help="Make exact labels vague by cells of so many levels (brackets), instead of by one "
    "question for each row.",
)
@click.option(
    "--exact-share",
    type=FloatRange(0, 1),
    default=0.0,
    show_default=True,
    help="Share of labels that stay exact.",
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
    photographs: bool,
    party: bool,
    images: Path | None,
    labels: Path | None,
    columns: tuple[str, ...] | None,
    classes: tuple[int, int] | None,
    box: tuple[int, int, int, int] | None,
    cell_width: int | None,
    exact_share: float,
    output_dir: Path,
    seed: int,
    n_jobs: int | None,
    quiet: bool,
) -> None:
    """Learn from vague answers, and compare with exact labels, midpoints and a guess.

    Without options, respondents of a survey that comes with vilma place themselves on a scale of
    seven levels from liberal to conservative, and training knows one answer of each: whether they
    are at least at a level k, drawn at random. Errors are measured on the true levels of other
    respondents. With --party it is their party instead.

    With --photographs, or --images and --labels, the same is done with images: crops of
    photographs, degraded (blur, noise, compression) to one of 20 levels, or your own.

    A picture is drawn where matplotlib is installed.
    """
    if (images is None) != (labels is None):
        raise click.UsageError("--images and --labels belong together; give both or neither.")
    if images is None and not (columns is None and classes is None and box is None):
        raise click.UsageError(
            "--columns, --classes and --box describe your images; give --images, too."
        )
    if images is not None and photographs:
        raise click.UsageError("--photographs are those of scikit-image; leave out --images.")
    if party and (photographs or images is not None):
        raise click.UsageError("--party is a question of the survey; leave out the images.")
    with_picture = importlib.util.find_spec("matplotlib") is not None
    picture = _prepare(output_dir) if with_picture else None

    from vilma.cli._files import atomic_write
    from vilma.cli._report import readable_errors, say, say_when_compiling
    from vilma.demo import Vagueness, compare, photographs_task, survey_task

    vagueness = Vagueness(cell_width, exact_share)
    with readable_errors(), say_when_compiling():
        if photographs:
            task = photographs_task(vagueness, seed=seed)
        elif images is None or labels is None:
            task = survey_task(vagueness, target="PID" if party else "selfLR", seed=seed)
        else:
            task = _user_task(
                images,
                labels,
                columns,
                classes,
                box,
                vagueness=vagueness,
                seed=seed,
                n_jobs=n_jobs,
                quiet=quiet,
            )
        say(task.description)
        comparison = compare(task, n_jobs=n_jobs)
    _report(comparison)
    if picture is None:
        from vilma._optional import install_command

        say(f"\nNo picture: that needs matplotlib ({install_command('plot')}).")
        return

    from vilma.demo.picture import draw

    figure = draw(comparison)
    with atomic_write(picture) as stream:
        figure.savefig(stream, format="png", dpi=130)
    say(f"\nPicture: {picture}")


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
    vagueness: Vagueness,
    seed: int,
    n_jobs: int | None,
    quiet: bool,
) -> Task:
    """Read the labelled images of a folder, and make a task of them."""
    from contextlib import closing

    import numpy as np

    from vilma.cli._labels import (
        LabelReading,
        default_classes,
        integer_scale,
        join_labels,
        read_label_table,
        require_on_scale,
    )
    from vilma.cli.extraction.reading import Rate, Rejected, read_batches, split_batch
    from vilma.cli.extraction.sources import GreyCrop, list_images
    from vilma.demo import folder_task

    table = read_label_table(labels, LabelReading(columns))
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
    rows, places = join_labels(names, table, images=images, labels=labels)
    intervals = table.intervals[places]
    texts = [table.texts[place] for place in places]
    scale = default_classes(intervals, texts) if classes is None else integer_scale(*classes)
    require_on_scale(intervals, scale, [names[row] for row in rows], texts)
    return folder_task(
        np.stack(crops)[rows],
        intervals,
        scale,
        label_name=table.columns[1] if len(table.columns) == 2 else "level",
        vagueness=vagueness,
        seed=seed,
    )


def _report(comparison: Comparison) -> None:
    """Write the table, the certificate, and what there is to say where vilma does not win."""
    from vilma.cli._report import certificate, say

    measure = "mean error" if comparison.task.exact else "distance to interval"
    title = f"{len(comparison.test):,} test {comparison.task.item_name}"
    say(f"\n{title:26}{measure:>12}")
    for result in comparison.results:
        alpha = "" if result.alpha is None else f"alpha {result.alpha:g}"
        say(f"{result.name:26}{result.error:12.3f}   {alpha:12}{result.seconds:6.2f} s")
    seconds = comparison.results[0].seconds
    say(f"\nCertificate of the first: {certificate(comparison.estimator, seconds)}")
    for reason in comparison.reasons():
        say(f"\nnote: {reason}")
