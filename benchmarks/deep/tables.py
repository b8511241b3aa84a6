"""Tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from benchmarks.deep.experiments import Errors
from benchmarks.deep.methods import METHODS
from benchmarks.experiments.layout import markdown

__all__ = [
    "show_baselines",
    "show_combinations",
    "show_conditions",
    "show_embeddings",
    "show_midpoints",
]


def show_conditions(errors: Errors, names: Iterable[str], conditions: Sequence[str], what: str):
    """Return a table with a row per method and a column per condition."""
    rows = [
        [name, *(_cell(errors[name, condition][what]) for condition in conditions)]
        for name in names
    ]
    return markdown(["method", *conditions], rows)


def show_baselines(errors: Errors, names: Iterable[str], labels: str) -> str:
    """Return how much smaller the balanced error of each method is than that of plain ones.

    A method counts as better if the mean difference on the same splits exceeds the deviation.
    """
    rows = []
    for name in names:
        for baseline in METHODS[name].baselines:
            if (baseline, labels) in errors:
                gain = errors[baseline, labels]["balanced"] - errors[name, labels]["balanced"]
                rows.append([name, baseline, _cell(gain), _verdict(gain)])
    return markdown(["method", "plain method", "gain", "verdict"], rows)


def show_midpoints(errors: Errors, names: Iterable[str]) -> str:
    """Return how much smaller the balanced error with intervals is than with midpoints."""
    rows = []
    for name in names:
        intervals, midpoints = (
            errors[name, labels]["balanced"] for labels in ("intervals", "midpoints")
        )
        gain = midpoints - intervals
        rows.append([name, _cell(intervals), _cell(midpoints), _cell(gain), _verdict(gain)])
    return markdown(["method", "intervals", "midpoints", "gain", "verdict"], rows)


def show_embeddings(errors: Errors, labels: str) -> str:
    """Return the errors of own heads, and of a linear model on three kinds of columns."""
    whom = ("own head", "linear, learned", "linear, both", "linear, raw")
    rows = [
        [name, *(_cell(found[who]) for who in whom)]
        for (name, kind), found in errors.items()
        if kind == labels
    ]
    return markdown(["method", *whom], rows)


def show_combinations(
    errors: Errors, losses: Iterable[str], regularizers: Sequence[str], labels: str
) -> str:
    """Return plain errors of losses alone, and how much each regularizer takes off.

    A mean loss of more than the deviation of the loss alone over the splits is marked "worse".
    """
    rows = []
    for loss in losses:
        alone = errors[loss, labels]["plain"]
        row = [loss, _cell(alone)]
        for regularizer in regularizers:
            gain = alone - errors[f"{loss} + {regularizer}", labels]["plain"]
            worse = len(alone) > 1 and gain.mean() < -alone.std(ddof=1)
            mark = " (worse)" if worse else ""
            row.append(f"{_cell(gain)}{mark}")
        rows.append(row)
    return markdown(["loss", "alone", *regularizers], rows)


def _cell(values: np.ndarray) -> str:
    spread = f" ± {values.std(ddof=1):.2f}" if len(values) > 1 else ""
    return f"{values.mean():.2f}{spread}"


def _verdict(gain: np.ndarray) -> str:
    if len(gain) < 2:
        return "one seed"
    deviation = gain.std(ddof=1)
    if gain.mean() > deviation:
        return "better"
    return "worse" if gain.mean() < -deviation else "no difference"
