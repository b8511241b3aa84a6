"""Tables that come with the package."""

from __future__ import annotations

import csv
import lzma
from importlib.resources import files
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch

from vilma.intervals import parse_brackets

_ANES = """\
American National Election Study of 1996
----------------------------------------
944 respondents who said they would vote for Clinton or Dole, without missing answers.

popul   population of the respondent's place, in thousands
TVnews  days of the past week with television news
selfLR  own place from 1 (extremely liberal) to 7 (extremely conservative)
ClinLR  Clinton's place, likewise
DoleLR  Dole's place, likewise
PID     party identification from 0 (strong Democrat) to 6 (strong Republican)
age     years
educ    education from 1 (grades 1 to 8) to 7 (master's degree and beyond)
income  household income, one of 24 brackets
vote    0 for Clinton, 1 for Dole

Source: American National Election Studies, https://electionstudies.org, as prepared for
statsmodels. Public domain.
"""

_WINE = """\
Wine quality
------------
6,497 red and white Portuguese vinho verde wines: eleven physical and chemical measurements, the
colour (`red`, 1 or 0), and as the target the median of at least three tasters' grades from 0
(very bad) to 10 (excellent); grades 3 to 9 occur, few of them at the extremes.

Source: P. Cortez, A. Cerdeira, F. Almeida, T. Matos, J. Reis: Modeling wine preferences by data
mining from physicochemical properties, Decision Support Systems 47(4), 547-553, 2009; UCI Machine
Learning Repository, https://archive.ics.uci.edu/dataset/186/wine+quality. Licence: Creative
Commons Attribution 4.0 International (CC BY 4.0).
"""

ANES_INCOME_BRACKETS = (
    "under $3,000",
    "$3,000 - $4,999",
    "$5,000 - $6,999",
    "$7,000 - $8,999",
    "$9,000 - $9,999",
    "$10,000 - $10,999",
    "$11,000 - $11,999",
    "$12,000 - $12,999",
    "$13,000 - $13,999",
    "$14,000 - $14,999",
    "$15,000 - $16,999",
    "$17,000 - $19,999",
    "$20,000 - $21,999",
    "$22,000 - $24,999",
    "$25,000 - $29,999",
    "$30,000 - $34,999",
    "$35,000 - $39,999",
    "$40,000 - $44,999",
    "$45,000 - $49,999",
    "$50,000 - $59,999",
    "$60,000 - $74,999",
    "$75,000 - $89,999",
    "$90,000 - $104,999",
    "$105,000 and over",
)


# Columns of ANES that answer a question by a level, besides income in brackets.
_ANES_LEVELS = ("PID", "selfLR", "ClinLR", "DoleLR", "educ", "TVnews")


def load_anes96(
    *,
    target: Literal["PID", "selfLR", "ClinLR", "DoleLR", "educ", "TVnews", "income"] = "PID",
    return_X_y: bool = False,
    as_frame: bool = False,
) -> Any:
    """Load the American National Election Study of 1996.

    =================  ===========================================================
    Samples            944
    Features           9
    Target "PID"       party identification, 7 levels from 0 to 6
    Target "selfLR"    place from liberal to conservative, 7 levels from 1 to 7;
                       likewise "ClinLR" and "DoleLR", those of the candidates
    Target "educ"      education, 7 levels from 1 to 7
    Target "TVnews"    days of the week with television news, 8 levels from 0 to 7
    Target "income"    intervals of dollars, 24 brackets, open at both ends
    Licence            public domain
    =================  ===========================================================

    Parameters
    ----------
    target : {"PID", "selfLR", "ClinLR", "DoleLR", "educ", "TVnews", "income"}, default="PID"
        Which column to predict; the others are the features.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Return data frames and series of pandas, which must be installed.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        With the attributes

        data : ndarray of shape (944, 9)
            The features.
        target : ndarray of shape (944,) or (944, 2)
            Levels, or intervals with infinite ends.
        feature_names : list of str
            Names of the features.
        classes : ndarray
            The levels, or the numbers where brackets end.
        brackets : list of str
            The 24 brackets of income, in their order.
        DESCR : str
            Description, source and licence.
    (data, target) : tuple if `return_X_y`
        The two alone.

    Raises
    ------
    ValueError
        If there is no such target.
    ImportError
        If pandas is asked for and not installed.

    References
    ----------
    American National Election Studies, https://electionstudies.org.

    Examples
    --------
    >>> from vilma.datasets import load_anes96
    >>> load_anes96(target="income").target[:2]
    array([[ -inf, 2999.],
           [ -inf, 2999.]])
    """
    if target not in (*_ANES_LEVELS, "income"):
        known = ", ".join(map(repr, _ANES_LEVELS))
        raise ValueError(f"target should be {known} or 'income', got {target!r}.")
    header, rows = _read("anes96.csv.xz")
    values = np.array(rows, dtype=np.float64)
    column = header.index(target)
    labels = values[:, column].astype(np.int64)
    if target == "income":
        brackets = parse_brackets(ANES_INCOME_BRACKETS, irregular="raise")
        annotations = brackets[labels - 1]
        classes = np.unique(brackets[np.isfinite(brackets)]).astype(np.int64)
    else:
        annotations, classes = labels, np.unique(labels)
    return _deliver(
        np.delete(values, column, axis=1),
        annotations,
        [name for name in header if name != target],
        ["lower", "upper"] if target == "income" else [target],
        return_X_y=return_X_y,
        as_frame=as_frame,
        classes=classes,
        brackets=list(ANES_INCOME_BRACKETS),
        DESCR=_ANES,
    )


def load_wine_quality(*, return_X_y: bool = False, as_frame: bool = False) -> Any:
    """Load measurements and grades of red and white wines.

    =================  ===========================================================
    Samples            6,497
    Features           12
    Target             grade, 7 levels from 3 to 9, few at the extremes
    Licence            CC BY 4.0
    =================  ===========================================================

    Parameters
    ----------
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Return data frames and series of pandas, which must be installed.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        With the attributes

        data : ndarray of shape (6497, 12)
            Eleven measurements and the colour, 1 for red.
        target : ndarray of shape (6497,)
            Grades.
        feature_names : list of str
            Names of the features.
        classes : ndarray of shape (7,)
            The grades that occur.
        DESCR : str
            Description, source and licence.
    (data, target) : tuple if `return_X_y`
        The two alone.

    Raises
    ------
    ImportError
        If pandas is asked for and not installed.

    References
    ----------
    Cortez, Cerdeira, Almeida, Matos, Reis: Modeling wine preferences by data mining from
    physicochemical properties, Decision Support Systems 47(4), 2009.

    Examples
    --------
    >>> from vilma.datasets import load_wine_quality
    >>> X, y = load_wine_quality(return_X_y=True)
    >>> X.shape
    (6497, 12)
    """
    header, rows = _read("wine_quality.csv.xz")
    response, color = header.index("response"), header.index("color")
    measured = [k for k in range(len(header)) if k not in {response, color}]
    data = [[*(row[k] for k in measured), row[color] == "red"] for row in rows]
    grades = np.array([int(row[response]) for row in rows])
    return _deliver(
        np.array(data, dtype=np.float64),
        grades,
        [*(header[k].replace(".", "_") for k in measured), "red"],
        ["quality"],
        return_X_y=return_X_y,
        as_frame=as_frame,
        classes=np.unique(grades),
        DESCR=_WINE,
    )


def _read(name: str) -> tuple[list[str], list[list[str]]]:
    """Return the header and the rows of a table that comes with the package."""
    packed = files("vilma.datasets").joinpath("data", name).read_bytes()
    lines = lzma.decompress(packed).decode("utf-8").splitlines()
    header, *rows = csv.reader(line for line in lines if not line.startswith("#"))
    return header, rows


def _deliver(
    data: NDArray[np.float64],
    target: NDArray[Any],
    feature_names: list[str],
    target_names: list[str],
    *,
    return_X_y: bool,
    as_frame: bool,
    **facts: Any,
) -> Any:
    """Return data and target in the form asked for."""
    X: Any = data
    y: Any = target
    if as_frame:
        import pandas as pd  # an optional dependency

        X = pd.DataFrame(data, columns=feature_names)
        y = pd.DataFrame(target, columns=target_names)
        y = y[target_names[0]] if len(target_names) == 1 else y
    if return_X_y:
        return X, y
    return Bunch(data=X, target=y, feature_names=feature_names, **facts)
