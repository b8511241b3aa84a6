"""Interval labels against midpoints on a folder of photographs with ages (or other whole labels).

DIR holds the images, CSV has the columns file and label. The images are split at random, a share
of the training labels stays exact and the others are rounded to cells; alpha is chosen for every
method by interval-insensitive error on a part of the training data, true labels serve for the test
alone.
"""

from __future__ import annotations

import csv
from pathlib import Path

import click
import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.linear_model import Ridge
from sklearn.model_selection import train_test_split
from tqdm import tqdm

from vilma import IISVOR_IMC
from vilma.features import MultiScaleLBP, canonical_crop, read_image
from vilma.metrics import interval_insensitive_loss

VILMA_ALPHAS = (1.0, 0.3, 0.1, 0.03)
RIDGE_ALPHAS = (1.0, 10.0, 100.0, 300.0, 1000.0)


def read_faces(
    folder: Path, labels: Path, box: tuple[int, int, int, int] | None
) -> tuple[sparse.csr_array, np.ndarray]:
    """Return LBP features and whole labels."""
    with labels.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))[1:]
    crops = np.stack(
        [canonical_crop(read_image(folder / name), box=box) for name, _ in tqdm(rows)]
    )
    return MultiScaleLBP().fit_transform(crops), np.array([int(label) for _, label in rows])


def annotate(
    labels: np.ndarray, width: int, exact_share: float, scale: np.ndarray, seed: int
) -> np.ndarray:
    """Round all but a share of the labels to cells of the scale, the border cell cut short."""
    lower = scale[0] + (labels - scale[0]) // width * width
    upper = np.minimum(lower + width - 1, scale[-1])
    exact = np.random.default_rng(seed).random(len(labels)) < exact_share
    return np.column_stack([np.where(exact, labels, lower), np.where(exact, labels, upper)])


def choose_alpha(make, alphas, X, y, targets, seed: int):
    """Fit the best of the alphas, by interval-insensitive error on a fifth of the rows."""
    train, validation = train_test_split(np.arange(len(y)), test_size=0.2, random_state=seed)
    errors = {
        alpha: interval_insensitive_loss(
            y[validation], make(alpha).fit(X[train], targets[train]).predict(X[validation])
        )
        for alpha in alphas
    }
    best = min(errors, key=errors.__getitem__)
    return make(best).fit(X, targets)


class RoundedRidge(BaseEstimator):
    """Ridge regression whose predictions are rounded, and optionally kept on the scale."""

    def __init__(self, alpha: float, lowest: float = -np.inf, highest: float = np.inf) -> None:
        self.alpha = alpha
        self.lowest = lowest
        self.highest = highest

    def fit(self, X, y):
        """Fit scikit-learn's Ridge."""
        self.ridge_ = Ridge(self.alpha, solver="sparse_cg").fit(X, y)
        return self

    def predict(self, X):
        """Predict whole labels."""
        return np.clip(np.rint(self.ridge_.predict(X)), self.lowest, self.highest)


@click.command(help=__doc__)
@click.argument("folder", metavar="DIR", type=click.Path(exists=True, path_type=Path))
@click.argument("labels", metavar="CSV", type=click.Path(exists=True, path_type=Path))
@click.option("--box", type=int, nargs=4, default=None, help="Crop: left top right bottom.")
@click.option("--seeds", default=3, show_default=True)
@click.option("--n-jobs", default=1, show_default=True)
def main(
    folder: Path, labels: Path, box: tuple[int, int, int, int] | None, seeds: int, n_jobs: int
) -> None:
    """Print test errors on true labels, mean and standard deviation over the splits."""
    X, truth = read_faces(folder, labels, box)
    scale = np.arange(truth.min(), truth.max() + 1)

    def ours(alpha: float) -> IISVOR_IMC:
        return IISVOR_IMC(alpha, classes=scale, n_jobs=n_jobs)

    def ridge(alpha: float) -> RoundedRidge:
        return RoundedRidge(alpha)

    def clipped_ridge(alpha: float) -> RoundedRidge:
        return RoundedRidge(alpha, scale[0], scale[-1])

    header = ("IISVOR_IMC", "ridge on middles", "... kept on scale", "gain", "gain, on scale")
    click.echo(f"{'labels':24}" + "".join(f"{column:>19}" for column in header))
    for name, width, exact_share in (
        ("exact", 1, 1.0),
        ("30% exact, cells of 5", 5, 0.3),
        ("30% exact, cells of 10", 10, 0.3),
        ("30% exact, cells of 20", 20, 0.3),
        ("cells of 10", 10, 0.0),
    ):
        errors = []
        for seed in range(seeds):
            y = annotate(truth, width, exact_share, scale, seed)
            train, test = train_test_split(np.arange(len(truth)), test_size=0.3, random_state=seed)
            middle = y.mean(axis=1)
            models = (
                choose_alpha(ours, VILMA_ALPHAS, X[train], y[train], y[train], seed),
                choose_alpha(ridge, RIDGE_ALPHAS, X[train], y[train], middle[train], seed),
                choose_alpha(clipped_ridge, RIDGE_ALPHAS, X[train], y[train], middle[train], seed),
            )
            errors.append(
                [np.abs(model.predict(X[test]) - truth[test]).mean() for model in models]
            )
        table = np.array(errors)
        table = np.column_stack([table, table[:, 1:] - table[:, :1]])
        cells = zip(table.mean(axis=0), table.std(axis=0), strict=True)
        click.echo(
            f"{name:24}" + "".join(f"{m:12.2f} ± {deviation:.2f}" for m, deviation in cells)
        )


if __name__ == "__main__":
    main()
