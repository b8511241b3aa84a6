"""Interval labels: reading, combining, drawing, splitting, and what they are worth.

Estimators and metrics take labels of every form as they are (:func:`vilma.labels.read_labels`
lists the forms). What is here stands before and beside them: brackets with names, several
annotators' labels for one item, intervals drawn for known labels, cross-validation splits that
deal intervals evenly, and a report of what annotations are worth.
"""

from vilma.intervals._drawing import DrawnIntervals
from vilma.intervals.annotators import CombinedAnnotations, combine_annotators, combine_by_item
from vilma.intervals.bounds import absolute_error_bound, zero_one_bound
from vilma.intervals.brackets import parse_brackets
from vilma.intervals.convert import to_intervals
from vilma.intervals.generate import (
    annotate_asymmetric,
    annotate_cells,
    annotate_questions,
    annotate_sliding,
    misplace_intervals,
)
from vilma.intervals.report import AnnotationReport, annotation_report
from vilma.intervals.spans import SpanLabels, spans_between_ends
from vilma.intervals.splitters import (
    IntervalStratifiedGroupKFold,
    IntervalStratifiedKFold,
    interval_strata,
)

__all__ = [
    "AnnotationReport",
    "CombinedAnnotations",
    "DrawnIntervals",
    "IntervalStratifiedGroupKFold",
    "IntervalStratifiedKFold",
    "SpanLabels",
    "absolute_error_bound",
    "annotate_asymmetric",
    "annotate_cells",
    "annotate_questions",
    "annotate_sliding",
    "annotation_report",
    "combine_annotators",
    "combine_by_item",
    "interval_strata",
    "misplace_intervals",
    "parse_brackets",
    "spans_between_ends",
    "to_intervals",
    "zero_one_bound",
]
