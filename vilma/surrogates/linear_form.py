"""Surrogates written out as maxima of affine pieces, for a solver that takes the whole problem."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import sparse

from vilma.surrogates.surrogate import Hinges, LabeledWeights, PiecewiseLinearForm

__all__ = ["hinge_form", "v_shaped_form"]


class _Piece(NamedTuple):
    constant: float
    slopes: Sequence[float]  # in the example's scores
    thresholds: range  # whose sum is added ...
    sign: float  # ... with this sign


_NOTHING = _Piece(0.0, (0.0,), range(0), 0.0)


def hinge_form(hinges: Hinges) -> PiecewiseLinearForm:
    """Form of a sum of hinges: two pieces each, 0 and ``margin -+ score +- threshold``."""
    terms = []
    ranges = zip(
        hinges.upper_start,
        hinges.upper_stop,
        hinges.lower_start,
        hinges.lower_stop,
        strict=True,
    )
    for i, (upper_start, upper_stop, lower_start, lower_stop) in enumerate(ranges):
        upper = 1.0, hinges.upper_margin[i], range(upper_start, upper_stop)
        lower = -1.0, hinges.lower_margin[i], range(lower_start, lower_stop)
        for sign, margin, thresholds in (upper, lower):
            terms += [
                (i, [_NOTHING, _Piece(margin, (-sign,), range(k, k + 1), sign)])
                for k in thresholds
            ]
    return _assemble(hinges.weight, hinges.n_thresholds, terms, ordered=hinges.ordered)


def v_shaped_form(
    labels: LabeledWeights, cost: np.ndarray, steps_before: np.ndarray
) -> PiecewiseLinearForm:
    """Form of the V-shaped surrogate: one term per example and side, one piece per label.

    ``steps_before[y, j]`` is the number of steps below label y that belong to score j; with one
    score per example that is y.
    """

    def slopes(y: int, endpoint: int) -> Sequence[float]:
        return steps_before[y] - steps_before[endpoint]

    terms = []
    for i, (lower, upper) in enumerate(zip(labels.lower, labels.upper, strict=True)):
        below = [
            _Piece(cost[y, lower], slopes(y, lower), range(y, lower), 1.0)
            for y in range(lower + 1)
        ]
        above = [
            _Piece(cost[y, upper], slopes(y, upper), range(upper, y), -1.0)
            for y in range(upper, labels.n_classes)
        ]
        terms += [(i, below), (i, above)]
    return _assemble(labels.weight, labels.n_classes - 1, terms, ordered=False)


def _assemble(
    weight: np.ndarray,
    n_thresholds: int,
    terms: list[tuple[int, list[_Piece]]],
    *,
    ordered: bool,
) -> PiecewiseLinearForm:
    rows = [(t, i, piece) for t, (i, pieces) in enumerate(terms) for piece in pieces]
    n_scores = len(terms[0][1][0].slopes)  # of an example, side by side
    by_score = sparse.lil_array((len(rows), n_scores * len(weight)))
    by_threshold = sparse.lil_array((len(rows), n_thresholds))
    for row, (_, i, piece) in enumerate(rows):
        for j, slope in enumerate(piece.slopes):
            by_score[row, n_scores * i + j] = slope
        for k in piece.thresholds:
            by_threshold[row, k] = piece.sign
    examples = np.array([i for i, _ in terms], dtype=np.int64)
    return PiecewiseLinearForm(
        np.array([piece.constant for _, _, piece in rows]),
        by_score.tocsr(),
        by_threshold.tocsr(),
        np.array([t for t, _, _ in rows], dtype=np.int64),
        weight[examples] / weight.sum(),
        ordered,
    )
