"""Going on from what the last fit learned, when nothing but alpha or the tolerance changed."""

from __future__ import annotations

from vilma.design_matrices import DesignMatrix
from vilma.solvers import Solver

__all__ = ["KeptSolver"]


class KeptSolver:
    """A solver between two fits, and the digest of the problem it belongs to."""

    def __init__(self, digest: str, solver: Solver) -> None:
        self._digest = digest
        self._solver: Solver | None = solver
        solver.release()

    def take(self, digest: str, X: DesignMatrix) -> Solver | None:
        """Return the solver, once, if it belongs to the problem.

        A fit that is interrupted may leave it half changed, so it is given away for good.
        """
        solver, self._solver = self._solver, None
        if solver is None or digest != self._digest:
            return None
        solver.resume(X)
        return solver
