"""One direction or several: rules of choosing compared on a folder of tables.

``python -m benchmarks.pieces --data DIR``: PWVILMA for every alpha, correlation and loss of a
grid, validated in five folds, dealt once or several times; what each rule would have chosen, as a
share of the error of IISVOR_IMC.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import click
import numpy as np
from sklearn.model_selection import RepeatedKFold

from benchmarks.league.tables import Split, find_tables, splits
from vilma import PWVILMA, vilma_path

__all__ = ["choose", "main"]

Point: TypeAlias = tuple[float, float, str]  # alpha, correlation and loss

_ALPHAS = (10.0, 1.0, 0.1, 0.01, 0.001, 0.0001)
_TOLERANCE = 1e-2
_N_FOLDS = 5
_RULES: dict[str, tuple[Callable[[Point], bool], float]] = {
    "one direction, both losses": (lambda point: point[1] == 1.0, 0.0),
    "both losses (PWVILMACV)": (lambda point: True, 0.0),
    "both losses, half a standard error": (lambda point: True, 0.5),
    "both losses, one standard error": (lambda point: True, 1.0),
    "absolute loss": (lambda point: point[2] == "mae", 0.0),
    "squared loss": (lambda point: point[2] == "squared", 0.0),
}


def choose(errors: dict[Point, np.ndarray], share: float) -> Point:
    """Return the most regularised point whose error is within a share of a standard error.

    Parameters
    ----------
    errors : dict of Point to ndarray of shape (n_folds,)
        Errors of the folds, repeated or not.
    share : float
        Of the standard error of the least mean; 0 is the plain minimum.
    """
    means = {point: folds.mean() for point, folds in errors.items()}
    best = min(means, key=lambda point: means[point])
    n_folds = min(len(errors[best]), _N_FOLDS)  # repeating them adds no rows
    allowed = means[best] + share * errors[best].std(ddof=1) / np.sqrt(n_folds)
    return max((point for point in means if means[point] <= allowed), key=lambda each: each[:2])


def _fit(X: np.ndarray, y: np.ndarray, classes: np.ndarray) -> dict[Point, PWVILMA]:
    fits = {}
    for loss in ("mae", "squared"):
        for correlation in (1.0, 0.9):
            model = PWVILMA(correlation=correlation, loss=loss, classes=classes, tol=_TOLERANCE)
            for each in vilma_path(X, y, _ALPHAS, estimator=model):
                fits[each.alpha, correlation, loss] = each
    return fits


def _measure(split: Split, n_repeats: int) -> tuple[dict[Point, np.ndarray], dict[Point, float]]:
    """Return the errors of the folds and of the test rows."""
    (X, held_out), y = split.matrices, split.train[:, 0]
    folds: dict[Point, list[float]] = {}
    kept = RepeatedKFold(n_splits=_N_FOLDS, n_repeats=n_repeats, random_state=0)
    for train, test in kept.split(y):
        for point, model in _fit(X[train], y[train], split.classes).items():
            folds.setdefault(point, []).append(np.abs(model.predict(X[test]) - y[test]).mean())
    errors = {
        point: float(np.abs(model.predict(held_out) - split.test[:, 0]).mean())
        for point, model in _fit(X, y, split.classes).items()
    }
    return {point: np.array(each) for point, each in folds.items()}, errors


@click.command()
@click.option("--data", type=click.Path(exists=True, path_type=Path), required=True)
@click.option("--splits", "n_splits", type=click.IntRange(2), default=5, show_default=True)
@click.option("--repeats", "n_repeats", type=click.IntRange(1), default=1, show_default=True)
def main(data: Path, n_splits: int, n_repeats: int) -> None:
    """Print the ratios of all rules, and the differences in standard errors over the splits."""
    warnings.simplefilter("ignore")
    ratios: dict[str, list[str]] = {rule: [] for rule in _RULES}
    means: dict[str, list[float]] = {rule: [] for rule in _RULES}
    tables = [table for table in find_tables(data) if table.exact]
    for table in tables:
        measured = [_measure(split, n_repeats) for split in splits(table, n_splits, "exact", 1500)]
        single = _chosen(measured, lambda point: point[1:] == (1.0, "mae"), 0.0)
        for rule, (admits, share) in _RULES.items():
            errors = _chosen(measured, admits, share)
            difference = errors - single
            spread = difference.std(ddof=1) / np.sqrt(n_splits)
            distance = difference.mean() / spread if spread > 0.0 else 0.0
            means[rule].append(errors.mean() / single.mean())
            ratios[rule].append(f"{means[rule][-1]:.3f} ({distance:+.1f})")
        click.echo(f"{table.name} is done", err=True)
    click.echo("| rule | " + " | ".join(table.name for table in tables) + " | mean |")
    click.echo("|---" * (len(tables) + 2) + "|")
    for rule, cells in ratios.items():
        click.echo(f"| {rule} | {' | '.join(cells)} | {np.mean(means[rule]):.3f} |")


def _chosen(measured: list, admits: Callable[[Point], bool], share: float) -> np.ndarray:
    return np.array(
        [
            errors[choose({point: each for point, each in folds.items() if admits(point)}, share)]
            for folds, errors in measured
        ]
    )


if __name__ == "__main__":
    main()
