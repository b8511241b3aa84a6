"""Scores and objectives against alpha."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vilma.displays._drawing import BLUE, GREY, ORANGE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FloatArray = NDArray[np.float64]
_MOST_ALPHAS = 8  # with a name each


def draw_scores(
    ax: Axes,
    alphas: FloatArray,
    scores: FloatArray,
    times_held_out: float,
    chosen: float | None,
) -> None:
    """Draw the mean over the folds, its standard error, the folds and the chosen alpha."""
    mean, n_folds = scores.mean(axis=1), scores.shape[1]
    if n_folds > 1:
        lines = ax.plot(alphas, scores, color=GREY, linewidth=0.8, alpha=0.45, zorder=1)
        lines[0].set_label("folds")
        error = scores.std(axis=1, ddof=1) / np.sqrt(n_folds / times_held_out)
        ax.fill_between(
            alphas,
            mean - error,
            mean + error,
            color=BLUE,
            alpha=0.2,
            linewidth=0,
            label="± standard error",
        )
    label = "mean" if n_folds > 1 else "held-out data"
    ax.plot(alphas, mean, color=BLUE, linewidth=2, marker="o", markersize=5, label=label)
    if chosen is not None:
        ax.axvline(chosen, color=ORANGE, linewidth=1.2, linestyle=":", zorder=1)
        ax.plot(
            [chosen],
            mean[alphas == chosen][:1],
            color=ORANGE,
            marker="D",
            markersize=8,
            linestyle="none",
            label=f"chosen: {chosen:g}",
        )


def draw_objectives(
    ax: Axes, alphas: FloatArray, objectives: FloatArray, lower_bounds: FloatArray
) -> None:
    """Draw the objectives, and shade what is left down to their lower bounds."""
    ax.fill_between(
        alphas,
        lower_bounds,
        objectives,
        color=GREY,
        alpha=0.5,
        linewidth=0,
        label="down to the lower bound",
    )
    ax.plot(alphas, objectives, color=ORANGE, linewidth=2, marker="o", ms=5, label="objective")


def name_alphas(ax: Axes, alphas: FloatArray) -> None:
    """Make the axis of alphas logarithmic, and name each where there is room."""
    ax.set_xscale("log")
    ax.set_xlabel("alpha")
    values = np.unique(alphas)
    if len(values) <= _MOST_ALPHAS:
        ax.set_xticks(values, [f"{value:g}" for value in values])
        ax.tick_params(axis="x", which="minor", bottom=False, labelbottom=False)
