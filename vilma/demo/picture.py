"""The picture of a comparison: examples, the projection with its thresholds, the certificate."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from vilma.demo.baselines import midpoints
from vilma.demo.comparison import Comparison

# Okabe and Ito's colours, which people with colour blindness can tell apart.
BLUE, ORANGE, GREY, INK = "#0072B2", "#D55E00", "#6e6e6e", "#222222"
N_EXAMPLES = 9
MOST_POINTS = 3000
MOST_BAND_NAMES = 16


def draw(comparison: Comparison) -> Figure:
    """Draw the result of a comparison.

    Parameters
    ----------
    comparison : Comparison
        What to draw.

    Returns
    -------
    Figure
        Save it with ``figure.savefig``. No window and no global state of pyplot are touched.
    """
    figure = Figure(figsize=(12, 9.2), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    halves = figure.subfigures(2, 1, height_ratios=(1, 2), squeeze=False)
    top, bottom = halves[:, 0]
    for half in (top, bottom):
        half.get_layout_engine().set(w_pad=0.12, h_pad=0.08)
    _draw_examples(top, comparison)
    left, right = bottom.subplots(1, 2, width_ratios=(1.25, 1))
    _draw_projection(left, comparison)
    _draw_certificate(right, comparison.estimator)
    return figure


def _draw_examples(figure: SubFigure, comparison: Comparison) -> None:
    """Draw test images from the lowest to the highest level, with what is known and predicted."""
    task = comparison.task
    known = "truth and annotation" if task.exact else "annotation"
    figure.suptitle(
        f"Test images by {task.level_name}: prediction above, {known} below",
        fontsize=13,
        fontweight="bold",
    )
    chosen = _spread_examples(midpoints(task.truth[comparison.test], task.classes))
    columns = figure.subplots(1, len(chosen), squeeze=False)[0]
    for axes, k in zip(columns, chosen, strict=True):
        place = comparison.test[k]
        axes.imshow(task.images[place], cmap="gray", vmin=0, vmax=255)
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_color(GREY)
        lines = [f"given {_range(task.intervals[place])}"]
        if task.exact:
            lines.insert(0, f"true {task.truth[place, 0]:g}")
        axes.set_xlabel("\n".join(lines), fontsize=10.5, color=INK, linespacing=1.35)
        predicted = comparison.predicted[k]
        low, high = task.truth[place]
        error = predicted - np.clip(predicted, low, high)
        off = f" ({error:+g})".replace("-", "−") if error else ""
        axes.set_title(
            f"{predicted}{off}",
            fontsize=11,
            fontweight="bold",
            color=ORANGE if error else BLUE,
        )


def _spread_examples(levels: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return places of images whose levels are spread evenly over the scale, in order."""
    order = np.random.default_rng(0).permutation(len(levels))  # not all from the first photograph
    wanted = np.linspace(levels.min(), levels.max(), N_EXAMPLES)
    nearest = [int(order[np.argmin(np.abs(levels[order] - level))]) for level in wanted]
    return np.array(list(dict.fromkeys(nearest)), dtype=np.intp)


def _range(ends: NDArray[np.float64]) -> str:
    """Write an interval: ``7``, ``6–10``, ``≥ 60``, ``≤ 20`` or ``any``."""
    low, high = ends
    if low == high:
        return f"{low:g}"
    if np.isinf(low) and np.isinf(high):
        return "any"
    if np.isinf(high):
        return f"≥ {low:g}"
    return f"≤ {high:g}" if np.isinf(low) else f"{low:g}–{high:g}"


def _draw_projection(axes: Axes, comparison: Comparison) -> None:
    """Draw projections over true levels; the thresholds divide them into predicted levels."""
    task = comparison.task
    levels = midpoints(task.truth[comparison.test], task.classes)
    shown = np.arange(len(levels))[:MOST_POINTS]
    jitter = np.random.default_rng(0).uniform(-0.3, 0.3, len(shown))
    projection = comparison.projection
    margin = 0.04 * np.ptp(projection)
    low, high = projection.min() - margin, projection.max() + margin

    thresholds = comparison.estimator.thresholds_
    for threshold in thresholds:
        axes.axhline(threshold, color=ORANGE, linewidth=0.8, alpha=0.6, zorder=1)
    axes.plot(
        levels[shown] + jitter,
        projection[shown],
        linestyle="none",
        marker="o",
        markersize=3.5,
        markeredgewidth=0,
        color=BLUE,
        alpha=0.45,
        zorder=2,
    )
    axes.set_ylim(low, high)
    known = task.level_name if task.exact else f"{task.level_name} (middle of the interval)"
    axes.set_xlabel(f"true {known}" if task.exact else known, fontsize=11)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylabel("projection", fontsize=11)
    axes.set_title(
        "Projection of test images; lines are thresholds", fontsize=13, fontweight="bold"
    )
    axes.spines[["top", "right"]].set_visible(False)

    heights, names = _name_bands(task.classes, thresholds, low, high)
    bands = axes.twinx()
    bands.set_ylim(low, high)
    bands.set_yticks(heights, names, color=ORANGE)
    bands.tick_params(length=0)
    bands.set_ylabel("predicted level", fontsize=11, color=ORANGE, labelpad=8)
    bands.spines[:].set_visible(False)


def _name_bands(
    classes: NDArray[np.int64], thresholds: NDArray[np.float64], low: float, high: float
) -> tuple[list[float], list[str]]:
    """Return where to name which bands: the widest first, as long as the names stay apart."""
    edges = np.clip(np.concatenate([[low], thresholds, [high]]), low, high)
    widths, middles = np.diff(edges), (edges[:-1] + edges[1:]) / 2
    named: list[int] = []
    for band in np.argsort(-widths, kind="stable"):
        distance = np.abs(middles[named] - middles[band])
        if widths[band] > 0 and np.all(distance >= (high - low) / MOST_BAND_NAMES):
            named.append(int(band))
    return middles[named].tolist(), [str(classes[band]) for band in named]


def _draw_certificate(axes: Axes, estimator: Any) -> None:
    """Draw the objective and its lower bound as they close in on each other."""
    objective, lower_bound = estimator.history_["objective"], estimator.history_["lower_bound"]
    iteration = np.arange(1, len(objective) + 1)
    axes.fill_between(iteration, lower_bound, objective, color=GREY, alpha=0.15, linewidth=0)
    axes.plot(iteration, objective, color=ORANGE, linewidth=2, label="objective (best so far)")
    axes.plot(iteration, lower_bound, color=BLUE, linewidth=2, linestyle="--", label="lower bound")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("iteration", fontsize=11)
    axes.set_title("Certificate of the training", fontsize=13, fontweight="bold")
    top = max(1.05 * objective[0], objective[-1] / 0.28)  # room for the inset above the end
    axes.set_ylim(-0.04 * top, top)
    axes.legend(frameon=False, fontsize=11, loc="upper right")
    axes.spines[["top", "right"]].set_visible(False)

    gap = axes.inset_axes((0.42, 0.38, 0.55, 0.38))
    gap.semilogy(iteration, estimator.history_["gap"], color=INK, linewidth=1.8)
    gap.axhline(estimator.tol, color=GREY, linewidth=1, linestyle=":")
    gap.set_title(
        f"relative gap: {estimator.gap_:.1e} at the end (dotted: tol)", fontsize=10, color=INK
    )
    gap.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    gap.spines[["top", "right"]].set_visible(False)
