r"""Dual coordinate ascent: one example after the other, for small alphas and many features.

**The problem and its dual.** With weights p of sum W and the surrogate written as hinges,

.. math:: \min_{w, \theta}\; \frac{\lambda}{2} |w|^2 + \frac{1}{W} \sum_i p_i \Bigl(
          \sum_{k \in \text{upper}_i} \max(0, 1 - s_i + \theta_k) +
          \sum_{k \in \text{lower}_i} \max(0, 1 + s_i - \theta_k) \Bigr), \qquad s_i = \langle x_i,
          w\rangle.

A hinge :math:`\max(0, t)` is :math:`\max_{0 \le u \le 1} u t`: its dual variable is its slope.
With slopes :math:`u_{ik}` of the upper and :math:`l_{ik}` of the lower hinges, :math:`U_i = \sum_k
u_{ik}` and :math:`L_i = \sum_k l_{ik}`,

.. math:: \max_{0 \le u, l \le 1}\; \frac{1}{W} \sum_i p_i (U_i + L_i) - \frac{\lambda}{2} |w|^2,
          \quad w = \frac{1}{\lambda W} \sum_i p_i (U_i - L_i) x_i,
          \quad d_k := \sum_i p_i (u_{ik} - l_{ik}) = 0 \text{ for all } k.

The constraint on d comes of minimising over the thresholds. Where these are ordered (EXP), with
multipliers :math:`\nu_k \ge 0` of :math:`\theta_k \le \theta_{k+1}`, it is
:math:`d_k + \nu_k - \nu_{k-1} = 0`. A point of the dual is a plane of G (see
`vilma.surrogates.plane`) with :math:`c_i = p_i (L_i - U_i) / W`.

**The augmented Lagrangian.** The constraint couples all examples. It is moved into the objective
by the method of multipliers, which is the proximal point algorithm on the thresholds [2]_: with a
centre :math:`\bar\theta` and a step :math:`\gamma`, maximise over the box alone

.. math:: \frac{1}{W} \sum_i p_i (U_i + L_i) - \frac{\lambda}{2} |w|^2 + \frac{1}{W} \Bigl( \langle
          \bar\theta, d\rangle - \frac{\gamma}{2} |d|^2 \Bigr),

the inner maximum over :math:`\theta` being at :math:`\theta = \bar\theta - \gamma d`; then set
:math:`\bar\theta \leftarrow \theta`. One pass over the examples is made per update of the centre.

**The update of an example**, all others fixed (Algorithm 1 of [1]_ with a block of variables), is
exact. Its stationary slopes are

.. math:: u_{ik} = \text{clip}_{[0, 1]}\Bigl(u_{ik}^{old} + \frac{1 - t + \theta_k^{old}}{\gamma
          p_i}\Bigr), \quad
          l_{ik} = \text{clip}_{[0, 1]}\Bigl(l_{ik}^{old} + \frac{1 + t - \theta_k^{old}}{\gamma
          p_i}\Bigr)

at its new score t, which solves the scalar equation

.. math:: t = s_i + \frac{p_i |x_i|^2}{\lambda W}
          \bigl(U_i(t) - U_i^{old} - L_i(t) + L_i^{old}\bigr).

Where one example by itself moves its score by more than a margin, visiting the examples in turn
finds good slopes in far fewer passes over X than the cutting-plane method takes iterations.

**The certificate.** What is left of d is removed by scaling each threshold's slopes down
(`_kernels.balanced_plane`) before the plane is taken for a bound.

References
----------
.. [1] C.-J. Hsieh, K.-W. Chang, C.-J. Lin, S. S. Keerthi, S. Sundararajan, "A dual coordinate
       descent method for large-scale linear SVM", ICML 2008.
.. [2] R. T. Rockafellar, "Augmented Lagrangians and applications of the proximal point algorithm
       in convex programming", Mathematics of Operations Research 1, 1976.
"""

from __future__ import annotations

import numpy as np

from vilma.design_matrices import DesignMatrix, Rows
from vilma.solvers.certificate import Certificate
from vilma.solvers.coordinate_ascent.dual_point import DualPoint, best_multiple
from vilma.solvers.evaluation import evaluate, search
from vilma.solvers.spaces import FeatureSpace, Point
from vilma.surrogates import Hinges, Plane

__all__ = ["CoordinateAscentMethod"]

_FIRST_STEP = 0.8
_FIRST_PASSES = 7
_MOST_PASSES = 10  # between two certificates
# Decrease of the gap's logarithm per pass: usual after the first certificate, and the least that
# is reckoned with.
_USUAL_PACE = 0.4
_LEAST_PACE = 0.05


class CoordinateAscentMethod:
    """Minimises by passes over the examples, each of which gets its best dual variables.

    Every problem begins with the dual point of the problem before it.

    Parameters
    ----------
    X : DesignMatrix
    rows : Rows
        Those of X.
    squared_row_norms : ndarray of shape (n_samples,)
        Likewise.
    hinges : Hinges
        Of the surrogate.
    """

    def __init__(
        self, X: DesignMatrix, rows: Rows, squared_row_norms: np.ndarray, hinges: Hinges
    ) -> None:
        self._X = X
        self._dual = DualPoint(X, rows, squared_row_norms, hinges)

    def release(self) -> None:
        """Let go of X: nothing but `resume` may be called next."""
        del self._X
        self._dual.release_rows()

    def resume(self, X: DesignMatrix) -> None:
        """Take the same matrix again."""
        rows = X.rows()
        assert rows is not None
        self._X = X
        self._dual.set_rows(rows)

    def minimize(self, certificate: Certificate, max_iter: int | None = None) -> None:
        """Go on until the problem is solved or the history has so many iterations."""
        X, dual, oracle = self._X, self._dual, certificate.oracle
        alpha, tol = certificate.settings.alpha, certificate.settings.tol
        space = FeatureSpace(X)
        # 0. Value at the starting point; the dual point, turned to this alpha.
        best = evaluate(space, space.start(certificate.coef), alpha, oracle)
        certificate.objective = min(certificate.objective, best.objective)
        dual.prepare(alpha)
        step = _FIRST_STEP
        n_passes = _FIRST_PASSES
        first = True
        while True:
            # 1. Improve the dual point; its plane bounds the optimum from below.
            for _ in range(n_passes):
                dual.ascend()
            bound = _bound(X, dual.plane(), alpha)
            # 2. Look for the best point on the way to the one that belongs to it.
            target = certificate.inner_target(best.objective)
            coef = dual.coef()
            reached = Point(coef, X.dot(coef))
            best, step = search(space, best, reached, alpha, oracle, target, step)
            before = certificate.gap
            certificate.record(best.objective, bound, step, 0)
            # 3. Stop when the two bounds meet.
            if certificate.is_closed(max_iter):
                break
            pace = _USUAL_PACE if first else np.log(before / certificate.gap) / n_passes
            n_passes = _passes_ahead(certificate.gap, tol, pace)
            first = False
        if best.objective <= certificate.objective:
            certificate.coef = best.point.vector


def _passes_ahead(gap: float, tol: float, pace: float) -> int:
    """Passes to the next certificate: somewhat fewer than needed if the pace stays."""
    needed = np.log(gap / tol) / max(pace, _LEAST_PACE)
    return int(np.clip(np.ceil(0.9 * needed), 1, _MOST_PASSES))


def _bound(X: DesignMatrix, plane: Plane, alpha: float) -> float:
    """Lower bound from a plane, or from the best plane between it and zero."""
    gradient = X.transpose_dot(plane.score_gradient)
    curvature = float(gradient @ gradient) / alpha
    multiple = best_multiple(plane.offset, curvature)
    return multiple * plane.offset - 0.5 * multiple**2 * curvature
