"""Annotations and predictions that go together, checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_array

from vilma._numbers import as_numbers
from vilma.labels import Endpoints, encode_endpoints, read_endpoints, read_scale
from vilma.labels.scale import IntArray, abbreviate, first_row, ordered_categories

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Pair:
    """Annotations, one prediction for each, and the scale if there is one."""

    truth: Endpoints
    predicted: Endpoints
    scale: NDArray[Any] | None

    def on_number_line(self) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Return lower ends, upper ends and predictions as numbers that can be subtracted.

        Numbers stand for themselves, and open ends are infinite; strings are replaced by their
        positions on the scale.
        """
        if self.truth.strings:
            return self.on_scale(require_scale(self.scale, "Strings"))
        if self.scale is not None:
            self.on_scale(self.scale)
        return (*number_ends(self.truth), self.predicted.lower.astype(np.float64))

    def on_scale(self, scale: NDArray[Any]) -> tuple[IntArray, IntArray, IntArray]:
        """Return lower ends, upper ends and predictions as positions on a scale."""
        lower, upper = encode_endpoints(self.truth, scale, name="y_true")
        _refuse_between_labels(self.predicted.lower, scale)
        at, _ = encode_endpoints(self.predicted, scale, name="y_pred")
        return lower, upper, at

    def distances(self) -> FloatArray:
        """Return how far each prediction is from its interval, 0 inside."""
        lower, upper, at = self.on_number_line()
        return np.abs(at - np.clip(at, lower, upper))

    def scale_in_use(self, *others: Endpoints) -> NDArray[Any]:
        """Return the scale, or else the labels in use in the annotations and elsewhere."""
        if self.truth.strings or self.scale is not None:
            return require_scale(self.scale, "Strings")
        return labels_in_use(self.truth, *others)


def read_pair(y_true: ArrayLike, y_pred: ArrayLike, classes: ArrayLike | None) -> Pair:
    """Read annotations and predictions and check that they go together."""
    scale = None if classes is None else read_scale(classes)
    truth = read_truth(y_true, scale)
    predicted = read_endpoints(y_pred, name="y_pred")
    if not predicted.exact:
        raise ValueError(
            "y_pred should be a 1d array with one predicted label per sample, got intervals, an "
            f"array of shape {(len(predicted.lower), 2)}."
        )
    require_match(truth, predicted)
    if scale is None and truth.strings:
        categories = ordered_categories(y_true)
        scale = None if categories is None else read_scale(categories)
    return Pair(truth, predicted, scale)


def _refuse_between_labels(predicted: NDArray[Any], scale: NDArray[Any]) -> None:
    """Refuse numbers between whole labels, and say what to do with what a regression predicts."""
    if predicted.dtype.kind != "f" or scale.dtype.kind not in "iu":
        return
    between = predicted != np.rint(predicted)
    if between.any():
        row = first_row(between)
        raise ValueError(
            f"y_pred has {predicted[row].item()!r} in row {row}, which is between the labels of "
            f"classes {abbreviate(scale)}. Round what a regression predicts to labels, or leave "
            "`classes` out where distances of numbers are measured: interval_scorer()."
        )


def read_truth(y_true: ArrayLike, scale: NDArray[Any] | None) -> Endpoints:
    """Read annotations."""
    return read_endpoints(y_true, name="y_true", scale=scale)


def require_match(truth: Endpoints, predicted: Endpoints) -> None:
    """Refuse predictions of another number or kind than the annotations."""
    if len(truth.lower) != len(predicted.lower):
        raise ValueError(
            f"y_true has {len(truth.lower)} samples but y_pred has {len(predicted.lower)}; "
            "expected one prediction per annotation."
        )
    if truth.strings != predicted.strings:
        strings, others = ("y_true", "y_pred") if truth.strings else ("y_pred", "y_true")
        raise TypeError(f"{strings} holds strings but {others} does not; expected labels alike.")


def require_scale(scale: NDArray[Any] | None, what: str) -> NDArray[Any]:
    """Return the scale, or say that it is needed."""
    if scale is None:
        raise ValueError(
            f"{what} have no order by themselves: pass `classes`, lowest first, "
            "also to a scorer: interval_scorer(classes=...)."
        )
    return scale


def number_ends(endpoints: Endpoints) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the ends of intervals of numbers, infinite where open."""
    return (
        np.where(endpoints.lower_open, -np.inf, endpoints.lower),
        np.where(endpoints.upper_open, np.inf, endpoints.upper),
    )


def labels_in_use(*annotations: Endpoints) -> NDArray[Any]:
    """Return the distinct numbers that occur as labels or ends of intervals."""
    closed = [
        ends[~is_open]
        for each in annotations
        for ends, is_open in ((each.lower, each.lower_open), (each.upper, each.upper_open))
    ]
    labels = np.unique(np.concatenate(closed))
    if not len(labels):
        raise ValueError(
            "Every annotation is open at both ends, so the scale is unknown: pass `classes`."
        )
    return labels


def read_weights(sample_weight: ArrayLike | None, n_samples: int) -> FloatArray:
    """Check the weights of samples; without any, all weigh the same."""
    if sample_weight is None:
        return np.ones(n_samples)
    weights = check_array(
        as_numbers(sample_weight, "sample_weight"),
        ensure_2d=False,
        dtype=np.float64,
        allow_nd=True,
        ensure_min_samples=0,
        input_name="sample_weight",
    )
    if weights.shape != (n_samples,):
        raise ValueError(
            f"sample_weight has shape {weights.shape}, but there are {n_samples} samples; "
            f"expected shape {(n_samples,)}."
        )
    if (weights < 0).any():
        row = int(np.argmax(weights < 0))
        raise ValueError(f"sample_weight should not be negative, but is {weights[row]} at {row}.")
    with np.errstate(over="ignore"):
        total = weights.sum()
    if not np.isfinite(total):
        raise ValueError(
            f"The sum of sample_weight overflows float64 (the largest is {weights.max():g}). "
            "Only ratios count: divide the weights by the largest."
        )
    if total == 0:
        raise ValueError("sample_weight is zero for every sample; at least one has to count.")
    return weights


def weighted_mean(values: NDArray[Any], sample_weight: ArrayLike | None) -> float:
    """Average over the samples, checking the weights."""
    if sample_weight is None:
        return float(np.mean(values))
    return float(np.average(values, weights=read_weights(sample_weight, len(values))))
