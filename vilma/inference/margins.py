r"""Average marginal effects on the probabilities of labels.

With :math:`P(y \ge k) = 1 - F(\theta_{k-1} - s)` and :math:`s = \langle x, w\rangle`, the effect
of column j on it is :math:`f(\theta_{k-1} - s)\, w_j`, averaged over rows; for a column of zeros
and ones it is the difference of the probability at 1 and at 0, all else as it is. Effects on
:math:`P(y = k)` are differences of those on :math:`P(y \ge k)`. The gradient G of an effect in
coefficients and thresholds gives its variance :math:`G V G^T` (delta method).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vilma.design_matrices import DesignMatrix
from vilma.inference.estimates import Estimates
from vilma.inference.summary import frame, read_level, wald
from vilma.likelihood import LINKS

if TYPE_CHECKING:
    import pandas

__all__ = ["MarginalEffects", "marginal_effects"]


@dataclass(frozen=True, repr=False)
class MarginalEffects:
    """Average marginal effects of every column.

    Labels that no annotation tells apart, or that have no probability, are one: a name such as
    ``2..4`` stands for all of them.

    Parameters
    ----------
    names : list of str
        Of the columns, n of them.
    cell_names : list of str
        Of the labels, or of groups of labels, n_cells of them.
    discrete : ndarray of shape (n,), dtype=bool
        True where the effect is a change from 0 to 1.
    equal, equal_errors : ndarray of shape (n, n_cells)
        Effects on P(y = k) and their standard errors.
    at_least, at_least_errors : ndarray of shape (n, n_cells - 1)
        Effects on P(y >= k), for all but the lowest.
    level : float
        Coverage of the intervals.
    """

    names: list[str]
    cell_names: list[str]
    discrete: np.ndarray
    equal: np.ndarray
    equal_errors: np.ndarray
    at_least: np.ndarray
    at_least_errors: np.ndarray
    level: float

    def to_frame(self) -> pandas.DataFrame:
        """Return a row per column and event.

        Returns
        -------
        pandas.DataFrame
            Columns effect, std_err, z, p, lower, upper, indexed by column and event, such as
            ``("age", "y = 3")`` and ``("age", "y >= 3")``.
        """
        pandas_index, effects, errors = [], [], []
        for j, name in enumerate(self.names):
            for k, cell in enumerate(self.cell_names):
                pandas_index.append((name, f"y = {cell}"))
                effects.append(self.equal[j, k])
                errors.append(self.equal_errors[j, k])
            for k, cell in enumerate(self.cell_names[1:]):
                pandas_index.append((name, f"y >= {cell.split('..')[0]}"))
                effects.append(self.at_least[j, k])
                errors.append(self.at_least_errors[j, k])
        effect, error = np.array(effects), np.array(errors)
        columns = {"effect": effect, "std_err": error, **wald(effect, error, self.level)}
        table = frame(columns, None)
        index = type(table.set_index(["effect", "z"]).index)
        table.index = index.from_tuples(pandas_index, names=["column", "event"])
        return table

    def __str__(self) -> str:
        head = ["", *(f"y = {cell}" for cell in self.cell_names)]
        lines = [head]
        for j, name in enumerate(self.names):
            lines.append([name + (" (0 to 1)" if self.discrete[j] else "")])
            lines[-1] += [f"{value:.4f}" for value in self.equal[j]]
            lines.append(["", *(f"({value:.4f})" for value in self.equal_errors[j])])
        widths = [max(len(line[k]) for line in lines) for k in range(len(head))]
        text = [
            "  ".join(
                cell.rjust(width) if k else cell.ljust(width)
                for k, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in lines
        ]
        title = "Average marginal effects on the probability of labels (standard errors)"
        return "\n".join([title, *text])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return self.to_frame()._repr_html_()


def marginal_effects(
    estimates: Estimates, X: DesignMatrix, sample_weight, level: float
) -> MarginalEffects:
    """Average marginal effects over the rows of X.

    Parameters
    ----------
    estimates : Estimates
        The fit.
    X : DesignMatrix
        Rows to average over.
    sample_weight : array-like of shape (m,) or None
        Their weights.
    level : float
        Coverage of the intervals.

    Returns
    -------
    MarginalEffects
        Effects and standard errors.

    Raises
    ------
    ValueError
        If weights or level are not as described.
    """
    read_level(level)
    m, n = X.shape
    weight = np.ones(m) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
    if weight.shape != (m,) or (weight < 0.0).any() or not weight.sum() > 0.0:
        raise ValueError(
            f"sample_weight should hold {m} nonnegative weights, not all 0; got shape "
            f"{weight.shape}."
        )
    share = weight / weight.sum()
    link = LINKS[estimates.link]
    coef, thresholds = estimates.coef, estimates.thresholds
    n_groups = len(thresholds)
    scores = X.dot(coef)
    ends = thresholds - scores[:, None]  # (m, n_groups)
    density, bend = link.pdf(ends), link.pdf_slope(ends)
    variance = np.nan_to_num(estimates.covariance)
    mean_density = share @ density
    # sum_i share_i f'(theta_k - s_i) x_i, for derivatives in w.
    bend_X = np.stack([X.transpose_dot(share * bend[:, k]) for k in range(n_groups)])
    mean_bend = share @ bend
    equal = np.empty((n, n_groups + 1))
    equal_errors = np.empty((n, n_groups + 1))
    at_least = np.empty((n, n_groups))
    at_least_errors = np.empty((n, n_groups))
    discrete = np.zeros(n, dtype=bool)
    unit = np.zeros(n)
    for j in range(n):
        unit[j] = 1.0
        column = X.dot(unit)
        unit[j] = 0.0
        gradient = np.zeros((n_groups, n + n_groups))
        places = n + np.arange(n_groups)
        discrete[j] = bool(((column == 0.0) | (column == 1.0)).all())
        if discrete[j]:
            at_0 = thresholds - (scores - column * coef[j])[:, None]
            at_1 = at_0 - coef[j]
            effect = share @ (link.cdf(at_0) - link.cdf(at_1))
            f_0, f_1 = link.pdf(at_0), link.pdf(at_1)
            gradient[:, :n] = np.stack(
                [X.transpose_dot(share * (f_1 - f_0)[:, k]) for k in range(n_groups)]
            )
            gradient[:, j] = share @ f_1  # w_j is in the score at 1 only
            gradient[np.arange(n_groups), places] = share @ (f_0 - f_1)
        else:
            effect = mean_density * coef[j]
            gradient[:, :n] = -bend_X * coef[j]
            gradient[:, j] += mean_density
            gradient[np.arange(n_groups), places] = mean_bend * coef[j]
        change = np.vstack([np.zeros(n + n_groups), gradient, np.zeros(n + n_groups)])
        label_gradient = change[:-1] - change[1:]
        at_least[j] = effect
        equal[j] = -np.diff(np.concatenate([[0.0], effect, [0.0]]))
        at_least_errors[j] = _errors(gradient, variance)
        equal_errors[j] = _errors(label_gradient, variance)
    unknown = ~estimates.identified
    for table in (equal, equal_errors, at_least, at_least_errors):
        table[unknown] = np.nan
    return MarginalEffects(
        list(estimates.names),
        estimates.cell_names,
        discrete,
        equal,
        equal_errors,
        at_least,
        at_least_errors,
        level,
    )


def _errors(gradient: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Return the delta method's standard errors of several effects."""
    return np.sqrt(np.maximum(np.einsum("ki,ij,kj->k", gradient, variance, gradient), 0.0))
