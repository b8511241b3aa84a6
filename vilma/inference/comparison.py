"""Nested models compared by their likelihoods, and coefficients tested by their covariance."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import stats

from vilma._wording import some_of
from vilma.inference.covariance import invert
from vilma.inference.estimates import Estimates
from vilma.inference.trace import first_column_outside

__all__ = ["LikelihoodRatioTest", "WaldTest", "likelihood_ratio_test", "wald_test"]


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


class WaldTest(NamedTuple):
    """Whether several coefficients are 0, by their estimates and covariance.

    Parameters
    ----------
    statistic : float
        ``b^T V^{-1} b``, chi-squared if they are 0.
    df : int
        How many coefficients are tested.
    p : float
        Probability of a statistic as large, if they are. For clusters that of F, the statistic
        divided by df, with `df` and `df_denominator` degrees of freedom.
    df_denominator : int or None
        Number of clusters less 1; None without clusters.
    """

    statistic: float
    df: int
    p: float
    df_denominator: int | None

    def __str__(self) -> str:
        if self.df_denominator is None:
            return f"chi2({self.df}) = {self.statistic:.4f}, p = {self.p:.4g}"
        return (
            f"F({self.df}, {self.df_denominator}) = {self.statistic / self.df:.4f}, "
            f"p = {self.p:.4g}"
        )


def wald_test(estimates: Estimates, places: np.ndarray) -> WaldTest:
    """Test whether coefficients are 0 together.

    Parameters
    ----------
    estimates : Estimates
        The fit.
    places : ndarray of int
        Which coefficients; all of them identified.

    Returns
    -------
    WaldTest
        Statistic, degrees of freedom and p (Wald 1943).

    Raises
    ------
    ValueError
        If there are none, or not more clusters than coefficients: their covariance has no inverse
        then.
    """
    df = len(places)
    if df == 0:
        raise ValueError("There are no coefficients to be tested.")
    clusters = estimates.n_clusters
    if clusters is not None and clusters <= df:
        raise ValueError(
            f"The covariance of {df} coefficients by {clusters} clusters has no inverse. Test "
            f"{clusters - 1} coefficients at most."
        )
    coef = estimates.coef[places]
    statistic = float(coef @ invert(estimates.covariance[np.ix_(places, places)]) @ coef)
    if clusters is None:
        return WaldTest(statistic, df, float(stats.chi2.sf(statistic, df)), None)
    p = float(stats.f.sf(statistic / df, df, clusters - 1))
    return WaldTest(statistic, df, p, clusters - 1)


def likelihood_ratio_test(full: Estimates, nested: Estimates | None) -> LikelihoodRatioTest:
    """Test a model against one that has fewer parameters.

    Parameters
    ----------
    full, nested : Estimates
        Fits to the same rows; the columns of `nested` are sums of multiples of those of `full`.
        None is the model of thresholds alone.

    Returns
    -------
    LikelihoodRatioTest
        Statistic, degrees of freedom and p (Wilks 1938).

    Raises
    ------
    ValueError
        If the two are not nested fits to the same rows, or standard errors are robust: the
        statistic is not chi-squared then.
    """
    _refuse_untrusted("This model", full)
    if nested is None:
        log_likelihood = full.null_log_likelihood
        df = int(full.identified.sum())
        if df == 0:
            raise ValueError("This model has no coefficients to be tested.")
    else:
        _refuse_untrusted("The nested model", nested)
        _refuse_other_data(full, nested)
        _refuse_other_columns(full, nested)
        log_likelihood = nested.log_likelihood
        df = int(full.identified.sum() - nested.identified.sum())
        if df <= 0:
            raise ValueError(
                "The model given has as many coefficients as this one: there is nothing to test. "
                "Leave out of it those to be tested."
            )
    statistic = max(2.0 * (full.log_likelihood - log_likelihood), 0.0)
    return LikelihoodRatioTest(float(statistic), df, float(stats.chi2.sf(statistic, df)))


def _refuse_untrusted(name: str, estimates: Estimates) -> None:
    if estimates.covariance_type != "observed":
        raise ValueError(
            f"{name} was fitted with {estimates.covariance_type} standard errors, that is, "
            "without trust in the likelihood; the likelihood ratio is not chi-squared then. "
            'Fit both with covariance="observed" and without groups.'
        )


def _refuse_other_data(full: Estimates, nested: Estimates) -> None:
    """Refuse fits by other links, or to other rows, weights or labels."""
    if full.link == nested.link and full.trace.labels == nested.trace.labels:
        return
    raise ValueError(
        "The two models differ in link, rows, weights or labels: "
        f"{full.link}, {full.rows.total} rows, log-likelihood without coefficients "
        f"{full.null_log_likelihood:.4f}, and {nested.link}, {nested.rows.total} rows, "
        f"{nested.null_log_likelihood:.4f}. Fit both to the same rows, in the same order."
    )


def _refuse_other_columns(full: Estimates, nested: Estimates) -> None:
    """Refuse a nested model with a column that the full one lacks."""
    outside = first_column_outside(full.trace, nested.trace)
    if outside is not None:
        raise ValueError(
            f"The model given is not nested in this one: its column {nested.names[outside]} is "
            f"no sum of multiples of this model's columns ({some_of(full.names)}). The nested "
            "model may use those columns only, in the same units or others; models that are not "
            "nested can be compared by their AIC."
        )
