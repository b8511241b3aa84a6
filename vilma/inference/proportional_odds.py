r"""Score tests of equal coefficients at every threshold.

The wider model has coefficients for every threshold,

.. math:: P(y \le k \mid x) = F(\theta_k - \langle x, w_k\rangle),

and an annotation has the same likelihood in its two ends as before. Its loss is convex in all
:math:`w_k` and :math:`\theta_k`, so that the observed information H is positive semidefinite.
With the gradient g at the estimates of the narrow model, where all :math:`w_k` are one w, the
score statistic :math:`g^T H^{-1} g` is chi-squared with n (T - 1) degrees of freedom if they are
(Rao 1948), and :math:`-H^{-1} g` is the Newton step from w to the :math:`w_k`. Brant's test (1990)
compares separate fits of exact labels at every threshold for the same purpose; this one takes
intervals, and needs no further fit.

References
----------
Rao: Large sample tests of statistical hypotheses concerning several parameters, Proceedings of
the Cambridge Philosophical Society 44, 1948.

Brant: Assessing proportionality in the proportional odds model for ordinal logistic regression,
Biometrics 46, 1990.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from vilma.design_matrices import DesignMatrix
from vilma.inference.covariance import invert
from vilma.inference.estimates import Estimates
from vilma.inference.summary import frame
from vilma.likelihood import LINKS, IntervalLikelihood
from vilma.surrogates import LabeledWeights

if TYPE_CHECKING:
    import pandas

_MOST_LEFT = 1e-2  # of a chi-squared statistic, for rows that were fitted

__all__ = ["ProportionalOddsTest", "proportional_odds_test"]


@dataclass(frozen=True, repr=False)
class ProportionalOddsTest:
    """Score tests of equal coefficients at all thresholds.

    Small p speak against proportional odds. With many rows small differences are significant:
    look at how far the coefficients at the thresholds lie apart.

    Parameters
    ----------
    statistic : float
        Chi-squared for all columns together.
    df : int
        Its degrees of freedom.
    p : float
        Its p.
    names : list of str
        Of the columns, n of them.
    threshold_names : list of str
        Of the thresholds, T of them.
    column_statistics, column_p : ndarray of shape (n,)
        For every column alone, with T - 1 degrees of freedom; NaN if it is not identified.
    coef : ndarray of shape (n, T)
        One-step estimates of the coefficients at every threshold.
    """

    statistic: float
    df: int
    p: float
    names: list[str]
    threshold_names: list[str]
    column_statistics: np.ndarray
    column_p: np.ndarray
    coef: np.ndarray

    def to_frame(self) -> pandas.DataFrame:
        """Return a row per column.

        Returns
        -------
        pandas.DataFrame
            Columns chi2, df, p, and a column per threshold with the one-step estimates.
        """
        df = np.full(len(self.names), len(self.threshold_names) - 1)
        at = {name: self.coef[:, k] for k, name in enumerate(self.threshold_names)}
        columns = {"chi2": self.column_statistics, "df": df, "p": self.column_p, **at}
        return frame(columns, self.names)

    def __str__(self) -> str:
        lines = [["", "chi2", "df", "p"]]
        everything = [("all columns", self.statistic, self.df, self.p)]
        for j, name in enumerate(self.names):
            df = len(self.threshold_names) - 1
            everything.append((name, self.column_statistics[j], df, self.column_p[j]))
        lines += [[name, f"{chi2:.3f}", str(df), f"{p:.4f}"] for name, chi2, df, p in everything]
        widths = [max(len(line[k]) for line in lines) for k in range(4)]
        text = [
            "  ".join(
                cell.rjust(width) if k else cell.ljust(width)
                for k, (cell, width) in enumerate(zip(line, widths, strict=True))
            )
            for line in lines
        ]
        return "\n".join(["Score test of proportional odds", *text])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return self.to_frame()._repr_html_()


def proportional_odds_test(
    estimates: Estimates,
    X: DesignMatrix,
    coef: np.ndarray,
    thresholds: np.ndarray,
    scale: np.ndarray,
    labels: LabeledWeights,
) -> ProportionalOddsTest:
    """Test the coefficients' equality at all thresholds.

    Parameters
    ----------
    estimates : Estimates
        The fit, for names and cells.
    X : DesignMatrix
        The rows of the fit, in units of choice.
    coef, thresholds : ndarray of shape (n,) and (T,)
        The estimates in these units.
    scale : ndarray of shape (n,)
        What a coefficient in these units is divided by, to be one of the columns.
    labels : LabeledWeights
        Their labels.

    Returns
    -------
    ProportionalOddsTest
        The tests.

    Raises
    ------
    ValueError
        If there are fewer than two thresholds, or no coefficients, or if the rows are not those
        of the fit.
    """
    n_thresholds = len(thresholds)
    if n_thresholds < 2:
        raise ValueError(
            "Coefficients can differ between thresholds only where there are two thresholds or "
            f"more; the annotations identify {n_thresholds}."
        )
    used = np.flatnonzero(estimates.identified)
    if not len(used):
        raise ValueError("The model has no coefficients that could differ between thresholds.")
    gradient, hessian = _wide_derivatives(estimates, X, coef, thresholds, labels, used)
    n, size = len(used), len(used) + 1
    _refuse_other_rows(gradient, hessian, n, n_thresholds)
    inverse = invert(hessian)
    step = -(inverse @ gradient).reshape(n_thresholds, size)[:, :n]
    statistic = float(gradient @ inverse @ gradient)
    column_statistics = np.full(len(coef), np.nan)
    for place, j in enumerate(used):
        # One number per threshold for column j, one for all thresholds for the other columns.
        wide = np.zeros((n_thresholds * size, 2 * n_thresholds + n - 1))
        others = [c for c in range(n) if c != place]
        for k in range(n_thresholds):
            wide[k * size + place, k] = 1.0
            wide[k * size + n, n_thresholds + k] = 1.0
            for number, c in enumerate(others):
                wide[k * size + c, 2 * n_thresholds + number] = 1.0
        part = wide.T @ gradient
        column_statistics[j] = part @ invert(wide.T @ hessian @ wide) @ part
    at_thresholds = np.full((len(coef), n_thresholds), np.nan)
    at_thresholds[used] = (coef[used, None] + step.T) / scale[used, None]
    df = n * (n_thresholds - 1)
    return ProportionalOddsTest(
        statistic,
        df,
        float(stats.chi2.sf(statistic, df)),
        list(estimates.names),
        estimates.threshold_names,
        column_statistics,
        stats.chi2.sf(column_statistics, n_thresholds - 1),
        at_thresholds,
    )


def _refuse_other_rows(
    gradient: np.ndarray, hessian: np.ndarray, n: int, n_thresholds: int
) -> None:
    """Refuse rows at which the fit is not at its maximum: the test is about the slopes left."""
    pool = np.zeros((n_thresholds, n + 1, n + n_thresholds))  # one w for all thresholds
    pool[:, np.arange(n), np.arange(n)] = 1.0
    pool[np.arange(n_thresholds), n, n + np.arange(n_thresholds)] = 1.0
    wide = pool.reshape(-1, n + n_thresholds)
    slope = wide.T @ gradient
    left = float(slope @ invert(wide.T @ hessian @ wide) @ slope)
    if left > _MOST_LEFT:
        raise ValueError(
            "The likelihood of the rows given is not at its maximum for the coefficients of the "
            f"fit: a step would raise it by {0.5 * left:.3g}. Give X, y and sample_weight as in "
            "fit; if they are, fit with a smaller tol or more max_iter."
        )


def _wide_derivatives(
    estimates: Estimates,
    X: DesignMatrix,
    coef: np.ndarray,
    thresholds: np.ndarray,
    labels: LabeledWeights,
    used: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Return gradient and Hessian in (w_0, theta_0), (w_1, theta_1), ... one after the other."""
    reduced = estimates.cells.reduce(labels)
    likelihood = IntervalLikelihood(LINKS[estimates.link], reduced)
    rows = likelihood.row_derivatives(X.dot(coef), thresholds)
    lower, upper, weight, n_cells = reduced
    n, size, n_thresholds = len(used), len(used) + 1, len(thresholds)
    gradient = np.zeros((n_thresholds, size))
    hessian = np.zeros((n_thresholds, size, n_thresholds, size))
    ones = np.ones(X.shape[0])

    def block(curvature: np.ndarray) -> np.ndarray:
        """Sum over the rows of the curvature times (-x, 1)(-x, 1)^T."""
        out = np.empty((size, size))
        # Curvatures of one sign, so that the Gram matrix can take their roots.
        sign = -1.0 if (curvature < 0.0).any() else 1.0
        out[:n, :n] = sign * X.gram(np.abs(curvature))[np.ix_(used, used)]
        out[:n, n] = out[n, :n] = -X.transpose_dot(curvature)[used]
        out[n, n] = curvature @ ones
        return out

    for k in range(n_thresholds):
        is_low, is_high = lower == k + 1, upper == k
        slope = weight * (np.where(is_low, rows.d_low, 0.0) + np.where(is_high, rows.d_high, 0.0))
        gradient[k, :n], gradient[k, n] = -X.transpose_dot(slope)[used], slope.sum()
        own = weight * (np.where(is_low, rows.dd_low, 0.0) + np.where(is_high, rows.dd_high, 0.0))
        hessian[k, :, k, :] = block(own)
        for other in np.unique(upper[is_low & (upper < n_cells - 1)]):
            both = weight * np.where(is_low & (upper == other), rows.dd_both, 0.0)
            hessian[k, :, other, :] = hessian[other, :, k, :] = block(both)
    wide = n_thresholds * size
    return gradient.ravel(), hessian.reshape(wide, wide)
