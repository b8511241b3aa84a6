r"""Cutting planes and dual coordinate ascent in turns, by the gap they close per unit of work.

Which of the two is faster depends on more than shape and alpha: with 33,000 one-hot rows and
alpha 0.1 planes need half the work of ascent, at alpha 0.01 nine tenths, and with 50,000
normalised text-like rows three times as much. So both are watched while they run.

**Work** is counted, never timed, so that the same input gives the same bits: in units of one
product with X and one with its transpose, in which evaluations of the surrogate, passes over the
examples and kept planes count as fixed numbers of units (`UnitWork`).

**The rule.** A method that lowered :math:`z = \log(g / (1 - g))`, g its relative gap, at the rate
r per unit of work in its last turns will need :math:`(z - \log \text{tol}) / r` more units, times
a factor because rates fall; the method that needs less has the next turn. A turn is a share of the
work so far, so that little is lost by a wrong one. A method that has not shown its rate is
assumed to have a good one.

**Nothing is done twice.** Both go on from the same best point, and the gap that counts is that of
the best point and the best bound of either. Planes get the plane of the dual point before their
turn and thereby all that ascent knows; the ascent keeps its dual point, whose own bound says how
far it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from vilma.solvers.certificate import Certificate
from vilma.solvers.coordinate_ascent import CoordinateAscentMethod
from vilma.solvers.cutting_plane import CuttingPlaneMethod
from vilma.solvers.evaluation import Evaluated

__all__ = ["Alternation", "UnitWork"]

# In nanoseconds per row, measured with one-hot codes, CSR and dense data: an evaluation
# takes 100 to 270, the hinges of a visit 100 to 850.
_EVALUATION = 120.0
_HINGES = 700.0
_VISIT = 1.6  # pairs of products that the two visits to each row of X in a pass cost
_PLANE = 1.5  # per number of a kept plane, in Gram matrix and combination
_FEW_SAMPLES = 250
_ALONE = 150  # iterations of planes where samples are few
_LEAST_TURN = 3  # iterations of planes, passes of ascent
_TRIAL = 2  # iterations of planes to begin with, after the one that may give a bound
_LONGEST_TURN = 25  # iterations of planes, several of which fit into what counts as stalled
_IDLE = 0.999  # share of the gap that an idle turn leaves
_MOST_IDLE = 2  # turns, after which the other method has one
_TURN = 0.2  # share of the work so far that a turn takes at least
# Both slow down as the gap closes: what was left came out as so many times what the rate said.
_SLOWDOWN_PLANES = 3.0
_SLOWDOWN_ASCENT = 1.3
_SLOWDOWN_FEW_FEATURES = 15.0  # of the ascent; 20 was seen with 50 features at alpha 1e-4
_MARGIN = 0.8  # of the other's remaining work, below which it is worth to change
_MOST = 0.5  # and that passes without a certificate take at most
# Rates assumed before they are known, as decrease of the gap's logarithm. An iteration with
# planes closes 0.9 where features are few, 0.1 to 0.5 elsewhere, a pass 0.3 to 1.
_ASSUMED_PER_ITERATION = 0.25
_ASSUMED_FEW_FEATURES = 0.9
_ASSUMED_PER_PASS = 1.3
_USUAL_EVALUATIONS = 3.5  # of an iteration
_PREPARATION = 2.0  # of the ascent, in pairs of products


class UnitWork(NamedTuple):
    """Work of what is counted, in units of one product with X and one with its transpose."""

    evaluation: float  # of the surrogate
    visits: float  # of all examples, once
    plane: float  # kept during an iteration

    @classmethod
    def of(cls, pair_cost: float, shape: tuple[int, int]) -> UnitWork:
        """Units where a pair of products takes `pair_cost` nanoseconds."""
        n_samples, n_features = shape
        return cls(
            _EVALUATION * n_samples / pair_cost,
            _VISIT + _HINGES * n_samples / pair_cost,
            _PLANE * min(n_samples, n_features) / pair_cost,
        )


class Alternation:
    """Decides which method goes on.

    Parameters
    ----------
    planes : CuttingPlaneMethod
    make_ascent : callable
        Makes the other method when it is needed first.
    unit_work : UnitWork
    """

    def __init__(
        self,
        planes: CuttingPlaneMethod,
        make_ascent: Callable[[], CoordinateAscentMethod],
        unit_work: UnitWork,
    ) -> None:
        self._planes = planes
        self._make_ascent = make_ascent
        self._unit_work = unit_work
        self.ascent: CoordinateAscentMethod | None = None
        self._ascent_ended = False  # whether the last problem ended with ascent

    def minimize(self, certificate: Certificate, best: Evaluated) -> Evaluated:
        """Go on until the certificate is closed; return the best point."""
        run = _Run(
            self._planes, self.ascent, self._make_ascent, self._unit_work, certificate, best
        )
        run.begin(with_planes=not self._ascent_ended)
        while not certificate.is_closed():
            run.take_turn()
        self.ascent, self._ascent_ended = run.ascent, run.ascent_had_turn
        return run.best


class _Run:
    """One problem: the best point, the work so far, and the methods' rates."""

    def __init__(
        self,
        planes: CuttingPlaneMethod,
        ascent: CoordinateAscentMethod | None,
        make_ascent: Callable[[], CoordinateAscentMethod],
        unit_work: UnitWork,
        certificate: Certificate,
        best: Evaluated,
    ) -> None:
        self.best = best
        self.ascent = ascent
        self.ascent_had_turn = False
        self._make_ascent = make_ascent
        self._planes = planes
        self._unit_work = unit_work
        self._certificate = certificate
        self._work = 0.0
        self._planes_started = False  # on this problem
        # With few samples all is a matter of milliseconds, and planes have the merit that a row of
        # weight 2 is two rows to the last digits: they go on for long.
        self._few_samples = best.point.scores.size <= _FEW_SAMPLES
        self._n_idle = 0  # turns, one after the other, that closed next to nothing
        self._planes_measured = False  # turns differ much: rates are averages of two and more
        self._ascent_measured = False
        self._ascent_started = False
        self._handed = True  # whether planes have the plane of the dual point
        few = planes.few_features
        self._slowdown = _SLOWDOWN_FEW_FEATURES if few else _SLOWDOWN_ASCENT
        assumed = _ASSUMED_FEW_FEATURES if few else _ASSUMED_PER_ITERATION
        self._planes_rate = assumed / (1.0 + _USUAL_EVALUATIONS * unit_work.evaluation)
        self._ascent_rate = _ASSUMED_PER_PASS / (unit_work.visits + 0.5)

    def begin(self, with_planes: bool) -> None:
        """Try planes; go on with them at once where they have a bound already."""
        if with_planes:
            self._start_planes()
            self._planes.record(self._certificate, self.best)
            self._iterate(1)
            if self._certificate.gap < 1.0 and not self._certificate.is_closed():
                self._turn_of_planes(_TRIAL)
        else:
            self._turn_of_ascent()

    def _start_planes(self) -> None:
        self._planes.start(self._certificate, self.best)
        self._planes_started = True
        self._work += 1.0

    def take_turn(self) -> None:
        """Let the method that should need less work go on."""
        planes, ascent = self._remaining_planes(), self._remaining_ascent()
        if self._few_samples:
            with_planes = True
        elif planes == ascent or self._n_idle >= _MOST_IDLE:
            with_planes = self.ascent_had_turn  # the other one
        elif self.ascent_had_turn:
            with_planes = planes < _MARGIN * ascent
        else:
            with_planes = _MARGIN * planes <= ascent
        before = self._certificate.gap
        if with_planes:
            self._turn_of_planes(_LEAST_TURN)
        else:
            self._turn_of_ascent()
        idle = _IDLE * before < self._certificate.gap < 1.0
        self._n_idle = self._n_idle + 1 if idle else 0
        if len(self._certificate.history) > _ALONE:
            self._few_samples = False

    def _remaining_planes(self) -> float:
        return _SLOWDOWN_PLANES * self._remaining(self._certificate.gap, self._planes_rate)

    def _remaining_ascent(self) -> float:
        if self.ascent is None or not self._ascent_started:
            return _PREPARATION + self._slowdown * self._remaining(1.0, self._ascent_rate)
        return self._slowdown * self._remaining(self.ascent.gap, self._ascent_rate)

    def _remaining(self, gap: float, rate: float) -> float:
        """Work that is left if the rate stays."""
        tol = max(self._certificate.settings.tol, 1e-16)
        if rate <= 0.0:
            return np.inf
        left = np.log(gap / tol) if gap >= 1.0 else _log_odds(gap) - np.log(tol)
        return float(max(left, 0.01) / rate)

    def _turn_of_planes(self, n_iter: int) -> None:
        self.ascent_had_turn = False
        if not self._planes_started:
            self._start_planes()
        before, start = self._certificate.gap, self._work
        if not self._handed:
            assert self.ascent is not None
            assert self.ascent.plane is not None
            self._planes.add(self.ascent.plane, self._certificate, self.best)
            self._work += 1.0
            self._handed = True
        self._iterate(n_iter)
        assumed = self._planes_rate
        for _ in range(_LONGEST_TURN):
            if self._work - start >= _TURN * self._work or self._certificate.is_closed():
                break
            # What is long need not be waited for where it would not be chosen again.
            self._planes_rate = self._rate(before, self._certificate.gap, start, assumed)
            if _MARGIN * self._remaining_planes() > self._remaining_ascent():
                break
            self._iterate(1)
        self._planes_rate = assumed
        rate = self._rate(before, self._certificate.gap, start, self._planes_rate)
        self._planes_rate = 0.5 * (self._planes_rate + rate) if self._planes_measured else rate
        self._planes_measured = before < 1.0

    def _iterate(self, n_iter: int) -> None:
        unit_work, certificate = self._unit_work, self._certificate
        for _ in range(n_iter):
            if certificate.is_closed():
                break
            self.best = self._planes.advance(certificate, self.best)
            n_planes = self._planes.n_planes
            n_evaluations = certificate.history.n_evaluations
            self._work += 1.0 + unit_work.evaluation * n_evaluations + unit_work.plane * n_planes

    def _turn_of_ascent(self) -> None:
        self.ascent_had_turn = True
        if self.ascent is None:
            self.ascent = self._make_ascent()
            self._work += _PREPARATION
        if not self._ascent_started:
            self.ascent.start(self._certificate)
            self._ascent_started = True
        before, start = self.ascent.gap, self._work
        self._ascend()
        while self._work - start < _TURN * self._work and not self._certificate.is_closed():
            self._ascend()
        rate = self._rate(before, self.ascent.gap, start, self._ascent_rate)
        self._ascent_rate = 0.5 * (self._ascent_rate + rate) if self._ascent_measured else rate
        self._ascent_measured = before < 1.0
        self._handed = False

    def _ascend(self) -> None:
        unit_work, certificate = self._unit_work, self._certificate
        assert self.ascent is not None
        most = max(_LEAST_TURN, int(_MOST * self._work / unit_work.visits))
        self.best, n_passes = self.ascent.advance(certificate, self.best, most)
        n_evaluations = certificate.history.n_evaluations
        self._work += 1.0 + unit_work.visits * n_passes + unit_work.evaluation * n_evaluations

    def _rate(self, before: float, after: float, start: float, assumed: float) -> float:
        """Rate of the turn that began at the work `start`.

        Until there is a bound the relative gap is 1 however much the method learned, which
        measures its rate too low.
        """
        if after <= 0.0:
            return np.inf
        work = max(self._work - start, 1.0)  # a turn that finds the problem solved does none
        if before >= 1.0:
            return max(float(np.log(before / after)) / work, 0.7 * assumed)
        return max(_log_odds(before) - _log_odds(after), 0.0) / work


def _log_odds(gap: float) -> float:
    """Logarithm of the gap as a share of the lower bound: a gap near 1 may still fall fast."""
    return float(np.log(gap / (1.0 - gap)))
