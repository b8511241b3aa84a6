r"""The cutting-plane method with a line search, and a certificate at every iteration.

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

import time
from typing import NamedTuple

import numpy as np

from vilma.design_matrices import DesignMatrix
from vilma.solvers.line_search import Line, Quadratic, search_segment
from vilma.solvers.plane_model import PlaneModel
from vilma.solvers.settings import Settings
from vilma.solvers.solution import History, Solution, relative_gap
from vilma.solvers.spaces import Point, Space, choose_space
from vilma.surrogates import InnerSolution, Surrogate

__all__ = ["CuttingPlaneMethod"]

# The next plane is taken this far on the way from the best point to the reduced solution, or at
# the best point itself where features are fewer than this share of the samples: there planes at
# the best points need half the iterations, with more features several times as many.
_PLANE_PLACE = 0.1
_FEW_FEATURES = 0.05
# The line search stops at this share of the decrease it has reached.
_SEARCH_PRECISION = 0.1
# The inner loop may err by this share of the outer gap.
_INNER_SHARE = 0.05
_REDUCED_SHARE = 0.01  # the same for the reduced problem
# The point is evaluated anew at the end, with the inner loop's error: leave room for that.
_STOP_SHARE = 1.0 - 1.5 * _INNER_SHARE
_ROUNDING = 1e-13  # of the size of a loss: differences below count as none


class _Evaluated(NamedTuple):
    """A point with everything that is known there."""

    point: Point
    inner: InnerSolution
    objective: float


class _InnerLoop:
    """Calls the surrogate with the accuracy of the moment; counts calls and time."""

    def __init__(self, surrogate: Surrogate, longest_row: float, alpha: float) -> None:
        self._surrogate = surrogate
        self._longest_row = longest_row
        self._alpha = alpha
        self._largest_score = 0.0
        self._accuracy = 0.0
        self.rounding = _ROUNDING * surrogate.scale
        self.n_evaluations = 0
        self.seconds = 0.0

    def __call__(self, scores: np.ndarray) -> InnerSolution:
        start = time.perf_counter()
        inner = self._surrogate.minimize(scores, self._accuracy, self._largest_score)
        self.seconds += time.perf_counter() - start
        self.n_evaluations += 1
        return inner

    def aim(self, objective: float, gap: float) -> None:
        """Adapt to the best objective and the absolute gap to certify next."""
        # lambda/2 |w*|^2 <= F* <= objective bounds every score at the optimum.
        self._largest_score = self._longest_row * np.sqrt(2.0 * objective / self._alpha)
        self._accuracy = max(_INNER_SHARE * gap, self.rounding)

    def bound_thresholds(self) -> float:
        """Bound the thresholds at the optimum."""
        return self._surrogate.bound_thresholds(self._largest_score)

    def reset_counters(self) -> None:
        """Start counting a new iteration."""
        self.n_evaluations = 0
        self.seconds = 0.0


class CuttingPlaneMethod:
    """Minimises the regularised surrogate for one alpha after the other.

    Planes of G know nothing of alpha: every problem begins with those of the problems before it,
    and at the last solution. Large alphas first is the cheap order.

    Parameters
    ----------
    X : DesignMatrix
    surrogate : Surrogate
    coef_init : ndarray of shape (n_features,), optional
        Where to start; zero by default.
    """

    def __init__(
        self, X: DesignMatrix, surrogate: Surrogate, coef_init: np.ndarray | None = None
    ) -> None:
        self._X = X
        self._surrogate = surrogate
        self._space = choose_space(X, coef_init)
        self._model = PlaneModel(self._space)
        self._point = self._space.start(coef_init)
        self._longest_row = X.largest_row_norm()

    def release(self) -> None:
        """Let go of X: nothing but `resume` may be called next."""
        del self._X, self._space.X

    def resume(self, X: DesignMatrix) -> None:
        """Take the same matrix again."""
        self._X = X
        self._space.X = X

    def minimize(self, settings: Settings) -> Solution:
        """Minimise to a relative gap of ``settings.tol``.

        Parameters
        ----------
        settings : Settings

        Returns
        -------
        Solution
            ``converged`` is False where the iterations ran out; point and certificate are valid
            all the same.
        """
        inner_loop = _InnerLoop(self._surrogate, self._longest_row, settings.alpha)
        history = History(settings)
        # 0. Value and plane at the starting point.
        best = _evaluate(self._space, self._point, settings.alpha, inner_loop)
        if not len(self._model):
            self._model.add(best.inner)
        best, lower_bound = _close_gap(
            self._space, self._model, best, inner_loop, settings, history
        )
        self._point = best.point
        inner_loop.aim(best.objective, settings.tol * best.objective)
        coef = self._space.coef(best.point)
        return _certify(self._X, coef, lower_bound, inner_loop, settings, history)


def _close_gap(
    space: Space,
    model: PlaneModel,
    best: _Evaluated,
    inner_loop: _InnerLoop,
    settings: Settings,
    history: History,
) -> tuple[_Evaluated, float]:
    """Iterate from `best` until the two bounds meet; return the last point and bound."""
    alpha, tol = settings.alpha, settings.tol
    n_samples, n_features = space.X.shape
    few_features = n_features <= _FEW_FEATURES * n_samples
    lower_bound = 0.0  # no loss is negative
    step = 0.5
    while True:
        # 1. Solve the reduced problem; its value bounds the optimum from below.
        missing = max(best.objective - lower_bound, tol * best.objective)
        reduced, bound, leak = model.minimize(alpha, _REDUCED_SHARE * missing)
        lower_bound = max(lower_bound, bound - inner_loop.bound_thresholds() * leak)
        gap = relative_gap(best.objective, lower_bound, inner_loop.rounding)
        history.add(
            best.objective,
            lower_bound,
            gap,
            step if len(history) else 0.0,
            inner_loop.n_evaluations,
            len(model),
            inner_loop.seconds,
        )
        inner_loop.reset_counters()
        # 2. Stop when the two bounds meet.
        if gap <= _STOP_SHARE * tol or len(history) >= settings.max_iter:
            return best, lower_bound
        # 3. Look for the best point on the way to the reduced solution.
        inner_loop.aim(best.objective, max(best.objective - lower_bound, tol * best.objective))
        start = best.point
        best, step = _search(space, best, reduced, alpha, inner_loop, step)
        # 4. Add a plane there, or a little further on.
        if step > 0.0 and few_features:
            model.add(best.inner)
        else:
            place = step + _PLANE_PLACE * (1.0 - step)
            model.add(inner_loop(start.towards(reduced, place).scores))


def _certify(
    X: DesignMatrix,
    coef: np.ndarray,
    lower_bound: float,
    inner_loop: _InnerLoop,
    settings: Settings,
    history: History,
) -> Solution:
    """Evaluate the coefficients that are returned: no rounding from updated scores."""
    penalty = 0.5 * settings.alpha * float(coef @ coef)
    inner = inner_loop(X.dot(coef))
    objective = penalty + inner.value
    gap = relative_gap(objective, lower_bound, inner_loop.rounding)
    return Solution(
        coef=coef,
        thresholds=inner.thresholds,
        objective=objective,
        lower_bound=min(lower_bound, objective),
        gap=gap,
        converged=gap <= settings.tol,
        history=history.as_array(),
    )


def _evaluate(space: Space, point: Point, alpha: float, inner_loop: _InnerLoop) -> _Evaluated:
    """Evaluate a starting point, first roughly to learn the scale of the objective."""
    penalty = 0.5 * alpha * space.inner(point, point)
    inner_loop.aim(1.0, 1.0)
    rough = penalty + inner_loop(point.scores).value
    inner_loop.aim(rough, rough)
    inner = inner_loop(point.scores)
    return _Evaluated(point, inner, penalty + inner.value)


def _search(
    space: Space,
    best: _Evaluated,
    reduced: Point,
    alpha: float,
    inner_loop: _InnerLoop,
    first: float,
) -> tuple[_Evaluated, float]:
    """Minimise the objective between two points; the biases are minimised at every trial."""
    to_start = space.inner(best.point, best.point)
    across = space.inner(best.point, reduced)
    quadratic = Quadratic(
        0.5 * alpha * to_start,
        alpha * (across - to_start),
        alpha * (space.inner(reduced, reduced) - 2.0 * across + to_start),
    )
    if quadratic.curvature <= 0.0:  # already there, up to rounding
        return _sharpen(best, quadratic, inner_loop), 0.0
    moved_scores = reduced.scores - best.point.scores

    def line(inner: InnerSolution) -> Line:
        return Line(
            inner.offset + float(inner.coefficients @ best.point.scores),
            float(inner.coefficients @ moved_scores),
        )

    def evaluate(t: float) -> tuple[float, Line, InnerSolution]:
        inner = inner_loop(best.point.scores + t * moved_scores)
        return inner.value, line(inner), inner

    step, inner = search_segment(
        quadratic,
        line(best.inner),
        best.objective,
        min(max(first, 0.01), 1.0),
        evaluate,
        _SEARCH_PRECISION,
    )
    if inner is None:
        return _sharpen(best, quadratic, inner_loop), 0.0
    point = best.point.towards(reduced, step)
    return _Evaluated(point, inner, quadratic.value(step) + inner.value), step


def _sharpen(best: _Evaluated, quadratic: Quadratic, inner_loop: _InnerLoop) -> _Evaluated:
    """Evaluate the best point anew: its biases may date from when the inner loop was rough."""
    inner = inner_loop(best.point.scores)
    objective = quadratic.constant + inner.value
    return _Evaluated(best.point, inner, objective) if objective < best.objective else best
