"""The solver as the estimators use it: for every alpha the method that suits it."""

from __future__ import annotations

import numpy as np

from vilma.design_matrices import DesignMatrix
from vilma.solvers.certificate import Certificate, Solution
from vilma.solvers.coordinate_ascent import CoordinateAscentMethod
from vilma.solvers.cutting_plane import CuttingPlaneMethod
from vilma.solvers.metric import Metric
from vilma.solvers.oracle import Oracle
from vilma.solvers.problem import Settings
from vilma.surrogates import Surrogate

__all__ = ["Solver"]

# Examples are visited one by one where one of them moves its own score by this much, more than
# from one margin of a threshold to the other (2). Passes over all of X are better at averaging.
_SELF_INFLUENCE = 3.0
_FEW_SAMPLES = 50  # are a matter of milliseconds anyway
_FIRST_BUDGET = 15  # iterations, of up to ten passes each: planes get ten times as many
_REQUIRED_DECREASE = 0.5  # share of the gap that a budget should leave at most
_MOST_HINGES = 2**25  # whose dual variables take 256 MiB


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
        self._X = X
        self._surrogate = surrogate
        self._hinges = surrogate.hinges()
        self._method = method
        self._coef = self._coef_init = coef_init
        self._squared_norms = X.squared_row_norms()
        if not np.isfinite(self._squared_norms).all():
            row = int(np.argmin(np.isfinite(self._squared_norms)))
            raise ValueError(
                f"The squared norm of row {row} of X overflows float64. Bring the features to a "
                "common scale near 1."
            )
        self._planes: CuttingPlaneMethod | None = None
        self._ascent: CoordinateAscentMethod | None = None

    def release(self) -> None:
        """Let go of X: nothing but `resume` may be called next."""
        del self._X
        for method in (self._planes, self._ascent):
            if method is not None:
                method.release()

    def resume(self, X: DesignMatrix) -> None:
        """Take the same matrix again."""
        self._X = X
        for method in (self._planes, self._ascent):
            if method is not None:
                method.resume(X)

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
        longest_row = float(np.sqrt(self._squared_norms.max()))
        oracle = Oracle(self._surrogate, longest_row, settings.alpha)
        certificate = Certificate(settings, oracle, self._coef)
        ascent = self._coordinate_ascent(settings.alpha)
        if ascent is None:
            self._cutting_planes(settings.metric).minimize(certificate)
        elif self._method == "coordinate_ascent":
            ascent.minimize(certificate)
        else:
            self._alternate(ascent, certificate)
        solution = certificate.solution(self._X)
        self._coef = certificate.coef
        return solution

    def _alternate(self, ascent: CoordinateAscentMethod, certificate: Certificate) -> None:
        """Ascend; where that does not decrease the gap, cutting planes get a growing budget."""
        iteration_budget = _FIRST_BUDGET
        while not certificate.is_closed():
            before = certificate.gap
            ascent.minimize(certificate, len(certificate.history) + iteration_budget)
            if not certificate.is_closed() and certificate.gap > _REQUIRED_DECREASE * before:
                self._cutting_planes(certificate.settings.metric).minimize(
                    certificate, len(certificate.history) + 10 * iteration_budget
                )
                iteration_budget *= 2

    def _cutting_planes(self, metric: Metric) -> CuttingPlaneMethod:
        if self._planes is None:
            self._planes = CuttingPlaneMethod(self._X, metric, self._coef_init)
        return self._planes

    def _coordinate_ascent(self, alpha: float) -> CoordinateAscentMethod | None:
        """Return the method of visits to single examples, where it can be used and is faster."""
        if self._method == "cutting_plane":
            return None
        n_samples, n_features = self._X.shape
        self_influence = float(self._squared_norms.mean()) / (alpha * n_samples)
        faster = n_features >= n_samples > _FEW_SAMPLES and self_influence >= _SELF_INFLUENCE
        if self._ascent is None and (faster or self._method == "coordinate_ascent"):
            self._ascent = self._prepare_ascent()
        return self._ascent if faster or self._method == "coordinate_ascent" else None

    def _prepare_ascent(self) -> CoordinateAscentMethod | None:
        required = self._method == "coordinate_ascent"
        if self._hinges is None:
            if required:
                raise ValueError(
                    "Coordinate ascent needs a surrogate that is a sum of hinges of single "
                    'thresholds, which this loss does not have. Use solver="auto" or '
                    '"cutting_plane", or loss="mae".'
                )
            return None
        if not required and self._hinges.counts().sum() > _MOST_HINGES:
            return None
        rows = self._X.rows()
        if rows is None:
            if required:
                raise ValueError(
                    "Coordinate ascent visits rows in any order, which takes X in memory; these "
                    'rows stay on disk. Use solver="auto" or "cutting_plane", or raise '
                    "max_memory of the mapped matrix."
                )
            return None
        return CoordinateAscentMethod(self._X, rows, self._squared_norms, self._hinges)
