"""What annotation processes have in common: their result, and the rows that stay exact."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vilma._numbers import read_random_state
from vilma.labels import encode_endpoints, read_endpoints
from vilma.labels.scale import IntArray, first_row, ordered_categories, read_scale
from vilma.labels.values import BoolArray


@dataclass(frozen=True)
class DrawnIntervals:
    """Annotations drawn for known labels.

    Parameters
    ----------
    intervals : ndarray of shape (n_samples, 2)
        First and last label of each annotation, to be learned from.
    truth : ndarray of shape (n_samples,)
        The labels annotated.
    exact : ndarray of shape (n_samples,), dtype=bool
        Which rows were chosen to be annotated exactly. Others can be exact by chance, in a cell
        of one label.
    wrong : ndarray of shape (n_samples,), dtype=bool
        Which intervals do not contain their label.
    classes : ndarray of shape (n_classes,)
        The ordered scale, for the `classes` of estimators: not every label needs to end an
        interval.
    """

    intervals: NDArray[Any]
    truth: NDArray[Any]
    exact: BoolArray
    wrong: BoolArray
    classes: NDArray[Any]


def prepare(
    y: ArrayLike, classes: ArrayLike | None, exact: int | float, random_state: Any
) -> tuple[IntArray, NDArray[Any], np.random.RandomState, BoolArray]:
    """Check what the processes have in common and draw the exact rows."""
    given = ordered_categories(y) if classes is None else classes
    scale = None if given is None else read_scale(given)
    endpoints = read_endpoints(y, scale=scale)
    if not endpoints.exact:
        raise ValueError("y should be a 1d array of true labels, got intervals.")
    if scale is None:
        scale = _whole_numbers(endpoints.lower)
    codes, _ = encode_endpoints(endpoints, scale)
    rng = read_random_state(random_state)
    n_samples = len(codes)
    is_exact = np.zeros(n_samples, dtype=bool)
    is_exact[rng.permutation(n_samples)[: _count_exact(exact, n_samples)]] = True
    return codes, scale, rng, is_exact


def _whole_numbers(labels: NDArray[Any]) -> NDArray[Any]:
    """Return every whole number from the smallest to the largest label."""
    if labels.dtype.kind == "U":
        raise ValueError("Strings have no order by themselves: pass `classes`, lowest first.")
    labels = labels.astype(np.int64) if labels.dtype.kind == "b" else labels
    fractional = labels != np.floor(labels)
    if fractional.any():
        row = first_row(fractional)
        raise ValueError(
            f"y has the label {labels[row].item()!r} in row {row}, which is not a whole number. "
            "Pass the scale as `classes`."
        )
    return np.arange(labels.min(), labels.max() + 1, dtype=labels.dtype)


def _count_exact(exact: int | float, n_samples: int) -> int:
    """Return how many rows are to be exact, given as a number or a share."""
    if isinstance(exact, Integral) and not isinstance(exact, bool):
        if not 0 <= exact <= n_samples:
            raise ValueError(
                f"exact={exact} exact labels are wanted of {n_samples} rows; expected a number "
                f"from 0 to {n_samples}, or a share as a float."
            )
        return int(exact)
    if not isinstance(exact, Real) or not 0 <= exact <= 1:
        raise ValueError(
            f"exact should be a number of rows (int) or a share between 0.0 and 1.0 (float), got "
            f"{exact!r}."
        )
    return round(float(exact) * n_samples)


def assemble(
    codes: IntArray, lower: IntArray, upper: IntArray, is_exact: BoolArray, scale: NDArray[Any]
) -> DrawnIntervals:
    """Cut intervals at the ends of the scale, make some exact, and return label values."""
    lower = np.where(is_exact, codes, np.maximum(lower, 0))
    upper = np.where(is_exact, codes, np.minimum(upper, len(scale) - 1))
    return DrawnIntervals(
        intervals=scale[np.column_stack([lower, upper])],
        truth=scale[codes],
        exact=is_exact,
        wrong=np.zeros(len(codes), dtype=bool),
        classes=scale,
    )
