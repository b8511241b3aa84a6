"""Going on from what the last fit learned, when nothing but alpha or the tolerance changed."""

from __future__ import annotations

import joblib

from vilma.design_matrices import DesignMatrix
from vilma.solvers import DoubleLoop
from vilma.surrogates import Surrogate

__all__ = ["KeptMethod", "fingerprint"]


def fingerprint(X, surrogate: Surrogate, solver: str) -> str:
    """Return a digest of the data and of a fresh surrogate, which knows labels and loss."""
    return joblib.hash((X, type(surrogate), surrogate, solver))


class KeptMethod:
    """A solver between two fits, and the digest of the problem it belongs to."""

    def __init__(self, digest: str, method: DoubleLoop) -> None:
        self._digest = digest
        self._method: DoubleLoop | None = method
        method.release()

    def take(self, digest: str, X: DesignMatrix) -> DoubleLoop | None:
        """Return the method, once, if it belongs to the problem.

        A fit that is interrupted may leave it half changed, so it is given away for good.
        """
        method, self._method = self._method, None
        if method is None or digest != self._digest:
            return None
        method.resume(X)
        return method
