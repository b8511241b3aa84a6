"""Training: options chosen by validation, an error on held-out rows, then all rows."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, ShuffleSplit
from sklearn.pipeline import make_pipeline

from vilma import (
    IISVOR_EXP,
    IISVOR_EXPCV,
    IISVOR_IMC,
    IISVOR_IMCCV,
    PWVILMA,
    PWVILMACV,
    VILMA,
    VILMACV,
    ConformalOrdinalClassifier,
    MappedMatrix,
    OrderedLogit,
    OrderedLogitCV,
)
from vilma.cli._rows import LabelledRows, fingerprints
from vilma.cli._table import TABLE
from vilma.demo.baselines import MedianGuess, RoundedRidge, outside
from vilma.metrics import interval_scorer

ESTIMATORS = {
    "vilma": VILMA,
    "iisvor-exp": IISVOR_EXP,
    "iisvor-imc": IISVOR_IMC,
    "pwvilma": PWVILMA,
    "ordered-logit": OrderedLogit,
}
TABLE_ESTIMATORS = {
    "vilma": VILMACV,
    "iisvor-exp": IISVOR_EXPCV,
    "iisvor-imc": IISVOR_IMCCV,
    "pwvilma": PWVILMACV,
    "ordered-logit": OrderedLogitCV,
}
_RIDGE_ALPHAS = (1.0, 10.0, 100.0, 1000.0)
_TABLE_RIDGE_ALPHAS = (0.01, 0.1, 1.0, 10.0, 100.0)  # columns are scaled to rows of norm 1
_FEWEST = 20  # rows, of which some can be held out


@dataclass(frozen=True)
class Fitted:
    """A trained estimator and how its alpha was chosen.

    Attributes
    ----------
    estimator : object
        Trained on all rows with the best alpha.
    validation_errors : dict of float to float
        Interval-insensitive mean absolute error of each alpha; empty when there was no choice, or
        the estimator chose by itself.
    seconds : float
        Wall-clock time of the final training.
    """

    estimator: Any
    validation_errors: dict[float, float]
    seconds: float


@dataclass(frozen=True)
class HeldOut:
    """Errors on rows that were not trained on.

    Attributes
    ----------
    n_folds, n_exact : int
        In how many parts all rows were held out in turn, and how many have an exact label.
    errors : dict of str to ndarray of shape (n_rows,)
        Distances of predictions from annotations, by method; the first is the model's.
    """

    n_folds: int
    n_exact: int
    errors: dict[str, NDArray[np.float64]]

    @property
    def exact(self) -> bool:
        """Whether all labels are exact."""
        return all(self.n_exact == len(values) for values in self.errors.values())

    def to_settings(self) -> dict[str, Any]:
        """Return plain values to be kept with a model."""
        return {
            "n_folds": self.n_folds,
            "n_exact": self.n_exact,
            "errors": {name: float(values.mean()) for name, values in self.errors.items()},
        }


Train = Callable[[Any, NDArray[np.float64]], Fitted]


def image_training(
    name: str,
    *,
    alphas: Sequence[float],
    validation: float,
    seed: int,
    intervals: bool,
    **parameters: Any,
) -> Train:
    """Return what trains on features of images: each alpha on one share, the best on all.

    Parameters
    ----------
    name : {"vilma", "iisvor-exp", "iisvor-imc", "pwvilma", "ordered-logit"}
        Which estimator.
    alphas : sequence of float
        The candidates. With one, there is nothing to choose.
    validation : float
        Share of the rows that choose.
    seed : int
        Seed of the division.
    intervals : bool
        Calibrate prediction intervals.
    **parameters
        Of the estimator.

    Returns
    -------
    callable
        Trains on features and intervals.
    """

    def train(X: Any, y: NDArray[np.float64]) -> Fitted:
        estimator = ESTIMATORS[name](**parameters)
        errors: dict[float, float] = {}
        if len(alphas) > 1:
            search = GridSearchCV(
                estimator,
                {"alpha": list(alphas)},
                cv=ShuffleSplit(n_splits=1, test_size=validation, random_state=seed),
                scoring=interval_scorer(),
                error_score="raise",
                refit=False,
            )
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what alphas do that are not taken
                search.fit(X, y)
            scores = -search.cv_results_["mean_test_score"]
            errors = dict(zip(alphas, scores.tolist(), strict=True))
            estimator.set_params(**search.best_params_)
        else:
            estimator.set_params(alpha=alphas[0])
        return _fit(_calibrated(estimator, seed) if intervals else estimator, X, y, errors)

    return train


def table_training(
    name: str, *, alphas: Sequence[float] | None, seed: int, intervals: bool, **parameters: Any
) -> Train:
    """Return what trains on the cells of a table.

    Parameters
    ----------
    name : {"vilma", "iisvor-exp", "iisvor-imc", "pwvilma", "ordered-logit"}
        Which estimator; its own cross-validation chooses alpha, and kinds of columns.
    alphas : sequence of float or None
        The candidates; None for its own.
    seed : int
        Seed of the rows that calibrate.
    intervals : bool
        Calibrate prediction intervals.
    **parameters
        Of the estimator.

    Returns
    -------
    callable
        Trains on cells and intervals.
    """
    from vilma.features import TableFeatures

    def train(X: Any, y: NDArray[np.float64]) -> Fitted:
        estimator = TABLE_ESTIMATORS[name](alphas, **parameters)
        pipeline = make_pipeline(TableFeatures(), estimator)
        return _fit(_calibrated(pipeline, seed) if intervals else pipeline, X, y, {})

    return train


def _calibrated(estimator: Any, seed: int) -> ConformalOrdinalClassifier:
    return ConformalOrdinalClassifier(estimator, random_state=seed)


def _fit(estimator: Any, X: Any, y: NDArray[np.float64], errors: dict[float, float]) -> Fitted:
    start = time.perf_counter()
    estimator.fit(X, y)
    return Fitted(estimator, errors, time.perf_counter() - start)


def last_step(estimator: Any) -> Any:
    """Return the estimator with the certificate, inside of calibrations and pipelines.

    Parameters
    ----------
    estimator : object
        Fitted.

    Returns
    -------
    object
        Fitted.
    """
    while hasattr(estimator, "estimator_"):
        estimator = estimator.estimator_
    return estimator[-1] if hasattr(estimator, "steps") else estimator


def measure_held_out(
    train: Train, rows: LabelledRows, *, n_folds: int, seed: int
) -> HeldOut | None:
    """Hold out every row once and measure on it, beside a guess and ridge.

    Parameters
    ----------
    train : callable
        As :func:`image_training` and :func:`table_training` return it.
    rows : LabelledRows
        All rows.
    n_folds : int
        Parts that are held out in turn; at most one for each group.
    seed : int
        Seed of the division.

    Returns
    -------
    HeldOut or None
        The errors; None if there are too few rows, or groups, to hold out any. Ridge is left out
        where features stay on disk, because it needs all in memory.
    """
    splitter: Any = KFold(n_folds, shuffle=True, random_state=seed)
    n_rows = len(rows.names)
    if rows.groups is not None:
        n_folds = min(n_folds, len(np.unique(rows.groups)))
        splitter = GroupKFold(n_folds, shuffle=True, random_state=seed) if n_folds > 1 else None
    if n_rows < _FEWEST or splitter is None:
        return None
    errors: dict[str, NDArray[np.float64]] = {}
    for train_rows, test_rows in splitter.split(rows.intervals, groups=rows.groups):
        y, truth = rows.intervals[train_rows], rows.intervals[test_rows]
        X, held_out = rows.X[train_rows], rows.X[test_rows]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the final fit says what there is to say
            predicted = {"this model": train(X, y).estimator.predict(held_out)}
            if not isinstance(X, MappedMatrix):
                predicted["ridge on midpoints"] = _ridge(rows, seed).fit(X, y).predict(held_out)
            guess = MedianGuess(classes=rows.scale.classes).fit(X, y)
            predicted["median guess"] = guess.predict(held_out)
        for name, labels in predicted.items():
            errors.setdefault(name, np.empty(n_rows))[test_rows] = outside(truth, labels)
    return HeldOut(n_folds, int(rows.exact().sum()), errors)


def _ridge(rows: LabelledRows, seed: int) -> GridSearchCV:
    """Return ridge on midpoints with its own choice of alpha."""
    ridge: Any = RoundedRidge(classes=rows.scale.classes)
    grid = {"alpha": list(_RIDGE_ALPHAS)}
    if rows.settings.get("features") == TABLE:
        from vilma.features import TableFeatures

        ridge = make_pipeline(TableFeatures(["linear"], output="csr"), ridge)
        grid = {"roundedridge__alpha": list(_TABLE_RIDGE_ALPHAS)}
    return GridSearchCV(
        ridge,
        grid,
        cv=ShuffleSplit(n_splits=1, test_size=0.2, random_state=seed),
        scoring=interval_scorer(),
        error_score="raise",
    )


def training_record(rows: LabelledRows, held_out: HeldOut | None, seed: int) -> dict[str, Any]:
    """Return what a model knows of its training.

    Parameters
    ----------
    rows : LabelledRows
        All rows.
    held_out : HeldOut or None
        Errors on a part that was held out first.
    seed : int
        The seed that was asked for.

    Returns
    -------
    dict
        Plain values and arrays.
    """
    guess = MedianGuess(classes=rows.scale.classes).fit(None, rows.intervals).guess_
    return {
        "n_rows": len(rows.names),
        "n_exact": int(rows.exact().sum()),
        "median_guess": guess,
        "held_out": None if held_out is None else held_out.to_settings(),
        "fingerprints": np.unique(fingerprints(rows.X)),
        "seed": seed,
    }
