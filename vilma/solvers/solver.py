r"""Algorithm 1 of the paper as the estimators use it: the loop of `Solver.minimize`.

An iteration of it is `CuttingPlaneMethod.advance`; with ``method="auto"``, and where coordinate
ascent can be used, the loop is that of `Alternation.minimize`, which may make iterations of ascent
instead. The paper stops at an absolute accuracy, :math:`F(w_t) - F_t(w_t) \le \varepsilon`; here
the gap is relative, and it is that of the best point and the best bound so far
(`vilma.solvers.certificate`).
"""

from __future__ import annotations

import numpy as np

from vilma.design_matrices import DesignMatrix, StackedMatrix
from vilma.solvers.alternation import Alternation
from vilma.solvers.certificate import Certificate, Solution
from vilma.solvers.coordinate_ascent import (
    CoordinateAscentMethod,
    DualPoint,
    HingeDualPoint,
    MixtureDualPoint,
)
from vilma.solvers.cutting_plane import CuttingPlaneMethod
from vilma.solvers.evaluation import evaluate
from vilma.solvers.metric import Metric
from vilma.solvers.oracle import Oracle
from vilma.solvers.problem import Settings
from vilma.solvers.spaces import Space, choose_space
from vilma.surrogates import Hinges, LabelMaxima, Surrogate

__all__ = ["Solver"]

_MOST_SLOPES = 2**25  # whose dual variables take 256 MiB


class Solver:
    """Minimises the regularised surrogate for one alpha after the other.

    Planes and dual variables of one alpha serve the next, planes also another metric of the
    penalty. Large alphas first is the cheap order.

    Parameters
    ----------
    X : DesignMatrix
    surrogate : Surrogate
    coef_init : ndarray of shape (n_features,), optional
        Where to start, as a vector of the metric; zero by default.
    method : {"auto", "cutting_plane", "coordinate_ascent"}
        ``"auto"`` takes what is faster.

    Raises
    ------
    ValueError
        If coordinate ascent is asked for where it cannot be used, or a row of X is so large that
        its norm overflows.
    """

    def __init__(
        self,
        X: DesignMatrix,
        surrogate: Surrogate,
        coef_init: np.ndarray | None = None,
        method: str = "auto",
    ) -> None:
        self._X: DesignMatrix | None = X
        self._surrogate = surrogate
        self._coef_init = coef_init
        self._method = method
        self._longest_row = float(np.sqrt(X.largest_squared_norm()))
        self._space: Space | None = None
        self._planes: CuttingPlaneMethod | None = None
        self._ascent: CoordinateAscentMethod | None = None
        self._alternation: Alternation | None = None

    def _prepare(self, metric: Metric) -> Space:
        """Make the methods that can be used; the metric is that of the first problem."""
        assert self._X is not None
        self._space = space = choose_space(self._X, self._coef_init, metric)
        self._point = space.start(self._coef_init)
        if self._method != "coordinate_ascent":
            self._planes = CuttingPlaneMethod(space)
        if self._method != "cutting_plane":
            self._prepare_ascent(space)
        self._X = None  # the space has it
        return space

    def _prepare_ascent(self, space: Space) -> None:
        """Make coordinate ascent, or the alternation that makes it when it is needed first."""
        required = self._method == "coordinate_ascent"
        slopes = self._surrogate.hinges() or self._surrogate.label_maxima()
        if slopes is None:
            if required:  # of the losses of VILMA: PW-VILMA's always has the maxima
                raise ValueError(
                    "Coordinate ascent needs a surrogate that is a sum of hinges of single "
                    'thresholds, which this loss does not have. Use solver="auto" or '
                    '"cutting_plane", or loss="mae" or "squared".'
                )
            return
        X = space.X
        if X.pair_cost is None:
            if required:
                raise ValueError(
                    "Coordinate ascent visits rows in any order, which takes X in memory; these "
                    'rows stay on disk. Use solver="auto" or "cutting_plane", or raise '
                    "max_memory of the mapped matrix."
                )
            return

        def make() -> CoordinateAscentMethod:
            return CoordinateAscentMethod(space, _dual_point(space.X, slopes))

        if required:
            self._ascent = make()
        elif slopes.counts().sum() <= _MOST_SLOPES:
            assert self._planes is not None
            ordered = slopes if isinstance(slopes, Hinges) and slopes.ordered else None
            self._alternation = Alternation(self._planes, make, X, len(slopes.weight), ordered)

    def _made_ascent(self) -> CoordinateAscentMethod | None:
        return self._ascent if self._alternation is None else self._alternation.ascent

    def release(self) -> None:
        """Let go of X: nothing but `resume` may be called next."""
        assert self._space is not None
        del self._space.X
        ascent = self._made_ascent()
        if ascent is not None:
            ascent.release()

    def resume(self, X: DesignMatrix) -> None:
        """Take the same matrix again."""
        assert self._space is not None
        self._space.X = X
        ascent = self._made_ascent()
        if ascent is not None:
            ascent.resume()

    def minimize(self, settings: Settings) -> Solution:
        """Minimise to a relative gap of ``settings.tol``.

        Parameters
        ----------
        settings : Settings
            With a metric of the same kind in all calls.

        Returns
        -------
        Solution
            Its `status` says why the solver stopped; point and certificate are valid in any case.
        """
        space = self._prepare(settings.metric) if self._space is None else self._space
        if settings.metric is not space.metric:
            space.metric = settings.metric
            self._point = space.point(self._point.vector)
        oracle = Oracle(self._surrogate, self._longest_row, settings.alpha)
        certificate = Certificate(settings, oracle, 1 if self._alternation is None else 2)
        best = evaluate(space, self._point, settings.alpha, oracle)
        certificate.objective = best.objective
        if self._alternation is not None:
            best = self._alternation.minimize(certificate, best)
        elif self._planes is not None:
            self._planes.start(certificate, best)
            self._planes.record(certificate, best)
            while not certificate.is_closed():
                best = self._planes.advance(certificate, best)
        else:
            assert self._ascent is not None
            self._ascent.start(certificate)
            while not certificate.is_closed():
                best, _ = self._ascent.advance(certificate, best)
        self._point = best.point
        return certificate.solution(space.X, space.coef(best.point))


def _dual_point(X: DesignMatrix, slopes: Hinges | LabelMaxima) -> DualPoint:
    """Return the dual point of what the loss is made of."""
    rows = X.rows()
    assert rows is not None
    if isinstance(slopes, Hinges):
        return HingeDualPoint(X, rows, X.squared_row_norms(), slopes)
    assert isinstance(X, StackedMatrix)
    return MixtureDualPoint(X.single, rows, X.single.squared_row_norms(), slopes)
