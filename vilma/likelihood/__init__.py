"""The likelihood of interval labels under cumulative links, and its maximum.

``problem.py`` states what is minimised and says where its parts are.
"""

from vilma.likelihood.cells import Cells, identify_cells, place_thresholds
from vilma.likelihood.dependence import Start, separate_columns
from vilma.likelihood.interval_likelihood import IntervalLikelihood
from vilma.likelihood.links import LINKS, Link
from vilma.likelihood.model import CumulativeModel
from vilma.likelihood.newton import Maximum, Options, initial_thresholds, minimize
from vilma.likelihood.problem import (
    LikelihoodProblem,
    Standardization,
    standardize,
    unchanged,
)
from vilma.likelihood.separation import (
    Separation,
    find_separation,
    not_told,
    split_by_curvature,
)

__all__ = [
    "LINKS",
    "Cells",
    "CumulativeModel",
    "IntervalLikelihood",
    "LikelihoodProblem",
    "Link",
    "Maximum",
    "Options",
    "Separation",
    "Standardization",
    "Start",
    "find_separation",
    "identify_cells",
    "initial_thresholds",
    "minimize",
    "not_told",
    "place_thresholds",
    "separate_columns",
    "split_by_curvature",
    "standardize",
    "unchanged",
]
