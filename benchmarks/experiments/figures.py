"""Pictures of the results."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.experiments.few_exact import FewExact
from benchmarks.experiments.tables23 import MixedDesign, Tables23

__all__ = ["draw_few_exact", "draw_tables23", "draw_vagueness"]


def draw_tables23(errors: Tables23, design: MixedDesign, name: str, path: Path) -> None:
    """Draw errors against the number of training rows, a panel for every m_P."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.0 * len(design.exact), 3.4), layout="constrained")
    panels = figure.subplots(1, len(design.exact), sharey=True, squeeze=False)[0]
    for panel, m_p in zip(panels, design.exact, strict=True):
        sizes = [m for m in design.sizes if m >= m_p]
        curves = {"all exact": [errors[name, m, 1, m] for m in sizes]}
        for u in design.widths:
            added = [errors[name, m_p, u, m] for m in sizes if m > m_p]
            curves[f"cells of {u}"] = [errors[name, m_p, 1, m_p], *added]
        for label, values in curves.items():
            deviation = np.std(values, axis=1, ddof=1) if len(values[0]) > 1 else None
            panel.errorbar(
                sizes, np.mean(values, axis=1), deviation, label=label, marker="o", capsize=2
            )
        panel.set(title=f"{m_p} exact labels, the others in cells", xlabel="training rows")
    panels[0].set_ylabel("test MAE (years)")
    panels[0].legend()
    figure.savefig(path, dpi=100)


def draw_few_exact(results: FewExact, path: Path) -> None:
    """Draw the three placements against the share of exact labels, a panel for every width."""
    from matplotlib.figure import Figure

    widths = list(dict.fromkeys(width for width, _ in results))
    figure = Figure(figsize=(4.0 * len(widths), 3.4), layout="constrained")
    panels = figure.subplots(1, len(widths), sharey=True, squeeze=False)[0]
    styles = {"default": "o-", "as minimised": "s--", "between cell borders": "^:"}
    for panel, width in zip(panels, widths, strict=True):
        shares = [share for each, share in results if each == width]
        means = np.array([np.mean(results[width, share], axis=0) for share in shares])
        for column, (label, style) in enumerate(styles.items()):
            panel.plot(range(len(shares)), means[:, column], style, label=label)
        panel.set_xticks(range(len(shares)), [f"{share:.0%}" for share in shares])
        panel.set(title=f"cells of {width} years", xlabel="share of exact labels")
    panels[0].set_ylabel("test MAE (years)")
    panels[0].legend()
    figure.savefig(path, dpi=100)


def draw_vagueness(results: dict[tuple[str, float], list[float]], path: Path) -> None:
    """Draw errors against the share of vague answers, with one deviation over the splits."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.6, 3.7), layout="constrained", facecolor="white")
    axes = figure.subplots()
    styles = {
        "vilma": ("o-", "#0072B2"),
        "ridge on midpoints": ("s--", "#D55E00"),
        "exact labels only": ("^:", "#6e6e6e"),
    }
    shares = sorted({share for _, share in results})
    for name, (style, color) in styles.items():
        known = [share for share in shares if (name, share) in results]
        means = np.array([np.mean(results[name, share]) for share in known])
        spread = np.array([np.std(results[name, share], ddof=1) for share in known])
        places = [shares.index(share) for share in known]
        axes.plot(places, means, style, color=color, linewidth=2, label=name)
        axes.fill_between(places, means - spread, means + spread, color=color, alpha=0.15)
    axes.set_xticks(range(len(shares)), [f"{share:.0%}" for share in shares])
    axes.set(
        xlabel='answers that are one "yes" or "no" (is it at least k?) instead of the level',
        ylabel="mean absolute error, seven levels",
    )
    axes.legend(frameon=False, loc="upper left")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=130)
