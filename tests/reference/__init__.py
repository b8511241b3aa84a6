"""An independent reference for the tests: small, slow, and written from the definitions.

Nothing here imports the package, so that an error in the package cannot hide in its own check.
``problems`` draws small random learning problems, ``objectives`` evaluates them with plain loops,
``optimum`` encloses their optimum between a feasible point and a dual bound.
"""

from tests.reference.objectives import inner_objective, joint_objective
from tests.reference.optimum import ReferenceOptimum, reference_inner, reference_optimum
from tests.reference.problems import KINDS, Problem, random_problem

__all__ = [
    "KINDS",
    "Problem",
    "ReferenceOptimum",
    "inner_objective",
    "joint_objective",
    "random_problem",
    "reference_inner",
    "reference_optimum",
]
