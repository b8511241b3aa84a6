"""Solvers: a design matrix and a surrogate in, a certified solution out."""

from vilma.solvers.cutting_plane import CuttingPlaneMethod
from vilma.solvers.settings import Settings
from vilma.solvers.solution import Solution

__all__ = ["CuttingPlaneMethod", "Settings", "Solution"]
