r"""Cutting planes and dual coordinate ascent in turns, by the gap they close per unit of work.

**Nothing of the paper is in this file**, and a reader of the paper may skip it. All there is to
know: with ``method="auto"``, `Alternation.minimize` calls `CuttingPlaneMethod.advance` or
`CoordinateAscentMethod.advance`, one call a *turn*, until the certificate is closed. Either method
alone ends with the same certificate; what is decided here is only which of them takes less work.

Which of the two is faster depends on more than shape and alpha: with 33,000 one-hot rows planes
need two fifths of the work of ascent at alpha 0.1, seven tenths at 0.01 and a third more at 0.001,
and with 50,000 normalised text-like rows three times as much. So both are watched while they run.

**Work** is counted, never timed, so that the same input gives the same bits: in units of one
product with X and one with its transpose, in which evaluations of the surrogate, passes over the
examples, kept planes and the reduced problem's multiplications count as fixed numbers of units
(`UnitWork`).

**The rule.** With g its relative gap, the log-odds :math:`z = \log(g / (1 - g))` of either method
falls along a line, nearly straight, in the logarithm of the method's own work :math:`\omega`: with
a slope :math:`\sigma` between 2 and 5 in all that was tried. To come from z to :math:`\log
\text{tol}` it therefore takes

.. math:: \omega \bigl(e^{(z - \log \text{tol}) / \sigma} - 1\bigr)

more. The slope is measured over the last of the method's work, together with an assumed one that
counts as if measured over a short stretch. The method that needs clearly less goes on. While one
goes on, the other gets a trial whenever the work has doubled, for what a few iterations say of it
is little. An iteration of planes is one pair of products, one of the ascent many passes: planes
that would not end within the limit on iterations give way for good.

**The first.** Planes begin, and the work of ascent is assumed until it is tried. But ascent begins
where one example by itself moves its score by more than a margin, and rows are sparse or have
little in common (`row_overlap`): then to visit them one by one takes a few passes.

**Nothing is done twice.** Both go on from the same best point, and the gap that counts is that of
the best point and the best bound of either. Planes get the plane of the dual point before their
turn and thereby all that ascent knows; the ascent keeps its dual point, whose own bound says how
far it is. It begins where planes are, if thresholds are ordered (EXP), vectors are kept among the
samples, and the slopes that planes come to are nearly balanced ("From planes to slopes" in
``coordinate_ascent/method.py``): then it needs few passes, and planes give way if they need more.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from vilma.design_matrices import DesignMatrix
from vilma.solvers.certificate import Certificate
from vilma.solvers.coordinate_ascent import CoordinateAscentMethod, Slopes, single_slopes
from vilma.solvers.cutting_plane import CuttingPlaneMethod
from vilma.solvers.evaluation import Evaluated
from vilma.surrogates import Hinges

__all__ = ["Alternation", "UnitWork"]

# In nanoseconds per row, measured with one-hot codes, CSR and dense data: an evaluation took 100
# to 270 when the constants below were chosen, and takes two thirds to three quarters of that
# since; the hinges of a visit 100 to 850.
_EVALUATION = 120.0
_HINGES = 700.0
_VISIT = 1.6  # pairs of products that the two visits to each row of X in a pass cost
_PLANE = 1.5  # per number of a kept plane, in Gram matrix and combination
# Of the reduced problem: 0.55 where a pair of dense products takes 0.8 per number.
_MULTIPLICATION = 0.7
# Where samples or features are few, planes alone have so many iterations: they take 3 to 100
# times less work than ascent there, and many evaluations before the gap moves.
_ALONE = 150
_FEW_SAMPLES = 250
# From this work on the other method has a trial whenever the work has doubled, while the one that
# goes on still needs more than has been done. Planes need some iterations to make use of the plane
# of the dual point.
_FIRST_TRIAL = 200.0
_TRIAL_SHARE_PLANES = 0.15  # of the work so far, for which the trial lasts
# With .1, which is two certificates, 2,000 x 2,000 take 1.25 of the work (squared, 1e-4 at 1e-2).
_TRIAL_SHARE_ASCENT = 0.2
_HOPELESS = 3.0  # ascent that needs this many times the work of planes has no trial
# Slopes are formed from this work on, whenever it has doubled, and taken if their imbalance is no
# larger. Of 198 fits of EXP that changes seven: codes, text and sparse rows of norm^2 / (lambda m)
# 0.2 to 5, to 0.37, 0.66, 0.68, 0.68, 0.71, 1.1 and 1.7 of the work. Faces at 1.3, where ascent
# takes three times as much as planes, have an imbalance of 0.15. IMC and squared gain nothing.
_FIRST_SLOPES = 10.0
_BALANCED = 0.06
_PASSES_FROM_THERE = 4.0  # that ascent is assumed to take then
# From this share of the iterations on planes must be about to end: their pace may still grow by
# this factor. With IMC, alpha 1e-4 and a gap of 1e-3 the same data take planes more than 1,000.
_ENDING = 0.75
_MAY_GROW = 2.5
_IDLE = 1e-3  # decrease of z in an idle turn
_MOST_IDLE = 20  # turns, after which the other method has one
# Chosen together, on 210 fits whose work by either method alone was recorded: one-hot codes, text
# and dense data of fifteen shapes, three surrogates, alphas from 0.1 to 1e-8, gaps 1e-2 and 1e-3.
_RECENT = 0.3  # the slope is that since this share of the method's work
# Above a gap of 0.9 the slope from there to the end was at least 2, whatever first steps showed.
_EARLY = np.log(0.9 / 0.1)
_LEAST_SLOPE = 2.0
_MARGIN = 0.6  # of its own remaining work, below which the other's is clearly less


class _Assumed(NamedTuple):
    """A slope, and the piece of log work over which it counts as measured."""

    slope: float
    length: float


_PLANES = _Assumed(3.5, 0.5)
_ASCENT = _Assumed(5.0, 0.2)
# Passes that the ascent is assumed to take before it has begun: 6 to 50 with one-hot codes and
# text, whose rows have few columns in common, 100 to 10,000 with dense ones, where planes need
# less work nearly always. What tells them apart is the work of a pair per entry of X, stored or
# not, in nanoseconds: 0.007, 0.003, and 1. One-hot rows of few levels, 0.03 to 0.4, take more
# passes in proportion to the rows per column. 8 or 10 for sparse rows differ in two fits: text by
# EXP at alpha 1e-4 to 1e-2 takes 23 or 39 units, 33,000 codes by IMC at 0.1 to 1e-3 31 or 29.
_SPARSE = 0.01
_SPARSE_PASSES = 8.0
_DENSER_PASSES = 10.0
_DENSER = 1.25  # exponent: 3,000 passes of dense rows
_PREPARATION = 2.0  # of the ascent, in pairs of products
# Where an example moves its own score by more than this, |x|^2 / (lambda m) in margins of 1, and
# rows are sparse or have little in common, ascent begins. On one-hot codes and text planes take
# 0.1 to 4 times its work at moves of 0.2 to 0.5, 0.7 to 5 times at 1 to 1.3, 0.9 to 50 times at
# 1.9 to 130. Ordered thresholds (EXP) lie close together at large alphas, where ascent is slow: it
# takes 208 units and planes 9 at a move of 1.2, then 100 and 11 at 2.7, 42 and 31 at 5.8, 37 and
# 103 at 12.
_OWN_MOVE = 1.0
_OWN_MOVE_ORDERED = 5.0
# Columns per row, and overlap, of rows that have little in common. At a move of 20 planes take 3.5
# to 6 times the work of ascent on 1,000 x 3,000 normal features (overlap 1.3), 1.5 to 3.3 times on
# 3,000 rows of 600 blocks of 16 levels (2.0), 3 to 9 times on codes of faces (4.5); on 3,000 rows
# of 100 blocks of 16 levels (7.7) 0.2 to 0.6 of it, and on 2,000 x 2,000 (2.0) 0.4 to 0.9.
_WIDE = 2.0
_OVERLAP = 5.0
_ALIKE = 1e-9  # share of all squared norms that is left when alike rows are centred, by rounding


class UnitWork(NamedTuple):
    """Work of what is counted, in units of one product with X and one with its transpose."""

    evaluation: float  # of the surrogate
    visits: float  # of all examples, once
    plane: float  # kept during an iteration
    multiplication: float  # in the reduced problem
    entry: float  # of X, stored or not, in nanoseconds of a pair

    @classmethod
    def of(cls, pair_cost: float, shape: tuple[int, int]) -> UnitWork:
        """Units where a pair of products takes `pair_cost` nanoseconds."""
        n_samples, n_features = shape
        return cls(
            _EVALUATION * n_samples / pair_cost,
            _VISIT + _HINGES * n_samples / pair_cost,
            _PLANE * min(n_samples, n_features) / pair_cost,
            _MULTIPLICATION / pair_cost,
            pair_cost / (n_samples * n_features),
        )


class Alternation:
    """Decides which method goes on.

    Parameters
    ----------
    planes : CuttingPlaneMethod
    make_ascent : callable
        Makes the other method when it is needed first.
    X : DesignMatrix
        In memory.
    n_examples : int
        Which it has a row for, or several.
    ordered : Hinges or None
        The loss, if it is hinges of thresholds that must be nondecreasing.
    """

    def __init__(
        self,
        planes: CuttingPlaneMethod,
        make_ascent: Callable[[], CoordinateAscentMethod],
        X: DesignMatrix,
        n_examples: int,
        ordered: Hinges | None,
    ) -> None:
        assert X.pair_cost is not None
        self._planes = planes
        self._make_ascent = make_ascent
        self._unit_work = UnitWork.of(max(X.pair_cost, 1.0), X.shape)
        self._n_examples = n_examples
        self._ordered = ordered
        self._own_move = _OWN_MOVE if ordered is None else _OWN_MOVE_ORDERED
        self.ascent: CoordinateAscentMethod | None = None
        self._ascent_ended = False  # whether the last problem ended with ascent
        # Neither is known before it is asked for: of rows, and the alpha below which an example
        # moves its own score far.
        self._little_in_common: bool | None = None
        self._far_below: float | None = None

    def minimize(self, certificate: Certificate, best: Evaluated) -> Evaluated:
        """Go on until the certificate is closed; return the best point."""
        run = _Run(
            self._planes,
            self.ascent,
            self._make_ascent,
            self._ordered,
            self._unit_work,
            certificate,
            best,
        )
        alpha = certificate.settings.alpha
        run.begin(with_planes=run.planes_alone or not self._ascent_begins(alpha))
        while not certificate.is_closed():
            run.take_turn()
        self.ascent, self._ascent_ended = run.ascent, run.ascent_had_turn
        return run.best

    def _ascent_begins(self, alpha: float) -> bool:
        """Tell whether examples move their own scores far, and have little in common."""
        if self._ascent_ended:
            return True
        X, sparse = self._planes.X, self._unit_work.entry <= _SPARSE
        if not sparse and X.shape[1] < _WIDE * X.shape[0]:
            return False
        if self._far_below is None:
            norms = X.squared_row_norms()
            self._far_below = float(
                (norms / len(norms)).sum() / (self._n_examples * self._own_move)
            )
        if alpha >= self._far_below:
            return False
        if self._little_in_common is None:
            self._little_in_common = sparse or row_overlap(X) <= _OVERLAP
        return self._little_in_common


def row_overlap(X: DesignMatrix) -> float:
    r"""Estimate how much rows have in common, by one pair of products.

    For centred rows it is :math:`m \sum_{ij} \langle x_i, x_j\rangle^2 / (\sum_i |x_i|^2)^2`: 1
    where they are orthogonal and of one length, m where they are all alike. Both sums are traces,
    of the Gram matrix and of its square, which a product with random signs estimates (Hutchinson).
    """
    m = X.shape[0]
    signs = np.random.default_rng(0).choice([-1.0, 1.0], m)
    mean = X.transpose_dot(np.full(m, 1.0 / m))
    with np.errstate(over="ignore", invalid="ignore"):  # values beyond 1e150: not a number
        scores = X.dot(X.transpose_dot(signs - signs.mean()))
        scores -= scores.mean()
        mean_norm = float((X.squared_row_norms() / m).sum())
        spread = mean_norm - float(mean @ mean)  # a row's, on average
        if spread <= _ALIKE * mean_norm:
            return float(m)
        scores /= m * spread
        return m * float(scores @ scores)


class _Progress:
    """The work of one method on one problem, and the gap that it came to with it."""

    def __init__(self, assumed: _Assumed) -> None:
        self._assumed = assumed
        self._work: list[float] = []  # so far, turn by turn
        self._z: list[float] = []  # that this method would have come to by itself

    def add(self, work: float, before: float, after: float) -> None:
        """Append a turn that brought the gap from `before` to `after`."""
        if not self._work:
            self._work, self._z = [work], [_log_odds(after)]
            return
        self._work.append(self._work[-1] + work)
        self._z.append(self._z[-1] - max(_log_odds(before) - _log_odds(after), 0.0))

    def remaining(self, tol: float, gap: float | None = None) -> float:
        """Work that this method still needs to a gap of `tol`, from `gap` or what it came to.

        It is nan before the first turn.
        """
        if not self._work:
            return np.nan
        z = self._z[-1] if gap is None else _log_odds(gap)
        needed = z - np.log(max(tol, 1e-16))
        return float(self._work[-1] * np.expm1(min(max(needed, 0.01) / self._slope(), 100.0)))

    def _slope(self) -> float:
        start = max(bisect_right(self._work, _RECENT * self._work[-1]) - 1, 0)
        length = np.log(self._work[-1] / self._work[start])
        slope, as_length = self._assumed
        decrease = self._z[start] - self._z[-1]
        slope = (decrease + slope * as_length) / (length + as_length)
        return float(max(slope, _LEAST_SLOPE) if self._z[-1] > _EARLY else slope)


class _Run:
    """One problem: the best point, the work so far, and the progress of both methods."""

    def __init__(
        self,
        planes: CuttingPlaneMethod,
        ascent: CoordinateAscentMethod | None,
        make_ascent: Callable[[], CoordinateAscentMethod],
        ordered: Hinges | None,
        unit_work: UnitWork,
        certificate: Certificate,
        best: Evaluated,
    ) -> None:
        self.best = best
        self.ascent = ascent
        self.ascent_had_turn = False
        # With few samples planes have another advantage: a row of weight 2 gives the same digits
        # as two rows.
        self.planes_alone = best.point.scores.size <= _FEW_SAMPLES or planes.few_features
        self._make_ascent = make_ascent
        self._planes = planes
        self._ordered = ordered
        self._unit_work = unit_work
        self._certificate = certificate
        self._work = 0.0
        self._next_slopes = _FIRST_SLOPES  # work from which they are formed again
        self._planes_started = False  # on this problem
        self._ascent_started = False
        self._n_idle = 0  # turns, one after the other, that closed next to nothing
        self._planes_know_dual = True  # whether planes have the plane of the dual point
        self._trial_end = 0.0  # work up to which a method goes on, whatever it needs
        self._next_trial = _FIRST_TRIAL  # work from which planes have another trial
        self._next_ascent_trial = _FIRST_TRIAL
        self._stretch: list[float] = []  # z, turn by turn, since the methods changed
        self._planes_end = True  # within the limit on iterations
        self._planes_progress = _Progress(_PLANES)
        self._ascent_progress = _Progress(_ASCENT)
        n_passes = _SPARSE_PASSES
        if unit_work.entry > _SPARSE:
            n_rows, n_columns = planes.X.shape
            n_passes = _DENSER_PASSES * (unit_work.entry / _SPARSE) ** _DENSER
            n_passes *= max(1.0, n_rows / n_columns)
        self._assumed_ascent = self._assumed_work(n_passes)

    def begin(self, with_planes: bool) -> None:
        """Record the first bound, or that of the first passes."""
        if with_planes:
            self._start_planes()
            if not self._certificate.is_closed():
                self._turn_of_planes()
        else:
            self._turn_of_ascent()

    def take_turn(self) -> None:
        """Let the method that should need less work go on."""
        slopes = self._balanced_slopes()
        with_planes = slopes is None and self._choose_planes()
        changed = with_planes == self.ascent_had_turn
        before = _log_odds(self._certificate.gap)
        if changed:
            self._stretch = [before]
        if with_planes:
            self._turn_of_planes()
        else:
            self._turn_of_ascent(slopes)
        after = _log_odds(self._certificate.gap)
        self._stretch.append(after)
        idle = before - after < _IDLE
        self._n_idle = self._n_idle + 1 if idle and not changed else 0
        if len(self._certificate.history) > _ALONE:
            self.planes_alone = False

    def _balanced_slopes(self) -> Slopes | None:
        """Return the slopes that planes have come to, if ascent should go on from there."""
        hinges, alpha = self._ordered, self._certificate.settings.alpha
        if hinges is None or self.planes_alone or self._ascent_started:
            return None
        if self._work < self._next_slopes:
            return None
        self._next_slopes = 2.0 * self._work
        by_sample = self._planes.solution_by_sample()
        needed = self._assumed_work(_PASSES_FROM_THERE)
        tol, gap = self._certificate.settings.tol, self._certificate.gap
        if by_sample is None or self._planes_progress.remaining(tol, gap) < needed:
            return None
        difference = alpha * by_sample * hinges.weight.sum() / hinges.weight
        thresholds = self.best.inner.thresholds[hinges.places]
        slopes = single_slopes(hinges, difference, thresholds)
        return slopes if slopes.imbalance <= _BALANCED else None

    def _assumed_work(self, n_passes: float) -> float:
        """Work of so many passes from the beginning; a certificate for every other one."""
        return _PREPARATION + n_passes * (self._unit_work.visits + 0.5)

    def _choose_planes(self) -> bool:
        """Tell whether planes should need less work than ascent from here."""
        if self.planes_alone:
            return True
        tol = self._certificate.settings.tol
        # While planes go on they show what they make of all that is known; before that, only what
        # they would have come to by themselves.
        gap = None if self.ascent_had_turn else self._certificate.gap
        planes = self._planes_progress.remaining(tol, gap)
        ascent = self._ascent_progress.remaining(tol)
        self._planes_end = self._planes_end and not self._planes_out_of_iterations(tol)
        if not self._planes_end:
            return False
        if self._work < self._trial_end:
            return not self.ascent_had_turn
        if self._n_idle >= _MOST_IDLE:
            return self.ascent_had_turn  # the other one
        if self.ascent_had_turn:
            trial = ascent > self._work > self._next_trial
            return trial or (self._planes_started and planes < _MARGIN * ascent)
        if not self._ascent_started:
            ascent = self._assumed_ascent
        if planes > self._work > self._next_ascent_trial and ascent < _HOPELESS * planes:
            self._trial_end = self._work * (1.0 + _TRIAL_SHARE_ASCENT)
            self._next_ascent_trial = 2.0 * self._trial_end
            return False
        return _MARGIN * planes <= ascent

    def _planes_out_of_iterations(self, tol: float) -> bool:
        """Tell whether planes, which have had the last turns, will not end in those left."""
        n_iter, max_iter = len(self._certificate.history), self._certificate.settings.max_iter
        if self.ascent_had_turn or n_iter < _ENDING * max_iter or len(self._stretch) < 3:
            return False
        n_turns, z = len(self._stretch) // 2, self._stretch[-1]
        pace = (self._stretch[-1 - n_turns] - z) / n_turns
        needed = z - np.log(max(tol, 1e-16))
        return bool(_MAY_GROW * pace * (max_iter - n_iter) < needed)

    def _start_planes(self) -> None:
        self._planes.start(self._certificate, self.best)
        self._planes_started = True
        self._planes.record(self._certificate, self.best)
        self._count(self._planes_progress, 1.0, 1.0, self._certificate.gap)

    def _turn_of_planes(self) -> None:
        self.ascent_had_turn = False
        if not self._planes_started:
            self._start_planes()
        if not self._planes_know_dual:
            assert self.ascent is not None
            assert self.ascent.plane is not None
            self._planes.add(self.ascent.plane, self._certificate, self.best)
            self._work += 1.0
            self._planes_know_dual = True
            self._trial_end = self._work * (1.0 + _TRIAL_SHARE_PLANES)
            self._next_trial = max(_FIRST_TRIAL, 2.0 * self._trial_end)
        before = self._certificate.gap
        self.best = self._planes.advance(self._certificate, self.best)
        unit_work, n_evaluations = self._unit_work, self._certificate.history.n_evaluations
        work = 1.0 + unit_work.evaluation * n_evaluations
        work += unit_work.plane * self._planes.n_planes
        work += unit_work.multiplication * self._planes.reduced_work
        self._count(self._planes_progress, work, before, self._certificate.gap)

    def _turn_of_ascent(self, slopes: Slopes | None = None) -> None:
        self.ascent_had_turn = True
        if self.ascent is None:
            self.ascent = self._make_ascent()
            self._work += _PREPARATION
        if not self._ascent_started:
            self.ascent.start(self._certificate)
            if slopes is not None:
                self.ascent.take_over(slopes, self.best)
            self._ascent_started = True
        before = self.ascent.gap
        unit_work = self._unit_work
        self.best, n_passes = self.ascent.advance(self._certificate, self.best)
        n_evaluations = self._certificate.history.n_evaluations
        work = 1.0 + unit_work.visits * n_passes + unit_work.evaluation * n_evaluations
        self._count(self._ascent_progress, work, before, self.ascent.gap)
        self._planes_know_dual = False

    def _count(self, progress: _Progress, work: float, before: float, after: float) -> None:
        """Count work of a method that brought its gap from `before` to `after`."""
        self._work += work
        progress.add(work, before, after)


def _log_odds(gap: float) -> float:
    """Logarithm of the gap as a share of the lower bound: a gap near 1 may still fall fast."""
    gap = min(max(gap, 1e-300), 1.0 - 1e-16)
    return float(np.log(gap / (1.0 - gap)))
