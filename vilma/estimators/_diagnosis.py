"""What a fit says about itself where its certificate is silent: weak signals, poor annotations."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from vilma._searches import warn_once_in_a_search
from vilma.exceptions import AnnotationWarning, WeakSignalWarning
from vilma.labels.support import common_labels, count_sides
from vilma.surrogates import LabeledWeights

__all__ = [
    "advice_on_columns",
    "are_alike",
    "undivided_ends",
    "warn_of_annotations",
    "warn_of_weak_signal",
]

# Annotations leave the labels at both ends of a scale together as a matter of course: the first of
# three brackets, the ends under sliding intervals. Worth a word is half of the labels.
_LARGEST_END = 1 / 2
# Few labels are predicted also where few are frequent. Worth a word is a quarter of the rows.
_MOST_MISSED = 1 / 4

# With few rows, labels that are never predicted or annotations that divide nothing are chance.
_FEWEST_ROWS = 50

# Standard deviation of the largest column. With alpha=0.01, one column that decides 3 or 7 labels
# and two of noise, in 300 rows, all models predicted one label at 0.03, none did at 0.3; columns
# of 1e3 and 1e6 were no harm.
_SMALL = 0.1
_ROWS_MEASURED = 10_000

_COMPARE = (
    "Compare errors on held-out rows with those of one guess for all rows: where they are no "
    "smaller, these columns say nothing of the labels."
)
_HOW_TO = "The how-to page 'Weak signals' (docs/howto/weak_signals.rst) explains it."


def are_alike(X) -> bool:
    """Return whether all rows of an array are alike, so that no model can tell them apart."""
    return isinstance(X, np.ndarray) and bool((X[:1] == X).all())


def advice_on_columns(model_advice: str, X) -> str:
    """Return what to try: to scale small columns, else what the model advises, and other columns.

    Columns of `X` that are no plain array, as those of TableFeatures, have been made already.
    """
    dense = isinstance(X, np.ndarray)
    if dense and (largest := X[:: 1 + len(X) // _ROWS_MEASURED].std(axis=0).max()) < _SMALL:
        return (
            f"The columns are small, of standard deviation {largest:.1g} at most: the penalty "
            "keeps their coefficients near 0, whatever they say of the labels. Standardise them "
            "first, by make_pipeline(StandardScaler(), ...) of scikit-learn."
        )
    makes = ": vilma.features.TableFeatures makes some" if dense else ""
    return f"{model_advice} {_COMPARE} Other columns may say more{makes}."


def undivided_ends(labels: LabeledWeights) -> list[tuple[int, int]]:
    """Return the runs of labels at either end whose thresholds have annotations on one side only.

    Returns
    -------
    list of tuple of (int, int)
        First and last label of a run of two labels or more that some annotation spans, and that
        is more than a third of the scale, or all there is on one side of a single threshold.
    """
    lower, upper = _counted(labels)
    n_classes = labels.n_classes
    below, above = count_sides(lower, upper, n_classes)
    crossed = len(lower) - below - above > 0
    learned = np.flatnonzero((below > 0) & (above > 0))
    if not len(learned):
        return []  # all annotations have a label in common
    first, last = int(learned[0]), int(learned[-1])
    runs = [(0, first, crossed[:first]), (last + 1, n_classes - 1, crossed[last + 1 :])]
    single = len(learned) == 1
    return [
        (start, stop)
        for start, stop, spanned in runs
        if spanned.all()
        and stop > start
        and (single or stop - start + 1 >= _LARGEST_END * n_classes)
    ]


def warn_of_annotations(
    name: str, labels: LabeledWeights, classes: np.ndarray, n_rows: int
) -> None:
    """Warn where annotations cannot teach: anything, or something about an end of the scale.

    Parameters
    ----------
    name : str
        Of the estimator.
    labels : LabeledWeights
    classes : ndarray of shape (n_classes,)
        The scale.
    n_rows : int
        Number of annotations; rows of `labels` may stand for several.
    """
    shared = common_labels(*_counted(labels))
    if shared is not None:
        finding = partial(_of_shared_labels, name, [classes[at] for at in shared])
    elif n_rows >= _FEWEST_ROWS and (runs := undivided_ends(labels)):
        finding = partial(_of_ends, name, [(classes[a], classes[b]) for a, b in runs])
    else:
        return
    warning = AnnotationWarning(finding(str))
    warning.finding = finding
    warn_once_in_a_search(name.partition("(")[0], warning, stacklevel=4)


def _counted(labels: LabeledWeights) -> tuple[np.ndarray, np.ndarray]:
    counted = labels.weight > 0.0
    return labels.lower[counted], labels.upper[counted]


def _of_shared_labels(name: str, ends: list, show: Callable[[Any], str]) -> str:
    first, last = map(show, ends)
    alike = first == last
    said = f"the label {first}" if alike else f"the labels {first} to {last}"
    told = first if alike else "one of them"
    return (
        f"Every annotation given to {name} contains {said}: predicting {told} for all rows "
        "satisfies everybody, so nothing can be learned. No other model, loss or alpha helps. Add "
        f"annotations that exclude {first if alike else 'these labels'}: of each threshold to be "
        "learned, some wholly below and some wholly above."
    )


def _of_ends(name: str, runs: list[tuple], show: Callable[[Any], str]) -> str:
    named = " and ".join(f"the labels {show(first)} to {show(last)}" for first, last in runs)
    return (
        f"Annotations given to {name} lie on one side only of every threshold among {named}: "
        "where among them a row lies cannot be learned, and is a guess. Ask about these labels, "
        "too: of each threshold, some annotations should lie wholly below and some wholly above."
    )


def warn_of_weak_signal(
    name: str,
    advice: Callable[[], str],
    predicted: np.ndarray,
    labels: LabeledWeights,
    classes: np.ndarray,
    n_rows: int,
) -> None:
    """Warn if a model predicts the same for all of its training rows, or few labels for most.

    Parameters
    ----------
    name : str
        Of the estimator.
    advice : callable
        Returns what to try.
    predicted : ndarray of shape (n_samples,)
        Positions of the predicted labels on the scale.
    labels : LabeledWeights
    classes : ndarray of shape (n_classes,)
        The scale.
    n_rows : int
        Number of training rows; rows of `labels` may stand for several.
    """
    lower, upper, weight, n_classes = labels
    is_predicted = np.bincount(predicted, minlength=n_classes) > 0
    so_far = np.concatenate([[0], np.cumsum(is_predicted)])
    missed = float(weight[so_far[upper + 1] == so_far[lower]].sum() / weight.sum())
    n_predicted = int(is_predicted.sum())
    if missed == 0.0 or n_rows < _FEWEST_ROWS:
        return
    if n_predicted == 1:
        only = classes[int(np.argmax(is_predicted))]
        finding = partial(_of_one_prediction, name, only)
    else:
        ends = np.bincount(lower, minlength=n_classes) + np.bincount(upper, minlength=n_classes)
        n_occurring = int(np.count_nonzero(ends))
        if n_predicted >= n_occurring / 2 or missed <= _MOST_MISSED:
            return
        finding = partial(_of_few_predictions, name, n_predicted, n_occurring, n_classes, missed)
    warning = WeakSignalWarning(f"{finding(str)}. {advice()} {_HOW_TO}")
    warning.finding = finding
    warn_once_in_a_search(name.partition("(")[0], warning, stacklevel=4)


def _of_one_prediction(name: str, only: Any, show: Callable[[Any], str]) -> str:
    return f"{name} predicts {show(only)} for every training row"


def _of_few_predictions(
    name: str,
    n_predicted: int,
    n_occurring: int,
    n_classes: int,
    missed: float,
    show: Callable[[Any], str],
) -> str:
    occurring = "" if n_occurring == n_classes else f" ({n_occurring} occur in annotations)"
    return (
        f"{name} predicts only {n_predicted} of the {n_classes} labels{occurring}: for "
        f"{missed:.0%} of the training rows none of these {n_predicted} is right"
    )
