"""Coverage and width of conformal intervals; ``python -m benchmarks.coverage --help``.

Wine quality: at every random split, estimator, link and calibration are fitted to 70 % of the
rows and tested on the others. Faces: an estimator is fitted once to a random half, and every
split deals the other half to calibration and test. Each is done with exact labels, and with
intervals in training and calibration; coverage is always that of the true labels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import ShuffleSplit, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from vilma import IISVOR_IMC, VILMA, CalibratedOrdinalClassifier, ConformalOrdinalClassifier
from vilma.datasets import load_image_folder, load_wine_quality
from vilma.features import MultiScaleLBP
from vilma.intervals import DrawnIntervals, annotate_cells, annotate_sliding
from vilma.metrics import prediction_interval_coverage

__all__ = ["Experiment", "main", "measure"]

COVERAGES = (0.8, 0.9, 0.95)


@dataclass(frozen=True)
class Experiment:
    """A classifier to fit at every split, and what it is fitted to."""

    name: str
    classifier: ConformalOrdinalClassifier
    X: Any
    drawn: DrawnIntervals
    test_share: float


def measure(experiment: Experiment, n_splits: int, seed: int = 0) -> np.ndarray:
    """Return coverage and mean number of labels, of shape (n_splits, n_coverages, 2)."""
    drawn = experiment.drawn
    figures = np.empty((n_splits, len(COVERAGES), 2))
    splits = ShuffleSplit(n_splits, test_size=experiment.test_share, random_state=seed)
    for i, (train, test) in enumerate(splits.split(drawn.intervals)):
        model = experiment.classifier.set_params(classes=drawn.classes, random_state=i)
        model.fit(experiment.X[train], drawn.intervals[train])
        for j, coverage in enumerate(COVERAGES):
            intervals = model.predict_interval(experiment.X[test], coverage)
            ends = np.searchsorted(drawn.classes, intervals)
            figures[i, j] = (
                prediction_interval_coverage(drawn.truth[test], intervals),
                np.mean(ends[:, 1] - ends[:, 0] + 1),
            )
    return figures


def wine(seed: int) -> Iterator[Experiment]:
    """Yield the experiments on wine quality."""
    X, y = load_wine_quality(return_X_y=True)
    estimator = make_pipeline(StandardScaler(), VILMA(loss="squared"))
    for name, width in (("wine, exact", 1), ("wine, sliding intervals of 3 grades", 3)):
        drawn = annotate_sliding(y, width=width, random_state=seed)
        yield Experiment(name, ConformalOrdinalClassifier(estimator), X, drawn, 0.3)


def faces(
    images: Path, labels: Path | None, box: tuple[float, float, float, float] | None, seed: int
) -> Iterator[Experiment]:
    """Yield the experiments on photographs labelled by age."""
    photographs = load_image_folder(images, labels, box=box)
    X = MultiScaleLBP(output="codes").fit_transform(photographs.images)
    ages = photographs.target
    rows, held_out = train_test_split(np.arange(len(ages)), test_size=0.5, random_state=seed)
    for name, width in (("faces, exact", 1), ("faces, cells of 10 years", 10)):
        drawn = annotate_cells(
            ages, width=width, classes=np.arange(1, ages.max() + 1), random_state=seed
        )
        calibrated = CalibratedOrdinalClassifier(IISVOR_IMC(alpha=0.1), classes=drawn.classes)
        calibrated.fit(X[rows], drawn.intervals[rows])
        part = DrawnIntervals(
            drawn.intervals[held_out],
            drawn.truth[held_out],
            drawn.exact[held_out],
            drawn.wrong[held_out],
            drawn.classes,
        )
        frozen = ConformalOrdinalClassifier(FrozenEstimator(calibrated))
        yield Experiment(name, frozen, X[held_out], part, 0.5)


def table(name: str, figures: np.ndarray) -> Iterator[str]:
    """Yield a row of Markdown for every coverage."""
    error = figures[..., 0].std(axis=0, ddof=1) / np.sqrt(len(figures))
    for j, coverage in enumerate(COVERAGES):
        mean, size = figures[:, j].mean(axis=0)
        verdict = "yes" if mean >= coverage - 2.0 * error[j] else "NO"
        yield f"| {name} | {coverage} | {mean:.4f} | {error[j]:.4f} | {verdict} | {size:.2f} |"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--splits", default=200, show_default=True, type=click.IntRange(min=2))
@click.option("--seed", default=0, show_default=True, type=click.IntRange(min=0))
@click.option(
    "--images",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of photographs; without it, wine quality alone is measured.",
)
@click.option(
    "--labels",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="CSV file of the images' ages; without it, names are read as UTKFace has them.",
)
@click.option("--box", nargs=4, type=float, help="Crop: left, top, right, bottom.")
def main(
    splits: int,
    seed: int,
    images: Path | None,
    labels: Path | None,
    box: tuple[float, float, float, float] | None,
) -> None:
    """Print coverage, its standard error and mean width over random splits."""
    experiments = list(wine(seed))
    if images is not None:
        experiments += faces(images, labels, box, seed)
    click.echo("| data | asked | covered | standard error | within two or above | labels |")
    click.echo("|---|---|---|---|---|---|")
    for experiment in experiments:
        for line in table(experiment.name, measure(experiment, splits, seed)):
            click.echo(line)


if __name__ == "__main__":
    main()
