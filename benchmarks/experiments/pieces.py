"""One direction and several on tables of ordinal labels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.model_selection import ShuffleSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.experiments.layout import markdown
from vilma import IISVOR_IMCCV, PWVILMACV

__all__ = ["PieceErrors", "run_pieces", "show_pieces"]

_ALPHAS = (1.0, 0.1, 0.01, 0.001, 0.0001)


class PieceErrors(NamedTuple):
    """Test errors of the two on one table, split by split."""

    one: np.ndarray  # mean absolute errors of IISVOR_IMCCV
    several: np.ndarray  # and of PWVILMACV

    def ratio(self) -> float:
        """Return the mean error of several directions over that of one."""
        return float(self.several.mean() / self.one.mean())

    def difference(self) -> tuple[float, float]:
        """Return the mean difference over the splits, and its standard error."""
        differences = self.several - self.one
        deviation = differences.std(ddof=1) / np.sqrt(len(differences))
        return float(differences.mean()), float(deviation)


def run_pieces(
    folder: Path, target: str, n_splits: int, say: Callable[[str], object]
) -> dict[str, PieceErrors]:
    """Measure both on every CSV file of a folder, everything chosen on the training part.

    Parameters
    ----------
    folder : Path
        Files ``*.csv`` or ``*.csv.xz`` of numbers with a header.
    target : str
        The column of the label; all others are features.
    n_splits : int
        Random splits, a quarter for testing.
    say : callable
        Takes a line of progress.

    Returns
    -------
    dict of str to PieceErrors
        By the name of the file.
    """
    errors = {}
    for path in sorted(folder.glob("*.csv*")):
        table = pd.read_csv(path)
        codes = np.unique(table.pop(target).to_numpy(), return_inverse=True)[1]
        X, classes = table.to_numpy(dtype=np.float64), np.arange(codes.max() + 1)
        measured = []
        for train, test in ShuffleSplit(n_splits, test_size=0.25, random_state=0).split(X):
            measured.append([])
            for model in (IISVOR_IMCCV, PWVILMACV):
                fitted = make_pipeline(StandardScaler(), model(_ALPHAS, classes=classes))
                predicted = fitted.fit(X[train], codes[train]).predict(X[test])
                measured[-1].append(float(np.abs(predicted - codes[test]).mean()))
        name = path.name.split(".")[0]
        errors[name] = PieceErrors(*np.array(measured).T)
        say(f"{name}: {errors[name].ratio():.3f}")
    return errors


def show_pieces(errors: dict[str, PieceErrors]) -> str:
    """Return a table, a row per file, and the mean ratio."""
    rows = []
    for name, each in errors.items():
        mean, deviation = each.difference()
        rows.append(
            [
                name,
                f"{each.one.mean():.3f}",
                f"{each.several.mean():.3f}",
                f"{each.ratio():.3f}",
                f"{mean:+.3f} ± {deviation:.3f}",
            ]
        )
    ratio = np.mean([each.ratio() for each in errors.values()])
    rows.append(["mean", "", "", f"{ratio:.3f}", ""])
    header = ["table", "IISVOR_IMCCV", "PWVILMACV", "ratio", "difference ± standard error"]
    return markdown(header, rows)
