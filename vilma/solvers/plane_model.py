r"""The reduced problem: a maximum of planes plus the squared norm.

.. math:: \min_u \frac{\lambda}{2} |u|^2 + \max_j (o_j + \langle g_j, u \rangle)

It is solved in its dual over the simplex, where any feasible point gives a lower bound on the
full problem; the bound is kept, so a plane may be dropped at any time.
"""

from __future__ import annotations

import numpy as np

from vilma.numerics.simplex_qp import solve_simplex_qp

__all__ = ["PlaneModel"]

_FIRST_CAPACITY = 16
_IDLE_LIMIT = (
    60  # reduced problems a plane may stay out of the solution before its place is reused
)


class PlaneModel:
    """Planes below a convex function, their Gram matrix and the reduced problem's solution.

    Parameters
    ----------
    size : int
        Number of variables.
    alpha : float
        Weight lambda of the squared norm.
    """

    def __init__(self, size: int, alpha: float) -> None:
        self._alpha = alpha
        self._n = 0
        self._gradients = np.empty((_FIRST_CAPACITY, size))
        self._gram = np.empty((_FIRST_CAPACITY, _FIRST_CAPACITY))
        self._offsets = np.empty(_FIRST_CAPACITY)
        self._leaks = np.empty(_FIRST_CAPACITY)
        self._multipliers = np.zeros(_FIRST_CAPACITY)
        self._idle = np.zeros(_FIRST_CAPACITY, dtype=np.int64)

    def __len__(self) -> int:
        return self._n

    def add(self, gradient: np.ndarray, offset: float, leak: float) -> None:
        """Add the plane ``offset + gradient @ u``, valid up to `leak` times a bound on biases."""
        place = self._free_place()
        self._gradients[place] = gradient
        products = self._gradients[: self._n] @ gradient
        self._gram[place, : self._n] = products
        self._gram[: self._n, place] = products
        self._offsets[place] = offset
        self._leaks[place] = leak
        self._multipliers[place] = 1.0 if self._n == 1 else 0.0
        self._idle[place] = 0

    def minimize(self, tol: float) -> tuple[np.ndarray, float, float]:
        """Solve the reduced problem to the absolute accuracy `tol`.

        Returns
        -------
        point : ndarray of shape (size,)
        lower_bound : float
            Value of the dual, up to `leak` times the bound on biases.
        leak : float
        """
        n = self._n
        gram = self._gram[:n, :n]
        multipliers = solve_simplex_qp(
            gram,
            self._alpha * self._offsets[:n],
            self._multipliers[:n],
            self._alpha * tol,
            100 + 10 * n,
        )
        self._multipliers[:n] = multipliers
        used = np.flatnonzero(multipliers)
        self._idle[:n] += 1
        self._idle[used] = 0
        share = multipliers[used]
        point = (share / -self._alpha) @ self._gradients[used]
        # The norm from the point itself: the Gram matrix would lose digits to cancellation.
        lower_bound = share @ self._offsets[used] - 0.5 * self._alpha * (point @ point)
        return point, float(lower_bound), float(share @ self._leaks[used])

    def _free_place(self) -> int:
        """Index for a new plane: that of the longest idle one, or one more."""
        if self._n:
            longest = int(np.argmax(self._idle[: self._n]))
            if self._idle[longest] > _IDLE_LIMIT:
                return longest
        if self._n == len(self._offsets):
            self._grow(2 * self._n)
        self._n += 1
        return self._n - 1

    def _grow(self, capacity: int) -> None:
        for name in ("_gradients", "_offsets", "_leaks", "_multipliers", "_idle"):
            old = getattr(self, name)
            new = np.zeros((capacity, *old.shape[1:]), dtype=old.dtype)
            new[: self._n] = old
            setattr(self, name, new)
        gram = np.empty((capacity, capacity))
        gram[: self._n, : self._n] = self._gram
        self._gram = gram
