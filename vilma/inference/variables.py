"""What a change of one variable of a table does to the columns of a formula."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from vilma.inference.formula import Formula

if TYPE_CHECKING:
    import pandas

__all__ = ["VariableChange", "variable_changes"]

# In standard deviations of the variable. The error of a difference of three points is about the
# square of it, 1e-8, and that of rounding 1e-16 / _STEP, 1e-12.
_STEP = 1e-4
# Of the largest derivative. A jump between two rows' points makes the derivative grow with
# 1 / step, by 7 between the two steps tried; third derivatives change it by 1e-8.
_JUMP = 1e-3


@dataclass(frozen=True)
class VariableChange:
    """Columns after a change of a variable, or their derivatives.

    Parameters
    ----------
    name : str
        Of the effect: of the variable, with the level for factors.
    change : str
        Such as "0 to 1", "north to south" or "derivative".
    low, high : ndarray of shape (m, n)
        The columns before and after the change. For a derivative `low` is the columns of the
        rows as they are, and `high` their derivatives.
    """

    name: str
    change: str
    low: np.ndarray
    high: np.ndarray


def variable_changes(formula: Formula, table: pandas.DataFrame) -> Iterator[VariableChange]:
    """Change every variable of a formula, one after the other, in all terms that it enters.

    Parameters
    ----------
    formula : Formula
        That of the fit.
    table : pandas.DataFrame
        Rows to average over.

    Yields
    ------
    VariableChange
        For variables of categories one for every level against the reference level, for those
        of zeros and ones one, for other numbers the derivative.

    Raises
    ------
    ValueError
        If the columns jump as a number changes, as for ``C(age > 50)``.
    """
    rows = _columns(formula, table)
    for name in formula.feature_names_in_:
        values = table[name]
        known = set(values.unique().tolist())
        levels = _levels(formula, name, known)
        number = values.dtype.kind in "iuf"
        if number and known <= {0, 1}:
            low, high = (_columns(formula, _at(table, name, level)) for level in (0, 1))
            yield VariableChange(name, "0 to 1", low, high)
        elif number and levels is None:
            slope = _slope(formula, table, name)
            yield VariableChange(name, "derivative", rows, slope)
        else:
            yield from _factor(formula, table, name, levels or sorted(known))


def _columns(formula: Formula, table: pandas.DataFrame) -> np.ndarray:
    return np.asarray(formula.transform(table), dtype=np.float64)


def _at(table: pandas.DataFrame, name: str, level: Any) -> pandas.DataFrame:
    """Return the table with one level in all rows."""
    values = table[name].copy()
    values[:] = level
    return table.assign(**{name: values})


def _levels(formula: Formula, name: str, known: set) -> list | None:
    """Return the categories of a variable, None if it enters as a number."""
    spec = formula.spec_
    for factor, (kind, state) in spec.encoder_state.items():
        of_factor = next(f for f in spec.factors if str(f) == str(factor))
        if name not in {str(variable) for variable in spec.factor_variables[of_factor]}:
            continue
        categories = state.get("categories")
        if kind.value == "categorical" and categories is not None and known <= set(categories):
            return list(categories)
    return None


def _factor(
    formula: Formula, table: pandas.DataFrame, name: str, levels: list
) -> Iterator[VariableChange]:
    at = [_columns(formula, _at(table, name, level)) for level in levels]
    moved = np.any([(each != at[0]).any(axis=0) for each in at], axis=0)
    # Treatment contrasts have zeros at the reference level; others have none, and the first is
    # as good as any.
    zero = [k for k, each in enumerate(at) if not each[:, moved].any()]
    reference = zero[0] if zero else 0
    for k, level in enumerate(levels):
        if k != reference:
            change = f"{levels[reference]} to {level}"
            yield VariableChange(f"{name}: {level}", change, at[reference], at[k])


def _slope(formula: Formula, table: pandas.DataFrame, name: str) -> np.ndarray:
    """Return the derivative of all columns in one variable, of shape (m, n)."""
    values = np.asarray(table[name], dtype=np.float64)
    spread = float(values.std()) or 1.0
    slopes = [
        _difference(formula, table, name, values, spread * step) for step in (_STEP, _STEP / 7)
    ]
    change = np.abs(slopes[1] - slopes[0])
    if (change > _JUMP * np.abs(slopes[1]).max(initial=0.0)).any():
        column = int(change.max(axis=0).argmax())
        raise ValueError(
            f"The column {formula.get_feature_names_out()[column]} jumps as {name} changes, so "
            f"that {name} has no derivative. Make a variable of the table of what jumps, and use "
            "that in the formula."
        )
    return slopes[0]


def _difference(
    formula: Formula, table: pandas.DataFrame, name: str, values: np.ndarray, step: float
) -> np.ndarray:
    """Return second-order differences that stay inside of the variable's range.

    Splines are not defined beyond the range that they were fitted to.
    """
    middle = np.where(
        values + step > values.max(), -1, np.where(values - step < values.min(), 1, 0)
    )
    below, at, above = (
        _columns(formula, table.assign(**{name: values + (middle + place) * step}))
        for place in (-1, 0, 1)
    )
    side = middle[:, None]
    return np.where(
        side == 0,
        above - below,
        np.where(side < 0, 3.0 * above - 4.0 * at + below, 4.0 * at - 3.0 * below - above),
    ) / (2.0 * step)
