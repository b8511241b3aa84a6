"""Surrogates written out as linear pieces, for solvers that want the whole problem at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from scipy import sparse

from vilma.surrogates.labeled import LabeledWeights

__all__ = ["Pieces", "hinge_pieces", "v_shaped_pieces"]


class Pieces(NamedTuple):
    """Sum over terms of ``share`` times the largest of the term's pieces.

    A piece is ``constant + by_score @ scores + by_threshold @ thresholds``.
    """

    constant: np.ndarray  # (n_pieces,)
    by_score: sparse.csr_array  # (n_pieces, n_scores)
    by_threshold: sparse.csr_array  # (n_pieces, n_thresholds)
    term: np.ndarray  # (n_pieces,) the term that a piece belongs to
    share: np.ndarray  # (n_terms,) weight of the term's example over the total weight
    ordered: bool  # whether the thresholds must be nondecreasing


class _Piece(NamedTuple):
    constant: float
    slope: float  # in the example's score
    thresholds: range  # whose sum is added ...
    sign: float  # ... with this sign


_NOTHING = _Piece(0.0, 0.0, range(0), 0.0)


def hinge_pieces(
    labels: LabeledWeights, hinges: Iterable[tuple[int, int, float]], *, ordered: bool
) -> Pieces:
    """Pieces of a sum of hinges ``max(0, 1 - sign * score + sign * threshold)``.

    Parameters
    ----------
    labels : LabeledWeights
    hinges : iterable of (example, threshold, sign)
        Sign +1 for a threshold below the interval, -1 for one above it.
    ordered : bool
        Whether the thresholds must be nondecreasing.
    """
    terms = [(i, [_NOTHING, _Piece(1.0, -sign, range(k, k + 1), sign)]) for i, k, sign in hinges]
    return _assemble(labels, terms, ordered=ordered)


def v_shaped_pieces(labels: LabeledWeights, cost: np.ndarray) -> Pieces:
    """Pieces of the V-shaped surrogate: one term per example and side, one piece per label."""
    terms = []
    for i, (lower, upper) in enumerate(zip(labels.lower, labels.upper, strict=True)):
        below = [_Piece(cost[y, lower], y - lower, range(y, lower), 1.0) for y in range(lower + 1)]
        above = [
            _Piece(cost[y, upper], y - upper, range(upper, y), -1.0)
            for y in range(upper, labels.n_classes)
        ]
        terms += [(i, below), (i, above)]
    return _assemble(labels, terms, ordered=False)


def _assemble(
    labels: LabeledWeights, terms: list[tuple[int, list[_Piece]]], *, ordered: bool
) -> Pieces:
    rows = [(t, i, piece) for t, (i, pieces) in enumerate(terms) for piece in pieces]
    by_score = sparse.lil_array((len(rows), len(labels.lower)))
    by_threshold = sparse.lil_array((len(rows), labels.n_classes - 1))
    for row, (_, i, piece) in enumerate(rows):
        by_score[row, i] = piece.slope
        for k in piece.thresholds:
            by_threshold[row, k] = piece.sign
    examples = np.array([i for i, _ in terms], dtype=np.int64)
    return Pieces(
        np.array([piece.constant for _, _, piece in rows]),
        by_score.tocsr(),
        by_threshold.tocsr(),
        np.array([t for t, _, _ in rows], dtype=np.int64),
        labels.weight[examples] / labels.weight.sum(),
        ordered,
    )
