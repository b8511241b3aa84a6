"""Cells with a few exact labels: where to put the thresholds that little supports."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from sklearn.metrics import mean_absolute_error
from sklearn.model_selection import KFold

from benchmarks.experiments.faces import Faces
from benchmarks.experiments.layout import markdown
from benchmarks.experiments.methods import Method
from benchmarks.experiments.selection import fit_selected
from vilma.thresholds import spread_thresholds

__all__ = ["Placements", "place_between_cells", "run_few_exact", "show_few_exact"]

SHARES = (0.0, 0.01, 0.03, 0.1, 0.3, 1.0)


class Placements(NamedTuple):
    """Mean absolute errors of one fit under three placements of its thresholds."""

    default: float
    minimised: float
    interpolated: float


FewExact = dict[tuple[int, float], list[Placements]]


def place_between_cells(thresholds: np.ndarray, width: int) -> np.ndarray:
    """Keep the thresholds at the borders of cells, and place the others evenly between.

    Parameters
    ----------
    thresholds : ndarray of shape (n_classes - 1,)
        As minimised.
    width : int
        Labels per cell.
    """
    borders = np.arange(1, len(thresholds) + 1) % width == 0
    return spread_thresholds(thresholds, borders)


def run_few_exact(
    faces: Faces,
    method: Method,
    widths: Sequence[int],
    shares: Sequence[float],
    say: Callable[[str], object],
    n_folds: int = 5,
) -> FewExact:
    """Measure the three placements by cross-validation.

    Parameters
    ----------
    faces : Faces
        The data.
    method : Method
        One of vilma's estimators.
    widths : sequence of int
        Labels per cell.
    shares : sequence of float
        Shares of exact labels.
    say : callable
        Told of every result.
    n_folds : int
        Number of folds.

    Returns
    -------
    dict
        The errors of the folds, by width and share.
    """
    results: FewExact = {(width, share): [] for width in widths for share in shares}
    folds = KFold(n_folds, shuffle=True, random_state=0).split(faces.ages)
    for train, test in folds:
        X, held_out = faces.X[train], faces.X[test]
        for width, share in results:
            intervals = faces.cells(width, float(share), train)
            _, candidate, model = fit_selected(method, X, intervals, faces.classes)
            errors = _measure(model, held_out, faces.ages[test], width)
            results[width, share].append(errors)
            say(
                f"cells of {width}, {share:.0%} exact, {candidate}: "
                + " ".join(f"{error:.2f}" for error in errors)
            )
    return results


def _measure(model, X, ages: np.ndarray, width: int) -> Placements:
    minimised = model.surrogate_thresholds_
    projection = model.project(X)
    errors = [
        mean_absolute_error(ages, model.scale_[np.searchsorted(thresholds, projection)])
        for thresholds in (model.thresholds_, minimised, place_between_cells(minimised, width))
    ]
    return Placements(*errors)


def show_few_exact(results: FewExact) -> str:
    """Return mean errors, and the default's excess over the better of the other two."""
    rows = []
    for (width, share), folds in results.items():
        means = np.mean(folds, axis=0)
        excess = means[0] - min(means[1:])
        numbers = [*(f"{mean:.2f}" for mean in means), f"{excess:+.2f}"]
        rows.append([f"{width} years, {share:.0%}", *numbers])
    return markdown(
        [
            "cells, exact",
            "default",
            "as minimised",
            "between cell borders",
            "default less the better",
        ],
        rows,
    )
