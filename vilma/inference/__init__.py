"""Inference from fits by maximum likelihood: tables, tests and marginal effects.

The results come from methods of :class:`vilma.OrderedLogit`; :func:`read_formula` and
:class:`Formula` make its columns from a table.
"""

from vilma.inference.comparison import LikelihoodRatioTest, WaldTest
from vilma.inference.formula import Formula, read_formula
from vilma.inference.margins import MarginalEffects
from vilma.inference.proportional_odds import ProportionalOddsTest
from vilma.inference.summary import Summary

__all__ = [
    "Formula",
    "LikelihoodRatioTest",
    "MarginalEffects",
    "ProportionalOddsTest",
    "Summary",
    "WaldTest",
    "read_formula",
]
