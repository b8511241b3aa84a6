"""Formulas for tables, where formulaic is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vilma._optional import require

if TYPE_CHECKING:
    import pandas

__all__ = ["read_formula"]


def read_formula(
    formula: str, data: pandas.DataFrame
) -> tuple[pandas.DataFrame, pandas.Series | pandas.DataFrame]:
    """Make columns and labels for `fit` from a table by a formula.

    Parameters
    ----------
    formula : str
        Such as ``"satisfaction ~ age + C(region)"``, or ``"lower + upper ~ age"`` for intervals.
        The left side names one column of labels or two of their ends, as they are. The right
        side is a formula of formulaic, in which ``C`` makes categories, ``:`` interactions and
        ``bs`` splines.
    data : pandas.DataFrame
        The table. A missing value is an open end on the left side, and refused on the right.

    Returns
    -------
    X : pandas.DataFrame
        The columns of the right side, without the constant: thresholds are the intercepts. None
        for ``"satisfaction ~ 1"``, the model of thresholds alone.
    y : pandas.Series or pandas.DataFrame
        The labels.

    Raises
    ------
    ImportError
        If formulaic is not installed.
    ValueError
        If the formula has no two sides, its left side does not name one or two columns, or the
        right side has missing values.

    Examples
    --------
    >>> import pandas as pd
    >>> from vilma import OrderedLogit
    >>> from vilma.inference import read_formula
    >>> data = pd.DataFrame({"mood": [1, 2, 2, 1, 2, 1], "sun": [0, 4, 3, 2, 1, 1],
    ...                      "day": ["Mo", "Mo", "Su", "Su", "Mo", "Su"]})
    >>> X, y = read_formula("mood ~ sun + C(day)", data)
    >>> X.columns.tolist()
    ['sun', 'C(day)[T.Su]']
    >>> OrderedLogit(alpha=0.1).fit(X, y).predict(X).tolist()
    [1, 2, 2, 1, 1, 1]
    """
    left, tilde, right = formula.partition("~")
    names = [name.strip().strip("`") for name in left.split("+")]
    unknown = [name for name in names if name not in data.columns]
    if not tilde or unknown or len(names) > 2:
        raise ValueError(
            "A formula has the form 'label ~ columns' or 'lower + upper ~ columns', with columns "
            f"of the table on the left side; got {formula!r} for a table of "
            f"{list(data.columns)}."
        )
    formulaic = require("formulaic", "formula", "A formula")
    columns = formulaic.model_matrix(right, data, na_action="raise")
    X = columns.drop(columns="Intercept", errors="ignore")
    return X, data[names[0]] if len(names) == 1 else data[names]
