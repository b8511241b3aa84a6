r"""The inner loop over the parts: cells of scores, refined where the loss has its kinks.

1. Cut the scores by a ladder of edges around the borders of the thresholds that are expected:
   those of the last calls, continued along the line on which the coefficients move.
2. One round trip: the sums of all cells (`vilma.distributed.cells`).
3. Minimise the problem of the cells here, by the surrogate that one machine uses. That gives the
   thresholds and a plane below G, valid whatever the cells are.
4. The chords bound the value at these thresholds from above. Done if value less plane, with the
   charge for what is left of the plane's bias part, is within the accuracy asked.
5. Cut the cells that leave a gap into narrow ones, and go on with 2: gaps fall with the square of
   the width, by a factor of 1000 a round trip.

Round trips depend neither on the number of rows nor on that of parts. Cells of tied scores are
exact, so ties end the refinement instead of hindering it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from vilma.distributed.cells import CellModel, CellSums, Edges
from vilma.distributed.part import Terms
from vilma.distributed.vectors import CellSlopes, Scores
from vilma.surrogates import InnerMinimum, PiecewiseLinearForm, Plane, Surrogate

__all__ = ["PartitionedSurrogate"]

_MAX_ROUNDS = 40
# Ratio of neighbouring steps, and cells of all kinds together unless kinds are so many: with 1.5
# and 8,192 twice the bytes bring no fewer round trips (73 for 77, 79 for 64, 36 for 30).
_LADDER = 2.0
_LADDER_CELLS = 4096
_MOST_STEPS = 24  # to either side of a border, the smallest 1e-7 of the largest
_LEAST_STEPS = 4
_PIECES = 32  # into which a cell is cut
_REFINED_CELLS = 16384
_LEAST_PIECES = 4
# Share of the accuracy that is asked: at 1, EXP takes 20 iterations where one machine, whose inner
# loop is exact, takes 10; at 0.1 it takes 8, and one round trip more in ten evaluations.
_SHARE = 0.1
_GAP_SHARE = 0.5  # of the accuracy, that the chords may leave
_INNER_SHARE = 0.25  # and the problem of the cells
_REST = 0.5  # share of what gaps may leave that cells which are not cut may


class _Attempt(NamedTuple):
    """What one set of cells gave."""

    result: InnerMinimum
    error: float  # value less plane, with the charge
    gaps: np.ndarray  # (n_cells,) chord less mean


class PartitionedSurrogate(Surrogate):
    """A surrogate of rows in parts.

    Parameters
    ----------
    model : CellModel
    local : Surrogate
        The same for rows in memory.
    total_weight : float
        Of all rows of all parts.
    """

    def __init__(self, model: CellModel, local: Surrogate, total_weight: float) -> None:
        self._model = model
        self._local = local
        self._total_weight = total_weight
        self.resolution = max(model.resolution, local.resolution)
        kinds = model.kinds()
        self._n_kinds = kinds.number
        self._largest_shift = float(np.abs(kinds.shift).max())
        self._seen: list[tuple[np.ndarray, np.ndarray]] = []  # coefficients and thresholds
        self._spread = 0.0  # of the last scores
        self._last: tuple[Terms, _Attempt] | None = None

    def minimize(  # type: ignore[override]
        self, scores: Scores, accuracy: float, largest_score: float
    ) -> InnerMinimum:
        accuracy = max(_SHARE * accuracy, self.resolution)
        terms = scores.combination()
        if self._last is None or self._last[0] != terms or self._last[1].error > accuracy:
            self._last = terms, self._refine(scores, accuracy, largest_score)
        result = self._last[1].result
        return result._replace(thresholds=result.thresholds - self._model.step)

    def _refine(self, scores: Scores, accuracy: float, largest_score: float) -> _Attempt:
        coef = scores.coef
        # 1. The first cells.
        edges = self._first_edges(coef, largest_score)
        best: _Attempt | None = None
        for _ in range(_MAX_ROUNDS):
            # 2. Their sums.
            cells = scores.rows.sum("cells", scores, edges)
            # 3. and 4. The problem of the cells.
            attempt = self._solve(scores, edges, cells, accuracy, largest_score)
            if best is None or attempt.error < best.error:
                best = attempt
            if best.error <= accuracy:
                break
            # 5. Finer cells.
            finer = _cut(edges, cells, attempt.gaps, accuracy)
            if finer is None:
                break
            edges = finer
        assert best is not None
        self._seen = [*self._seen[-1:], (coef, best.result.thresholds)]
        return best

    def _solve(
        self,
        scores: Scores,
        edges: Edges,
        cells: CellSums,
        accuracy: float,
        largest_score: float,
    ) -> _Attempt:
        full = np.flatnonzero(cells.totals[0] > 0.0)
        kind, weight = edges.kind_of_cells()[full], cells.totals[0, full]
        low, high = cells.low[full], cells.high[full]
        factors = np.array([factor for _, factor in scores.combination()])
        means = (cells.totals[1, full] + factors @ cells.totals[2:, full]) / weight
        means = np.clip(means, low, high)
        self._spread = float(high.max() - low.min())
        # Means over all cells become means over all rows.
        share = float(weight.sum()) / self._total_weight
        inner = self._model.minimize(
            kind, means, weight, _INNER_SHARE * accuracy / share, largest_score
        )
        at_means = self._model.losses(kind, means, inner.thresholds)
        width = high - low
        mu = np.divide(means - low, width, out=np.zeros_like(width), where=width > 0.0)
        chords = (1.0 - mu) * self._model.losses(kind, low, inner.thresholds)
        chords += mu * self._model.losses(kind, high, inner.thresholds)
        gaps = np.maximum(chords - at_means, 0.0) * weight / self._total_weight
        value = float(weight @ at_means) / self._total_weight + float(gaps.sum())
        slopes = np.zeros(edges.n_cells)
        # The plane's slope is that of the whole cell's weight, and divided by that of all cells.
        slopes[full] = share * inner.plane.score_gradient / weight
        residual = share * inner.plane.bias_residual
        plane = Plane(
            CellSlopes(scores, edges, slopes, cells, self._largest_shift),  # type: ignore[arg-type]
            share * inner.plane.offset + float(cells.totals[1] @ slopes),
            residual,
        )
        charge = self._local.bound_thresholds(largest_score) * residual
        all_gaps = np.zeros(edges.n_cells)
        all_gaps[full] = gaps
        error = value - plane.at(scores) + charge  # type: ignore[arg-type]
        return _Attempt(InnerMinimum(value, inner.thresholds, plane), error, all_gaps)

    def _first_edges(self, coef: np.ndarray, largest_score: float) -> Edges:
        """Ladders around the borders of the thresholds that are expected."""
        if not self._seen:
            return Edges.of([np.zeros(1)] * self._n_kinds)
        borders = self._model.borders(self._expected_thresholds(coef))
        n_borders = max(sum(map(len, borders)), 1)
        n_steps = int(np.clip(_LADDER_CELLS // (2 * n_borders), _LEAST_STEPS, _MOST_STEPS))
        longest = self._spread if self._spread > 0.0 else max(largest_score, 1e-300)
        steps = longest * _LADDER ** -np.arange(n_steps, dtype=np.float64)
        steps = np.concatenate([-steps, [0.0], steps[::-1]])
        return Edges.of([_ladders(each, steps) for each in borders])

    def _expected_thresholds(self, coef: np.ndarray) -> np.ndarray:
        """Continue the last two minimisers on the line through their coefficients."""
        if len(self._seen) < 2:
            return self._seen[-1][1]
        (before, thresholds_before), (last, thresholds) = self._seen
        along = last - before
        squared = float(along @ along)
        if squared == 0.0:
            return thresholds
        t = float(np.clip((coef - last) @ along / squared, -2.0, 2.0))
        return thresholds + t * (thresholds - thresholds_before)

    def linear_form(self) -> PiecewiseLinearForm:
        raise NotImplementedError("Rows in parts are not written out as one program.")

    def bound_thresholds(self, largest_score: float) -> float:
        return self._local.bound_thresholds(largest_score)


def _ladders(borders: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Edges at ascending steps from every border, ascending."""
    if len(borders) == 1:
        return borders + steps
    return np.sort((borders[:, None] + steps).ravel())


def _cut(edges: Edges, cells: CellSums, gaps: np.ndarray, accuracy: float) -> Edges | None:
    """Cut the cells that leave the largest gaps; None if none of them can be cut."""
    can = (gaps > 0.0) & (cells.high > cells.low)
    if not can.any():
        return None
    order = np.argsort(-np.where(can, gaps, 0.0))
    left = gaps.sum() - np.cumsum(gaps[order])
    n_cut = int(np.searchsorted(-left, -_REST * _GAP_SHARE * accuracy)) + 1
    chosen = order[: min(n_cut, int(can.sum()))]
    n_pieces = int(np.clip(_REFINED_CELLS // len(chosen), _LEAST_PIECES, _PIECES))
    shares = np.arange(n_pieces) / n_pieces
    new = cells.low[chosen, None] + shares * (cells.high - cells.low)[chosen, None]
    kind = edges.kind_of_cells()
    all_kinds = np.concatenate(
        [
            np.repeat(np.arange(len(edges.start) - 1), np.diff(edges.start)),
            np.repeat(kind[chosen], n_pieces),
        ]
    )
    values = np.concatenate([edges.values, new.ravel()])
    by_kind = np.lexsort((values, all_kinds))
    values, all_kinds = values[by_kind], all_kinds[by_kind]
    kept = np.concatenate([[True], (np.diff(values) > 0.0) | (np.diff(all_kinds) > 0)])
    values, all_kinds = values[kept], all_kinds[kept]
    if len(values) == len(edges.values):
        return None
    start = np.searchsorted(all_kinds, np.arange(len(edges.start)))
    return Edges(start.astype(np.int64), values)
