"""Solvers: a design matrix and a surrogate in, a certified solution out.

``problem.py`` states the problem and says which function holds which equation of the paper.
"""

from vilma.solvers.certificate import Solution
from vilma.solvers.metric import EUCLIDEAN, CorrelatedMetric, Metric
from vilma.solvers.problem import Settings
from vilma.solvers.solver import Solver

__all__ = ["EUCLIDEAN", "CorrelatedMetric", "Metric", "Settings", "Solution", "Solver"]
