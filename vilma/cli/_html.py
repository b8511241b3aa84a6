"""The page of ``vilma evaluate --report``: one file with its pictures inside."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from vilma._optional import install_command
from vilma.cli._evaluation import Evaluation
from vilma.cli._model import Model, scale_of
from vilma.cli._report import describe_choice, warn
from vilma.cli._rows import LabelledRows
from vilma.cli._table import TABLE
from vilma.cli._training import last_step, mean_and_deviation

_N_WORST = 24
_THUMBNAIL = 132  # pixels, the longer side
_N_BINS = 10

_STYLE = """
:root { color-scheme: light dark; --ink: #1c1e21; --soft: #666; --line: #d8dadd; --page: #fff; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e6ea; --soft: #a0a4ab; --line: #3a3e45; --page: #16181c; }
  img.figure { filter: invert(0.9) hue-rotate(180deg); }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 62rem; padding: 1.5rem 1rem 4rem; background: var(--page);
  color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2.4rem 0 .6rem; }
p, pre { margin: .4rem 0; } p.soft, figcaption, td.soft { color: var(--soft); }
pre { white-space: pre-wrap; font-size: .85rem; }
table { border-collapse: collapse; } .wide { overflow-x: auto; }
td, th { padding: .25rem .9rem .25rem 0; text-align: left; border-bottom: 1px solid var(--line); }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
.warning { border-left: 4px solid #d55e00; padding: .4rem .8rem; margin: 1rem 0; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr));
  gap: 1rem; align-items: start; }
img.figure { width: 100%; height: auto; }
.faces { display: flex; flex-wrap: wrap; gap: .8rem; } .faces figure { margin: 0; width: 132px; }
.faces img { max-width: 132px; display: block; } figcaption { font-size: .8rem;
  overflow-wrap: anywhere; }
"""


def render_report(
    model: Model, rows: LabelledRows, found: Evaluation, *, title: str, images: Path | None
) -> str:
    """Return the page.

    Parameters
    ----------
    model : Model
        What was measured.
    rows : LabelledRows
        On what.
    found : Evaluation
        The result.
    title : str
        What to call the model.
    images : Path or None
        The folder of the images, to show some.

    Returns
    -------
    str
        HTML that refers to nothing outside.

    Raises
    ------
    click.ClickException
        If matplotlib is missing.
    """
    _require_matplotlib()
    parts = [
        f"<h1>{_text(title)}</h1>",
        f'<p class="soft">{_describe(model, rows)}</p>',
        *([f'<p class="warning">{_text(found.about_seen())}.</p>'] if found.seen_before() else []),
        "<h2>Error</h2>",
        _error_table(model, found),
        "<h2>Predicted and true labels</h2>",
        _confusion_and_errors(rows, found),
        *_levels(scale_of(model).names),
        "<h2>Projection and thresholds</h2>",
        _thresholds(model, rows),
        "<h2>Probabilities</h2>",
        _calibration(model, rows),
        "<h2>What the annotations are worth</h2>",
        _annotations(rows),
        "<h2>Certificate of the training</h2>",
        _certificate(model),
        "<h2>Largest errors</h2>",
        _worst(rows, found, scale_of(model).show, images),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{_text(title)}: evaluation</title><style>{_STYLE}</style></head><body>"
        + "\n".join(parts)
        + "</body></html>\n"
    )


def _require_matplotlib() -> None:
    from importlib.util import find_spec

    if find_spec("matplotlib") is None:
        raise click.ClickException(
            f"the report needs matplotlib; install it with: {install_command('plot')}"
        )


def _text(value: object) -> str:
    return html.escape(str(value))


def _table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a table whose columns but the first hold numbers."""

    def row(cells: Sequence[object], tag: str) -> str:
        return "<tr>" + "".join(
            f"<{tag}{' class=number' if place else ''}>{_text(cell)}</{tag}>"
            for place, cell in enumerate(cells)
        )

    body = "".join(row(cells, "td") for cells in rows)
    return f'<div class="wide"><table>{row(header, "th")}{body}</table></div>'


def _figure(draw: Callable[[Any], object], size: tuple[float, float], alt: str) -> str:
    """Return a picture that a function draws into axes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained", facecolor="white")
    draw(figure.subplots())
    with io.BytesIO() as stream:
        figure.savefig(stream, format="png", dpi=120)
        code = base64.b64encode(stream.getvalue()).decode()
    return f'<img class="figure" alt="{_text(alt)}" src="data:image/png;base64,{code}">'


def _describe(model: Model, rows: LabelledRows) -> str:
    final = last_step(model.estimator)
    levels = scale_of(model)
    ends = levels.show(levels.classes[[0, -1]])
    return _text(
        f"{describe_choice(final)}; {len(levels.classes)} levels from "
        f"{ends[0]} to {ends[1]}. Measured on {len(rows.names):,} {rows.noun}, "
        f"{rows.exact().mean():.0%} with an exact label"
        + (
            ". Errors are weighted; pictures count every row once."
            if rows.weights is not None
            else "."
        )
    )


def _error_table(model: Model, found: Evaluation) -> str:
    methods = {"this model, these rows": found.errors}
    if found.guess_errors is not None:
        methods["one guess for all"] = found.guess_errors
    lines = []
    for name, errors in methods.items():
        mean, deviation = mean_and_deviation(errors, found.weights)
        lines.append([name, f"{mean:.4f} ± {deviation:.4f}", f"{found.mean(errors == 0):.1%}"])
    unit = "" if model.scale is None or model.scale.names is None else ", in levels"
    table = _table(["", f"mean distance to the label or interval{unit}", "inside"], lines)
    if not found.held_out:
        return table
    by_error = sorted(found.held_out["errors"].items(), key=lambda pair: pair[1])
    held_out = [[name, f"{value:.4f}"] for name, value in by_error]
    return (
        table
        + "<p>When the model was fitted, every row was held out once:</p>"
        + _table(["", "mean distance"], held_out)
    )


def _confusion_and_errors(rows: LabelledRows, found: Evaluation) -> str:
    from vilma.displays import ErrorByLabelDisplay, OrdinalConfusionDisplay

    options = {"classes": rows.scale.classes}
    pictures = [
        _figure(
            lambda ax: OrdinalConfusionDisplay.from_predictions(
                rows.intervals, found.predicted, ax=ax, **options
            ),
            (5.4, 4.8),
            "Shares of predicted labels for every true label",
        ),
        _figure(
            lambda ax: ErrorByLabelDisplay.from_predictions(
                rows.intervals, found.predicted, ax=ax, **options
            ),
            (5.4, 4.8),
            "Mean error of every label",
        ),
    ]
    return f'<div class="pair">{"".join(pictures)}</div>'


def _levels(names: list[str] | None) -> list[str]:
    """Return what numbers of levels stand for."""
    if names is None:
        return []
    listed = "; ".join(f"{place}: {name}" for place, name in enumerate(names))
    return [f'<p class="soft">Levels by number. {_text(listed)}</p>']


def _thresholds(model: Model, rows: LabelledRows) -> str:
    from vilma.displays import ThresholdsDisplay
    from vilma.probability.wrapped import project

    estimator = getattr(model.estimator, "estimator_", model.estimator)
    projection = project(estimator, rows.X)
    if projection.ndim > 1:
        return "<p>This model has several directions, and no thresholds on one line.</p>"
    final = last_step(estimator)
    return _figure(
        lambda ax: ThresholdsDisplay.from_predictions(
            rows.intervals, projection, final.thresholds_, classes=final.scale_, ax=ax
        ),
        (9.0, 4.6),
        "Densities of projections for every label, and the thresholds between labels",
    )


def _calibration(model: Model, rows: LabelledRows) -> str:
    """Compare P(label >= k) with how often that is so, for exact labels and all k."""
    if not hasattr(model.estimator, "predict_proba"):
        return (
            "<p>This model has none: <code>vilma fit --intervals</code> or "
            "<code>--estimator ordered-logit</code>.</p>"
        )
    exact = rows.exact()
    if exact.sum() < 2 * _N_BINS:
        return "<p>Too few exact labels to compare with.</p>"
    proba = model.estimator.predict_proba(rows.X[exact])
    at_least = np.cumsum(proba[:, ::-1], axis=1)[:, ::-1][:, 1:].ravel()
    codes = np.searchsorted(rows.scale.classes, rows.intervals[exact, 0])
    observed = (codes[:, np.newaxis] >= np.arange(1, proba.shape[1])).ravel()
    place = np.minimum((at_least * _N_BINS).astype(int), _N_BINS - 1)
    filled = np.flatnonzero(np.bincount(place, minlength=_N_BINS))
    said = [at_least[place == each].mean() for each in filled]
    seen = [observed[place == each].mean() for each in filled]

    def draw(ax: Any) -> None:
        ax.plot([0, 1], [0, 1], color="#999999", linewidth=1, linestyle="--")
        ax.plot(said, seen, "o-", color="#0072B2")
        ax.set(xlabel="predicted P(label ≥ k), all k", ylabel="share of rows", aspect="equal")
        ax.spines[["top", "right"]].set_visible(False)

    picture = _figure(draw, (4.6, 4.6), "Predicted probabilities and observed shares")
    return f'<div class="pair">{picture}<p>On the dashed line, probabilities are right.</p></div>'


def _annotations(rows: LabelledRows) -> str:
    from vilma.intervals import annotation_report

    report = annotation_report(rows.intervals, classes=rows.scale.classes)
    return f"<pre>{_text(report)}</pre>"


def _certificate(model: Model) -> str:
    final = last_step(model.estimator)
    lines = [
        ["objective at the solution", f"{final.objective_:.6g}"],
        ["lower bound on every solution", f"{final.lower_bound_:.6g}"],
        ["relative gap", f"{final.gap_:.2e}"],
        ["iterations", f"{final.n_iter_:,}"],
    ]
    return _table(["", "value"], lines) + (
        '<p class="soft">The gap proves that the optimum of the training problem was found. It '
        "says nothing of how well new rows are predicted.</p>"
    )


def _worst(
    rows: LabelledRows,
    found: Evaluation,
    show: Callable[[NDArray[Any]], list[Any]],
    images: Path | None,
) -> str:
    """Return the rows with the largest errors, with their photographs where there are any."""
    order = np.argsort(-found.errors, kind="stable")[:_N_WORST]
    predicted = show(found.predicted[order])
    given = [_given(rows, show, int(row)) for row in order]
    if images is None:
        lines = [
            [rows.names[row], given[place], predicted[place], f"{found.errors[row]:g}"]
            for place, row in enumerate(order)
        ]
        table = _table([rows.noun.removesuffix("(s)"), "annotated", "predicted", "error"], lines)
        if rows.settings.get("features") == TABLE:
            return table
        return table + '<p class="soft">With <code>--images DIR</code> they are shown.</p>'
    figures, missing = [], 0
    for place, row in enumerate(order):
        code = _thumbnail(images / rows.names[row])
        missing += code is None
        picture = "" if code is None else f'<img alt="" src="data:image/jpeg;base64,{code}">'
        figures.append(
            f"<figure>{picture}<figcaption>{_text(rows.names[row])}<br>annotated "
            f"{_text(given[place])}, predicted {_text(predicted[place])}</figcaption></figure>"
        )
    if missing:
        warn(f"{missing} of the {len(order)} images with the largest errors are not in {images}")
    return f'<div class="faces">{"".join(figures)}</div>'


def _given(rows: LabelledRows, show: Callable[[NDArray[Any]], list[Any]], row: int) -> str:
    lower, upper = np.clip(rows.intervals[row], rows.scale.classes[0], rows.scale.classes[-1])
    first, last = show(np.array([lower, upper], dtype=np.int64))
    return str(first) if lower == upper else f"{first} to {last}"


def _thumbnail(path: Path) -> str | None:
    """Return a small JPEG, None if there is no readable image."""
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as image:
            small = ImageOps.exif_transpose(image).convert("RGB")
            small.thumbnail((_THUMBNAIL, _THUMBNAIL))
            with io.BytesIO() as stream:
                small.save(stream, "JPEG", quality=80)
                return base64.b64encode(stream.getvalue()).decode()
    except (OSError, ValueError):
        return None
