"""The two manners of drawing densities of labels: a curve each, or a map."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from vilma.displays._density import FloatArray, LabelDensities
from vilma.displays._drawing import BLUE, GREY, INK, ORANGE, SKY, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_RIDGE_HEIGHT = 0.86  # of the distance between rows


def draw_ridges(ax: Axes, densities: LabelDensities, thresholds: FloatArray) -> None:
    """Draw a curve per label, the lowest label at the bottom."""
    grid = densities.grid
    scale = _RIDGE_HEIGHT / max(densities.densities.max(), np.finfo(float).tiny)
    for threshold in thresholds:
        ax.axvline(threshold, color=ORANGE, linewidth=1, alpha=0.75, zorder=1)
    cuts = np.clip([grid[0], *thresholds, grid[-1]], grid[0], grid[-1])
    for k, (start, stop) in enumerate(pairwise(cuts)):
        ax.axhline(k, color=GREY, linewidth=0.6, alpha=0.6, zorder=2)
        curve = k + scale * densities.densities[k]
        ax.fill_between(grid, k, curve, color=SKY, linewidth=0, zorder=3)
        own = np.union1d(grid, [start, stop])
        own = own[(own >= start) & (own <= stop)]
        ax.fill_between(own, k, np.interp(own, grid, curve), color=BLUE, linewidth=0, zorder=4)
        ax.plot([start, stop], [k, k], color=ORANGE, linewidth=3, solid_capstyle="butt")
        _write_beside(ax, f"{densities.weights[k]:,.0f}", k + 0.3)
    _write_beside(ax, "samples", len(densities.weights) - 0.05, va="bottom")
    ax.fill_between([], [], color=BLUE, label="predicted as this label")
    ax.fill_between([], [], color=SKY, label="as another")
    ax.plot([], [], color=ORANGE, linewidth=1.6, label="thresholds")
    ax.set_ylim(-0.25, len(densities.weights) - 0.05)
    tidy(ax)


def _write_beside(ax: Axes, text: str, height: float, *, va: str = "center") -> None:
    """Write to the right of the axes."""
    ax.annotate(
        text,
        (1.0, height),
        xycoords=("axes fraction", "data"),
        xytext=(6, 0),
        textcoords="offset points",
        va=va,
        color=INK,
        annotation_clip=False,
    )


def draw_map(ax: Axes, densities: LabelDensities, thresholds: FloatArray) -> None:
    """Draw a row of shades per label and the predicted label on top."""
    grid = densities.grid
    half = (grid[1] - grid[0]) / 2
    n_classes = len(densities.weights)
    empty = np.broadcast_to(densities.weights[:, None] <= 0.0, densities.densities.shape)
    image = ax.imshow(
        np.ma.masked_where(empty, densities.densities),
        cmap="Blues",
        vmin=0.0,
        aspect="auto",
        origin="lower",
        interpolation="nearest",
        extent=(grid[0] - half, grid[-1] + half, -0.5, n_classes - 0.5),
    )
    bar = ax.figure.colorbar(image, ax=ax, pad=0.02)
    bar.set_label("density of the projection, given the label")
    bar.ax.spines[:].set_visible(False)
    ax.plot(
        [min(grid[0], thresholds[0]), *np.repeat(thresholds, 2), max(grid[-1], thresholds[-1])],
        np.repeat(np.arange(n_classes), 2),
        color=ORANGE,
        linewidth=1.6,
        label="predicted label",
    )
