r"""The outer loop of the paper's Algorithm 1, with a line search and a certificate.

Minimise :math:`F(w) = \frac{\lambda}{2} |w|^2 + G(Xw)`, G convex and piecewise linear. The
surrogate stands for G: it minimises over the biases at given scores (the inner loop of the
paper's double loop, section 4) and returns a plane of G, so the biases never enter this file.

The line search and the place of the next plane, close to the best point, follow the optimised
cutting-plane algorithm of [1]_.

References
----------
.. [1] V. Franc, S. Sonnenburg, "Optimized cutting plane algorithm for large-scale risk
       minimization", Journal of Machine Learning Research 10, 2009.
"""

from __future__ import annotations

import numpy as np

from vilma.design_matrices import DesignMatrix
from vilma.solvers.certificate import Certificate
from vilma.solvers.cutting_plane.reduced_problem import ReducedProblem
from vilma.solvers.evaluation import evaluate, search
from vilma.solvers.metric import Metric
from vilma.solvers.spaces import choose_space

__all__ = ["CuttingPlaneMethod"]

# The next plane is taken this far on the way from the best point to the reduced solution (0.1
# takes 159 iterations where 0.02, 0.3 and 0.5 take 248, 219 and 324: 10,000 one-hot rows, alpha
# 0.001), or at the best point itself where features are fewer than this share of the samples:
# there planes at the best points need half the iterations, with more features several times as
# many.
_PLANE_PLACE = 0.1
_FEW_FEATURES = 0.05
_REDUCED_SHARE = 0.01  # the reduced problem may err by this share of the gap
_FIRST_STEP = 0.5


class CuttingPlaneMethod:
    """Minimises by planes of G, which do not depend on alpha.

    Every problem begins with the planes of the problems before it, and at their last solution.

    Parameters
    ----------
    X : DesignMatrix
    metric : Metric
        That of the first problem.
    coef_init : ndarray of shape (n_features,), optional
        Where to start; zero by default.
    """

    def __init__(
        self, X: DesignMatrix, metric: Metric, coef_init: np.ndarray | None = None
    ) -> None:
        self._space = choose_space(X, coef_init, metric)
        self._reduced_problem = ReducedProblem(self._space)
        self._point = self._space.start(coef_init)
        n_samples, n_features = X.shape
        self._few_features = n_features <= _FEW_FEATURES * n_samples

    def release(self) -> None:
        """Let go of X: nothing but `resume` may be called next."""
        del self._space.X

    def resume(self, X: DesignMatrix) -> None:
        """Take the same matrix again."""
        self._space.X = X

    def minimize(self, certificate: Certificate, max_iter: int | None = None) -> None:
        """Go on until the problem is solved or the history has so many iterations."""
        space, planes, oracle = self._space, self._reduced_problem, certificate.oracle
        alpha = certificate.settings.alpha
        if certificate.settings.metric is not space.metric:
            space.metric = certificate.settings.metric
            self._point = space.point(self._point.vector)
        # 0. Value and plane at the starting point.
        best = evaluate(space, self._point, alpha, oracle)
        if not len(planes):
            planes.add(best.inner.plane)
        certificate.objective = min(certificate.objective, best.objective)
        target = certificate.inner_target(best.objective)
        step = _FIRST_STEP
        accepted = 0.0
        while True:
            # 1. Solve the reduced problem; its value bounds the optimum from below.
            gap_target = certificate.gap_target(best.objective)
            reduced, bound, bias_residual = planes.minimize(alpha, _REDUCED_SHARE * gap_target)
            bound -= oracle.charge(bias_residual, target)
            certificate.record(best.objective, bound, accepted, len(planes))
            # 2. Stop when the two bounds meet.
            if certificate.is_closed(max_iter):
                break
            # 3. Look for the best point on the way to the reduced solution.
            target = certificate.inner_target(best.objective)
            start = best.point
            best, step = search(space, best, reduced, alpha, oracle, target, step)
            accepted = step
            # 4. Add a plane there, or a little further on.
            if step > 0.0 and self._few_features:
                planes.add(best.inner.plane)
            else:
                place = step + _PLANE_PLACE * (1.0 - step)
                planes.add(oracle(start.interpolate(reduced, place).scores, target).plane)
        self._point = best.point
        if best.objective <= certificate.objective:
            certificate.coef = space.coef(best.point)
