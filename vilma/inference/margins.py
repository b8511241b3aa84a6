r"""Average marginal effects on the probabilities of labels.

With :math:`P(y \ge k) = 1 - F(\theta_{k-1} - s)` and :math:`s = \langle x, w\rangle`, the effect
of a number v on it is :math:`f(\theta_{k-1} - s)\, \langle dx / dv, w\rangle`, averaged over rows,
where dx / dv has an entry for every column that v enters; a single column has the unit vector.
That of a change from one value to another, in all rows, is the mean difference of the
probabilities. Effects on :math:`P(y = k)` are differences of those on :math:`P(y \ge k)`. The
gradient G of an effect in coefficients and thresholds gives its variance :math:`G V G^T` (delta
method).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from vilma._wording import some_of
from vilma.design_matrices import DesignMatrix
from vilma.inference.estimates import Estimates
from vilma.inference.summary import frame, read_level, wald
from vilma.inference.variables import VariableChange
from vilma.likelihood import LINKS

if TYPE_CHECKING:
    import pandas

__all__ = ["MarginalEffects", "column_effects", "read_average", "variable_effects"]

_DERIVATIVE = "derivative"


@dataclass(frozen=True, repr=False)
class MarginalEffects:
    """Average marginal effects of every column, or of every variable of a formula.

    Labels that no annotation tells apart, or that have no probability, are one: a name such as
    ``2..4`` stands for all of them.

    Parameters
    ----------
    names : list of str
        Of the columns, or variables and levels, n of them.
    cell_names : list of str
        Of the labels, or of groups of labels, n_cells of them.
    changes : list of str
        What changes: "0 to 1", "north to south", or "derivative".
    equal, equal_errors : ndarray of shape (n, n_cells)
        Effects on P(y = k) and their standard errors.
    at_least, at_least_errors : ndarray of shape (n, n_cells - 1)
        Effects on P(y >= k), for all but the lowest.
    level : float
        Coverage of the intervals.
    n_clusters : int or None
        Of the fit: p and intervals then are those of Student's t.
    """

    names: list[str]
    cell_names: list[str]
    changes: list[str]
    equal: np.ndarray
    equal_errors: np.ndarray
    at_least: np.ndarray
    at_least_errors: np.ndarray
    level: float
    n_clusters: int | None

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
        columns = {
            "effect": effect,
            "std_err": error,
            **wald(effect, error, self.level, self.n_clusters),
        }
        table = frame(columns, None)
        index = type(table.set_index(["effect", "z"]).index)
        table.index = index.from_tuples(pandas_index, names=["column", "event"])
        return table

    def __str__(self) -> str:
        head = ["", *(f"y = {cell}" for cell in self.cell_names)]
        lines = [head]
        for j, name in enumerate(self.names):
            change = "" if self.changes[j] == _DERIVATIVE else f" ({self.changes[j]})"
            lines.append([name + change])
            lines[-1] += [f"{value:.4f}" for value in self.equal[j]]
            errors = self.equal_errors[j]
            lines.append(["", *("-" if np.isnan(e) else f"({e:.4f})" for e in errors)])
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


class _Effect(NamedTuple):
    """The effect of one change on P(y >= k), for all but the lowest k."""

    name: str
    change: str
    at_least: np.ndarray  # (n_groups,)
    gradient: np.ndarray  # (n_groups, n + n_groups) in coefficients and thresholds
    known: bool  # whether it depends on identified coefficients alone
    told: bool  # whether on none that separation leaves infinite or untold


def read_average(estimates: Estimates, m: int, sample_weight, level: float) -> np.ndarray:
    """Check how effects are averaged.

    Parameters
    ----------
    estimates : Estimates
        The fit.
    m : int
        How many rows there are.
    sample_weight : array-like of shape (m,) or None
        Their weights.
    level : float
        Coverage of the intervals.

    Returns
    -------
    ndarray of shape (m,)
        Shares of the rows, of sum 1.

    Raises
    ------
    ValueError
        If weights or level are not as described, or if there are no weights but the fit had some.
    """
    read_level(level)
    if sample_weight is None and estimates.weighted:
        raise ValueError(
            "The fit had sample_weight, but the average over these rows has none. Give their "
            "weights as sample_weight, or numpy.ones(len(X)) for rows that count alike."
        )
    weight = np.ones(m) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
    if weight.shape != (m,) or not (weight >= 0.0).all() or not 0.0 < weight.sum() < np.inf:
        raise ValueError(
            f"sample_weight should hold {m} nonnegative weights, not all 0; got shape "
            f"{weight.shape}."
        )
    return weight / weight.sum()


def column_effects(
    estimates: Estimates,
    X: DesignMatrix,
    share: np.ndarray,
    factors: Mapping[str, Sequence[str]],
    level: float,
) -> MarginalEffects:
    """Average the effects of columns, each moved alone, or of factors of several columns.

    Parameters
    ----------
    estimates : Estimates
        The fit.
    X : DesignMatrix
        Rows to average over.
    share : ndarray of shape (m,)
        Their shares.
    factors : dict
        Columns that are the levels of one factor, with zeros at the reference level.
    level : float
        Coverage of the intervals.

    Returns
    -------
    MarginalEffects
        Effects and standard errors.

    Raises
    ------
    ValueError
        If factors name other columns, a column twice, or columns that are no levels.
    """
    together = _read_factors(estimates, X, factors)
    link, coef, thresholds = LINKS[estimates.link], estimates.coef, estimates.thresholds
    n, n_groups = len(coef), len(thresholds)
    scores = X.dot(coef)
    ends = thresholds - scores[:, None]  # (m, n_groups)
    mean_density, bend = share @ link.pdf(ends), link.pdf_slope(ends)
    # sum_i share_i f'(theta_k - s_i) x_i, for derivatives in w.
    bend_X = np.stack([X.transpose_dot(share * bend[:, k]) for k in range(n_groups)])
    mean_bend = share @ bend
    identified, told = estimates.identified, _told(estimates)
    effects = []
    for j in range(n):
        column = _column(X, j)
        gradient = np.zeros((n_groups, n + n_groups))
        others = together.get(j, [j])
        if len(others) > 1 or ((column == 0.0) | (column == 1.0)).all():
            without = scores - sum(_column(X, each) * coef[each] for each in others)
            at_0 = thresholds - without[:, None]
            at_1 = at_0 - coef[j]
            effect = share @ (link.cdf(at_0) - link.cdf(at_1))
            f_0, f_1 = link.pdf(at_0), link.pdf(at_1)
            gradient[:, :n] = np.stack(
                [X.transpose_dot(share * (f_1 - f_0)[:, k]) for k in range(n_groups)]
            )
            gradient[:, others] = 0.0
            gradient[:, j] = share @ f_1  # w_j is in the score at 1 only
            gradient[:, n:] = np.diag(share @ (f_0 - f_1))
            change = "0 to 1" if len(others) == 1 else "reference to this level"
        else:
            effect = mean_density * coef[j]
            gradient[:, :n] = -bend_X * coef[j]
            gradient[:, j] += mean_density
            gradient[:, n:] = np.diag(mean_bend * coef[j])
            change = _DERIVATIVE
        known = bool(identified[j])
        effects.append(_Effect(estimates.names[j], change, effect, gradient, known, bool(told[j])))
    return _collect(estimates, effects, level)


def variable_effects(
    estimates: Estimates, changes: Iterable[VariableChange], share: np.ndarray, level: float
) -> MarginalEffects:
    """Average the effects of variables of a formula.

    Parameters
    ----------
    estimates : Estimates
        The fit.
    changes : iterable of VariableChange
        Columns of the rows to average over.
    share : ndarray of shape (m,)
        Their shares.
    level : float
        Coverage of the intervals.

    Returns
    -------
    MarginalEffects
        Effects and standard errors.
    """
    return _collect(estimates, [_of_variable(estimates, each, share) for each in changes], level)


def _of_variable(estimates: Estimates, change: VariableChange, share: np.ndarray) -> _Effect:
    link, coef, thresholds = LINKS[estimates.link], estimates.coef, estimates.thresholds
    low, high = change.low, change.high
    at_low = thresholds - (low @ coef)[:, None]
    if change.change == _DERIVATIVE:
        speed = (high @ coef)[:, None]
        density, bend = link.pdf(at_low), link.pdf_slope(at_low) * speed
        effect = share @ (density * speed)
        in_coef = (density * share[:, None]).T @ high - (bend * share[:, None]).T @ low
        in_thresholds = share @ bend
        touched = high.any(axis=0)
    else:
        at_high = thresholds - (high @ coef)[:, None]
        effect = share @ (link.cdf(at_low) - link.cdf(at_high))
        f_low, f_high = link.pdf(at_low), link.pdf(at_high)
        in_coef = (f_high * share[:, None]).T @ high - (f_low * share[:, None]).T @ low
        in_thresholds = share @ (f_low - f_high)
        touched = (low != high).any(axis=0)
    gradient = np.hstack([in_coef, np.diag(in_thresholds)])
    known = bool(estimates.identified[touched].all())
    told = bool(_told(estimates)[touched].all())
    return _Effect(change.name, change.change, effect, gradient, known, told)


def _told(estimates: Estimates) -> np.ndarray:
    """Mask of the coefficients that separation leaves finite and told, of shape (n,)."""
    told = np.ones(len(estimates.coef), dtype=bool)
    told[list(estimates.separated)] = False
    return told


def _collect(estimates: Estimates, effects: Sequence[_Effect], level: float) -> MarginalEffects:
    """Bring effects into one table, with errors by the delta method."""
    variance = np.nan_to_num(estimates.covariance)
    n_groups, size = len(estimates.thresholds), len(variance)
    shape = (len(effects), n_groups)
    at_least, at_least_errors = np.full(shape, np.nan), np.full(shape, np.nan)
    shape = (len(effects), n_groups + 1)
    equal, equal_errors = np.full(shape, np.nan), np.full(shape, np.nan)
    for place, effect in enumerate(effects):
        if not effect.known:
            continue
        ends = np.vstack([np.zeros(size), effect.gradient, np.zeros(size)])
        at_least[place] = effect.at_least
        equal[place] = -np.diff(np.concatenate([[0.0], effect.at_least, [0.0]]))
        if effect.told:
            at_least_errors[place] = _errors(effect.gradient, variance)
            equal_errors[place] = _errors(ends[:-1] - ends[1:], variance)
    return MarginalEffects(
        [effect.name for effect in effects],
        estimates.cell_names,
        [effect.change for effect in effects],
        equal,
        equal_errors,
        at_least,
        at_least_errors,
        level,
        estimates.n_clusters,
    )


def _read_factors(
    estimates: Estimates, X: DesignMatrix, factors: Mapping[str, Sequence[str]]
) -> dict[int, list[int]]:
    """Return for every column of a factor the places of all of its columns."""
    together: dict[int, list[int]] = {}
    for factor, columns in factors.items():
        names = list(columns) if not isinstance(columns, str) else [columns]
        unknown = [name for name in names if estimates.names.count(name) != 1]
        if unknown:
            raise ValueError(
                f"The factor {factor!r} names {unknown[0]!r}, which is not one of the columns "
                f"({some_of(list(map(str, estimates.names)))})."
            )
        places = [estimates.names.index(name) for name in names]
        again = [estimates.names[j] for j in places if j in together or places.count(j) > 1]
        if again:
            raise ValueError(f"The column {again[0]!r} is named by factors more than once.")
        values = np.stack([_column(X, j) for j in places])
        if not ((values == 0.0) | (values == 1.0)).all() or (values.sum(axis=0) > 1.0).any():
            raise ValueError(
                f"The columns of the factor {factor!r} should be zeros and ones, at most one of "
                "them 1 in a row."
            )
        together.update(dict.fromkeys(places, places))
    return together


def _column(X: DesignMatrix, j: int) -> np.ndarray:
    unit = np.zeros(X.shape[1])
    unit[j] = 1.0
    return X.dot(unit)


def _errors(gradient: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Return the delta method's standard errors of several effects."""
    return np.sqrt(np.maximum(np.einsum("ki,ij,kj->k", gradient, variance, gradient), 0.0))
