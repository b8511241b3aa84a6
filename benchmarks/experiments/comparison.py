"""Real interval labels: five-fold cross-validation of all methods on the same folds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.model_selection import KFold

from benchmarks.experiments.layout import markdown
from benchmarks.experiments.methods import Method
from benchmarks.experiments.real_data import IntervalTable
from benchmarks.experiments.selection import Outcome, run_method
from benchmarks.experiments.views import Views
from benchmarks.scores import losses_outside

__all__ = ["CHOSEN", "Losses", "compare_methods", "show_comparison"]

CHOSEN = "vilma, chosen"


@dataclass(frozen=True)
class Losses:
    """The losses of one method on every row of a table, each held out once.

    Parameters
    ----------
    name : str
        The method.
    outside : ndarray of shape (n_samples,)
        Distances from the intervals.
    errors : ndarray of shape (n_samples,), optional
        Distances from the true labels, where known.
    """

    name: str
    outside: np.ndarray
    errors: np.ndarray | None


def compare_methods(
    table: IntervalTable,
    own: Sequence[Method],
    others: Sequence[Method],
    say: Callable[[str], object],
    n_folds: int = 5,
) -> list[Losses]:
    """Run all methods on a table.

    Parameters
    ----------
    table : IntervalTable
        The data.
    own : sequence of Method
        vilma's estimators; one more row takes, in every fold, the one of them that validation
        on the training rows found best.
    others : sequence of Method
        The competitors.
    say : callable
        Told of every result.
    n_folds : int
        Number of folds.

    Returns
    -------
    list of Losses
        vilma's estimators, the chosen one, the others.
    """
    names = [method.name for method in own] + [CHOSEN] + [method.name for method in others]
    predicted = {name: np.empty(len(table.intervals), dtype=np.int64) for name in names}
    folds = KFold(n_folds, shuffle=True, random_state=0).split(table.intervals)
    for number, (train, test) in enumerate(folds):
        views = Views(table.X, train, test)
        outcomes: dict[str, Outcome] = {}
        for method in (*own, *others):
            outcome = run_method(method, views, table.intervals[train], table.classes)
            outcomes[method.name] = outcome
            predicted[method.name][test] = outcome.predicted
            loss = losses_outside(table.intervals[test], outcome.predicted).mean()
            say(f"{table.name}, fold {number}, {method.name}: {loss:.3f}, {outcome.candidate}")
        best = min((method.name for method in own), key=lambda n: outcomes[n].validation_loss)
        predicted[CHOSEN][test] = outcomes[best].predicted
    return [
        Losses(
            name,
            losses_outside(table.intervals, predicted[name]),
            None if table.truth is None else np.abs(predicted[name] - table.truth).astype(float),
        )
        for name in names
    ]


def show_comparison(table: IntervalTable, losses: Sequence[Losses]) -> str:
    """Return losses with standard errors, and their excess over the best.

    The standard error of an excess is that of the paired differences of the rows.
    """
    titles = ["method", "interval loss", "above the best"]
    if table.truth is not None:
        titles += ["MAE", "above the best"]
    best = min(losses, key=lambda each: each.outside.mean()).outside
    rows = []
    for each in losses:
        row = [each.name, _with_error(each.outside), _above(each.outside, best)]
        if each.errors is not None:
            least = min((one.errors for one in losses if one.errors is not None), key=np.mean)
            row += [_with_error(each.errors), _above(each.errors, least)]
        rows.append(row)
    n_rows, n_columns = table.X.shape
    facts = (
        f"{table.name}: {n_rows:,} rows, {n_columns:,} features, {len(table.classes)} labels, "
        f"{np.mean(table.intervals[:, 0] == table.intervals[:, 1]):.0%} exact; losses in "
        f"{table.unit}."
    )
    return f"{facts}\n\n{markdown(titles, rows)}"


def _with_error(values: np.ndarray) -> str:
    return f"{values.mean():.3f} ± {values.std(ddof=1) / np.sqrt(len(values)):.3f}"


def _above(values: np.ndarray, best: np.ndarray) -> str:
    excess = values - best
    if not excess.any():
        return "best"
    return f"{excess.mean():.3f} ± {excess.std(ddof=1) / np.sqrt(len(excess)):.3f}"
