r"""The reduced problem (17) of the paper's Algorithm 1: a maximum of planes plus the squared norm.

The model :math:`G_t` of (18) is the maximum of planes :math:`o_j + \langle g_j, w\rangle` below
G(Xw). One that touches it at :math:`w_j`, with scores :math:`s_j`, has the gradient :math:`g_j =
X^T c_j` and the offset :math:`o_j = G(s_j) - \langle c_j, s_j\rangle`; (18) writes it
:math:`G(w_j) + \langle G'(w_j), w - w_j\rangle`. The problem and its dual are

.. math:: \min_w\; \frac{\lambda}{2} |w|^2 + \max_j (o_j + \langle g_j, w \rangle)
          \;=\; \max_{a \ge 0,\ \sum_j a_j = 1}\; \langle o, a\rangle
          - \frac{1}{2 \lambda} \Bigl| \sum_j a_j g_j \Bigr|^2,
          \qquad w = -\frac{1}{\lambda} \sum_j a_j g_j .

It is solved in its dual over the simplex, where any feasible a gives a lower bound on the full
problem; the bound is kept, so a plane may be dropped at any time. Planes do not depend on lambda,
nor on the metric in which products and norms are taken.

**The zero plane.** No loss is negative, so :math:`o_0 = 0, g_0 = 0` is a plane, too, and is there
from the beginning, as in [1]_. Without it the model of G has no floor until many planes hold one
another: at small lambda its minimiser is far away, and its value far below 0. With it 5,000
one-hot rows in cells of ten labels at lambda 0.001 take 235 iterations to a gap of 1e-2, not 733,
and the squared loss of 2,000 x 2,000 at 1e-4 takes 764, not more than 1,000 without any bound.

References
----------
.. [1] V. Franc, S. Sonnenburg, "Optimized cutting plane algorithm for large-scale risk
       minimization", Journal of Machine Learning Research 10, 2009.
"""

from __future__ import annotations

import numpy as np

from vilma.solvers.cutting_plane.simplex_qp import Factor, SimplexSolution, solve_simplex_qp
from vilma.solvers.spaces import Point, Space
from vilma.surrogates import Plane

__all__ = ["ReducedProblem"]

_FIRST_CAPACITY = 16
# Times the tolerance: the active-set method ended for want of digits, which is seldom. 2 and 50
# change none of six fits of VILMA.
_GAVE_UP = 10.0
# Of the tolerance, that the bound may lose to rounding before scores are formed anew. A hundredth
# loses nothing that the method would notice.
_ROUNDING_SHARE = 0.01
# Reduced problems that a plane may stay out of before its place is reused: 15 to 500 differ by 1 %
# in work, and more are more memory.
_IDLE_LIMIT = 60


class ReducedProblem:
    """Planes below a convex function, their Gram matrix and the reduced problem's solution.

    Parameters
    ----------
    space : Space
        Where the planes' gradients are kept.

    Attributes
    ----------
    work : float
        Multiplications with an addition that the last solution took, those with the planes'
        gradients apart.
    """

    def __init__(self, space: Space) -> None:
        self._space = space
        self._n = 1  # the zero plane, at place 0
        self._newest = 0
        self._gradients = [np.zeros((_FIRST_CAPACITY, length)) for length in space.lengths]
        n_parts = len(space.metric.shares)
        self._gram_parts = np.zeros((n_parts, _FIRST_CAPACITY, _FIRST_CAPACITY))
        self._offsets = np.zeros(_FIRST_CAPACITY)
        self._residuals = np.zeros(_FIRST_CAPACITY)
        self._multipliers = np.zeros(_FIRST_CAPACITY)
        self._multipliers[0] = 1.0
        self._idle = np.zeros(_FIRST_CAPACITY, dtype=np.int64)
        self._factor: Factor | None = None  # of the support
        self._metric = space.metric  # in which it was made
        self.work = 0.0

    def __len__(self) -> int:
        """Count the planes that were added and are kept."""
        return self._n - 1

    def add(self, plane: Plane) -> None:
        """Add the plane that a surrogate returned."""
        place = self._free_place()
        gradient = self._space.represent_gradient(plane.score_gradient)
        for stack, part in zip(self._gradients, gradient, strict=True):
            stack[place] = part
        products = self._space.products([stack[: self._n] for stack in self._gradients], gradient)
        self._gram_parts[:, place, : self._n] = products
        self._gram_parts[:, : self._n, place] = products
        # Rounding may say less than 0.
        self._gram_parts[:, place, place] = np.maximum(products[:, place], 0.0)
        self._offsets[place] = plane.offset
        self._residuals[place] = plane.bias_residual
        self._multipliers[place] = 0.0
        self._idle[place] = 0
        self._newest = place

    def minimize(self, alpha: float, tol: float) -> tuple[Point, float, float]:
        """Solve the reduced problem to the absolute accuracy `tol`.

        Parameters
        ----------
        alpha : float
            Weight lambda of the squared norm.
        tol : float

        Returns
        -------
        point : Point
        lower_bound : float
            Value of the dual, up to `bias_residual` times the bound on thresholds.
        bias_residual : float
            That of the planes' combination.
        """
        n = self._n
        multipliers = self._solve(alpha, alpha * tol)
        self._multipliers[:n] = multipliers
        self._idle[1:n] = np.where(multipliers[1:] > 0.0, 0, self._idle[1:n] + 1)
        point, error = self._space.combine(
            [stack[:n] for stack in self._gradients],
            multipliers / -alpha,
            _ROUNDING_SHARE * tol / (0.5 * alpha),
        )
        # The norm from the point itself: the Gram matrix would lose digits to cancellation.
        squared_norm = self._space.inner(point, point) + error
        lower_bound = float(multipliers @ self._offsets[:n]) - 0.5 * alpha * squared_norm
        return point, lower_bound, float(multipliers @ self._residuals[:n])

    def _gram(self) -> np.ndarray:
        """Inner products of the planes' gradients, in the metric of the moment."""
        shares, parts = self._space.metric.shares, self._gram_parts
        if len(shares) == 1:
            return parts[0]
        return np.tensordot(shares, parts[:, : self._n, : self._n], axes=1)

    def _solve(self, alpha: float, tol: float) -> np.ndarray:
        """Multipliers from the last ones on; anew from the newest plane where that ends short.

        The active-set method gives up where the planes of its support depend on one another up
        to rounding, and would from the same support again and again.
        """
        n = self._n
        gram, linear = self._gram(), alpha * self._offsets[:n]
        factor = self._factor if self._metric is self._space.metric else None
        self._factor = None  # its arrays are written to, and an interrupt may leave them so
        found = solve_simplex_qp(gram, linear, self._multipliers[:n], tol, 100 + 10 * n, factor)
        error = _error(gram, linear, found)
        self.work = found.work + n * n
        if not error <= _GAVE_UP * tol:  # nor is NaN
            vertex = np.zeros(n)
            vertex[self._newest] = 1.0
            other = solve_simplex_qp(gram, linear, vertex, tol, 100 + 10 * n)
            self.work += other.work + n * n
            if _error(gram, linear, other) < error or np.isnan(error):
                found = other
        self._factor, self._metric = found.factor, self._space.metric
        return found.point

    def _free_place(self) -> int:
        """Index for a new plane: that of the longest idle one, or one more."""
        longest = int(np.argmax(self._idle[: self._n]))
        if self._idle[longest] > _IDLE_LIMIT:
            return longest
        if self._n == len(self._offsets):
            self._grow(2 * self._n)
        self._n += 1
        return self._n - 1

    def _grow(self, capacity: int) -> None:
        def longer(old: np.ndarray) -> np.ndarray:
            new = np.zeros((capacity, *old.shape[1:]), dtype=old.dtype)
            new[: self._n] = old
            return new

        self._gradients = [longer(stack) for stack in self._gradients]
        self._offsets = longer(self._offsets)
        self._residuals = longer(self._residuals)
        self._multipliers = longer(self._multipliers)
        self._idle = longer(self._idle)
        gram_parts = np.empty((len(self._gram_parts), capacity, capacity))
        gram_parts[:, : self._n, : self._n] = self._gram_parts
        self._gram_parts = gram_parts


def _error(gram: np.ndarray, linear: np.ndarray, solution: SimplexSolution) -> float:
    """Bound the distance to the optimal value, as `solve_simplex_qp` does."""
    n, multipliers = len(linear), solution.point
    gradient = gram[:n, :n] @ multipliers - linear
    return float(multipliers @ gradient - gradient.min())
