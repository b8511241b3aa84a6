"""Training: options chosen by validation, an error on held-out rows, then all rows."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.model_selection import GroupKFold, KFold, ShuffleSplit
from sklearn.pipeline import make_pipeline
from tqdm import tqdm

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
from vilma.cli._model import uncalibrated
from vilma.cli._rows import LabelledRows, fingerprints, say_the_same
from vilma.cli._table import TABLE
from vilma.demo.baselines import MedianGuess, RoundedRidge, outside
from vilma.probability.wrapped import weight_arguments

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
# What there is to choose besides alpha, and its name where several values are tried.
_CHOSEN = {
    "vilma": {"loss": "losses"},
    "pwvilma": {"loss": "losses", "correlation": "correlations"},
}
_EXAMPLES = {"loss": "mae", "correlation": "0.9"}
_N_FOLDS = 5  # by which the estimators for tables choose
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
    weights : ndarray of shape (n_rows,) or None
        How much every row counts.
    """

    n_folds: int
    n_exact: int
    errors: dict[str, NDArray[np.float64]]
    weights: NDArray[np.float64] | None

    @property
    def exact(self) -> bool:
        """Whether all labels are exact."""
        return all(self.n_exact == len(values) for values in self.errors.values())

    def to_settings(self) -> dict[str, Any]:
        """Return plain values to be kept with a model."""
        return {
            "n_folds": self.n_folds,
            "n_exact": self.n_exact,
            "errors": {
                name: mean_and_deviation(values, self.weights)[0]
                for name, values in self.errors.items()
            },
        }


Weights = NDArray[np.float64] | None
Train = Callable[[Any, NDArray[np.float64], Weights], Fitted]


def mean_and_deviation(errors: NDArray[np.float64], weights: Weights) -> tuple[float, float]:
    """Return a mean and its standard error, that of a survey where there are weights.

    Parameters
    ----------
    errors : ndarray of shape (n,)
        A figure of every row.
    weights : ndarray of shape (n,) or None
        How much each counts: the mean is a ratio of weighted sums, and its error the linearised
        one, the root of the sum of squares of weighted deviations over the sum of weights.

    Returns
    -------
    mean, deviation : float
        The deviation is 0 for a single row.
    """
    used = np.ones(len(errors)) if weights is None else weights
    mean = float(np.average(errors, weights=used))
    n_counted = np.count_nonzero(used)
    if n_counted < 2:
        return mean, 0.0
    spread = np.sum((used * (errors - mean)) ** 2) * n_counted / (n_counted - 1)
    return mean, float(np.sqrt(spread) / used.sum())


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
        Trains on features, intervals and weights.
    """

    def train(X: Any, y: NDArray[np.float64], weights: Weights) -> Fitted:
        estimator = ESTIMATORS[name](alpha=alphas[0], **parameters)
        errors: dict[float, float] = {}
        if len(alphas) > 1:
            candidates = [{"alpha": alpha} for alpha in alphas]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what alphas do that are not taken
                found = _validate(estimator, candidates, X, y, weights, validation, seed)
            errors = dict(zip(alphas, found, strict=True))
            estimator.set_params(**candidates[int(np.argmin(found))])
        final = _calibrated(estimator, seed) if intervals else estimator
        return _fit(final, X, y, weights, errors)

    return train


def table_training(
    name: str, *, alphas: Sequence[float] | None, seed: int, intervals: bool, **parameters: Any
) -> Train:
    """Return what trains on the cells of a table.

    Parameters
    ----------
    name : {"vilma", "iisvor-exp", "iisvor-imc", "pwvilma", "ordered-logit"}
        Which estimator; its own cross-validation chooses what is not given.
    alphas : sequence of float or None
        The candidates; None for its own. With one, and all else given, nothing is chosen.
    seed : int
        Seed of the rows that calibrate.
    intervals : bool
        Calibrate prediction intervals.
    **parameters
        Of the estimator for one alpha.

    Returns
    -------
    callable
        Trains on cells, intervals and weights.
    """
    from vilma.features import TableFeatures

    def train(X: Any, y: NDArray[np.float64], weights: Weights) -> Fitted:
        if leaves_a_choice(name, alphas, parameters):
            n_rows = len(y) if weights is None else int(np.count_nonzero(weights))
            n_used = n_rows - math.ceil(n_rows / 4) if intervals else n_rows
            _refuse_few_rows(name, alphas, parameters, n_used)
        estimator = _for_a_table(name, alphas, parameters)
        pipeline = make_pipeline(TableFeatures(), estimator)
        with warnings.catch_warnings():  # said when the scale was made, with options for it
            warnings.filterwarnings("ignore", "The scale ends in", UserWarning)
            return _fit(_calibrated(pipeline, seed) if intervals else pipeline, X, y, weights, {})

    return train


def leaves_a_choice(name: str, alphas: Sequence[float] | None, parameters: Iterable[str]) -> bool:
    """Return whether an estimator for tables has anything to choose by cross-validation.

    Parameters
    ----------
    name : {"vilma", "iisvor-exp", "iisvor-imc", "pwvilma", "ordered-logit"}
        Which estimator.
    alphas : sequence of float or None
        The candidates; None or none for its own.
    parameters : iterable of str
        Names of those that are given.

    Returns
    -------
    bool
        False where there is one alpha and the rest is given.
    """
    return len(set(alphas or ())) != 1 or not _CHOSEN.get(name, {}).keys() <= set(parameters)


def _refuse_few_rows(
    name: str, alphas: Sequence[float] | None, parameters: Iterable[str], n_rows: int
) -> None:
    """Say what to give where rows are too few to choose it by cross-validation."""
    if n_rows >= _N_FOLDS:
        return
    given = {*parameters, *(["alpha"] if len(set(alphas or ())) == 1 else [])}
    examples = {"alpha": "1", **{each: _EXAMPLES[each] for each in _CHOSEN.get(name, {})}}
    options = [f"--{each} {value}" for each, value in examples.items() if each not in given]
    raise ValueError(
        f"choosing by cross-validation takes {_N_FOLDS} rows that train, and there are {n_rows}. "
        f"Add rows, or give what is chosen, for example --estimator {name} {' '.join(options)}."
    )


def _for_a_table(name: str, alphas: Sequence[float] | None, parameters: dict[str, Any]) -> Any:
    """Return the estimator for one alpha if nothing is left to choose, else the one that does."""
    if alphas is not None and not leaves_a_choice(name, alphas, parameters):
        return ESTIMATORS[name](alphas[0], **parameters)
    chosen = _CHOSEN.get(name, {})
    several: dict[str, Any] = {
        chosen.get(each, each): [value] if each in chosen else value
        for each, value in parameters.items()
    }
    return TABLE_ESTIMATORS[name](alphas, **several)


def _calibrated(estimator: Any, seed: int) -> ConformalOrdinalClassifier:
    return ConformalOrdinalClassifier(estimator, random_state=seed)


def _validate(
    estimator: Any,
    candidates: Sequence[dict[str, Any]],
    X: Any,
    y: NDArray[np.float64],
    weights: Weights,
    share: float,
    seed: int,
) -> list[float]:
    """Return the error of each candidate on a share of the rows, trained on the others."""
    splitter = ShuffleSplit(n_splits=1, test_size=share, random_state=seed)
    train, held_out = next(splitter.split(y))
    used = np.ones(len(y)) if weights is None else weights
    if not used[train].any() or not used[held_out].any():
        raise ValueError(
            "too few rows have a weight above 0 to choose alpha by some of them; give one --alpha."
        )
    errors = []
    for candidate in candidates:
        tried = clone(estimator).set_params(**candidate)
        _fit_weighted(tried, X[train], y[train], None if weights is None else weights[train])
        distances = outside(y[held_out], tried.predict(X[held_out]))
        errors.append(float(np.average(distances, weights=used[held_out])))
    return errors


def _fit_weighted(estimator: Any, X: Any, y: NDArray[np.float64], weights: Weights) -> Any:
    if weights is None:
        return estimator.fit(X, y)
    return estimator.fit(X, y, **weight_arguments(estimator, weights))


def _fit(
    estimator: Any,
    X: Any,
    y: NDArray[np.float64],
    weights: Weights,
    errors: dict[float, float],
) -> Fitted:
    start = time.perf_counter()
    _fit_weighted(estimator, X, y, weights)
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
    estimator = uncalibrated(estimator)
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

    Raises
    ------
    ValueError
        If there are more folds than rows, or the rows of a table that are left to train on in
        turn all say the same.
    """
    n_rows = len(rows.names)
    if n_folds > n_rows >= _FEWEST:
        raise ValueError(
            f"--folds {n_folds} needs as many rows, but {n_rows} have a label; 5 or 10 are usual."
        )
    splitter: Any = KFold(n_folds, shuffle=True, random_state=seed)
    if rows.groups is not None:
        n_folds = min(n_folds, len(np.unique(rows.groups)))
        splitter = GroupKFold(n_folds, shuffle=True, random_state=seed) if n_folds > 1 else None
    if n_rows < _FEWEST or splitter is None:
        return None
    errors: dict[str, NDArray[np.float64]] = {}
    parts = list(splitter.split(rows.intervals, groups=rows.groups))
    bar = tqdm(parts, "holding out", unit="part", leave=False, disable=None)  # on a terminal
    for train_rows, test_rows in bar:
        y, truth = rows.intervals[train_rows], rows.intervals[test_rows]
        if rows.settings.get("features") == TABLE and say_the_same(y):
            raise ValueError(
                f"of the {n_folds} parts that are held out in turn, one has all the rows whose "
                "labels differ from the others: nothing can be learned from the rest. Add such "
                "rows, or leave the measurement out by --folds 0."
            )
        X, held_out = rows.X[train_rows], rows.X[test_rows]
        weights = None if rows.weights is None else rows.weights[train_rows]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the final fit says what there is to say
            predicted = {"this model": train(X, y, weights).estimator.predict(held_out)}
            if not isinstance(X, MappedMatrix):
                ridge = _fit_ridge(rows, X, y, weights, seed)
                predicted["ridge on midpoints"] = ridge.predict(held_out)
            guess = MedianGuess(classes=rows.scale.classes).fit(X, y, weights)
            predicted["median guess"] = guess.predict(held_out)
        for name, labels in predicted.items():
            errors.setdefault(name, np.empty(n_rows))[test_rows] = outside(truth, labels)
    return HeldOut(n_folds, int(rows.exact().sum()), errors, rows.weights)


def _fit_ridge(
    rows: LabelledRows, X: Any, y: NDArray[np.float64], weights: Weights, seed: int
) -> Any:
    """Return ridge on midpoints, fitted with the best alpha of a fifth of the rows."""
    ridge: Any = RoundedRidge(classes=rows.scale.classes)
    candidates = [{"alpha": alpha} for alpha in _RIDGE_ALPHAS]
    if rows.settings.get("features") == TABLE:
        from vilma.features import TableFeatures

        ridge = make_pipeline(TableFeatures(["linear"], output="csr"), ridge)
        candidates = [{"roundedridge__alpha": alpha} for alpha in _TABLE_RIDGE_ALPHAS]
    errors = _validate(ridge, candidates, X, y, weights, 0.2, seed)
    return _fit_weighted(ridge.set_params(**candidates[int(np.argmin(errors))]), X, y, weights)


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
    guess = MedianGuess(classes=rows.scale.classes).fit(None, rows.intervals, rows.weights)
    different, counts = np.unique(fingerprints(rows.X), return_counts=True)
    return {
        "n_rows": len(rows.names),
        "n_exact": int(rows.exact().sum()),
        "weighted": rows.weights is not None,
        "median_guess": guess.guess_,
        "held_out": None if held_out is None else held_out.to_settings(),
        "fingerprints": different,
        "twins": float(counts[counts > 1].sum() / counts.sum()),
        "seed": seed,
        "labels": None if rows.reading is None else rows.reading.to_settings(),
    }
