"""Networks trained from scratch on images, and linear models on their local patterns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.deep.convolutional import Training, convolutional_model
from benchmarks.deep.faces import EmbeddedFaces, Split, annotate, split_faces, thin_tail
from benchmarks.deep.methods import Encoder, linear
from benchmarks.deep.runs import Records, errors_of, measure
from vilma import IISVOR_IMCCV

__all__ = ["IMAGE_METHODS", "PATTERNS", "ImageBench", "load_images", "run_images"]

#: Networks that are compared; names of :data:`benchmarks.deep.methods.METHODS`.
IMAGE_METHODS = ("L1", "cross entropy", "soft labels, Gaussian", "L1 + ACCon", "PML")
#: Name of the linear model on multi-scale local binary patterns.
PATTERNS = "SVOR-IMC, patterns"

_PATTERN_ALPHAS = (10.0, 3.0, 1.0, 0.3, 0.1, 0.03, 0.01)


@dataclass(frozen=True)
class ImageBench:
    """What all fits share.

    Parameters
    ----------
    images : EmbeddedFaces
        Grey crops as bytes, `X` of shape (n_samples, 1, height, width).
    patterns : EmbeddedFaces
        The same faces as one-hot codes.
    records : Records
        Fits that are done.
    progress : callable
        Gets a line after every step.
    training : Training, default=Training()
        Network and training.
    """

    images: EmbeddedFaces
    patterns: EmbeddedFaces
    records: Records
    progress: Callable[[str], None]
    training: Training = field(default_factory=Training)


def load_images(
    folder: Path, labels: Path | None, box: tuple[int, int, int, int] | None
) -> tuple[EmbeddedFaces, EmbeddedFaces]:
    """Read crops, and compute their patterns.

    Parameters
    ----------
    folder : Path
        With the images.
    labels : Path or None
        CSV file of files and ages; by default names are read as UTKFace's.
    box : tuple of (left, top, right, bottom) or None
        The part of every image to use.

    Returns
    -------
    images, patterns : EmbeddedFaces

    Raises
    ------
    ValueError
        If ages are not whole numbers, or files are not as described.
    """
    from vilma.datasets import load_image_folder
    from vilma.features import MultiScaleLBP

    data = load_image_folder(folder, labels, box=box)
    if data.target.ndim != 1 or data.target.dtype.kind not in "iu":
        raise ValueError(
            f"Cells are drawn around known ages, so {labels} should have one column of whole "
            f"numbers besides the files; got {data.target.dtype} of shape {data.target.shape}."
        )
    codes = MultiScaleLBP(output="codes").fit_transform(data.images)
    return EmbeddedFaces(data.images[:, None], data.target), EmbeddedFaces(codes, data.target)


def run_images(
    bench: ImageBench, names: Iterable[str], labels: Iterable[str], seeds: Iterable[int]
) -> dict[tuple[str, str], Mapping[str, np.ndarray]]:
    """Fit every network and the linear model on patterns, on rows with a thinned tail.

    Parameters
    ----------
    bench : ImageBench
        The faces.
    names : iterable of str
        Networks.
    labels : iterable of str
        Kinds of annotation.
    seeds : iterable of int
        Each draws a split, and seeds what is trained on it.

    Returns
    -------
    dict
        Errors, one per seed, by method and kind of annotation. Those of networks are there twice:
        of their own heads, and of SVOR-IMC on what they learned, "linear ...".
    """
    splits = [split_faces(bench.images, seed, thin_tail) for seed in seeds]
    rows: dict[tuple[str, str], list[dict[str, float]]] = {}
    kinds = tuple(labels)
    # Seed by seed, so that an interrupted run has all methods on the same splits.
    for split in splits:
        for kind in kinds:
            for name in (*names, PATTERNS):
                found = bench.records.get(
                    _key(bench, name, kind, split), partial(_measure, bench, name, kind, split)
                )
                rows.setdefault((name, kind), []).append(found)
                bench.progress(f"{name}, {kind}, seed {split.seed}: {found['balanced']:.2f}")
    return {
        which: {what: np.array([row[what] for row in found]) for what in found[0]}
        for which, found in rows.items()
    }


def _key(bench: ImageBench, name: str, kind: str, split: Split) -> dict[str, Any]:
    key = {"task": "images", "method": name, "labels": kind, "seed": split.seed}
    return key if name == PATTERNS else {**key, **bench.training.key()}


def _measure(bench: ImageBench, name: str, kind: str, split: Split) -> dict[str, float]:
    """Fit a network, and a linear model on its embedding; or one on patterns."""
    faces = bench.images
    if name == PATTERNS:
        model = IISVOR_IMCCV(_PATTERN_ALPHAS, cv=3, classes=faces.classes, tol=1e-2)
        found = measure(model, bench.patterns, split, kind)
        return {**found, "alpha": model.alpha_}
    network = convolutional_model(
        name, faces.classes, faces.X.shape[2:], bench.training, split.seed
    )
    own = measure(network, faces, split, kind)
    model = linear(IISVOR_IMCCV, faces.classes, split.seed, Encoder())
    model.fit(network.transform(faces.X[split.train]), annotate(faces, split.train, kind))
    predicted = model.predict(network.transform(faces.X[split.test]))
    learned = errors_of(faces.ages[split.test], predicted, faces.ages[split.train])
    return {**own, **{f"linear {what}": error for what, error in learned.items()}}
