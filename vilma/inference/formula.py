"""Formulas for tables, where formulaic is installed.

What a formula learns from a table (levels of categories, means of ``scale``, knots of ``bs``) is
kept, so that other rows get the same columns.
"""

from __future__ import annotations

import ast
import re
import warnings
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from vilma._optional import require
from vilma._wording import some_of

if TYPE_CHECKING:
    import pandas

__all__ = ["Formula", "read_formula"]

_CONSTANT = "Intercept"
_DOT = re.compile(r"(?<![\w.)\]`])\.(?![\w.])")
_QUOTED = re.compile(r"`([^`]+)`")
_BRACES = re.compile(r"\{.*\}")
_COLOURS = re.compile(r"\x1b?\[[0-9;]*m|[⧛⧚]")  # marks of a terminal in formulaic's messages


class Formula(TransformerMixin, BaseEstimator):
    """Columns and labels of tables by a formula, the same for every table after `fit`.

    Parameters
    ----------
    formula : str
        Such as ``"satisfaction ~ age + C(region)"``, or ``"lower + upper ~ age"`` for intervals.
        The left side names one column of labels or two of their ends, as they are; it may be
        left out. The right side is a formula of formulaic, in which ``C`` makes categories, ``:``
        interactions and ``bs`` splines.

    Attributes
    ----------
    spec_ : formulaic.ModelSpec
        What the formula has learnt of the table.
    state_ : str
        A digest of means, knots and the like that the right side has learnt; empty if there are
        none.
    n_features_in_ : int
        Number of the table's columns that the right side uses.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names.

    See Also
    --------
    read_formula : Both sides of a table in one call.

    Examples
    --------
    In a pipeline folds and new rows get the columns of the training rows:

    >>> import pandas as pd
    >>> from sklearn.pipeline import make_pipeline
    >>> from vilma import OrderedLogit
    >>> from vilma.inference import Formula
    >>> table = pd.DataFrame({"mood": [1, 2, 2, 1, 2, 1], "sun": [0, 4, 3, 2, 1, 1]})
    >>> model = make_pipeline(Formula("scale(sun)"), OrderedLogit(alpha=0.1))
    >>> model = model.fit(table, table["mood"])
    >>> model.predict(pd.DataFrame({"sun": [4, 4]}))
    array([2, 2])
    """

    def __init__(self, formula: str) -> None:
        self.formula = formula

    def fit(self, X: pandas.DataFrame, y=None) -> Self:
        """Learn levels, means and knots.

        Parameters
        ----------
        X : pandas.DataFrame
            The table.
        y : object, default=None
            Not used.

        Returns
        -------
        self : object
            The fitted formula.

        Raises
        ------
        ImportError
            If formulaic is not installed.
        TypeError
            If the table is no data frame.
        ValueError
            If the formula cannot be read, names columns that the table lacks or has twice, or
            has the labels on its right side; if columns of the right side have missing values.
        """
        formulaic = require("formulaic", "formula", "A formula")
        names, right = _read_sides(self.formula)
        _refuse_other_tables(X)
        parsed = _parse(formulaic, right, self.formula)
        try:
            variables = _variables(parsed, X)
        except SyntaxError as error:
            raise _no_formula(self.formula, error) from error
        _refuse_constant(variables)
        _refuse_twice([*names, *variables], X)
        both = [name for name in names if name in variables]
        if both:
            raise ValueError(
                f"The labels {some_of(both)} stand on the right side of {self.formula!r}, too. "
                "Labels cannot explain themselves: name the other columns."
            )
        _refuse_missing(variables, X)
        matrix = _evaluate(formulaic, parsed, X, right)
        self.spec_ = matrix.model_spec
        learnt = {str(key): value for key, value in self.spec_.transform_state.items() if value}
        text = repr(sorted(learnt.items(), key=lambda pair: pair[0]))
        self.state_ = blake2b(text.encode(), digest_size=16).hexdigest() if learnt else ""
        self.feature_names_in_ = np.array(variables, dtype=object)
        self.n_features_in_ = len(variables)
        return self

    def transform(self, X: pandas.DataFrame) -> pandas.DataFrame:
        """Return the columns of the right side, without the constant.

        Parameters
        ----------
        X : pandas.DataFrame
            The table of the fit, or other rows.

        Returns
        -------
        pandas.DataFrame
            Thresholds are the intercepts, so there is no column of ones. ``attrs["formula"]``
            is this formula.

        Raises
        ------
        TypeError
            If the table is no data frame.
        ValueError
            If it lacks columns, or these have missing values or categories that were not there
            in `fit`.
        """
        check_is_fitted(self)
        formulaic = require("formulaic", "formula", "A formula")
        _refuse_other_tables(X)
        variables = list(self.feature_names_in_)
        lacking = [name for name in variables if name not in X.columns]
        if lacking:
            raise ValueError(
                f"The table has no {some_of(lacking)}, which the formula {self.formula!r} needs."
            )
        _refuse_twice(variables, X)
        _refuse_missing(variables, X)
        matrix = _evaluate(formulaic, self.spec_, X, self.formula)
        columns = matrix.drop(columns=_CONSTANT, errors="ignore")
        columns.attrs["formula"] = self
        return columns

    def labels(self, X: pandas.DataFrame) -> pandas.Series | pandas.DataFrame:
        """Return the labels of the left side, as they are.

        Parameters
        ----------
        X : pandas.DataFrame
            The table.

        Returns
        -------
        pandas.Series or pandas.DataFrame
            One column, or the two ends of intervals.

        Raises
        ------
        ValueError
            If the formula has no left side, or the table lacks its columns.
        """
        names, _ = _read_sides(self.formula)
        _refuse_other_tables(X)
        _refuse_no_labels(self.formula, names, X)
        _refuse_twice(names, X)
        return X[names[0]] if len(names) == 1 else X[names]

    def get_feature_names_out(self, input_features=None):
        """Return the names of the columns.

        Parameters
        ----------
        input_features : object, default=None
            Not used.

        Returns
        -------
        ndarray of str
            Without the constant.
        """
        check_is_fitted(self)
        names = [name for name in self.spec_.column_names if name != _CONSTANT]
        return np.array(names, dtype=object)


def read_formula(
    formula: str | Formula,
    data: pandas.DataFrame,
    *,
    na_action: Literal["raise", "drop"] = "raise",
) -> tuple[pandas.DataFrame, pandas.Series | pandas.DataFrame]:
    """Make columns and labels for `fit` from a table by a formula.

    Parameters
    ----------
    formula : str or Formula
        A text as of :class:`Formula`, which learns levels, means and knots from this table. For
        other rows than those of the fit give ``X.attrs["formula"]`` of the columns that were
        fitted, or a :class:`Formula` of your own: a text would learn them anew, and the columns
        would mean something else.
    data : pandas.DataFrame
        The table. A missing value is an open end on the left side.
    na_action : {"raise", "drop"}, default="raise"
        What becomes of rows with missing values on the right side: an error, or they are left
        out. ``X.index`` then tells which are left, for weights and groups.

    Returns
    -------
    X : pandas.DataFrame
        The columns of the right side, without the constant: thresholds are the intercepts. None
        for ``"satisfaction ~ 1"``, the model of thresholds alone. ``X.attrs["formula"]`` is the
        :class:`Formula`.
    y : pandas.Series or pandas.DataFrame
        The labels.

    Raises
    ------
    ImportError
        If formulaic is not installed.
    TypeError
        If `data` is no data frame.
    ValueError
        If the formula has no two sides, its left side does not name one or two columns, the
        right side has missing values, or as :meth:`Formula.fit` says.

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
    >>> model = OrderedLogit(alpha=0.1).fit(X, y)
    >>> model.predict(X.attrs["formula"].transform(data[:3])).tolist()
    [1, 2, 2]
    """
    if na_action not in ("raise", "drop"):
        raise ValueError(f"na_action should be 'raise' or 'drop', got {na_action!r}.")
    fitted = formula if isinstance(formula, Formula) else Formula(formula)
    names, right = _read_sides(fitted.formula)
    _refuse_other_tables(data)
    _refuse_no_labels(fitted.formula, names, data)
    if na_action == "drop":
        formulaic = require("formulaic", "formula", "A formula")
        data = data.dropna(subset=_variables(_parse(formulaic, right, fitted.formula), data))
        if not len(data):
            raise ValueError(
                "Every row has a missing value in a column of the right side: none is left."
            )
    if not hasattr(fitted, "spec_"):
        fitted.fit(data)
    return fitted.transform(data), fitted.labels(data)


def _read_sides(formula: Any) -> tuple[list[str], str]:
    """Return the names of the left side and the text of the right side."""
    if not isinstance(formula, str):
        raise TypeError(
            "A formula should be a text such as 'label ~ columns', got a "
            f"{type(formula).__name__}."
        )
    left, tilde, right = formula.partition("~")
    if not tilde:
        return [], formula
    names = [name.strip() for name in left.split("+")]
    names = [name[1:-1] if name[:1] == name[-1:] == "`" else name for name in names]
    return names, right


def _refuse_other_tables(data: Any) -> None:
    pandas = require("pandas", "formula", "A formula")
    if isinstance(data, pandas.DataFrame):
        return
    if hasattr(data, "to_pandas"):
        advice = "Pass data.to_pandas()."
    else:
        advice = "Pass pandas.DataFrame(data)."
    kind = f"{type(data).__module__.partition('.')[0]}.{type(data).__qualname__}"
    raise TypeError(f"A formula reads a pandas.DataFrame, got a {kind}. {advice}")


def _refuse_no_labels(formula: str, names: list[str], data: pandas.DataFrame) -> None:
    unknown = [name for name in names if name not in data.columns]
    if not unknown and 1 <= len(names) <= 2:
        return
    advice = ""
    if any("(" in name for name in unknown):
        advice = (
            " The left side takes columns as they are: make a column of the table of what is to "
            "be changed."
        )
    raise ValueError(
        "A formula has the form 'label ~ columns' or 'lower + upper ~ columns', with columns "
        f"of the table on the left side; got {formula!r} for a table of "
        f"{list(data.columns)}.{advice}"
    )


def _parse(formulaic: Any, right: str, formula: str) -> Any:
    """Return the right side as formulaic reads it."""
    if not right.strip():
        raise ValueError(
            f"The right side of {formula!r} is empty. Name columns, or write 1 for the model of "
            "thresholds alone."
        )
    if _DOT.search(right):
        raise ValueError(
            f"The dot in {formula!r} stands for all columns, labels and weights as well. Name "
            "the columns that should explain the labels."
        )
    try:
        parsed = formulaic.Formula(right)
    except (formulaic.errors.FormulaicError, SyntaxError) as error:
        raise _no_formula(formula, error) from error
    if not isinstance(parsed, formulaic.SimpleFormula):
        raise ValueError(
            f"The right side of {formula!r} has several parts (| or ~). It should be one sum of "
            "columns, such as 'age + C(region)'; clusters are given to fit as groups."
        )
    return parsed


def _no_formula(formula: str, error: Exception) -> ValueError:
    said = f"{error.msg}." if isinstance(error, SyntaxError) else _plain(error)
    return ValueError(
        f"The right side of {formula!r} is no formula: {said} Names with blanks or signs stand in "
        "backticks, such as `my column`."
    )


def _variables(parsed: Any, data: pandas.DataFrame) -> list[str]:
    """Return the table's columns that the right side reads, sorted.

    formulaic tells them only after it has computed the columns.
    """
    found: set[str] = set()
    for expression in {factor.expr for term in parsed for factor in term.factors}:
        if expression in data.columns:
            found.add(expression)
            continue
        found.update(_QUOTED.findall(expression))
        tree = ast.parse(_QUOTED.sub("0", expression), mode="eval")
        functions = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        found.update(
            node.id
            for node in ast.walk(tree)
            if isinstance(node, ast.Name) and id(node) not in functions
        )
    return sorted(name for name in found if name in data.columns)


def _refuse_constant(variables: list[str]) -> None:
    if _CONSTANT in variables:
        raise ValueError(
            f"The table's column {_CONSTANT!r} has the name that formulas have for the constant. "
            "Rename it; a column of ones is not needed, because thresholds are the intercepts."
        )


def _refuse_twice(names: list[str], data: pandas.DataFrame) -> None:
    twice = sorted({name for name in names if (data.columns == name).sum() > 1})
    if twice:
        raise ValueError(
            f"The table has several columns of the name {some_of(twice)}. Drop or rename all "
            "but one of them."
        )


def _refuse_missing(variables: list[str], data: pandas.DataFrame) -> None:
    missing = data[variables].isna()
    counts = missing.sum()
    if counts.any():
        named = [f"{name} (in {counts[name]} rows)" for name in variables if counts[name]]
        columns = [name for name in variables if counts[name]]
        rows = int(missing.any(axis=1).sum())
        raise ValueError(
            f"Columns of the right side have missing values, in {rows} of {len(data)} rows "
            f"together: {some_of(named)}. Fill them in, or leave the rows out: "
            f"read_formula(..., na_action='drop'), or data.dropna(subset={columns})."
        )


def _evaluate(formulaic: Any, what: Any, data: pandas.DataFrame, right: str) -> Any:
    """Return formulaic's columns of a formula, or of what it has learnt before."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", formulaic.errors.DataMismatchWarning)
        try:
            # Names are those of the table and of formulaic alone, none of the calling code.
            return formulaic.model_matrix(
                what, data, context={}, na_action="raise", output="pandas"
            )
        except formulaic.errors.DataMismatchWarning as error:
            found = _BRACES.search(str(error))
            named = found.group() if found else _plain(error)
            raise ValueError(
                f"The table has categories that the formula has not seen in fit: {named}. Rows "
                "with them have no columns; leave them out, or fit with such rows."
            ) from error
        except (formulaic.errors.FormulaicError, ValueError) as error:
            raise ValueError(
                f"The right side {right.strip()!r} cannot be computed: {_plain(error)}"
            ) from error


def _plain(error: Exception) -> str:
    """Return a message in one line."""
    text = " ".join(_COLOURS.sub("", str(error)).split())
    return text if text.endswith(".") else text + "."
