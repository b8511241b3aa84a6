"""What a user may set of a solver."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Settings"]


class Settings(NamedTuple):
    """Settings shared by the cutting-plane solvers."""

    alpha: float  # weight of the squared norm, the paper's lambda
    tol: float  # relative gap at which to stop
    max_iter: int  # limit on the iterations of the outer loop
    verbose: int  # 0: silent; n: a line every n iterations
