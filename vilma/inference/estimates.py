"""What a maximum likelihood fit leaves behind for inference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vilma._wording import label_name
from vilma.design_matrices.dense import DenseMatrix
from vilma.inference.trace import DataTrace
from vilma.likelihood import (
    Cells,
    IntervalLikelihood,
    LikelihoodProblem,
    Link,
    Options,
    initial_thresholds,
    minimize,
)
from vilma.surrogates import LabeledWeights

_NEVER = -1  # in `Cells.group`; what is below lies at infinity

__all__ = ["Estimates", "RowCounts", "count_rows", "null_log_likelihood"]


@dataclass(frozen=True)
class RowCounts:
    """How many rows have which kind of annotation.

    Parameters
    ----------
    exact : int
        One label.
    bracketed : int
        Several labels, with both ends inside of the scale.
    open : int
        Labels up to an end of the scale: several, or one beyond which none is known.
    silent : int
        All labels.
    """

    exact: int
    bracketed: int
    open: int
    silent: int

    @property
    def total(self) -> int:
        """All rows."""
        return self.exact + self.bracketed + self.open + self.silent


@dataclass(frozen=True)
class Estimates:
    """Estimates of a cumulative model by maximum likelihood.

    Parameters
    ----------
    link : str
        A key of ``vilma.likelihood.LINKS``.
    names : list of str
        Of the columns, n of them.
    coef : ndarray of shape (n,)
        Coefficients; those not identified are 0.
    thresholds : ndarray of shape (n_groups,)
        Distinct finite thresholds.
    cells : Cells
        Which thresholds of the scale they are.
    covariance : ndarray of shape (n + n_groups, n + n_groups)
        NaN for coefficients that are not identified.
    covariance_type : str
        "observed", "robust" or "cluster".
    n_clusters : int or None
        Number of clusters with rows that say something, if there are any.
    log_likelihood, null_log_likelihood : float
        Of the fit, and of thresholds alone.
    rows : RowCounts
        The rows by their annotations.
    total_weight : float
        Sum of the weights.
    informative_weight : float
        Of the rows that say something.
    weighted : bool
        Whether a weight differs from 1.
    classes : ndarray of shape (n_classes,)
        The ordered scale.
    notes : list of str
        What a reader of the table must know.
    trace : DataTrace
        Of the data, for comparisons of fits.
    separated, separated_thresholds : tuple of int
        Columns and distinct thresholds whose estimates are infinite, or told by rows alone that
        separation makes certain: what they have for a standard error means nothing.
    """

    link: str
    names: list[str]
    coef: np.ndarray
    thresholds: np.ndarray
    cells: Cells
    covariance: np.ndarray
    covariance_type: str
    n_clusters: int | None
    log_likelihood: float
    null_log_likelihood: float
    rows: RowCounts
    total_weight: float
    informative_weight: float
    weighted: bool
    classes: np.ndarray
    notes: list[str]
    trace: DataTrace
    separated: tuple[int, ...] = ()
    separated_thresholds: tuple[int, ...] = ()

    @property
    def threshold_names(self) -> list[str]:
        """Names of the distinct finite thresholds, such as ``2|3``.

        Where labels between have no probability, those around them are named.
        """
        names = [label_name(label) for label in self.classes]
        spans = self._group_spans()
        return [f"{names[first]}|{names[last + 1]}" for first, last in spans]

    @property
    def cell_names(self) -> list[str]:
        """Names of the labels between the thresholds, such as ``3``, or ``2..4`` for several."""
        names = [label_name(label) for label in self.classes]
        group, spans = self.cells.group, self._group_spans()
        infinite = np.flatnonzero(group < _NEVER)
        lowest = infinite[infinite < spans[0][0]].max(initial=-1) + 1
        highest = infinite[infinite > spans[-1][1]].min(initial=len(group))
        starts = [lowest, *(last + 1 for _, last in spans)]
        stops = [*(first for first, _ in spans), highest]
        return [
            names[start] if start == stop else f"{names[start]}..{names[stop]}"
            for start, stop in zip(starts, stops, strict=True)
        ]

    def _group_spans(self) -> list[tuple[int, int]]:
        """The first and the last threshold of every group."""
        places = [np.flatnonzero(self.cells.group == g) for g in range(self.cells.n_groups)]
        return [(int(place[0]), int(place[-1])) for place in places]

    @property
    def identified(self) -> np.ndarray:
        """Mask of the coefficients that are identified, of shape (n,)."""
        return ~np.isnan(np.diag(self.covariance)[: len(self.coef)])

    @property
    def n_parameters(self) -> int:
        """Identified coefficients and distinct thresholds."""
        return int(self.identified.sum()) + len(self.thresholds)

    @property
    def standard_errors(self) -> np.ndarray:
        """Of coefficients, then thresholds."""
        return np.sqrt(np.diag(self.covariance))

    @property
    def aic(self) -> float:
        """Akaike's criterion."""
        return 2.0 * self.n_parameters - 2.0 * self.log_likelihood

    @property
    def bic(self) -> float:
        """Schwarz's criterion, for the sum of the weights of rows that say something."""
        return (
            float(np.log(self.informative_weight)) * self.n_parameters - 2.0 * self.log_likelihood
        )

    @property
    def pseudo_r2(self) -> float:
        """McFadden's: 1 minus the ratio of the log-likelihoods."""
        return 1.0 - self.log_likelihood / self.null_log_likelihood


def count_rows(labels: LabeledWeights, open_end: np.ndarray) -> RowCounts:
    """Count rows by the kind of their annotation.

    Parameters
    ----------
    labels : LabeledWeights
        Annotations as codes.
    open_end : ndarray of shape (m,), dtype=bool
        Where the user left an end open.
    """
    first, last = labels.lower == 0, labels.upper == labels.n_classes - 1
    exact = (labels.lower == labels.upper) & ~open_end
    silent = first & last & ~exact
    opened = (first | last) & ~exact & ~silent
    counts = [int(mask.sum()) for mask in (exact, ~(exact | opened | silent), opened, silent)]
    return RowCounts(*counts)


def null_log_likelihood(link: Link, labels: LabeledWeights) -> float:
    """Return the largest log-likelihood of thresholds alone.

    Parameters
    ----------
    link : Link
        The distribution.
    labels : LabeledWeights
        Annotations as codes of cells.

    Returns
    -------
    float
        Weighted sum over the rows.
    """
    pair = labels.lower * labels.n_classes + labels.upper
    weight = np.bincount(pair, labels.weight)
    kinds = np.flatnonzero(weight)
    few = LabeledWeights(
        kinds // labels.n_classes, kinds % labels.n_classes, weight[kinds], labels.n_classes
    )
    problem = LikelihoodProblem(
        DenseMatrix(np.empty((len(kinds), 0))), IntervalLikelihood(link, few), np.empty(0)
    )
    start = initial_thresholds(link, few)
    options = Options(tol=1e-10, max_iter=200, verbose=0, exact=True)
    return -float(labels.weight.sum()) * minimize(problem, np.empty(0), start, options).objective
