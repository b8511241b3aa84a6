"""Coverage of the confidence intervals of OrderedLogit in simulated surveys."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import stats

from benchmarks.experiments.layout import markdown
from vilma import OrderedLogit

__all__ = ["DESIGNS", "Coverage", "draw_survey", "run_standard_errors", "show_standard_errors"]

COEF = np.array([1.0, -0.5, 0.25])
_N_LABELS = 9
_LEVEL = 0.95

# The quantiles of the logistic distribution: labels of middle rows are equally frequent.
_THRESHOLDS = np.asarray(stats.logistic.ppf(np.arange(1, _N_LABELS) / _N_LABELS))


class Coverage(NamedTuple):
    """How often the intervals of one coefficient contained its true value."""

    covered: int
    draws: int
    width: float  # mean width of the intervals

    @property
    def share(self) -> float:
        """Of the draws."""
        return self.covered / self.draws


def _exact(label: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.column_stack([label, label])


def _brackets(label: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    first = label // 3 * 3
    return np.column_stack([first, first + 2])


def _question(label: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    asked = rng.integers(1, _N_LABELS, len(label))
    yes = label >= asked
    return np.column_stack([np.where(yes, asked, 0), np.where(yes, _N_LABELS - 1, asked - 1)])


DESIGNS: dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    "exact labels": _exact,
    "brackets of three labels": _brackets,
    'one question "at least k?"': _question,
}


def draw_survey(n_rows: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw rows of a normal column, one of zeros and ones, and a skewed one, with their labels.

    Parameters
    ----------
    n_rows : int
        Rows.
    rng : numpy.random.Generator
        Source of numbers.

    Returns
    -------
    X : ndarray of shape (n_rows, 3)
        Columns.
    label : ndarray of shape (n_rows,)
        From 0 to 8, by the model of proportional odds.
    """
    X = np.column_stack(
        [rng.normal(size=n_rows), rng.integers(0, 2, n_rows), rng.exponential(size=n_rows)]
    )
    return X, np.searchsorted(_THRESHOLDS, X @ COEF + rng.logistic(size=n_rows))


def run_standard_errors(
    n_draws: int, n_rows: int, say: Callable[[str], object], seed: int = 0
) -> dict[str, list[Coverage]]:
    """Count how often 95 % intervals contain the true coefficients.

    Parameters
    ----------
    n_draws : int
        Simulated surveys, the same ones for every design.
    n_rows : int
        Rows of each.
    say : callable
        Told of every hundredth survey.
    seed : int
        Of the random numbers.

    Returns
    -------
    dict
        Of every design, the coverage of each coefficient.
    """
    covered = {name: np.zeros(len(COEF), dtype=int) for name in DESIGNS}
    width = {name: np.zeros(len(COEF)) for name in DESIGNS}
    for draw in range(n_draws):
        rng = np.random.default_rng([seed, draw])
        X, label = draw_survey(n_rows, rng)
        for name, annotate in DESIGNS.items():
            model = OrderedLogit(classes=range(_N_LABELS)).fit(X, annotate(label, rng))
            table = model.summary(_LEVEL).to_frame()
            inside = (table["lower"] <= COEF) & (table["upper"] >= COEF)
            covered[name] += inside.to_numpy()
            width[name] += (table["upper"] - table["lower"]).to_numpy()
        if draw % 100 == 99:
            say(f"{draw + 1} surveys")
    return {
        name: [
            Coverage(int(count), n_draws, float(size / n_draws))
            for count, size in zip(covered[name], width[name], strict=True)
        ]
        for name in DESIGNS
    }


def show_standard_errors(results: dict[str, list[Coverage]]) -> str:
    """Return the shares of intervals that contain the truth, and their mean widths."""
    rows = []
    for name, coverages in results.items():
        share = float(np.mean([each.share for each in coverages]))
        each = [f"{coverage.share:.1%} ({coverage.width:.2f})" for coverage in coverages]
        rows.append([name, *each, f"{share:.1%}"])
    head = [f"w = {value:g}" for value in COEF]
    return markdown(["annotations", *head, "all three"], rows)
