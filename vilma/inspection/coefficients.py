"""A table of a model: what its score and its labels do when a column moves."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import check_is_fitted

from vilma._numbers import numbers_expected, read_random_state, require_integer, require_number
from vilma._wording import about_directions
from vilma.inspection._moves import Move, column_names, list_moves
from vilma.metrics._reading import read_weights

if TYPE_CHECKING:
    import pandas

__all__ = ["CoefficientTable", "coefficient_table"]

_MOST_ROWS = 2000  # rows that average changes are taken over
_MOST_FAILURES = 0.1  # share of resamples that may have nothing to learn


@dataclass(frozen=True, repr=False)
class CoefficientTable:
    """Changes of score and label for every column, and the thresholds.

    Parameters
    ----------
    names : list of str
        What moves, n of it.
    classes : ndarray of shape (n_classes,)
        The ordered scale.
    per_unit : ndarray of shape (n,)
        Mean change of the score when the column grows by one unit, or from one category to
        another. For a linear model behind scalers this is the coefficient in the column's unit.
    deviations : ndarray of shape (n,)
        Standard deviations of the columns, NaN for categories.
    standard : ndarray of shape (n,)
        The same change for one standard deviation, of categories as `per_unit`.
    label_change : ndarray of shape (n,)
        Mean change of the predicted label, in steps of the scale, for one standard deviation or
        from one category to another.
    at_least : ndarray of shape (n, n_classes - 1) or None
        Mean changes of P(y >= k), for all labels k but the lowest; None if the model has no
        probabilities.
    thresholds : ndarray of shape (n_classes - 1,)
        The model's thresholds.
    per_unit_interval, standard_interval, label_change_interval : ndarray of shape (n, 2) or None
        Bootstrap intervals; None without `y`.
    threshold_interval : ndarray of shape (n_classes - 1, 2) or None
        The same.
    level : float
        Level of the intervals.
    n_resamples : int
        How many resamples they rest on.
    """

    names: list[str]
    classes: np.ndarray
    per_unit: np.ndarray
    deviations: np.ndarray
    standard: np.ndarray
    label_change: np.ndarray
    at_least: np.ndarray | None
    thresholds: np.ndarray
    per_unit_interval: np.ndarray | None
    standard_interval: np.ndarray | None
    label_change_interval: np.ndarray | None
    threshold_interval: np.ndarray | None
    level: float
    n_resamples: int

    def to_frame(self) -> pandas.DataFrame:
        """Return a row for every column.

        Returns
        -------
        pandas.DataFrame
            Columns per_unit, deviation, standard and label_change, each change with its lower
            and upper end if there are intervals, and ``"P(y >= k)"`` for every label but the
            lowest if there are probabilities.
        """
        import pandas

        return pandas.DataFrame(self._columns(), index=pandas.Index(self.names))

    def thresholds_to_frame(self) -> pandas.DataFrame:
        """Return a row for every threshold.

        Returns
        -------
        pandas.DataFrame
            Column threshold, with lower and upper if there are intervals, indexed by the labels
            on either side, such as ``"1|2"``.
        """
        import pandas

        columns = {"threshold": self.thresholds, **_ends("", self.threshold_interval)}
        labels = self.classes.tolist()
        index = [f"{a}|{b}" for a, b in pairwise(labels)]
        return pandas.DataFrame(columns, index=pandas.Index(index))

    def _columns(self) -> dict[str, np.ndarray]:
        columns = {
            "per_unit": self.per_unit,
            **_ends("per_unit_", self.per_unit_interval),
            "deviation": self.deviations,
            "standard": self.standard,
            **_ends("standard_", self.standard_interval),
            "label_change": self.label_change,
            **_ends("label_change_", self.label_change_interval),
        }
        if self.at_least is not None:
            for place, label in enumerate(self.classes[1:].tolist()):
                columns[f"P(y >= {label})"] = self.at_least[:, place]
        return columns

    def __str__(self) -> str:
        """Changes for one standard deviation, as a text."""
        width = max([len(name) for name in self.names] + [12])
        header = f"{'':{width}} {'per unit':>11} {'per dev.':>9} {'label':>8}"
        given = self.standard_interval
        if given is not None:
            header += f"  {self.level:.0%} interval per dev."
        lines = [header]
        for place, name in enumerate(self.names):
            line = (
                f"{name:{width}} {self.per_unit[place]:11.4g} {self.standard[place]:9.3f} "
                f"{self.label_change[place]:8.3f}"
            )
            if given is not None:
                line += f"  {given[place, 0]:8.3f} to {given[place, 1]:.3f}"
            lines.append(line)
        labels = self.classes.tolist()
        lines += ["", "thresholds"]
        for place, threshold in enumerate(self.thresholds):
            line = f"{f'{labels[place]}|{labels[place + 1]}':{width}} {threshold:11.4g}"
            if self.threshold_interval is not None:
                low, high = self.threshold_interval[place]
                line += f"  {low:8.3f} to {high:.3f}"
            lines.append(line)
        return "\n".join(lines)

    def __repr__(self) -> str:
        return str(self)


def _ends(prefix: str, interval: np.ndarray | None) -> dict[str, np.ndarray]:
    if interval is None:
        return {}
    return {f"{prefix}lower": interval[:, 0], f"{prefix}upper": interval[:, 1]}


def coefficient_table(
    model: Any,
    X: Any,
    y: ArrayLike | None = None,
    *,
    names: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    n_resamples: int = 200,
    level: float = 0.95,
    random_state: int | np.random.RandomState | None = 0,
) -> CoefficientTable:
    r"""Tell what a fitted model does when a column moves, all else as it is.

    Columns are moved where the user has them, before the model's own transformers: a scaled,
    one-hot or kernel column is nothing that anybody measured. Numbers grow by one unit, and by
    one standard deviation; columns of 0 and 1 go from 0 to 1, categories from the most frequent
    one to another. For a linear model behind scalers and encoders the change of the score is the
    coefficient in the column's own unit; for curved columns it is an average over the rows.

    Parameters
    ----------
    model : object
        A fitted estimator of vilma of one direction, a pipeline or search of one, or one of
        :class:`vilma.CalibratedOrdinalClassifier` and :class:`vilma.ConformalOrdinalClassifier`
        around it.
    X : data frame or array-like of shape (n_samples, n_features)
        Rows as the model takes them, such as its training data.
    y : array-like of shape (n_samples,) or (n_samples, 2), default=None
        Their exact or interval labels, for bootstrap intervals; None for none.
    names : array-like of str, default=None
        Names of the columns of X. By default its own.
    groups : array-like of shape (n_samples,), default=None
        Rows that belong together: groups are drawn instead of rows.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows, those of the fit if it had some: resampled fits have them, too, and
        changes are weighted means.
    n_resamples : int, default=200
        Number of fits to resampled rows.
    level : float, default=0.95
        Level of the intervals.
    random_state : int, RandomState instance or None, default=0
        Seed of the resamples.

    Returns
    -------
    table : CoefficientTable
        ``print(table)``, ``table.to_frame()`` and ``table.thresholds_to_frame()`` show it,
        :class:`vilma.displays.CoefficientsDisplay` draws it.

    Raises
    ------
    TypeError
        If the model has no single direction, or X is sparse.
    ValueError
        If arguments differ in length or are out of range, or more than a tenth of the resamples
        have nothing to learn.

    See Also
    --------
    vilma.OrderedLogit.summary : Standard errors, p-values and odds ratios, by maximum likelihood.
    vilma.displays.HeaviestColumnsDisplay : The columns that a model sees itself.

    Notes
    -----
    The intervals are percentiles over fits to rows, or groups, drawn with replacement. The
    transformers, alpha, loss and blocks of columns stay as they were chosen, so that the choice is
    no part of what varies. They say how much the fit depends on the rows at hand. They are no
    confidence intervals of a true coefficient: a penalty pulls coefficients towards 0 and makes
    intervals narrow, and scores have no unit, so that a stronger penalty shrinks them all. There
    are no p-values for the same reason: take :meth:`vilma.OrderedLogit.summary`.

    Rows are drawn by weights, and `OrderedLogit` goes on from the last fit, which saves a quarter
    of its Newton steps (218 instead of 300 over 50 resamples of the example below); other
    estimators start anew.

    Changes are averaged over at most 2,000 rows.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from vilma import OrderedLogit
    >>> from vilma.datasets import load_anes96
    >>> from vilma.inspection import coefficient_table
    >>> data = load_anes96()
    >>> model = make_pipeline(StandardScaler(), OrderedLogit(alpha=0.01))
    >>> model = model.fit(data.data, data.target)
    >>> table = coefficient_table(model, data.data, data.target, names=data.feature_names)
    >>> print("\n".join(str(table).splitlines()[:4]))
                    per unit  per dev.    label  95% interval per dev.
    popul         -0.0001018    -0.110   -0.095    -0.239 to 0.025
    TVnews          -0.03094    -0.083   -0.067    -0.196 to 0.032
    selfLR            0.5748     0.826    0.572     0.684 to 1.014
    """
    require_integer("n_resamples", n_resamples, 2)
    require_number("level", level)
    if not 0.0 < level < 1.0:
        raise ValueError(f"level should lie between 0 and 1, got {level!r}.")
    with numbers_expected("X"):
        X = X if hasattr(X, "shape") else np.asarray(X)
    if len(X.shape) != 2:
        raise ValueError(f"X should be a table of rows and columns, got the shape {X.shape}.")
    inner = _Inner(model)
    weights = read_weights(sample_weight, X.shape[0])
    moves = list_moves(X, column_names(X, names), weights)
    rows = np.flatnonzero(weights)
    if len(rows) > _MOST_ROWS:
        rows = np.sort(read_random_state(random_state).choice(rows, _MOST_ROWS, False))
    changes = _Changes(inner, _take(X, rows), moves, weights[rows])
    per_unit, standard, label_change = changes.of(inner.last, inner.last.thresholds_)
    intervals: list[np.ndarray] | list[None] = [None] * 4
    n_fitted = 0
    if y is not None:
        check_consistent_length(X, np.asarray(y, dtype=object), groups)
        if groups is not None and len(np.unique(np.asarray(groups))) < 2:
            raise ValueError(
                "Intervals by groups need two groups or more, but all rows are in one: the same "
                "rows would be drawn every time."
            )
        found = [
            [*changes.of(each, each.thresholds_), each.thresholds_]
            for each in inner.refits(
                X, y, groups, weights, n_resamples, read_random_state(random_state)
            )
        ]
        n_fitted = len(found)
        if n_fitted < (1.0 - _MOST_FAILURES) * n_resamples:
            raise ValueError(
                f"{n_resamples - n_fitted} of {n_resamples} resamples have nothing to learn: too "
                "few rows, or groups, have labels that differ. Leave out y, for no intervals."
            )
        ends = [(1 - level) / 2, (1 + level) / 2]
        intervals = [_percentiles([each[part] for each in found], ends) for part in range(4)]
    return CoefficientTable(
        names=[move.name for move in moves],
        classes=inner.last.scale_,
        per_unit=per_unit,
        deviations=np.array([move.deviation for move in moves]),
        standard=standard,
        label_change=label_change,
        at_least=_probability_changes(model, _take(X, rows), moves, weights[rows]),
        thresholds=inner.last.thresholds_,
        per_unit_interval=intervals[0],
        standard_interval=intervals[1],
        label_change_interval=intervals[2],
        threshold_interval=intervals[3],
        level=level,
        n_resamples=n_fitted,
    )


def _percentiles(values: list[np.ndarray], ends: list[float]) -> np.ndarray:
    """Return two quantiles of every column of values, which may be infinite.

    A threshold is infinite where no label lies beyond it. Between two values one of which is
    infinite nothing can be interpolated; the outer one of them is taken.
    """
    below = np.quantile(values, ends, axis=0, method="lower")
    above = np.quantile(values, ends, axis=0, method="higher")
    with np.errstate(invalid="ignore"):
        between = np.quantile(values, ends, axis=0)
    outer = np.stack([below[0], above[1]])
    return np.where(np.isfinite(below) & np.isfinite(above), between, outer).T


def _take(X: Any, rows: np.ndarray) -> Any:
    return X.iloc[rows] if hasattr(X, "iloc") else X[rows]


class _Inner:
    """The linear estimator inside of a model, and what transforms X before it."""

    def __init__(self, model: Any) -> None:
        self._before: list[Any] = []
        while True:
            if isinstance(model, FrozenEstimator):
                model = model.estimator
            elif hasattr(model, "best_estimator_"):
                model = model.best_estimator_
            elif isinstance(model, Pipeline):
                self._before += [
                    step for _, step in model.steps[:-1] if hasattr(step, "transform")
                ]
                model = model[-1]
            elif hasattr(model, "estimator_"):
                model = model.estimator_
            else:
                break
        check_is_fitted(model)
        if not hasattr(model, "thresholds_") or not hasattr(model, "project"):
            raise TypeError(
                f"coefficient_table needs a linear estimator of vilma, or a pipeline or search of "
                f"one, got {type(model).__name__}."
            )
        if np.ndim(model.coef_) > 1:
            raise TypeError(
                f"coefficient_table needs a single direction. {about_directions(model)}"
            )
        self.last = model

    def columns(self, X: Any) -> Any:
        """Return the columns that the estimator sees."""
        for step in self._before:
            X = step.transform(X)
        return X

    def refits(
        self,
        X: Any,
        y: Any,
        groups: Any,
        weights: np.ndarray,
        n_resamples: int,
        rng: np.random.RandomState,
    ) -> Iterator[Any]:
        """Fit to resampled rows; yield those that had something to learn."""
        Z = self.columns(X)
        estimator, blocks = _single(self.last)
        Z = Z if blocks is None else Z.select(blocks)
        unit = (
            np.arange(X.shape[0]) if groups is None else np.unique(groups, return_inverse=True)[1]
        )
        n_units = unit.max() + 1
        warm = "warm_start" in estimator.get_params() and hasattr(estimator, "link")
        estimator.set_params(**({"warm_start": True} if warm else {}))
        for _ in range(n_resamples):
            drawn = np.bincount(rng.randint(0, n_units, n_units), minlength=n_units)
            fit = estimator if warm else clone(estimator)
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    fit.fit(Z, y, sample_weight=drawn[unit] * weights)
            except ValueError:
                continue
            yield _Blockwise(fit, blocks)


class _Blockwise:
    """A refitted estimator, on all columns of which it sees some blocks."""

    def __init__(self, fitted: Any, blocks: Any) -> None:
        self.thresholds_ = fitted.thresholds_.copy()
        self._fitted, self._blocks = fitted, blocks

    def project(self, Z: Any) -> np.ndarray:
        return self._fitted.project(Z if self._blocks is None else Z.select(self._blocks))


def _single(last: Any) -> tuple[Any, Any]:
    """Return an unfitted estimator for one alpha like a fitted one, and its blocks of columns."""
    if not hasattr(last, "alpha_"):
        return clone(last).set_params(classes=last.scale_), None
    return last.chosen_estimator(), last.blocks_


class _Changes:
    """Columns before and after every move, and what estimators make of them."""

    def __init__(self, inner: _Inner, X: Any, moves: list[Move], weights: np.ndarray) -> None:
        self._weights = weights
        self._own = inner.columns(X)
        self._pairs = []
        for move in moves:
            base = self._own if move.low is None else inner.columns(move.unmoved(X))
            unit = inner.columns(move.moved(X))
            step = unit
            if move.low is None:
                step = inner.columns(move.moved(X, by_deviation=True))
            self._pairs.append((base, unit, step))

    def of(self, estimator: Any, thresholds: np.ndarray) -> tuple[np.ndarray, ...]:
        """Return mean changes of the score for a unit and a deviation, and of the label."""
        own = estimator.project(self._own)
        result = np.empty((3, len(self._pairs)))
        for place, (base, unit, step) in enumerate(self._pairs):
            before = own if base is self._own else estimator.project(base)
            at_unit = estimator.project(unit)
            at_step = at_unit if step is unit else estimator.project(step)
            labels = np.searchsorted(thresholds, at_step) - np.searchsorted(thresholds, before)
            result[:, place] = (
                np.average(at_unit - before, weights=self._weights),
                np.average(at_step - before, weights=self._weights),
                np.average(labels, weights=self._weights),
            )
        return tuple(result)


def _probability_changes(
    model: Any, X: Any, moves: list[Move], weights: np.ndarray
) -> np.ndarray | None:
    """Return mean changes of P(y >= k) for a deviation, or from one category to another."""
    if not hasattr(model, "predict_proba"):
        return None
    scale = _fitted_scale(model)
    order = np.searchsorted(model.classes_, scale) if scale is not None else slice(None)

    def at_least(table: Any) -> np.ndarray:
        proba = model.predict_proba(table)[:, order]
        reached = np.cumsum(proba[:, ::-1], axis=1)[:, ::-1][:, 1:]
        return np.average(reached, axis=0, weights=weights)

    return np.array(
        [at_least(move.moved(X, by_deviation=True)) - at_least(move.unmoved(X)) for move in moves]
    )


def _fitted_scale(model: Any) -> Any:
    while hasattr(model, "best_estimator_") or isinstance(model, Pipeline):
        model = model[-1] if isinstance(model, Pipeline) else model.best_estimator_
    return getattr(model, "scale_", None)
