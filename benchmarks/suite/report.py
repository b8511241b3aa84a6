"""Tables in Markdown, and plots beside them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from statistics import mean, stdev

from benchmarks.adapters import ADAPTERS
from benchmarks.suite.config import task_from_description
from benchmarks.suite.grouping import Group, group_rows
from benchmarks.suite.growth import Series, find_series
from benchmarks.suite.plots import plot_gap_against_time, plot_time_against_size
from benchmarks.suite.results import Results
from benchmarks.suite.summary import Row, summarize

__all__ = ["FILE_NAME", "write_report"]

FILE_NAME = "report.md"
_COLUMNS = (
    "method",
    "labels",
    "seconds (range)",
    "peak MB",
    "of these the fit",
    "gap",
    "iterations",
    "ms each",
    "pairs",
    "MAE",
    "macro MAE",
    "options",
)
_LEGEND = (
    "Seconds are medians of the final fits alone, with their range; choosing options, compiling "
    "and loading are apart. Options are chosen by five-fold cross-validation on the training rows "
    "with their annotations: the most regularised candidate within one standard error of the "
    'least interval-insensitive error. "Of these the fit" is the peak above the level with the '
    "data loaded. A pair is one product X w and one X^T c. MAE is that of true held-out labels; "
    "methods on midpoints do not see the intervals. An asterisk: the method warned that it did "
    "not converge."
)


def write_report(results: Results, folder: Path) -> str:
    """Write report and plots into a folder, and return the report's text."""
    rows = summarize(results)
    series = find_series(results, rows)
    parts = [
        f"# {results.settings['title']}",
        _conditions(results),
        *(_task_section(task, rows) for task in results.settings["tasks"]),
    ]
    if series:
        parts.append(_growth_section(series))
    seeds = group_rows(results, rows, "seed")
    if seeds:
        parts.append(_seeds_section(seeds))
    plots = (
        ("gap-against-time.png", "gap against time", plot_gap_against_time(results)),
        ("time-against-size.png", "time against size", plot_time_against_size(series)),
    )
    for name, caption, figure in plots:
        if figure is not None:
            figure.savefig(folder / name, dpi=120)
            parts.append(f"![{caption}]({name})")
    text = "\n\n".join(parts) + "\n"
    (folder / FILE_NAME).write_text(text, encoding="utf-8")
    return text


def _conditions(results: Results) -> str:
    settings = results.settings
    facts = ", ".join(f"{name} {value}" for name, value in results.machine.items())
    return (
        f"{_LEGEND}\n\nThreads {settings['threads']}, {settings['repeats']} repeats, at most "
        f"{settings['time_limit']:g} s a fit. {facts}."
    )


def _task_section(task: dict, rows: list[Row]) -> str:
    return "\n\n".join(
        [
            f"## {task['name']}",
            task_from_description(task).describe(),
            _table(_COLUMNS, (_cells(row) for row in rows if row.task == task["name"])),
        ]
    )


def _cells(row: Row) -> list[str]:
    options = ", ".join(f"{name} {value}" for name, value in row.options.items())
    labels = ADAPTERS[row.adapter].labels
    if row.status != "ok":
        return [row.adapter, labels, f"{row.status}: {row.reason}", *[""] * 8, options]
    return [
        row.adapter + ("" if row.converged else "*"),
        labels,
        f"{row.seconds:.3g} ({row.fastest:.3g} to {row.slowest:.3g})",
        _number(row.peak_bytes, ".0f", 1e-6),
        _number(row.above_bytes, ".0f", 1e-6),
        _number(row.gap, ".1e"),
        _number(row.n_iter, ".0f"),
        _number(row.seconds_per_iteration, ".3g", 1e3),
        _number(row.pairs, ".0f"),
        _number(row.mae, ".4f"),
        _number(row.macro_mae, ".4f"),
        options,
    ]


def _growth_section(series: list[Series]) -> str:
    columns = ("task", "method", "rows", "exponent of time", "exponent of an iteration's time")
    cells = (
        [
            each.task,
            each.adapter,
            " to ".join(f"{size:,}" for size in (each.rows[0], each.rows[-1])),
            f"{each.slope:.2f}",
            _number(each.slope_per_iteration, ".2f"),
        ]
        for each in series
    )
    return f"## Growth with the rows\n\n{_table(columns, cells)}"


def _seeds_section(groups: list[Group]) -> str:
    columns = ("task", "method", "seeds", "MAE", "macro MAE", "seconds")
    cells = (
        [
            group.task,
            group.adapter,
            str(len(group.rows)),
            *(_spread(group, field) for field in ("mae", "macro_mae", "seconds")),
        ]
        for group in groups
    )
    return f"## Mean and standard deviation over seeds\n\n{_table(columns, cells)}"


def _spread(group: Group, field: str) -> str:
    values = [getattr(row, field) for row in group.rows]
    return f"{mean(values):.3g} ± {stdev(values):.2g}"


def _table(columns: Iterable[str], rows: Iterable[list[str]]) -> str:
    columns = list(columns)
    # What libraries say may hold the character that parts the cells.
    body = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    lines = [columns, ["---"] * len(columns), *body]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _number(value: float | None, form: str, unit: float = 1.0) -> str:
    return "" if value is None else format(value * unit, form)
