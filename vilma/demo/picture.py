"""The picture of a comparison: examples, errors, and the projection with its thresholds."""

from __future__ import annotations

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
    with_images = comparison.task.items.ndim == 3
    figure = Figure(
        figsize=(12, 9.2 if with_images else 5.2), layout="constrained", facecolor="white"
    )
    FigureCanvasAgg(figure)
    below: Figure | SubFigure = figure
    if with_images:
        above, below = figure.subfigures(2, 1, height_ratios=(1, 2), squeeze=False)[:, 0]
        figure.set_layout_engine("constrained", w_pad=0.12, h_pad=0.08)
        _draw_examples(above, comparison)
    left, right = below.subplots(1, 2, width_ratios=(1, 1.25))
    _draw_errors(left, comparison)
    _draw_projection(right, comparison)
    return figure


def _draw_errors(axes: Axes, comparison: Comparison) -> None:
    """Draw the errors of all ways of training, with the uncertainty of the test rows."""
    results = comparison.results[::-1]
    errors = [result.error for result in results]
    deviations = [result.errors.std() / np.sqrt(len(result.errors)) for result in results]
    colors = [
        (GREY if "exact" in result.name else BLUE) if result.name.startswith("vilma") else ORANGE
        for result in results
    ]
    places = np.arange(len(results))
    axes.barh(places, errors, xerr=deviations, color=colors, ecolor=INK, height=0.62)
    axes.set_yticks(places, [result.name for result in results], fontsize=11)
    ends = np.add(errors, deviations)
    for place, (error, end) in enumerate(zip(errors, ends, strict=True)):
        axes.text(end + 0.02 * ends.max(), place, f"{error:.2f}", va="center", color=INK)
    axes.set_xlim(0, 1.14 * ends.max())
    measure = "error on true levels" if comparison.task.exact else "distance to the annotation"
    axes.set_xlabel(f"mean absolute {measure}", fontsize=11)
    axes.set_title(f"{len(comparison.test):,} test {comparison.task.item_name}", fontweight="bold")
    axes.spines[["top", "right"]].set_visible(False)


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
        axes.imshow(task.items[place], cmap="gray", vmin=0, vmax=255)
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
    axes.set_title(f"Projection of test {task.item_name}; lines are thresholds", fontweight="bold")
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
