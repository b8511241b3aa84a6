"""Solvers: a design matrix and a surrogate in, a certified solution out.

``problem.py`` states the problem and says which function holds which equation of the paper.
"""

from vilma.solvers.certificate import Solution
from vilma.solvers.problem import Settings
from vilma.solvers.solver import Solver

__all__ = ["Settings", "Solution", "Solver"]
