"""Scores of predictions against exact or interval labels.

The absolute error that interval labels prove is :func:`interval_insensitive_loss`, that on true
labels is estimated by :func:`estimated_absolute_error`. All functions take labels in every form
that :func:`vilma.labels.read_labels` takes, and agree with scikit-learn's of the same meaning
where labels are exact.
"""

from vilma.metrics.errors import cumulative_score, epsilon_error, geometric_mean_error
from vilma.metrics.estimated import estimated_absolute_error, threshold_shares
from vilma.metrics.insensitive import interval_coverage, interval_insensitive_loss
from vilma.metrics.kappa import quadratic_weighted_kappa
from vilma.metrics.labelwise import (
    LabelErrors,
    error_by_label,
    macro_averaged_mean_absolute_error,
    maximum_mean_absolute_error,
)
from vilma.metrics.probabilities import (
    interval_log_loss,
    prediction_interval_coverage,
    ranked_probability_score,
)
from vilma.metrics.scorers import interval_scorer, ordinal_scorer
from vilma.metrics.shots import ShotGroup, shot_report

__all__ = [
    "LabelErrors",
    "ShotGroup",
    "cumulative_score",
    "epsilon_error",
    "error_by_label",
    "estimated_absolute_error",
    "geometric_mean_error",
    "interval_coverage",
    "interval_insensitive_loss",
    "interval_log_loss",
    "interval_scorer",
    "macro_averaged_mean_absolute_error",
    "maximum_mean_absolute_error",
    "ordinal_scorer",
    "prediction_interval_coverage",
    "quadratic_weighted_kappa",
    "ranked_probability_score",
    "shot_report",
    "threshold_shares",
]
