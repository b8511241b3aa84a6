"""Solvers: a design matrix and a surrogate in, a certified solution out."""

from vilma.solvers.cutting_plane import minimize_cutting_plane, minimize_path
from vilma.solvers.settings import Settings
from vilma.solvers.solution import Solution

__all__ = ["Settings", "Solution", "minimize_cutting_plane", "minimize_path"]
