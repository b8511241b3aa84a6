"""The experiments: which rows, which annotations, which methods."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from sklearn.base import clone

from benchmarks.deep.faces import (
    EmbeddedFaces,
    Split,
    annotate,
    split_faces,
    thin_tail,
)
from benchmarks.deep.methods import METHODS, Encoder, linear
from benchmarks.deep.runs import Records, measure
from vilma import IISVOR_IMCCV
from vilma.deep import DeepOrdinalClassifier
from vilma.deep.protocols import distribution_shift, few_shot
from vilma.metrics import macro_averaged_mean_absolute_error

__all__ = [
    "COMBINED",
    "Bench",
    "Errors",
    "run_combinations",
    "run_embeddings",
    "run_few_shot",
    "run_long_tail",
    "run_shift",
]

#: Kinds of annotation on which losses are combined with regularizers.
COMBINED = ("exact", "intervals", "open")

#: Errors of a method under some condition, one per seed.
Errors = Mapping[tuple[str, str], Mapping[str, np.ndarray]]


@dataclass(frozen=True)
class Bench:
    """What all experiments share.

    Parameters
    ----------
    faces : EmbeddedFaces
        All faces.
    records : Records
        Fits that are done.
    progress : callable
        Gets a line after every step.
    encoder : Encoder, default=Encoder()
        Dense layers.
    """

    faces: EmbeddedFaces
    records: Records
    progress: Callable[[str], None]
    encoder: Encoder = field(default_factory=Encoder)

    def key(self, task: str, name: str, labels: str, split: Split) -> dict[str, Any]:
        """Return what a fit is known by."""
        return {
            "task": task,
            "method": name,
            "labels": labels,
            "seed": split.seed,
            "encoder": [*self.encoder.hidden, self.encoder.dropout],
        }


def run_long_tail(
    bench: Bench,
    names: Iterable[str],
    labels: Iterable[str],
    seeds: Iterable[int],
) -> Errors:
    """Every method, on rows with a thinned tail, with every kind of annotation."""
    splits = [split_faces(bench.faces, seed, thin_tail) for seed in seeds]
    return {
        (name, kind): _over_seeds(bench, "long tail", name, kind, splits)
        for name in names
        for kind in labels
    }


def run_few_shot(
    bench: Bench,
    names: Iterable[str],
    sizes: Iterable[int],
    seeds: Iterable[int],
) -> Errors:
    """Exact ages, and a few rows of each."""
    found = {}
    for size in sizes:
        choose = lambda ages, seed, n=size: few_shot(ages, n, random_state=seed)  # noqa: E731
        splits = [split_faces(bench.faces, seed, choose) for seed in seeds]
        for name in names:
            task = f"few-shot {size}"
            found[name, str(size)] = _over_seeds(bench, task, name, "exact", splits)
    return found


def run_combinations(
    bench: Bench,
    losses: Iterable[str],
    regularizers: Iterable[str],
    labels: Iterable[str],
    seeds: Iterable[int],
    n_rows: int,
    epochs: int,
    learning_rate: float,
) -> Errors:
    """Every loss alone and with every regularizer, on some rows; the rest by defaults.

    Parameters
    ----------
    bench : Bench
        The faces.
    losses, regularizers : iterable of str
        Names of vilma's.
    labels : iterable of str
        Kinds of annotation.
    seeds : iterable of int
        Each draws its rows and seeds the trainings.
    n_rows : int
        Rows to train on, at most.
    epochs : int
        Of every training.
    learning_rate : float
        Likewise.

    Returns
    -------
    dict
        Errors, one per seed, by "loss + regularizer" or "loss", and kind of annotation.
    """

    def some(ages: np.ndarray, seed: int) -> np.ndarray:
        chosen = np.random.default_rng(seed).permutation(len(ages))
        return np.sort(chosen[:n_rows])

    splits = [split_faces(bench.faces, seed, some) for seed in seeds]
    found = {}
    for loss in losses:
        for kind in labels:
            for regularizer in (None, *regularizers):
                name = loss if regularizer is None else f"{loss} + {regularizer}"
                make = partial(
                    DeepOrdinalClassifier,
                    loss,
                    regularizer=regularizer,
                    classes=bench.faces.classes,
                    max_epochs=epochs,
                    learning_rate=learning_rate,
                    n_jobs=1,
                )
                key = {
                    "task": f"combinations {n_rows}",
                    "name": name,
                    "labels": kind,
                    "training": [epochs, learning_rate],
                }
                rows = [
                    bench.records.get(
                        {**key, "seed": split.seed},
                        partial(measure, make(random_state=split.seed), bench.faces, split, kind),
                    )
                    for split in splits
                ]
                found[name, kind] = _columns(rows)
                bench.progress(f"{name}, {kind}: {found[name, kind]['plain'].mean():.2f}")
    return found


def run_shift(
    bench: Bench,
    names: Iterable[str],
    n_labels: Iterable[int],
    shares: Iterable[float],
    seeds: Iterable[int],
) -> Errors:
    """Exact ages; of some labels, only a share of the rows is there to train on."""
    found = {}
    for n in n_labels:
        for share in shares:
            choose = partial(_shift, n_labels=n, share=share)
            splits = [split_faces(bench.faces, seed, choose) for seed in seeds]
            condition = f"{n} labels, {share:.0%} left"
            for name in names:
                found[name, condition] = _over_seeds(
                    bench, f"shift {condition}", name, "exact", splits
                )
    return found


def _shift(ages: np.ndarray, seed: int, n_labels: int, share: float) -> np.ndarray:
    return distribution_shift(ages, n_labels, share, random_state=seed)


def run_embeddings(
    bench: Bench,
    names: Iterable[str],
    labels: Iterable[str],
    seeds: Iterable[int],
) -> Errors:
    """A method's own head, and a linear model on the embedding that it learned or on the raw one.

    The linear model is SVOR-IMC, whose optimum is VILMA's, with alpha by cross-validation.
    """
    splits = [split_faces(bench.faces, seed, thin_tail) for seed in seeds]
    found: dict[tuple[str, str], Mapping[str, np.ndarray]] = {}
    for kind in labels:
        raw = _over_seeds(bench, "long tail", "SVOR-IMC", kind, splits)
        for name in names:
            rows = []
            for split in splits:
                key = bench.key("embedding", name, kind, split)
                rows.append(
                    bench.records.get(key, partial(_own_head_and_linear, bench, split, name, kind))
                )
            found[name, kind] = {**_columns(rows), "linear, raw": raw["balanced"]}
            bench.progress(f"embedding of {name}, {kind}: done")
    return found


def _own_head_and_linear(bench: Bench, split: Split, name: str, kind: str) -> dict[str, float]:
    """Return balanced errors: of the head, and of a linear model with and without raw columns."""
    faces = bench.faces
    X, X_test = faces.X[split.train], faces.X[split.test]
    y, ages = annotate(faces, split.train, kind), faces.ages[split.test]
    deep = METHODS[name].make(faces.classes, split.seed, bench.encoder).fit(X, y)
    Z, Z_test = deep.transform(X), deep.transform(X_test)
    model = linear(IISVOR_IMCCV, faces.classes, split.seed, bench.encoder)
    learned = clone(model).fit(Z, y).predict(Z_test)
    both = clone(model).fit(np.hstack([X, Z]), y).predict(np.hstack([X_test, Z_test]))
    predictions = {
        "own head": deep.predict(X_test),
        "linear, learned": learned,
        "linear, both": both,
    }
    return {
        who: macro_averaged_mean_absolute_error(ages, predicted)
        for who, predicted in predictions.items()
    }


def _over_seeds(
    bench: Bench, task: str, name: str, labels: str, splits: Iterable[Split]
) -> Mapping[str, np.ndarray]:
    rows = []
    for split in splits:
        estimator = METHODS[name].make(bench.faces.classes, split.seed, bench.encoder)
        key = bench.key(task, name, labels, split)
        rows.append(
            bench.records.get(key, partial(measure, estimator, bench.faces, split, labels))
        )
    columns = _columns(rows)
    bench.progress(f"{task}, {name}, {labels}: {columns['balanced'].mean():.2f}")
    return columns


def _columns(rows: list[dict[str, float]]) -> dict[str, np.ndarray]:
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}
