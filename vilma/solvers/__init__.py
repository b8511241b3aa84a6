"""Solvers: a design matrix and a surrogate in, a certified solution out."""

from vilma.solvers.double_loop import DoubleLoop
from vilma.solvers.settings import Settings
from vilma.solvers.solution import Solution

__all__ = ["DoubleLoop", "Settings", "Solution"]
