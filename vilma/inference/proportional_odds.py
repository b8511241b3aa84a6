r"""Score tests of equal coefficients at every threshold.

The wider model has coefficients for every threshold,

.. math:: P(y \le k \mid x) = F(\theta_k - \langle x, w_k\rangle),

and an annotation has the same likelihood in its two ends as before. Its loss is convex in all
:math:`w_k` and :math:`\theta_k`, so that the observed information H is positive semidefinite.
With the gradient g at the estimates of the narrow model, where all :math:`w_k` are one w, the
Newton step from w to the :math:`w_k` is :math:`p = -H^{-1} g`, and :math:`d = R p` are its
differences of a column's coefficients between neighbouring thresholds. If all coefficients are
equal,

.. math:: d^T (R V R^T)^{-1} d, \qquad V = H^{-1},

is chi-squared with as many degrees of freedom as there are differences. If those of all columns
are all that the wider model has more, it is the score statistic :math:`g^T H^{-1} g` (Rao 1948).
The differences of one column test it alone, whether the other columns' coefficients are equal or
not. Brant's test (1990) compares separate fits of exact labels at every threshold for the same
purpose; this one takes intervals.

Where the model is not trusted, or rows are weighted or clustered, :math:`V = H^{-1} B H^{-1}` with
the outer products B of the rows' or clusters' gradients (the generalised score test; Boos 1992).

What is tested
--------------
A row's loss depends on :math:`\theta_k - \langle x, w_k\rangle` for the thresholds k at which its
annotation ends. Only if such rows tell the coefficient of column j apart from those of the others
and from the threshold is :math:`w_{kj}` *told*. With a column told at :math:`K_j` thresholds there
are :math:`K_j - 1` differences: n (T - 1) for all n columns and T thresholds if all is told.

Where columns separate the labels, ends of annotations go to infinity, and their slopes and
curvatures to 0 at rates of their own. The test is that of the finite part
(``likelihood/separation.py``): annotations are open where their ends are at infinity, rows that
are certain say nothing, and columns and thresholds that nothing is left to tell are not tested.

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
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import linalg, stats

from vilma.design_matrices import DesignMatrix
from vilma.inference.covariance import informative, invert
from vilma.inference.summary import frame
from vilma.likelihood import (
    LINKS,
    Cells,
    IntervalLikelihood,
    LikelihoodProblem,
    Options,
    find_separation,
    identify_cells,
    initial_thresholds,
    minimize,
    split_by_curvature,
)
from vilma.likelihood.links import IntervalLoss
from vilma.likelihood.steps import exact_hessian
from vilma.surrogates import LabeledWeights

if TYPE_CHECKING:
    import pandas

_MOST_LEFT = 1e-2  # of a chi-squared statistic, for rows that were fitted
_NO_PART = 1e-6  # of a unit vector, in a direction
# Annotations on either side of a threshold for each of its parameters. Share of 100 simulations in
# which true proportional odds were rejected at 5 %, with any support, 5 and 10: 500 exact labels
# on 30 steps .55, .28, .07; on the 60 steps of an age 1.00, .21, .09; 500 brackets with exact
# answers in 10 % of the rows 1.00, .08, .08, in 30 % 1.00, .07, .08; 500 labels of whom most have
# the lowest .73, .09, .09; well supported from the start .06 to .08. With the sandwich (60
# simulations) .32, .15, .05 for the first, .02 to .10 for the others.
_SUPPORT = 10.0

__all__ = [
    "NarrowModel",
    "ProportionalOddsTest",
    "proportional_odds_test",
    "refuse_other_rows",
    "testable_part",
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
        For every column alone; NaN where `column_df` is 0.
    column_df : ndarray of shape (n,), dtype=int64
        Their degrees of freedom: the number of thresholds at which the annotations tell the
        column's coefficient, less 1.
    coef : ndarray of shape (n, T)
        One-step estimates of the coefficients at every threshold, NaN where they are not told.
    n_left_out : int
        Thresholds that too few annotations support, or that separation sends to infinity: they
        were not tested.
    n_certain : int
        Rows that separation makes certain, and that were left out.
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
    column_df: np.ndarray
    coef: np.ndarray
    n_left_out: int
    n_certain: int
    robust: bool

    def to_frame(self) -> pandas.DataFrame:
        """Return a row per column.

        Returns
        -------
        pandas.DataFrame
            Columns chi2, df, p, and a column per threshold with the one-step estimates.
        """
        at = {name: self.coef[:, k] for k, name in enumerate(self.threshold_names)}
        columns = {"chi2": self.column_statistics, "df": self.column_df, "p": self.column_p}
        return frame(columns | at, self.names)

    def __str__(self) -> str:
        lines = [["", "chi2", "df", "p"]]
        everything = [
            ("all columns", self.statistic, self.df, self.p),
            *zip(self.names, self.column_statistics, self.column_df, self.column_p, strict=True),
        ]
        lines += [
            [name, f"{chi2:.3f}", str(df), f"{p:.4f}"] if df else [name, "-", "0", "-"]
            for name, chi2, df, p in everything
        ]
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
                f"too few annotations{' or are infinite' if self.n_certain else ''}."
            )
        if self.n_certain:
            text.append(
                f"Columns separate the labels: {self.n_certain} rows are certain, and were left "
                "out."
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


class NarrowModel(NamedTuple):
    """Estimates with the same coefficients at every threshold, and what they were fitted to."""

    labels: LabeledWeights  # annotations as codes of T + 1 cells
    coef: np.ndarray  # (n,)
    thresholds: np.ndarray  # (T,)
    places: np.ndarray  # (T,) of the thresholds among all of them
    used: np.ndarray  # columns that are identified
    n_certain: int  # rows that separation made certain


def testable_part(
    link: str,
    X: DesignMatrix,
    model: NarrowModel,
    separated: bool,
    counted: bool,
    options: Options,
) -> NarrowModel:
    """Widen annotations until no columns separate them and every threshold is well supported.

    Parameters
    ----------
    link : str
        A key of ``vilma.likelihood.LINKS``.
    X : DesignMatrix
        The rows, in units of choice.
    model : NarrowModel
        The fit to them.
    separated : bool
        Whether columns separate its labels.
    counted : bool
        Whether weights count rows; those of a survey do not.
    options : Options
        Of further fits.

    Returns
    -------
    NarrowModel
        The same where there is nothing to widen. Without thresholds if nothing is left.
    """
    if separated:
        model = _fit_finite_part(link, X, model, options)
    while len(model.thresholds):
        labels = model.labels
        if not counted:
            labels = labels._replace(weight=np.ones(len(labels.weight)))
        kept = well_supported(labels, len(model.used))
        if len(kept) == len(model.thresholds):
            break
        model = model._replace(
            labels=widen(model.labels, kept),
            thresholds=model.thresholds[kept],
            places=model.places[kept],
        )
        if len(kept):
            model = _fit_finite_part(link, X, model, options)
    return model


def _fit_finite_part(
    link: str, X: DesignMatrix, model: NarrowModel, options: Options
) -> NarrowModel:
    """Fit the model to its annotations, opened where separation sends an end to infinity."""
    labels, n = model.labels, X.shape[1]
    task = LikelihoodProblem(X, IntervalLikelihood(LINKS[link], labels), np.zeros(n))
    maximum = minimize(task, np.zeros(n), initial_thresholds(LINKS[link], labels), options)
    separation = find_separation(task, maximum)
    if separation is None:
        # Labels between thresholds that have met have no probability.
        first = np.concatenate([[True], ~maximum.tied])
        return NarrowModel(
            Cells(np.arange(len(first)), len(first)).join(maximum.group).reduce(labels),
            maximum.coef,
            maximum.thresholds[first],
            model.places[first],
            np.flatnonzero(~maximum.aliased),
            model.n_certain,
        )
    finite = separation.labels
    cells = identify_cells(finite)
    part = model._replace(
        labels=cells.reduce(finite),
        thresholds=model.thresholds[cells.first],
        places=model.places[cells.first],
        n_certain=model.n_certain + int((informative(labels) & ~informative(finite)).sum()),
    )
    return _fit_finite_part(link, X, part, options) if cells.n_groups else part


def proportional_odds_test(
    link: str,
    X: DesignMatrix,
    model: NarrowModel,
    scale: np.ndarray,
    names: list[str],
    threshold_names: list[str],
    clusters: np.ndarray | None,
) -> ProportionalOddsTest:
    """Test the coefficients' equality at all thresholds.

    Parameters
    ----------
    link : str
        A key of ``vilma.likelihood.LINKS``.
    X : DesignMatrix
        The rows of the fit, in units of choice.
    model : NarrowModel
        What is to be tested: the testable part of the fit, in these units.
    scale : ndarray of shape (n,)
        What a coefficient in these units is divided by, to be one of the columns.
    names, threshold_names : list of str
        Of columns, and of the thresholds of the fit.
    clusters : ndarray of shape (m,), dtype=int64, or None
        Rows that depend on one another have the same number, for the sandwich. None is the
        test that trusts the likelihood.

    Returns
    -------
    ProportionalOddsTest
        The tests.

    Raises
    ------
    ValueError
        If there are fewer than two thresholds, no coefficients that are told at two of them, or
        too few clusters.
    """
    labels, coef, thresholds, places, used, n_certain = model
    n_thresholds, n_left_out = len(thresholds), len(threshold_names) - len(thresholds)
    if n_thresholds < 2:
        few = ""
        if n_left_out:
            few = (
                f" with {_SUPPORT:g} annotations for each of {len(used) + 1} parameters on either "
                f"side; {n_left_out} thresholds have fewer"
            )
        if n_certain:
            few += f", and {n_certain} rows are certain, because columns separate the labels"
        raise ValueError(
            "Coefficients can differ between thresholds only where there are two thresholds or "
            f"more; the annotations identify {n_thresholds}{few}."
        )
    if not len(used):
        raise ValueError("The model has no coefficients that could differ between thresholds.")
    rows = IntervalLikelihood(LINKS[link], labels).row_derivatives(X.dot(coef), thresholds)
    gradient, hessian = _wide_derivatives(rows, X, labels, used)
    told, basis = _told(hessian, n_thresholds)
    differences = [_neighbours(told, place) for place in range(len(used))]
    df = sum(map(len, differences))
    if df == 0:
        raise ValueError(
            "The annotations tell no column's coefficient at two thresholds, so that there are no "
            "differences to be tested."
        )
    inverse = basis @ invert(basis.T @ hessian @ basis) @ basis.T
    step, covariance = -(inverse @ gradient), inverse
    if clusters is not None:
        n_clusters = len(np.unique(clusters[informative(labels)]))
        if n_clusters <= df:
            raise ValueError(
                f"There are {n_clusters} clusters for {df} differences of coefficients, too few "
                "for their covariance. Test fewer columns, or join labels."
            )
        middle = _wide_outer_products(rows, X, labels, used, clusters)
        covariance = inverse @ middle @ inverse * (n_clusters / (n_clusters - 1))

    def statistic(contrast: np.ndarray) -> float:
        d = contrast @ step
        return float(d @ invert(contrast @ covariance @ contrast.T) @ d)

    column_df = np.zeros(len(coef), dtype=np.int64)
    column_df[used] = [len(each) for each in differences]
    column_statistics = np.full(len(coef), np.nan)
    for j, each in zip(used, differences, strict=True):
        if len(each):
            column_statistics[j] = statistic(each)
    everything = statistic(np.vstack(differences))
    moved = coef[used] + step.reshape(n_thresholds, -1)[:, :-1]
    at_thresholds = np.full((len(coef), n_thresholds), np.nan)
    at_thresholds[used] = np.where(told, moved, np.nan).T / scale[used, None]
    return ProportionalOddsTest(
        everything,
        df,
        float(stats.chi2.sf(everything, df)),
        list(names),
        [threshold_names[k] for k in places],
        column_statistics,
        stats.chi2.sf(column_statistics, np.maximum(column_df, 1)),
        column_df,
        at_thresholds,
        n_left_out,
        n_certain,
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
    n = len(coef)
    task = LikelihoodProblem(X, IntervalLikelihood(LINKS[link], labels), np.zeros(n))
    at = task.likelihood.derivatives(X.dot(coef), thresholds)
    free = np.concatenate([used, n + np.arange(len(thresholds))])
    slope = np.concatenate([X.transpose_dot(at.score_gradient), at.threshold_gradient])[free]
    hessian = exact_hessian(task, at)[np.ix_(free, free)]
    left = task.likelihood.total_weight * float(slope @ invert(hessian) @ slope)
    if not left <= _MOST_LEFT:
        raise ValueError(
            "The likelihood of the rows given is not at its maximum for the coefficients of the "
            f"fit: a step would raise it by {0.5 * left:.3g}. Give X, y and sample_weight as in "
            "fit; if they are, fit with a smaller tol or more max_iter."
        )


def _told(hessian: np.ndarray, n_thresholds: int) -> tuple[np.ndarray, np.ndarray]:
    """Tell which coefficients of a threshold its annotations tell.

    The Hessian is 0 along the directions along which its blocks of one threshold each are: no end
    of an annotation moves. A coefficient is told if it has no part in them.

    Returns
    -------
    told : ndarray of shape (T, n), dtype=bool
        Whether a coefficient is.
    basis : ndarray of shape (T (n + 1), r)
        Of the directions across those, in which the Hessian is positive definite.
    """
    size = len(hessian) // n_thresholds
    told = np.empty((n_thresholds, size - 1), dtype=bool)
    bases = []
    for k in range(n_thresholds):
        own = slice(k * size, (k + 1) * size)
        scale, flat, curved = split_by_curvature(hessian[own, own])
        told[k] = (np.abs(flat[:-1]) < _NO_PART).all(axis=1)
        bases.append(scale[:, None] * curved)
    return told, linalg.block_diag(*bases)


def _neighbours(told: np.ndarray, place: int) -> np.ndarray:
    """Return the differences of a column's coefficients between neighbouring thresholds.

    Parameters
    ----------
    told : ndarray of shape (T, n), dtype=bool
        Whether each is told.
    place : int
        The column.

    Returns
    -------
    ndarray of shape (K - 1, T (n + 1))
        For the K thresholds at which it is told.
    """
    n_thresholds, n = told.shape
    unit = np.eye(n_thresholds * (n + 1))[place :: n + 1]
    return np.diff(unit[told[:, place]], axis=0)


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
