"""The words of the report on annotations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vilma._wording import label_name

if TYPE_CHECKING:
    from vilma.intervals.worth import AnnotationReport

_RUNS_NAMED = 6


def describe(report: AnnotationReport) -> str:
    """Write the report in lines, most useful first.

    Parameters
    ----------
    report : AnnotationReport
        The figures.

    Returns
    -------
    str
        Several lines.
    """
    labels = report.classes.tolist()
    return "\n".join(
        [
            f"{report.n_annotations:,} annotations on a scale of {len(labels)} labels, "
            f"{label_name(labels[0])} to {label_name(labels[-1])}.",
            _widths(report),
            _separation(report),
            _ambiguity(report),
            *_bounds(report),
        ]
    )


def _widths(report: AnnotationReport) -> str:
    if report.exact_share == 1:
        return "100 % exact labels."
    inexact = 1 - report.exact_share
    wide = (report.mean_width - report.exact_share) / inexact
    return (
        f"{_percent(report.exact_share)} exact labels; the others allow {wide:.1f} labels on "
        f"average, {report.maximal_width} at most."
    )


def _separation(report: AnnotationReport) -> str:
    runs = [_run(first, last) for first, last in report.never_separated]
    if not runs:
        return "Every label is told apart from the next by at least one annotation."
    named = runs[:_RUNS_NAMED]
    if len(runs) > len(named):
        more = len(runs) - len(named)
        named.append(f"{more} more run{'s' if more > 1 else ''}")
    text = named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}"
    return (
        f"Labels {text} are never told apart: annotate some of them exactly, or by other brackets."
    )


def _run(first: Any, last: Any) -> str:
    if isinstance(first, str) or first < 0:
        return f"{label_name(first)} to {label_name(last)}"
    return f"{label_name(first)}-{label_name(last)}"


def _ambiguity(report: AnnotationReport) -> str:
    degree, (true_label, other) = report.ambiguity_degree, report.ambiguous_pair
    about = "" if report.wrong_rows is not None else "about "
    often = "always" if degree == 1 else f"in {_percent(degree)} of the cases"
    if degree < 1e-6:
        return f"Ambiguity degree {about}0: no interval allows a second label."
    return (
        f"Ambiguity degree {about}{degree:.3g}: examples of {label_name(true_label)} {often} "
        f"allow {label_name(other)} as well."
    )


def _bounds(report: AnnotationReport) -> list[str]:
    wrong = report.wrong_rows
    if wrong is not None and len(wrong):
        return [
            f"{len(wrong):,} intervals ({_percent(len(wrong) / report.n_annotations)}) miss the "
            f"true label, first in row {wrong[0]}: Theorems 1 and 2 do not hold."
        ]
    if report.ambiguity_degree == 1:
        zero_one = "0/1 loss: Theorem 1 gives no bound."
    else:
        factor = report.zero_one_bound(1.0)
        zero_one = (
            f"0/1 loss: at most {factor:.3g} times the interval-insensitive one (Theorem 1)."
        )
    return [
        zero_one,
        f"Absolute error: at most {report.absolute_error_bound(0.0):.3g} steps above the "
        "interval-insensitive one (Theorem 2).",
        "The bounds assume that every interval contains the true label"
        + (", as those here do." if wrong is not None else "."),
    ]


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
