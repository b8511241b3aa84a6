"""Surrogates written out as maxima of affine functions, for solvers of the whole problem."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import sparse

from vilma.surrogates.surrogate import Hinges, LabeledWeights, PiecewiseLinearForm

__all__ = ["hinge_form", "v_shaped_form"]


class _Affine(NamedTuple):
    """An affine function of one example's scores and of the thresholds."""

    constant: float
    slopes: Sequence[float]  # in the example's scores
    thresholds: range  # whose sum is added ...
    sign: float  # ... with this sign


_NOTHING = _Affine(0.0, (0.0,), range(0), 0.0)


def hinge_form(hinges: Hinges) -> PiecewiseLinearForm:
    """Form of a sum of hinges: two functions each, 0 and ``margin -+ score +- threshold``."""
    terms = []
    ranges = zip(
        hinges.below_start,
        hinges.below_stop,
        hinges.above_start,
        hinges.above_stop,
        strict=True,
    )
    for i, (below_start, below_stop, above_start, above_stop) in enumerate(ranges):
        below = 1.0, hinges.below_margin[i], range(below_start, below_stop)
        above = -1.0, hinges.above_margin[i], range(above_start, above_stop)
        for sign, margin, thresholds in (below, above):
            terms += [
                (i, [_NOTHING, _Affine(margin, (-sign,), range(k, k + 1), sign)])
                for k in thresholds
            ]
    return _assemble(hinges.weight, hinges.n_thresholds, terms, ordered=hinges.ordered)


def v_shaped_form(
    labels: LabeledWeights, cost: np.ndarray, steps_before: np.ndarray
) -> PiecewiseLinearForm:
    """Form of the V-shaped surrogate: a term per example and side, a function per label.

    ``steps_before[y, j]`` is the number of steps below label y that belong to score j; with one
    score per example that is y.
    """

    def slopes(y: int, endpoint: int) -> Sequence[float]:
        return steps_before[y] - steps_before[endpoint]

    terms = []
    for i, (lower, upper) in enumerate(zip(labels.lower, labels.upper, strict=True)):
        below = [
            _Affine(cost[y, lower], slopes(y, lower), range(y, lower), 1.0)
            for y in range(lower + 1)
        ]
        above = [
            _Affine(cost[y, upper], slopes(y, upper), range(upper, y), -1.0)
            for y in range(upper, labels.n_classes)
        ]
        terms += [(i, below), (i, above)]
    return _assemble(labels.weight, labels.n_classes - 1, terms, ordered=False)


def _assemble(
    weight: np.ndarray,
    n_thresholds: int,
    terms: list[tuple[int, list[_Affine]]],
    *,
    ordered: bool,
) -> PiecewiseLinearForm:
    rows = [(t, i, function) for t, (i, functions) in enumerate(terms) for function in functions]
    n_scores = len(terms[0][1][0].slopes)  # of an example, side by side
    by_score = sparse.lil_array((len(rows), n_scores * len(weight)))
    by_threshold = sparse.lil_array((len(rows), n_thresholds))
    for row, (_, i, function) in enumerate(rows):
        for j, slope in enumerate(function.slopes):
            by_score[row, n_scores * i + j] = slope
        for k in function.thresholds:
            by_threshold[row, k] = function.sign
    examples = np.array([i for i, _ in terms], dtype=np.int64)
    return PiecewiseLinearForm(
        np.array([function.constant for _, _, function in rows]),
        by_score.tocsr(),
        by_threshold.tocsr(),
        np.array([t for t, _, _ in rows], dtype=np.int64),
        weight[examples] / weight.sum(),
        ordered,
    )
