"""Table 1 of the paper: all labels exact, training sets of growing size."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from sklearn.metrics import mean_absolute_error

from benchmarks.experiments.faces import Faces, FaceSplit
from benchmarks.experiments.layout import markdown, spread
from benchmarks.experiments.methods import Method
from benchmarks.experiments.selection import run_method
from benchmarks.experiments.views import Views

__all__ = ["Table1", "run_table1", "show_table1"]

Table1 = dict[tuple[str, int], list[float]]


def run_table1(
    faces: Faces,
    splits: Sequence[FaceSplit],
    sizes: Sequence[int],
    methods: Sequence[Method],
    say: Callable[[str], object],
) -> Table1:
    """Measure test errors of every method for every training size.

    Parameters
    ----------
    faces : Faces
        The data.
    splits : sequence of FaceSplit
        Training sets are the first rows of each split's.
    sizes : sequence of int
        Numbers of training rows.
    methods : sequence of Method
        What to compare.
    say : callable
        Told of every result.

    Returns
    -------
    dict
        Mean absolute errors of the splits, by method and size.
    """
    errors: Table1 = {(method.name, m): [] for method in methods for m in sizes}
    exact = np.column_stack([faces.ages, faces.ages])
    for split in splits:
        for m in sizes:
            train = split.train[:m]
            views = Views(faces.X, train, split.test)
            for method in methods:
                outcome = run_method(method, views, exact[train], faces.classes)
                error = mean_absolute_error(faces.ages[split.test], outcome.predicted)
                errors[method.name, m].append(error)
                say(f"{method.name}, m = {m}: {error:.3f} with {outcome.candidate}")
    return errors


def show_table1(errors: Table1) -> str:
    """Return the table in the paper's layout."""
    names = list(dict.fromkeys(name for name, _ in errors))
    sizes = list(dict.fromkeys(m for _, m in errors))
    return markdown(
        ["", *(f"m = {m}" for m in sizes)],
        ([name, *(spread(errors[name, m]) for m in sizes)] for name in names),
    )
