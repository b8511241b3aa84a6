r"""The problem that the solvers solve, and where the paper's equations are.

The learning problem (15) of the paper, of which (9), (10) and (13) are the cases EXP, IMC and
VILMA, is

.. math:: \min_{w \in R^n, b}\; \frac{\lambda}{2} |w|^2 + R_{emp}(w, b), \qquad
          R_{emp}(w, b) = \frac{1}{P} \sum_i p_i\, \ell(l_i, u_i, \langle x_i, w\rangle, b),

with weights p of sum P (1 and m in the paper), labels known to lie in :math:`[l_i, u_i]` (its
:math:`[y_l^i, y_r^i]`), and a convex surrogate :math:`\ell`; b are the biases, or the thresholds
:math:`\theta`, and have no penalty; for EXP the thresholds must be nondecreasing. Labels are codes
0, ..., Y - 1 here and 1, ..., Y in the paper; threshold k separates label k from k + 1 in both.
With the biases minimised out it is the problem (16), where the paper writes G(w) for G(Xw),

.. math:: \min_{w \in R^n} F(w) := \frac{\lambda}{2} |w|^2 + G(Xw), \qquad
          G(s) := \min_{b} \frac{1}{P} \sum_i p_i\, \ell(l_i, u_i, s_i, b) .

G is convex and piecewise linear, so F has the dual (Fenchel)

.. math:: \max_{c \in R^m}\; -G^*(c) - \frac{1}{2 \lambda} |X^T c|^2, \qquad
          w = -\frac{1}{\lambda} X^T c,

:math:`G^*` the convex conjugate. Every c that a plane :math:`G(t) \ge o + \langle c, t\rangle`
belongs to has :math:`-G^*(c) \ge o`: a plane is a feasible point of the dual, and its value
:math:`o - |X^T c|^2 / (2 \lambda)` a lower bound of the minimum. Both methods are built on that.
Cutting planes combine the planes of many points; dual coordinate ascent changes the slopes of
which one plane consists.

The code departs from the paper

- in (20), which is no subgradient where labels tie (``surrogates/plane.py``);
- in (19) for IMC, whose thresholds are not constrained: some minimiser has them in order
  (``surrogates/_hinge_kernels.py``);
- in (17), which has a plane of value 0 from the beginning, and loses planes that it has not used
  for long (``cutting_plane/reduced_problem.py``);
- in Algorithm 1: a line search, the next plane near the best point instead of at the solution of
  (17) (``cutting_plane/method.py``), and a relative instead of an absolute gap to stop at
  (``certificate.py``).

=============================  ================================================================
in the paper                   in vilma
=============================  ================================================================
(1) ordinal classifier         estimators.base.LinearOrdinalModel.predict
Definition 1, V-shaped loss    losses.cost.cost_matrix
(5) interval-insensitive loss  losses.interval.interval_insensitive
Theorem 1, bound for 0/1       intervals.bounds.zero_one_bound
Theorem 2, bound for MAE       intervals.bounds.absolute_error_bound
(9) and II-SVOR-EXP, sec. 3.1  surrogates.hinge.ExplicitHinge
(10) and II-SVOR-IMC, sec. 3.2 surrogates.hinge.ImplicitHinge
VILMA in (13), section 3.3     surrogates.v_shaped.VShaped
where it is a sum of hinges    surrogates.v_shaped.v_shaped_surrogate, which takes those of IMC
VILMA-REG, section 5           surrogates.penalized.PenalizedBiases
(11) MORD classifier           estimators.base.LinearOrdinalModel.decision_function, which gives
                               a label's s y + b_y less the largest of the others
Theorem 3, theta to b          surrogates.surrogate.to_biases
Theorem 3, b to theta          thresholds.hull_thresholds
Proposition 2                  surrogates.margins
(15) learning problem          this page
(16) F, biases minimised out   solvers.evaluation.evaluate
Algorithm 1, outer loop        solvers.solver.Solver.minimize
its loop by "auto"             solvers.alternation.Alternation.minimize, which may be skipped
an iteration of it             solvers.cutting_plane.method.CuttingPlaneMethod.advance
(17) reduced problem           solvers.cutting_plane.reduced_problem.ReducedProblem
its dual                       solvers.cutting_plane.simplex_qp.solve_simplex_qp
(18) planes below G            surrogates.plane.Plane
(19) inner problem, b(w)       surrogates.surrogate.Surrogate.minimize
its minimum for IMC            surrogates._hinge_kernels.imc_minimizers
its minimum for EXP            surrogates._hinge_kernels.exp_minimizers: isotonic regression, the
                               blocks of pool adjacent violators
its minimum for VILMA          surrogates.v_shaped.VShaped.minimize; of hinges as for IMC
(20) subgradient of G          surrogates.plane: as in the paper, and as it is computed
its plane for IMC              surrogates._hinge_kernels.imc_plane
its plane for EXP              surrogates._hinge_kernels.exp_plane
its plane for VILMA            surrogates.smoothed_problem.SmoothedProblem.plane
with few examples              surrogates.transport.solve_transport
=============================  ================================================================

Beyond the paper:

==========================  ================================================
what                        in vilma
==========================  ================================================
line search                 solvers.line_search.search_segment
dual coordinate ascent      solvers.coordinate_ascent.method
its plane                   solvers.coordinate_ascent._kernels.balanced_plane
update of an example        solvers.coordinate_ascent._kernels.ascend
the same for PW-VILMA       solvers.coordinate_ascent._mixture_kernels
slopes of planes of EXP     solvers.coordinate_ascent.dual_point.single_slopes
choice of the method        solvers.alternation
the whole by a conic solver solvers.conic
the certificate             solvers.certificate.Certificate
where a range minimises     surrogates._hinge_kernels.middle_thresholds
thresholds without support  thresholds.spread_thresholds
PW-VILMA's surrogate        surrogates.piecewise.PiecewiseVShaped
its penalty and metric      solvers.metric.CorrelatedMetric
its classifier              estimators.piecewise.PiecewiseLinearModel
==========================  ================================================
"""

from __future__ import annotations

from typing import NamedTuple

from vilma.solvers.metric import EUCLIDEAN, Metric

__all__ = ["Settings"]


class Settings(NamedTuple):
    """What a user may set of a solver."""

    alpha: float  # weight of the squared norm, the paper's lambda
    tol: float  # relative gap at which to stop
    max_iter: int  # limit on the iterations of the outer loop
    verbose: int  # 0: silent; n: a line every n iterations
    metric: Metric = EUCLIDEAN  # of the penalty
