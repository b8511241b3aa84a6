"""LBP features of images, into a file or a folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from scipy import sparse

from vilma.cli._feature_folder import MANIFEST, read_manifest
from vilma.cli._features import FeatureStore, lbp_settings, write_features
from vilma.cli._images import Box, ImageFile, Rejected, read_batches, read_crops
from vilma.cli._job import Job
from vilma.cli._partial import PartialFolder, is_complete, take_up
from vilma.cli._report import some_of
from vilma.features import MultiScaleLBP
from vilma.features.multiscale_lbp import N_PATTERNS
from vilma.mapped.growing import GrowingMatrix


@dataclass(frozen=True)
class Extraction:
    """What to compute, and how.

    Attributes
    ----------
    files : list of ImageFile
    extractor : MultiScaleLBP
    box : (int, int, int, int) or None
        The part of every image to use.
    batch_size : int
        How many images to hold at a time.
    strict : bool
        Whether a file that cannot be used is an error.
    quiet : bool
        Whether to leave out the progress bar.
    """

    files: list[ImageFile]
    extractor: MultiScaleLBP
    box: Box | None
    batch_size: int
    strict: bool
    quiet: bool

    @property
    def reading(self) -> dict[str, Any]:
        """How to read the images."""
        return {
            "size": self.extractor.size,
            "box": self.box,
            "batch_size": self.batch_size,
            "n_jobs": self.extractor.n_jobs,
            "quiet": self.quiet,
        }


def extract_to_file(output: Path, work: Extraction) -> tuple[int, int]:
    """Compute features in memory and write them to one file, whole or not at all.

    Parameters
    ----------
    output : Path
    work : Extraction

    Returns
    -------
    n_rows, n_rejected : int
        Numbers of images that could be used, and that could not.

    Raises
    ------
    click.ClickException
        If no image can be used, or one cannot and the work is strict.
    """
    rejected = Rejected()
    names: list[str] = []
    blocks = []
    for batch_names, crops in read_crops(work.files, rejected, **work.reading):
        names += batch_names
        blocks.append(work.extractor.fit_transform(crops))
    rejected.check(n_files=len(work.files), strict=work.strict)
    settings = lbp_settings(work.extractor, work.box)
    write_features(output, FeatureStore(names, sparse.vstack(blocks, format="csr"), settings))
    return len(names), len(rejected.reasons)


def extract_to_folder(output: Path, work: Extraction, *, start_over: bool) -> tuple[int, int]:
    """Write codes to a folder as the images are read, going on where a former run stopped.

    Parameters
    ----------
    output : Path
    work : Extraction
    start_over : bool
        Whether to begin again, and to replace a finished folder.

    Returns
    -------
    n_rows, n_rejected : int
        Numbers of images that could be used, and that could not.

    Raises
    ------
    click.ClickException
        If no image can be used, one cannot and the work is strict, or the folder's name belongs
        to another job.
    """
    job = Job.of(lbp_settings(work.extractor, work.box), work.files)
    if not start_over and is_complete(output, job):
        click.echo("complete already, nothing to do", err=True)
        n_rejected = sum(status != "ok" for _, status, _ in read_manifest(output / MANIFEST))
        return len(work.files) - n_rejected, n_rejected
    block_sizes = np.full(len(work.extractor.positions_), N_PATTERNS)

    def open_rows(folder: Path, n_rows: int) -> GrowingMatrix:
        return GrowingMatrix.codes(folder, block_sizes, n_rows=n_rows)

    with take_up(output, job, open_rows, start_over=start_over) as partial:
        if partial.n_done:
            click.echo(f"going on after {partial.n_done:,} of {len(work.files):,}", err=True)
        _extract_batches(work, partial)
        n_rows, rejected = partial.n_rows, partial.rejected
        if not n_rows:
            partial.discard()
            raise click.ClickException(
                f"none of the {len(work.files)} file(s) could be used; the reasons are above."
            )
        partial.finish()
    return n_rows, len(rejected)


def _extract_batches(work: Extraction, partial: PartialFolder) -> None:
    """Compute the features of all images that are not done yet."""
    rejected = Rejected(dict(partial.rejected))
    _require_none(rejected, work, partial)
    for batch in read_batches(work.files, **work.reading, n_done=partial.n_done):
        crops: list[np.ndarray] = []
        outcomes: list[tuple[str, str | None]] = []
        for file, result in batch:
            if isinstance(result, Exception):
                rejected.add(file.name, str(result))
                outcomes.append((file.name, str(result)))
            else:
                crops.append(result)
                outcomes.append((file.name, None))
        _require_none(rejected, work, partial)
        partial.append(outcomes, work.extractor.compute_codes(np.stack(crops)) if crops else None)


def _require_none(rejected: Rejected, work: Extraction, partial: PartialFolder) -> None:
    """Stop at the first file that cannot be used, if the work is strict."""
    if work.strict and rejected.reasons:
        raise click.ClickException(
            f"{len(rejected.reasons)} file(s) could not be used "
            f"({some_of(list(rejected.reasons))}); stopped because of --strict. Finished work is "
            f"kept in {partial.place}: correct the files and run the command again."
        )
