"""What annotations are worth: how exact they are, and what they can never tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vilma._wording import label_name
from vilma.intervals._ambiguity import shares_at_random, shares_given_truth
from vilma.intervals.bounds import absolute_error_bound, zero_one_bound
from vilma.labels import IntervalLabels, read_endpoints, read_labels
from vilma.labels.scale import IntArray, encode
from vilma.labels.support import common_labels, count_sides, count_support

_RUNS_NAMED = 6  # of labels never told apart, in the text of a report


@dataclass(frozen=True)
class AnnotationReport:
    """What interval annotations are worth; ``print`` it.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
        The ordered scale.
    n_annotations : int
        Number of annotations.
    exact_share : float
        Share of annotations that name a single label.
    maximal_width, mean_width : float
        Labels in the widest annotation, and on average.
    support : ndarray of shape (n_classes - 1,), dtype=int64
        Annotations that end at label k or begin at label k + 1, and so speak of the threshold
        between the two.
    ambiguity_degree : float
        Largest share, over true labels, of their intervals that contain one particular other
        label. Counted if true labels were given, otherwise estimated for coarsening at random.
    ambiguous_pair : tuple
        The true label and the other one where it is reached.
    wrong_rows : ndarray of int or None
        Rows whose interval does not contain the true label; None if no true labels were given.
    below, above : ndarray of shape (n_classes - 1,), dtype=int64
        Annotations wholly below the threshold between labels k and k + 1, and wholly above it. A
        threshold can be learned if there are both.
    shared : tuple or None
        First and last label that every annotation contains; None if there is none.
    disjoint : bool
        Whether no two different annotations share a label, as brackets do not.
    """

    classes: NDArray[Any]
    n_annotations: int
    exact_share: float
    maximal_width: int
    mean_width: float
    support: IntArray
    ambiguity_degree: float
    ambiguous_pair: tuple[Any, Any]
    wrong_rows: NDArray[np.intp] | None
    below: IntArray
    above: IntArray
    shared: tuple[Any, Any] | None = None
    disjoint: bool = False

    @property
    def never_separated(self) -> list[tuple[Any, Any]]:
        """First and last label of every run of labels that no annotation tells apart."""
        apart = np.flatnonzero(self.support > 0)
        first = np.concatenate([[0], apart + 1])
        last = np.concatenate([apart, [len(self.classes) - 1]])
        labels = self.classes.tolist()
        return [(labels[a], labels[b]) for a, b in zip(first, last, strict=True) if a < b]

    @property
    def one_sided(self) -> list[tuple[Any, Any]]:
        """First and last label of the ends of the scale where annotations cannot teach.

        Annotations lie on one side only of every threshold among these labels, and cross some;
        those that no annotation tells apart anyway (`never_separated`) are left out.
        """
        crossed = self.n_annotations - self.below - self.above > 0
        worth_a_word = crossed & (self.support > 0)
        labels = self.classes.tolist()
        low, high = np.flatnonzero(self.below == 0), np.flatnonzero(self.above == 0)
        runs = []
        if worth_a_word[low].any():
            runs.append((labels[0], labels[low[-1] + 1]))
        if worth_a_word[high].any():
            runs.append((labels[high[0]], labels[-1]))
        return runs

    def zero_one_bound(self, interval_risk: float) -> float:
        """Bound the 0/1 risk on true labels by Theorem 1.

        Parameters
        ----------
        interval_risk : float
            Interval-insensitive 0/1 risk of a classifier, on data it was not trained on.

        Returns
        -------
        bound : float
            See :func:`~vilma.intervals.zero_one_bound`. The ambiguity degree is an estimate, and
            so is the bound.

        Raises
        ------
        ValueError
            If an interval is known to miss its true label, or the ambiguity degree is 1.
        """
        self._require_consistency("Theorem 1")
        return zero_one_bound(interval_risk, self.ambiguity_degree)

    def absolute_error_bound(self, interval_risk: float) -> float:
        """Bound the absolute error on true labels by Theorem 2.

        Parameters
        ----------
        interval_risk : float
            Interval-insensitive absolute error of a classifier, in steps of the scale, on data
            it was not trained on.

        Returns
        -------
        bound : float
            See :func:`~vilma.intervals.absolute_error_bound`, with the share of exact labels and
            the maximal width found here.

        Raises
        ------
        ValueError
            If an interval is known to miss its true label.
        """
        self._require_consistency("Theorem 2")
        return absolute_error_bound(interval_risk, self.exact_share, self.maximal_width)

    def _require_consistency(self, theorem: str) -> None:
        if self.wrong_rows is not None and len(self.wrong_rows):
            raise ValueError(
                f"{theorem} needs intervals that contain the true label; those of "
                f"{len(self.wrong_rows)} of {self.n_annotations} rows do not, first in row "
                f"{self.wrong_rows[0]}. Correct or leave out those rows."
            )

    def __str__(self) -> str:
        return _describe(self)


def annotation_report(
    y: ArrayLike, *, classes: ArrayLike | None = None, y_true: ArrayLike | None = None
) -> AnnotationReport:
    """Report what interval annotations are worth.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, 2)
        Exact or interval labels, in any form that :func:`vilma.labels.read_labels` takes.
    classes : array-like of shape (n_classes,), default=None
        The ordered scale. By default the labels that occur in `y`; labels that end no
        interval are then left out of the report, so give the scale if there are any.
    y_true : array-like of shape (n_samples,), default=None
        True labels, if known. Then the ambiguity degree is counted, and it is found out whether
        the intervals contain them.

    Returns
    -------
    report : AnnotationReport
        Figures, bounds, and a text by ``print``.

    Raises
    ------
    ValueError
        If labels are malformed, or `y_true` is not of one label on the scale for each row.

    Notes
    -----
    Without true labels, the ambiguity degree is estimated under the assumption that annotators
    look at nothing but the label, and that an interval is as likely for one label inside as for
    any other. The distribution of labels is then estimated by maximum likelihood. Either way the
    degree is a largest value, which few examples of a label can make too large.

    References
    ----------
    Antoniuk, Franc, Hlavac: V-shaped interval insensitive loss for ordinal classification,
    Machine Learning 103, 2016; section 2.3.

    Turnbull: The empirical distribution function with arbitrarily grouped, censored and truncated
    data, Journal of the Royal Statistical Society B 38, 1976.

    Examples
    --------
    >>> from vilma.intervals import annotation_report
    >>> report = annotation_report([(1, 3), (1, 3), (4, 4), (5, 6)], classes=range(1, 7))
    >>> report.never_separated
    [(1, 3), (5, 6)]
    >>> print(report)
    4 annotations on a scale of 6 labels, 1 to 6.
    25 % exact labels; the others allow 2.7 labels on average, 3 at most.
    Labels 1-3 and 5-6 are never told apart: annotate some of them exactly, or by other brackets.
    Ambiguity degree about 1: examples of 1 always allow 2 as well.
    0/1 loss: Theorem 1 gives no bound.
    Absolute error: at most 1.5 steps above the interval-insensitive one (Theorem 2).
    The bounds assume that every interval contains the true label.
    """
    labels = read_labels(y, classes)
    ends = labels.lower, labels.upper
    below, above = count_sides(*ends, labels.n_classes)
    shared = common_labels(*ends)
    support, _ = count_support(*ends, np.ones(len(labels.lower)), labels.n_classes)
    widths = labels.upper - labels.lower + 1
    wrong_rows = None
    if y_true is None:
        shares = shares_at_random(labels)
    else:
        truth = _read_truth(y_true, labels)
        wrong_rows = np.flatnonzero((truth < labels.lower) | (truth > labels.upper))
        shares = shares_given_truth(labels, truth)
    np.fill_diagonal(shares, np.nan)
    true_label, other = np.unravel_index(np.nanargmax(shares), shares.shape)
    names = labels.classes.tolist()
    return AnnotationReport(
        classes=labels.classes,
        n_annotations=len(widths),
        exact_share=float(labels.exact.mean()),
        maximal_width=int(widths.max()),
        mean_width=float(widths.mean()),
        support=support.astype(np.int64),
        ambiguity_degree=float(shares[true_label, other]),
        ambiguous_pair=(names[true_label], names[other]),
        wrong_rows=wrong_rows,
        below=below,
        above=above,
        shared=None if shared is None else (names[shared[0]], names[shared[1]]),
        disjoint=_are_disjoint(labels),
    )


def _are_disjoint(labels: IntervalLabels) -> bool:
    """Tell whether annotations are equal or share no label."""
    lower, upper = np.unique(np.column_stack([labels.lower, labels.upper]), axis=0).T
    return bool(np.all(lower[1:] > upper[:-1]))


def _read_truth(y_true: ArrayLike, labels: IntervalLabels) -> IntArray:
    truth = read_endpoints(y_true, name="y_true")
    if not truth.exact:
        raise ValueError("y_true should be a 1d array of true labels, got intervals.")
    if len(truth.lower) != len(labels.lower):
        raise ValueError(
            f"y has {len(labels.lower)} annotations but y_true has {len(truth.lower)} labels; "
            "expected one true label per annotation."
        )
    return encode(truth.lower, labels.classes, name="y_true")


def _describe(report: AnnotationReport) -> str:
    """Write the report in lines, most useful first."""
    labels = report.classes.tolist()
    return "\n".join(
        [
            f"{report.n_annotations:,} annotations on a scale of {len(labels)} labels, "
            f"{label_name(labels[0])} to {label_name(labels[-1])}.",
            _widths(report),
            *_teaching(report),
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


def _teaching(report: AnnotationReport) -> list[str]:
    """Say what the annotations can teach."""
    if report.shared is not None:
        first, last = report.shared
        alike = first == last
        return [
            f"Every annotation contains {label_name(first) if alike else _run(first, last)}: "
            f"predicting {'it' if alike else 'one of them'} for all rows satisfies everybody, and "
            f"nothing can be learned. Add annotations that exclude {'it' if alike else 'them'}."
        ]
    if not report.one_sided:
        return [_separation(report)]
    named = " and ".join(_run(first, last) for first, last in report.one_sided)
    return [
        _separation(report),
        f"Among {named}, annotations lie on one side only of every threshold: where among them a "
        "row lies cannot be learned. Of each threshold, some should lie wholly below and some "
        "wholly above.",
    ]


def _separation(report: AnnotationReport) -> str:
    labels = report.classes.tolist()
    runs = [_run(first, last) for first, last in report.never_separated]
    if not runs:
        return "Every label is told apart from the next by at least one annotation."
    named = runs[:_RUNS_NAMED]
    if len(runs) > len(named):
        more = len(runs) - len(named)
        named.append(f"{more} more run{'s' if more > 1 else ''}")
    text = named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}"
    # Of brackets whose ends are all that the scale has; a wider one was given a finer scale.
    if report.disjoint and report.maximal_width == 2 and not isinstance(labels[0], str):
        return (
            f"Labels {text} are never told apart: they are the two ends of brackets that do "
            "not overlap. If the brackets are all you want to predict, make levels of them: "
            "vilma.intervals.spans_between_ends(y, whole=True). Otherwise annotate some rows "
            "exactly, or by other brackets."
        )
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
