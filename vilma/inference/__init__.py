"""Inference from fits by maximum likelihood: tables, tests and marginal effects.

The results come from methods of :class:`vilma.OrderedLogit`.
"""

from vilma.inference.comparison import LikelihoodRatioTest, likelihood_ratio_test
from vilma.inference.covariance import covariance
from vilma.inference.estimates import Estimates, RowCounts, count_rows, null_log_likelihood
from vilma.inference.margins import MarginalEffects, marginal_effects
from vilma.inference.proportional_odds import ProportionalOddsTest, proportional_odds_test
from vilma.inference.summary import Summary

__all__ = [
    "Estimates",
    "LikelihoodRatioTest",
    "MarginalEffects",
    "ProportionalOddsTest",
    "RowCounts",
    "Summary",
    "count_rows",
    "covariance",
    "likelihood_ratio_test",
    "marginal_effects",
    "null_log_likelihood",
    "proportional_odds_test",
]
