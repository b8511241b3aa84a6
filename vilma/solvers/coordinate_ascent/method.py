r"""Dual coordinate ascent: one example after the other, for small alphas and many features.

**The problem and its dual.** With weights p of sum P and the surrogate written as hinges below and
above the intervals :math:`[l_i, u_i]` (`vilma.surrogates.surrogate.Hinges`),

.. math:: \min_{w, \theta}\; \frac{\lambda}{2} |w|^2 + \frac{1}{P} \sum_i p_i \Bigl(
          \sum_{k \in \text{below}_i} \max(0, a^-_i - s_i + \theta_k) +
          \sum_{k \in \text{above}_i} \max(0, a^+_i + s_i - \theta_k) \Bigr), \qquad s_i = \langle
          x_i, w\rangle,

and margins :math:`a^-_i, a^+_i`, which are 1 in EXP and IMC.

A hinge :math:`\max(0, t)` is :math:`\max_{0 \le q \le 1} q t`: its dual variable is its slope.
With slopes :math:`q^-_{ik}` of the hinges below and :math:`q^+_{ik}` of those above, :math:`Q^-_i
= \sum_k q^-_{ik}` and :math:`Q^+_i = \sum_k q^+_{ik}`,

.. math:: \max_{0 \le q \le 1}\; \frac{1}{P} \sum_i p_i (a^-_i Q^-_i + a^+_i Q^+_i)
          - \frac{\lambda}{2} |w|^2, \quad w = \frac{1}{\lambda P} \sum_i p_i (Q^-_i - Q^+_i) x_i,
          \quad d_k := \sum_i p_i (q^-_{ik} - q^+_{ik}) = 0 \text{ for all } k.

The constraint on d comes of minimising over the thresholds. Where these are ordered (EXP), with
multipliers :math:`\nu_k \ge 0` of :math:`\theta_k \le \theta_{k+1}`, it is
:math:`d_k + \nu_k - \nu_{k-1} = 0`. A point of the dual is a plane of G (see
`vilma.surrogates.plane`, whose d is this one over P) with :math:`c_i = p_i (Q^+_i - Q^-_i) / P`.

**Centred rows.** With the mean row :math:`\bar x = \frac{1}{P} \sum_i p_i x_i`, the sum in w may
as well be over :math:`x_i - \bar x`: what is taken off is :math:`\bar x` times :math:`\sum_i p_i
(Q^-_i - Q^+_i) = \sum_k d_k`, which is 0 at a point of the dual. Before, it spares the thresholds
to follow a drift of all scores. From here on w and the scores are those of centred rows.

**The augmented Lagrangian.** The constraint couples all examples. It is moved into the objective
by the method of multipliers, which is the proximal point algorithm on the thresholds [2]_: with a
centre :math:`\bar\theta` and a step :math:`\gamma`, maximise over the box alone

.. math:: \frac{1}{P} \sum_i p_i (a^-_i Q^-_i + a^+_i Q^+_i) - \frac{\lambda}{2} |w|^2
          + \frac{1}{P} \Bigl( \langle \bar\theta, d\rangle - \frac{\gamma}{2} |d|^2 \Bigr),

the last term being :math:`\min_\theta \langle \theta, d\rangle + |\theta - \bar\theta|^2 / (2
\gamma)`, attained at :math:`\theta = \bar\theta - \gamma d`; then set :math:`\bar\theta \leftarrow
\theta`. One pass over the examples is made per update of the centre. Where the thresholds are
ordered, :math:`d_k + \nu_k - \nu_{k-1}` takes the place of :math:`d_k`, and each :math:`\nu_k` its
best value when threshold k or k + 1 has moved: it grows by :math:`(\theta_k - \theta_{k+1}) / (2
\gamma)`, but stays nonnegative.

**The update of an example**, all others fixed (Algorithm 1 of Hsieh et al. [1]_, with a block of
variables in the place of one), is exact up to a thousandth of the step. Its stationary slopes are

.. math:: q^-_{ik} = \text{clip}_{[0, 1]}\Bigl(q^{-,old}_{ik} + \frac{a^-_i - t +
          \theta_k^{old}}{\gamma p_i}\Bigr), \quad
          q^+_{ik} = \text{clip}_{[0, 1]}\Bigl(q^{+,old}_{ik} + \frac{a^+_i + t -
          \theta_k^{old}}{\gamma p_i}\Bigr)

at its new score t, which solves the scalar equation

.. math:: t = s_i + \frac{p_i |x_i - \bar x|^2}{\lambda P}
          \bigl(Q^-_i(t) - Q_i^{-,old} - Q^+_i(t) + Q_i^{+,old}\bigr).

Where one example by itself moves its score by more than a margin, visiting the examples in turn
finds good slopes in far fewer passes over X than the cutting-plane method takes iterations.

**From planes to slopes.** The solution of the reduced problem of cutting planes is a point of the
dual, too, :math:`w = X^T u` with :math:`Q^-_i - Q^+_i = \lambda P u_i / p_i =: \delta_i`. In EXP,
where an example has one hinge of either kind at most, of :math:`\theta_k` below and
:math:`\theta_l` above its interval, this and the thresholds say what the slopes are: between their
breakpoints both hinges are positive if :math:`\theta_l - \theta_k < 2`, and neither if not, so

.. math:: q^-_{ik} = \min(1, 1 + \delta_i), \quad q^+_{il} = \min(1, 1 - \delta_i)
          \qquad\text{or}\qquad
          q^-_{ik} = \max(0, \delta_i), \quad q^+_{il} = \max(0, -\delta_i) .

These are not those of the planes, which were taken at other thresholds: d, which was 0, is not,
and :math:`|d|_1` as a share of :math:`\sum_i p_i (Q^-_i + Q^+_i)` says how far they are from them
(`Slopes.imbalance`). Where it is small the ascent goes on from about the bound that planes had.

**The certificate.** What is left of d is removed by scaling each threshold's slopes down
(`_kernels.balanced_plane`) before the plane is taken for a bound.

**Several pieces** (`mixtures.py`). Where labels have the scores :math:`f(y) = \sum_{k < y}
(s_{j(k)} - \theta_k)` of PW-VILMA, the loss of a side, say :math:`\max_{y \le l} [\Delta(y, l) +
f(y) - f(l)]`, is the maximum over mixtures :math:`\pi` of its labels. With the slopes
:math:`q^-_k = \sum_{y \le k} \pi_y`, which rise from 0 to 1 towards l, it is

.. math:: \max_{0 \le q^-_0 \le \dots \le q^-_{l - 1} \le 1} \; \sum_{k < l} q^-_k
          \bigl(\Delta(k, l) - \Delta(k + 1, l) - s_{j(k)} + \theta_k\bigr) ,

a sum of hinges but for the order of the slopes. So the dual, d and the proximal term are those
above, with directions W = V N (see `vilma.solvers.metric`) in the place of w:

.. math:: \lambda P V_j = \sum_i p_i \Bigl(\sum_{k : j(k) = j} (q^-_{ik} - q^+_{ik})\Bigr)
          (x_i - \bar x) .

The update of an example moves shares between two labels of each side, from the one with the least
among those that have a share to the one with the largest :math:`\Delta(y, l) + f(y)`, as in
sequential minimal optimisation [3]_: both sides at once, by the maximum of a quadratic function of
two variables over a box. It ends when what can be gained is a tenth of what it was at first. To
remove what is left of d, slopes are lowered towards the next smaller one, which keeps their order,
and those further out with them where that is not enough
(`_mixture_kernels.balanced_mixture_plane`).

References
----------
.. [1] C.-J. Hsieh, K.-W. Chang, C.-J. Lin, S. S. Keerthi, S. Sundararajan, "A dual coordinate
       descent method for large-scale linear SVM", ICML 2008.
.. [2] R. T. Rockafellar, "Augmented Lagrangians and applications of the proximal point algorithm
       in convex programming", Mathematics of Operations Research 1, 1976.
.. [3] J. C. Platt, "Fast training of support vector machines using sequential minimal
       optimization", Advances in Kernel Methods, MIT Press, 1999.
"""

from __future__ import annotations

import numpy as np

from vilma.solvers.certificate import Certificate, relative_gap
from vilma.solvers.coordinate_ascent.dual_point import (
    DualPoint,
    HingeDualPoint,
    Slopes,
    best_multiple,
)
from vilma.solvers.evaluation import Evaluated, search
from vilma.solvers.spaces import Space
from vilma.surrogates import Plane

__all__ = ["CoordinateAscentMethod"]

_FIRST_STEP = 0.8  # tried in the first line search; 0.5 and 1 take the same work
# The pace that they show says when to look next; 2 and 6 take 1 % more and 1 % less work (84 fits
# of one-hot codes and text), and as much time.
_FIRST_PASSES = 4
# Between two certificates at most; 5, 10 and 20 take 41, 39 and 39 iterations. While few have been
# made, no more than this share of them, or than 5: the first ones do not show the pace. Without
# that limit the 84 fits take 1.4 % more work, with a share of .5 as much, with 2 .8 % more.
_MOST_PASSES = 10
_FEW_PASSES, _SHARE_OF_PASSES = 5, 0.8
# Decrease of the gap's logarithm per pass that is reckoned with, whatever was seen: 0.02 and 0.1
# take 33 and 35 iterations where this takes 33 (four fits of one-hot-like rows).
_LEAST_PACE = 0.05


class CoordinateAscentMethod:
    """Minimises by passes over the examples, each of which gets its best dual variables.

    Every problem begins with the dual point of the problem before it.

    Parameters
    ----------
    space : Space
        Its X has rows that can be visited in any order.
    dual : DualPoint
        Of the surrogate and X.

    Attributes
    ----------
    gap : float
        Of this method's own bound, relative; 1 until there is one.
    plane : Plane
        That gave the last bound.
    """

    def __init__(self, space: Space, dual: DualPoint) -> None:
        self._space = space
        self._dual = dual
        self._step = _FIRST_STEP
        self._n_passes = _FIRST_PASSES
        self._n_made = 0
        self._bound = 0.0
        self.gap = 1.0
        self.plane: Plane | None = None

    def release(self) -> None:
        """Let go of X: nothing but `resume` may be called next."""
        self._dual.release_rows()

    def resume(self) -> None:
        """Take the rows of the space's X, which is the same matrix again."""
        rows = self._space.X.rows()
        assert rows is not None
        self._dual.set_rows(rows)

    def start(self, certificate: Certificate) -> None:
        """Turn to another problem."""
        self._dual.prepare(certificate.settings.alpha, self._space.metric)
        self._step, self._n_passes = _FIRST_STEP, _FIRST_PASSES
        self._bound, self.gap = 0.0, 1.0
        self._n_made = 0

    def take_over(self, slopes: Slopes, best: Evaluated) -> None:
        """Begin at slopes that were formed with the thresholds of the best point."""
        assert isinstance(self._dual, HingeDualPoint)
        self._dual.take_over(slopes, self._space.X, best.point.scores)

    def advance(self, certificate: Certificate, best: Evaluated) -> tuple[Evaluated, int]:
        """Make some passes, then a certificate; return the best point and how many they were."""
        space, oracle, alpha = self._space, certificate.oracle, certificate.settings.alpha
        n_passes = self._n_passes
        # 1. Improve the dual point; its plane bounds the optimum from below.
        for _ in range(n_passes):
            self._dual.ascend()
        self.plane, coef, by_sample = self._dual.reached()
        target = certificate.inner_target(best.objective)
        bound = _bound(space, self.plane, alpha, oracle.charge(self.plane.bias_residual, target))
        # 2. Look for the best point on the way to the one that belongs to it.
        reached = space.reach(coef, by_sample)
        best, self._step = search(space, best, reached, alpha, oracle, target, self._step)
        certificate.record(best.objective, bound, self._step, 0)
        # 3. The pace of the gap says how many passes are worth making before the next look.
        self._bound = max(self._bound, bound)
        before, self.gap = self.gap, relative_gap(best.objective, self._bound)
        pace = np.log(before / self.gap) / n_passes if self.gap > 0.0 else np.inf
        self._n_made += n_passes
        most = min(max(_FEW_PASSES, int(_SHARE_OF_PASSES * self._n_made)), _MOST_PASSES)
        self._n_passes = _passes_ahead(self.gap, certificate.settings.tol, pace, most)
        return best, n_passes


def _passes_ahead(gap: float, tol: float, pace: float, most: int) -> int:
    """Passes to the next certificate: somewhat fewer than needed if the pace stays."""
    if gap <= tol:
        return 1
    needed = np.log(gap / max(tol, 1e-300)) / max(pace, _LEAST_PACE)
    return int(np.clip(np.ceil(0.9 * needed), 1, most))


def _bound(space: Space, plane: Plane, alpha: float, charge: float) -> float:
    """Lower bound from a plane, or from the best plane between it and zero."""
    gradient = space.X.transpose_dot(plane.score_gradient)
    curvature = space.metric.inner(gradient, gradient) / alpha
    offset = plane.offset - charge
    multiple = best_multiple(offset, curvature)
    return multiple * offset - 0.5 * multiple**2 * curvature
