"""Nested models compared by their likelihoods."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import stats

from vilma.inference.estimates import Estimates

__all__ = ["LikelihoodRatioTest", "likelihood_ratio_test"]


class LikelihoodRatioTest(NamedTuple):
    """Twice the difference of log-likelihoods, chi-squared if the nested model holds.

    Parameters
    ----------
    statistic : float
        The likelihood-ratio statistic.
    df : int
        How many parameters the nested model has less.
    p : float
        Probability of a statistic as large, if the nested model holds.
    """

    statistic: float
    df: int
    p: float

    def __str__(self) -> str:
        return f"chi2({self.df}) = {self.statistic:.4f}, p = {self.p:.4g}"


def likelihood_ratio_test(full: Estimates, nested: Estimates) -> LikelihoodRatioTest:
    """Test a model against one that has fewer parameters.

    Parameters
    ----------
    full, nested : Estimates
        Fits to the same rows; `nested` has some of the columns of `full`.

    Returns
    -------
    LikelihoodRatioTest
        Statistic, degrees of freedom and p (Wilks 1938).

    Raises
    ------
    ValueError
        If the two cannot be nested fits to the same rows, or standard errors are robust: the
        statistic is not chi-squared then.
    """
    for name, estimates in (("This model", full), ("The nested model", nested)):
        if estimates.covariance_type != "observed":
            raise ValueError(
                f"{name} was fitted with {estimates.covariance_type} standard errors, that is, "
                "without trust in the likelihood; the likelihood ratio is not chi-squared then. "
                'Fit both with covariance="observed" and without groups.'
            )
    same = (
        full.link == nested.link
        and full.rows == nested.rows
        and np.isclose(full.total_weight, nested.total_weight)
        and np.isclose(full.null_log_likelihood, nested.null_log_likelihood)
    )
    if not same:
        raise ValueError(
            "The two models differ in link, rows, weights or labels: "
            f"{full.link}, {full.rows.total} rows, log-likelihood without coefficients "
            f"{full.null_log_likelihood:.4f}, and {nested.link}, {nested.rows.total} rows, "
            f"{nested.null_log_likelihood:.4f}. Fit both to the same rows."
        )
    df = full.n_parameters - nested.n_parameters
    statistic = 2.0 * (full.log_likelihood - nested.log_likelihood)
    if df <= 0 or statistic < -1e-6 * abs(full.log_likelihood):
        raise ValueError(
            f"The model given is not nested in this one: it has {nested.n_parameters} parameters "
            f"and a log-likelihood of {nested.log_likelihood:.4f}, this one "
            f"{full.n_parameters} and {full.log_likelihood:.4f}."
        )
    statistic = max(float(statistic), 0.0)
    return LikelihoodRatioTest(statistic, df, float(stats.chi2.sf(statistic, df)))
