r"""Score tests of equal coefficients at every threshold.

The wider model has coefficients for every threshold,

.. math:: P(y \le k \mid x) = F(\theta_k - \langle x, w_k\rangle),

and an annotation has the same likelihood in its two ends as before. Its loss is convex in all
:math:`w_k` and :math:`\theta_k`, so that the observed information H is positive semidefinite.
With the gradient g at the estimates of the narrow model, where all :math:`w_k` are one w, the
score statistic :math:`g^T H^{-1} g` is chi-squared with n (T - 1) degrees of freedom if they are
(Rao 1948), and :math:`-H^{-1} g` is the Newton step from w to the :math:`w_k`. Brant's test (1990)
compares separate fits of exact labels at every threshold for the same purpose; this one takes
intervals.

Where the model is not trusted, or rows are weighted or clustered, the step has the covariance
:math:`H^{-1} B H^{-1}` with the outer products B of the rows' or clusters' gradients, and the
statistic is :math:`d^T (R H^{-1} B H^{-1} R^T)^{-1} d` for the differences :math:`d = -R H^{-1} g`
of neighbouring thresholds' coefficients (the generalised score test; Boos 1992).

The statistic is chi-squared only where every threshold has enough annotations on either side of
it. Those that have too few are left out (`well_supported`): annotations are widened to what is
left, which loses information and no validity, and the narrow model is fitted to them anew.

References
----------
Rao: Large sample tests of statistical hypotheses concerning several parameters, Proceedings of
the Cambridge Philosophical Society 44, 1948.

Boos: On generalized score tests, The American Statistician 46, 1992.

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
from vilma.inference.summary import frame
from vilma.likelihood import LINKS, IntervalLikelihood
from vilma.likelihood.links import IntervalLoss
from vilma.surrogates import LabeledWeights

if TYPE_CHECKING:
    import pandas

_MOST_LEFT = 1e-2  # of a chi-squared statistic, for rows that were fitted
# Annotations on either side of a threshold for each of its parameters. Share of 100 simulations in
# which true proportional odds were rejected at 5 %, with any support, 5 and 10: 500 exact labels
# on 30 steps .55, .28, .07; on the 60 steps of an age 1.00, .21, .09; 500 brackets with exact
# answers in 10 % of the rows 1.00, .08, .08, in 30 % 1.00, .07, .08; 500 labels of whom most have
# the lowest .73, .09, .09; well supported from the start .06 to .08. With the sandwich (60
# simulations) .32, .15, .05 for the first, .02 to .10 for the others.
_SUPPORT = 10.0

__all__ = [
    "ProportionalOddsTest",
    "proportional_odds_test",
    "refuse_other_rows",
    "well_supported",
    "widen",
]


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
    n_left_out : int
        Thresholds that too few annotations support, and that were not tested.
    robust : bool
        Whether the statistics are those of the sandwich.
    """

    statistic: float
    df: int
    p: float
    names: list[str]
    threshold_names: list[str]
    column_statistics: np.ndarray
    column_p: np.ndarray
    coef: np.ndarray
    n_left_out: int
    robust: bool

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
        if self.n_left_out:
            tested = len(self.threshold_names)
            text.append(
                f"Tested at {tested} of {tested + self.n_left_out} thresholds; the others have "
                "too few annotations."
            )
        kind = "Robust score test" if self.robust else "Score test"
        return "\n".join([f"{kind} of proportional odds", *text])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return self.to_frame()._repr_html_()


def well_supported(labels: LabeledWeights, n_coefficients: int) -> np.ndarray:
    """Choose the thresholds at which coefficients of their own can be told.

    A threshold needs ``_SUPPORT`` annotations for each of its coefficients, the threshold itself
    counted, that end at it, and as many that begin after it. The weakest is left out first, and
    its annotations then count for its neighbours.

    Parameters
    ----------
    labels : LabeledWeights
        Annotations as codes of cells; weights count them.
    n_coefficients : int
        Coefficients of one threshold.

    Returns
    -------
    ndarray of shape (n_kept,), dtype=int64
        Places of the thresholds that are left.
    """
    lower, upper, weight, n_cells = labels
    ending = np.bincount(upper, weight, minlength=n_cells)[:-1].tolist()
    beginning = np.bincount(lower, weight, minlength=n_cells)[1:].tolist()
    kept = list(range(n_cells - 1))
    while kept:
        support = np.minimum(ending, beginning)
        weakest = int(support.argmin())
        if support[weakest] >= _SUPPORT * (n_coefficients + 1):
            break
        # What ended here ends at the next threshold, what began here begins at the one before.
        if weakest + 1 < len(kept):
            ending[weakest + 1] += ending[weakest]
        if weakest:
            beginning[weakest - 1] += beginning[weakest]
        for each in (kept, ending, beginning):
            del each[weakest]
    return np.array(kept, dtype=np.int64)


def widen(labels: LabeledWeights, kept: np.ndarray) -> LabeledWeights:
    """Widen annotations to the cells between the thresholds that are kept.

    Parameters
    ----------
    labels : LabeledWeights
        Annotations as codes of cells.
    kept : ndarray of shape (n_kept,)
        Places of thresholds, increasing.

    Returns
    -------
    LabeledWeights
        Annotations as codes of ``n_kept + 1`` cells.
    """
    cell = np.searchsorted(kept, np.arange(labels.n_classes), side="left")
    return LabeledWeights(cell[labels.lower], cell[labels.upper], labels.weight, len(kept) + 1)


def proportional_odds_test(
    link: str,
    X: DesignMatrix,
    coef: np.ndarray,
    thresholds: np.ndarray,
    scale: np.ndarray,
    labels: LabeledWeights,
    names: list[str],
    threshold_names: list[str],
    used: np.ndarray,
    clusters: np.ndarray | None,
    n_left_out: int,
) -> ProportionalOddsTest:
    """Test the coefficients' equality at all thresholds.

    Parameters
    ----------
    link : str
        A key of ``vilma.likelihood.LINKS``.
    X : DesignMatrix
        The rows of the fit, in units of choice.
    coef, thresholds : ndarray of shape (n,) and (T,)
        The estimates in these units.
    scale : ndarray of shape (n,)
        What a coefficient in these units is divided by, to be one of the columns.
    labels : LabeledWeights
        Their annotations, as codes of ``T + 1`` cells.
    names, threshold_names : list of str
        Of columns and thresholds.
    used : ndarray of int
        Columns that are identified.
    clusters : ndarray of shape (m,), dtype=int64, or None
        Rows that depend on one another have the same number, for the sandwich. None is the
        test that trusts the likelihood.
    n_left_out : int
        Thresholds that are not among these.

    Returns
    -------
    ProportionalOddsTest
        The tests.

    Raises
    ------
    ValueError
        If there are fewer than two thresholds, no coefficients, or too few clusters.
    """
    n_thresholds = len(thresholds)
    if n_thresholds < 2:
        few = ""
        if n_left_out:
            few = (
                f" with {_SUPPORT:g} annotations for each of {len(used) + 1} parameters on either "
                f"side; {n_left_out} thresholds have fewer"
            )
        raise ValueError(
            "Coefficients can differ between thresholds only where there are two thresholds or "
            f"more; the annotations identify {n_thresholds}{few}."
        )
    if not len(used):
        raise ValueError("The model has no coefficients that could differ between thresholds.")
    rows = IntervalLikelihood(LINKS[link], labels).row_derivatives(X.dot(coef), thresholds)
    gradient, hessian = _wide_derivatives(rows, X, labels, used)
    n, size = len(used), len(used) + 1
    df = n * (n_thresholds - 1)
    inverse = invert(hessian)
    step = -(inverse @ gradient).reshape(n_thresholds, size)[:, :n]
    column_statistics = np.full(len(coef), np.nan)
    if clusters is None:
        statistic = float(gradient @ inverse @ gradient)
        for place, j in enumerate(used):
            # One number per threshold for column j, one for all thresholds for other columns.
            wide = np.zeros((n_thresholds * size, 2 * n_thresholds + n - 1))
            others = [c for c in range(n) if c != place]
            for k in range(n_thresholds):
                wide[k * size + place, k] = 1.0
                wide[k * size + n, n_thresholds + k] = 1.0
                for number, c in enumerate(others):
                    wide[k * size + c, 2 * n_thresholds + number] = 1.0
            part = wide.T @ gradient
            column_statistics[j] = part @ invert(wide.T @ hessian @ wide) @ part
    else:
        n_clusters = int(clusters.max()) + 1
        if n_clusters <= df:
            raise ValueError(
                f"There are {n_clusters} clusters for {df} differences of coefficients, too few "
                "for their covariance. Test fewer columns, or join labels."
            )
        middle = _wide_outer_products(rows, X, labels, used, clusters)
        covariance = inverse @ middle @ inverse * (n_clusters / (n_clusters - 1))
        covariance = covariance.reshape(n_thresholds, size, n_thresholds, size)[:, :n, :, :n]
        change = np.diff(step, axis=0)
        of_change = np.diff(np.diff(covariance, axis=0), axis=2)
        flat = change.ravel()
        statistic = float(flat @ invert(of_change.reshape(df, df)) @ flat)
        for place, j in enumerate(used):
            part = change[:, place]
            column_statistics[j] = part @ invert(of_change[:, place, :, place]) @ part
    at_thresholds = np.full((len(coef), n_thresholds), np.nan)
    at_thresholds[used] = (coef[used, None] + step.T) / scale[used, None]
    return ProportionalOddsTest(
        statistic,
        df,
        float(stats.chi2.sf(statistic, df)),
        list(names),
        list(threshold_names),
        column_statistics,
        stats.chi2.sf(column_statistics, n_thresholds - 1),
        at_thresholds,
        n_left_out,
        clusters is not None,
    )


def refuse_other_rows(
    link: str,
    X: DesignMatrix,
    coef: np.ndarray,
    thresholds: np.ndarray,
    labels: LabeledWeights,
    used: np.ndarray,
) -> None:
    """Refuse rows at which the fit is not at its maximum: the test is about the slopes left.

    Parameters
    ----------
    link : str
        A key of ``vilma.likelihood.LINKS``.
    X : DesignMatrix
        The rows, in units of choice.
    coef, thresholds : ndarray of shape (n,) and (T,)
        The estimates in these units.
    labels : LabeledWeights
        Annotations as codes of ``T + 1`` cells.
    used : ndarray of int
        Columns that are identified.

    Raises
    ------
    ValueError
        If a step would raise the likelihood.
    """
    likelihood = IntervalLikelihood(LINKS[link], labels)
    at = likelihood.derivatives(X.dot(coef), thresholds)
    total = likelihood.total_weight
    slope = np.concatenate([X.transpose_dot(at.score_gradient)[used], at.threshold_gradient])
    cross = X.transpose_dot_columns(at.cross)[used]
    gram = X.gram(at.score_curvature)[np.ix_(used, used)]
    hessian = np.block([[gram, cross], [cross.T, at.threshold_hessian]])
    left = total * float(slope @ invert(hessian) @ slope)
    if not left <= _MOST_LEFT:
        raise ValueError(
            "The likelihood of the rows given is not at its maximum for the coefficients of the "
            f"fit: a step would raise it by {0.5 * left:.3g}. Give X, y and sample_weight as in "
            "fit; if they are, fit with a smaller tol or more max_iter."
        )


def _wide_derivatives(
    rows: IntervalLoss, X: DesignMatrix, labels: LabeledWeights, used: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return gradient and Hessian in (w_0, theta_0), (w_1, theta_1), ... one after the other."""
    lower, upper, weight, n_cells = labels
    n, n_thresholds = len(used), n_cells - 1
    gradient = np.zeros((n_thresholds, n + 1))
    hessian = np.zeros((n_thresholds, n + 1, n_thresholds, n + 1))
    for k in range(n_thresholds):
        is_low, is_high = lower == k + 1, upper == k
        slope = weight * (np.where(is_low, rows.d_low, 0.0) + np.where(is_high, rows.d_high, 0.0))
        gradient[k, :n], gradient[k, n] = -X.transpose_dot(slope)[used], slope.sum()
        own = weight * (np.where(is_low, rows.dd_low, 0.0) + np.where(is_high, rows.dd_high, 0.0))
        hessian[k, :, k, :] = _block(X, own, used)
        for other in np.unique(upper[is_low & (upper < n_cells - 1)]):
            both = weight * np.where(is_low & (upper == other), rows.dd_both, 0.0)
            hessian[k, :, other, :] = hessian[other, :, k, :] = _block(X, both, used)
    wide = n_thresholds * (n + 1)
    return gradient.ravel(), hessian.reshape(wide, wide)


def _block(X: DesignMatrix, curvature: np.ndarray, used: np.ndarray) -> np.ndarray:
    """Sum over the rows of the curvature times (-x, 1)(-x, 1)^T."""
    n = len(used)
    out = np.empty((n + 1, n + 1))
    # Curvatures of one sign, so that the Gram matrix can take their roots.
    sign = -1.0 if (curvature < 0.0).any() else 1.0
    out[:n, :n] = sign * X.gram(np.abs(curvature))[np.ix_(used, used)]
    out[:n, n] = out[n, :n] = -X.transpose_dot(curvature)[used]
    out[n, n] = curvature.sum()
    return out


def _wide_outer_products(
    rows: IntervalLoss,
    X: DesignMatrix,
    labels: LabeledWeights,
    used: np.ndarray,
    clusters: np.ndarray,
) -> np.ndarray:
    """Sum the outer products of the clusters' gradients, in the order of the gradient."""
    lower, upper, weight, n_cells = labels
    n, n_thresholds, n_clusters = len(used), n_cells - 1, int(clusters.max()) + 1
    sums = np.zeros((n_clusters, n_thresholds, n + 1))
    slopes = [
        weight * np.where(lower == k + 1, rows.d_low, 0.0)
        + weight * np.where(upper == k, rows.d_high, 0.0)
        for k in range(n_thresholds)
    ]
    unit = np.zeros(X.shape[1])
    for place, j in enumerate(used):
        unit[j] = 1.0
        column = X.dot(unit)
        unit[j] = 0.0
        for k, slope in enumerate(slopes):
            sums[:, k, place] = -np.bincount(clusters, slope * column, n_clusters)
    for k, slope in enumerate(slopes):
        sums[:, k, n] = np.bincount(clusters, slope, n_clusters)
    flat = sums.reshape(n_clusters, -1)
    return flat.T @ flat
