r"""An iteration of the paper's Algorithm 1 (its loop is in ``solver.py``), with a line search.

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
from vilma.solvers.evaluation import Evaluated, search
from vilma.solvers.spaces import Space
from vilma.surrogates import Plane

__all__ = ["CuttingPlaneMethod"]

# The next plane is taken this far on the way from the best point to the reduced solution (0.1
# takes 159 iterations where 0.02, 0.3 and 0.5 take 248, 219 and 324: 10,000 one-hot rows, alpha
# 0.001), or at the best point itself, where that is a new one and features are fewer than this
# share of the samples: there planes at the best points need half the iterations, with more
# features several times as many.
_PLANE_PLACE = 0.1
_FEW_FEATURES = 0.05
# The reduced problem may err by this share of the gap: with 0.01 and 0.3 iterations are as many or
# more, and 2,000 x 2,000 at alpha 1e-4 spend 12 and 3 s in it instead of 6.
_REDUCED_SHARE = 0.1
_FIRST_STEP = 0.5  # tried in the first line search; 0.1 to 1 differ by 4 % in work


class CuttingPlaneMethod:
    """Minimises by planes of G, which do not depend on alpha.

    Every problem begins with the planes of the problems before it.

    Parameters
    ----------
    space : Space

    Attributes
    ----------
    few_features : bool
        Whether features are so few that planes are taken at new best points.
    """

    def __init__(self, space: Space) -> None:
        self._space = space
        self._reduced_problem = ReducedProblem(space)
        n_samples, n_features = space.X.shape
        self.few_features = n_features <= _FEW_FEATURES * n_samples
        self._step = _FIRST_STEP
        self._accepted = 0.0
        self._bound = 0.0
        self._reduced = space.start(None)

    @property
    def X(self) -> DesignMatrix:
        """The matrix of the space."""
        return self._space.X

    def solution_by_sample(self) -> np.ndarray | None:
        """Return u with w = X^T u for the last reduced solution, where it is known."""
        return self._space.by_sample(self._reduced)

    @property
    def n_planes(self) -> int:
        """Number of planes that are kept."""
        return len(self._reduced_problem)

    @property
    def reduced_work(self) -> float:
        """Multiplications in the last reduced problem, without those with planes' gradients."""
        return self._reduced_problem.work

    def start(self, certificate: Certificate, best: Evaluated) -> None:
        """Turn to another problem, and solve its reduced problem; nothing is recorded."""
        if not len(self._reduced_problem):
            self._reduced_problem.add(best.inner.plane)
        self._step = _FIRST_STEP
        self._accepted = 0.0
        self._solve(certificate, best)

    def add(self, plane: Plane, certificate: Certificate, best: Evaluated) -> None:
        """Take up a plane that was found elsewhere; nothing is recorded."""
        self._take_up(plane, certificate, best)
        self._solve(certificate, best)

    def _take_up(self, plane: Plane, certificate: Certificate, best: Evaluated) -> None:
        """Add a plane to the reduced problem, unless its charge exceeds the gap.

        The reduced problem does not see charges: the bound of a combination is lowered by the
        plane's share in it of a charge that exceeds the gap.
        """
        target = certificate.inner_target(best.objective)
        charge = certificate.oracle.charge(plane.bias_residual, target)
        if charge <= certificate.gap_target(best.objective):
            self._reduced_problem.add(plane)

    def record(self, certificate: Certificate, best: Evaluated) -> None:
        """End an iteration with the bound of the reduced problem."""
        certificate.record(best.objective, self._bound, self._accepted, self.n_planes)

    def _solve(self, certificate: Certificate, best: Evaluated) -> None:
        """Solve the reduced problem; its value bounds the optimum from below."""
        target = certificate.inner_target(best.objective)
        gap_target = certificate.gap_target(best.objective)
        alpha = certificate.settings.alpha
        self._reduced, bound, bias_residual = self._reduced_problem.minimize(
            alpha, _REDUCED_SHARE * gap_target
        )
        self._bound = bound - certificate.oracle.charge(bias_residual, target)

    def advance(self, certificate: Certificate, best: Evaluated) -> Evaluated:
        """Make one iteration from the best point; return the one that is best then."""
        oracle, start, reduced = certificate.oracle, best.point, self._reduced
        target = certificate.inner_target(best.objective)
        # 1. Look for the best point on the way to the reduced solution.
        best, self._step = search(
            self._space, best, reduced, certificate.settings.alpha, oracle, target, self._step
        )
        # 2. Add a plane there, or a little further on.
        if self._step > 0.0 and self.few_features:
            plane = best.inner.plane
        else:
            place = self._step + _PLANE_PLACE * (1.0 - self._step)
            plane = oracle(start.interpolate(reduced, place).scores, target).plane
        self._take_up(plane, certificate, best)
        # 3. Solve the reduced problem.
        self._accepted = self._step
        self._solve(certificate, best)
        self.record(certificate, best)
        return best
