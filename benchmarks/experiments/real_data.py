"""Real interval labels, on scales of consecutive whole numbers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vilma import OneHotCodes
from vilma.datasets import load_anes96

__all__ = [
    "IntervalTable",
    "anes_dollars",
    "anes_levels",
    "clean_columns",
    "read_chipseq",
    "read_kakadu",
]

N_LEVELS = 20
_BIDS = np.array([0, 2, 5, 20, 50, 100, 250, 999])


@dataclass(frozen=True)
class IntervalTable:
    """A problem.

    Parameters
    ----------
    name : str
        What results call it.
    X : ndarray or OneHotCodes of shape (n_samples, n_features)
    intervals : ndarray of shape (n_samples, 2)
        Labels of the scale; open ends are its ends.
    classes : ndarray of shape (n_classes,)
        The scale.
    unit : str
        Of the labels.
    truth : ndarray of shape (n_samples,), optional
        True labels, where known.
    """

    name: str
    X: np.ndarray | OneHotCodes
    intervals: np.ndarray
    classes: np.ndarray
    unit: str
    truth: np.ndarray | None = None


def clean_columns(columns: np.ndarray) -> np.ndarray:
    """Replace what is not finite by its column's smallest finite value, and drop constant columns.

    Logarithms of counts are infinite at 0, and those of these are undefined: both stand for less
    than anything that was counted.

    Parameters
    ----------
    columns : ndarray of shape (n_samples, n_features)

    Returns
    -------
    ndarray of shape (n_samples, n_kept)
    """
    finite = np.isfinite(columns)
    columns = columns[:, finite.any(axis=0)]
    finite = np.isfinite(columns)
    least = np.min(columns, axis=0, where=finite, initial=np.inf)
    columns = np.where(finite, columns, least)
    return columns[:, np.ptp(columns, axis=0) > 0.0]


def read_kakadu(path: Path) -> IntervalTable:
    """Read what visitors would pay for Kakadu's conservation, between the bids they answered.

    The levels are the seven spans between neighbouring bids, the last one open; the column
    `answer` says the same as the label and is left out.

    Parameters
    ----------
    path : Path
        ``kakadu_wtp.csv``.
    """
    import pandas as pd

    frame = pd.read_csv(path)
    ends = frame[["lower", "upper"]].to_numpy()
    intervals = np.searchsorted(_BIDS, ends) - [0, 1]
    features = frame.drop(columns=["lower", "upper", "answer"])
    for name in features.select_dtypes(exclude="number"):
        features[name] = features[name] == features[name].max()  # each has two values
    X = features.to_numpy(dtype=np.float64)
    return IntervalTable("Kakadu", X, intervals, np.arange(len(_BIDS) - 1), "levels")


def read_chipseq(path: Path) -> IntervalTable:
    """Read a set of penalty intervals, cut into levels at quantiles of the finite ends.

    Parameters
    ----------
    path : Path
        One of the files ``*.csv.xz``.
    """
    import pandas as pd

    frame = pd.read_csv(path)
    ends = frame[["min.log.lambda", "max.log.lambda"]].to_numpy(dtype=np.float64)
    shares = np.arange(1, N_LEVELS) / N_LEVELS
    cuts = np.quantile(ends[np.isfinite(ends)], shares)
    intervals = np.searchsorted(cuts, ends)
    features = frame.drop(columns=["sequenceID", "min.log.lambda", "max.log.lambda", "fold"])
    X = clean_columns(features.to_numpy(dtype=np.float64))
    name = path.name.removesuffix(".csv.xz").replace("_", " ")
    return IntervalTable(name, X, intervals, np.arange(N_LEVELS), "levels")


def anes_levels() -> IntervalTable:
    """Return household incomes of 1996 as the 24 brackets of the questionnaire, all exact."""
    data = load_anes96(target="income")
    levels = np.unique(data.target[:, 1], return_inverse=True)[1]
    intervals = np.column_stack([levels, levels])
    return IntervalTable("ANES income, brackets", data.data, intervals, np.arange(24), "brackets")


def anes_dollars() -> IntervalTable:
    """Return the same incomes as intervals of thousands of dollars, rounded down, up to 105."""
    data = load_anes96(target="income")
    thousands = np.floor(np.clip(data.target, 0.0, 105_000.0) / 1000.0).astype(np.int64)
    return IntervalTable(
        "ANES income, dollars", data.data, thousands, np.arange(106), "thousand dollars"
    )
