"""Features of images, into a file or a folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from vilma.cli._feature_folder import MANIFEST_HEADER, Outcome, manifest_lines
from vilma.cli._feature_store import FeatureStore
from vilma.cli._features import read_features, write_features
from vilma.cli._files import atomic_write
from vilma.cli._report import say, some_of
from vilma.cli.extraction.folder import Job, PartialFolder, is_complete, take_up
from vilma.cli.extraction.kinds import FeatureKind
from vilma.cli.extraction.options import ExtractionOptions
from vilma.cli.extraction.reading import Rate, Rejected, Unusable, read_batches, split_batch
from vilma.cli.extraction.sources import ImageFile


@dataclass(frozen=True)
class Extraction:
    """What to compute, and how.

    Attributes
    ----------
    files : list of ImageFile
    kind : FeatureKind
    batch_size : int
        How many images to compute at a time.
    n_jobs : int or None
        How many processes read.
    strict : bool
        Whether a file that cannot be used is an error.
    quiet : bool
        Whether to leave out the progress bar.
    """

    files: list[ImageFile]
    kind: FeatureKind
    batch_size: int
    n_jobs: int | None
    strict: bool
    quiet: bool


def run_extraction(options: ExtractionOptions, files: list[ImageFile], kind: FeatureKind) -> None:
    """Compute what the command line asks for, and say what came of it.

    Parameters
    ----------
    options : ExtractionOptions
    files : list of ImageFile
        The images that the options name.
    kind : FeatureKind

    Raises
    ------
    click.ClickException
        If no image can be used, or one cannot and none may be left out.
    """
    work = Extraction(
        files,
        kind,
        options.batch_size,
        options.n_jobs,
        options.strict,
        options.quiet,
    )
    if options.output.suffix == ".npz":
        store = extract_to_file(options.output, work, options.manifest)
    else:
        store = extract_to_folder(options.output, work, start_over=options.start_over)
    n_rows, n_features = store.X.shape
    n_rejected = len(work.files) - n_rows
    say(
        f"{options.output}: {n_rows:,} image(s), {n_features:,} feature(s)"
        + (f"; {n_rejected:,} file(s) skipped" if n_rejected else "")
    )


def extract_to_file(output: Path, work: Extraction, manifest: Path | None) -> FeatureStore:
    """Compute features in memory and write them to one file, whole or not at all.

    Parameters
    ----------
    output : Path
    work : Extraction
    manifest : Path or None
        Where to write what became of every image.

    Returns
    -------
    FeatureStore
        What the file holds.

    Raises
    ------
    click.ClickException
        If no image can be used, or one cannot and the work is strict.
    """
    rejected = Rejected()
    outcomes: list[Outcome] = []
    blocks: list[NDArray] = []
    rows = work.kind.prepare()
    rate = Rate(work.kind.clock)
    for batch_outcomes, block in _compute_batches(work, rejected, rate):
        outcomes += batch_outcomes
        if block is not None:
            blocks.append(block)
    rejected.check(n_files=len(work.files), strict=work.strict)
    names = [name for name, reason in outcomes if reason is None]
    store = FeatureStore(names, rows.join(blocks), work.kind.settings)
    write_features(output, store)
    if manifest is not None:
        with atomic_write(manifest) as stream:
            stream.write(MANIFEST_HEADER + manifest_lines(outcomes))
    click.echo(rate.describe(), err=True)
    return store


def extract_to_folder(output: Path, work: Extraction, *, start_over: bool) -> FeatureStore:
    """Write rows to a folder as the images are read, going on where a former run stopped.

    Parameters
    ----------
    output : Path
    work : Extraction
    start_over : bool
        Whether to begin again, and to replace a finished folder.

    Returns
    -------
    FeatureStore
        What the folder holds.

    Raises
    ------
    click.ClickException
        If no image can be used, one cannot and the work is strict, or the folder's name belongs
        to another job.
    """
    job = Job.of(work.kind.settings, work.kind.inputs, work.files)
    if not start_over and is_complete(output, job):
        click.echo("complete already, nothing to do", err=True)
        return read_features(output)
    with take_up(output, job, work.kind.prepare, start_over=start_over) as partial:
        rate = Rate(work.kind.clock)
        if partial.n_done:
            click.echo(f"going on after {partial.n_done:,} of {len(work.files):,}", err=True)
        rejected = Rejected(dict(partial.rejected))
        _require_none(rejected, work, partial)
        for outcomes, block in _compute_batches(work, rejected, rate, partial.n_done):
            _require_none(rejected, work, partial)
            partial.append(outcomes, block)
        if not partial.n_rows:
            partial.discard()
            raise click.ClickException(
                f"none of the {len(work.files)} file(s) could be used; the reasons are above."
            )
        partial.finish()
    click.echo(rate.describe(), err=True)
    return read_features(output)


def _compute_batches(
    work: Extraction, rejected: Rejected, rate: Rate, n_done: int = 0
) -> Iterator[tuple[list[Outcome], NDArray | None]]:
    """Yield what became of the next images, and the rows of the usable ones if there are any."""
    reading = read_batches(
        work.files,
        work.kind.reader,
        rate,
        batch_size=work.batch_size,
        n_jobs=work.n_jobs,
        quiet=work.quiet,
        n_done=n_done,
    )
    with closing(reading):  # whatever ends the use of the rows ends the workers
        for batch in reading:
            if items := [result for _, result in batch if not isinstance(result, Unusable)]:
                with rate.computing(len(items)):
                    rows = iter(_compute(work.kind, items))
                batch = [
                    (file, result if isinstance(result, Unusable) else next(rows))
                    for file, result in batch
                ]
            usable = split_batch(batch, rejected)[1]
            outcomes = [(file.name, _reason(result)) for file, result in batch]
            yield outcomes, np.stack(usable) if usable else None


def _compute(kind: FeatureKind, items: list[NDArray]) -> list[NDArray | Unusable]:
    """Compute a row of each item; if the batch fails, one by one, to find out which it was."""
    try:
        return list(kind.compute(items))
    except ValueError:
        return [_compute_one(kind, item) for item in items]


def _compute_one(kind: FeatureKind, item: NDArray) -> NDArray | Unusable:
    try:
        return kind.compute([item])[0]
    except ValueError as error:
        return Unusable(str(error))


def _reason(result: NDArray | Unusable) -> str | None:
    return result.reason if isinstance(result, Unusable) else None


def _require_none(rejected: Rejected, work: Extraction, partial: PartialFolder) -> None:
    """Stop at the first file that cannot be used, if the work is strict."""
    if work.strict and rejected.reasons:
        raise click.ClickException(
            f"{len(rejected.reasons)} file(s) could not be used "
            f"({some_of(list(rejected.reasons))}); stopped because of --strict. Finished work is "
            f"kept in {partial.place}: correct the files and run the command again."
        )
