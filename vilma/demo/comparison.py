"""Training on a task's annotations in several ways, and measuring on its test part."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import GridSearchCV, PredefinedSplit

from vilma import IISVOR_IMC
from vilma.demo.baselines import MedianGuess, RoundedRidge
from vilma.demo.task import TEST, Task
from vilma.features import MultiScaleLBP
from vilma.metrics import interval_coverage, interval_insensitive_loss, interval_scorer

ALPHAS = (1.0, 0.3, 0.1)
RIDGE_ALPHAS = (10.0, 100.0, 1000.0)


@dataclass(frozen=True)
class Result:
    """How one way of training did.

    Attributes
    ----------
    name : str
        Which way.
    alpha : float or None
        The strength of the regularisation that the validation part chose.
    error : float
        Mean absolute distance of test predictions to the truth.
    inside : float
        Share of test predictions inside the annotations.
    seconds : float
        Wall-clock time of the final training.
    """

    name: str
    alpha: float | None
    error: float
    inside: float
    seconds: float


@dataclass(frozen=True)
class Comparison:
    """The result of :func:`compare`.

    Attributes
    ----------
    task : Task
        What was learned.
    results : list of Result
        One per way of training; the first is that of `estimator`.
    estimator : IISVOR_IMC
        Trained on the intervals.
    test : ndarray of shape (n_test,)
        The test images, as places in the task.
    predicted : ndarray of shape (n_test,)
        Their levels as `estimator` predicts them.
    projection : ndarray of shape (n_test,)
        Their places on the line that the thresholds of `estimator` divide.
    """

    task: Task
    results: list[Result]
    estimator: IISVOR_IMC
    test: NDArray[np.intp]
    predicted: NDArray[np.int64]
    projection: NDArray[np.float64]


def compare(task: Task, *, n_jobs: int | None = None) -> Comparison:
    """Train on intervals and, for comparison, in other ways.

    Each way chooses its alpha on the validation part, by the interval-insensitive mean absolute
    error, and is then trained on training and validation part together.

    Parameters
    ----------
    task : Task
        What to learn.
    n_jobs : int, optional
        Threads to use.

    Returns
    -------
    Comparison
        Interval training, exact training where the task knows exact levels, ridge regression on
        midpoints, and the median guess.
    """
    lbp = MultiScaleLBP(size=task.images.shape[1:], n_jobs=n_jobs)
    X = lbp.fit_transform(task.images)
    training, test = np.flatnonzero(task.part != TEST), np.flatnonzero(task.part == TEST)
    X_training, X_test = X[training], X[test]

    def run(name: str, labels: NDArray[np.float64], estimator: Any, alphas: Sequence[float]):
        fitted, seconds = _fit(
            estimator, alphas, X_training, labels[training], task.part[training]
        )
        predicted = fitted.predict(X_test)
        return fitted, Result(
            name,
            getattr(fitted, "alpha", None),
            float(interval_insensitive_loss(task.truth[test], predicted)),
            float(interval_coverage(task.intervals[test], predicted)),
            seconds,
        )

    svor = IISVOR_IMC(classes=task.classes, n_jobs=n_jobs)
    estimator, first = run("vilma, intervals", task.intervals, svor, ALPHAS)
    results = [first]
    if task.exact:
        results.append(run("vilma, exact labels", task.truth, svor, ALPHAS)[1])
    ridge = RoundedRidge(classes=task.classes)
    results.append(run("ridge on midpoints", task.intervals, ridge, RIDGE_ALPHAS)[1])
    median = MedianGuess(classes=task.classes)
    results.append(run("median guess", task.intervals, median, ())[1])
    return Comparison(
        task=task,
        results=results,
        estimator=estimator,
        test=test,
        predicted=estimator.predict(X_test),
        projection=estimator.project(X_test),
    )


def _fit(
    estimator: Any,
    alphas: Sequence[float],
    X: Any,
    labels: NDArray[np.float64],
    part: NDArray[np.int64],
) -> tuple[Any, float]:
    """Return the estimator with the best alpha, and the seconds of its final training."""
    if not alphas:
        start = time.perf_counter()
        return estimator.fit(X, labels), time.perf_counter() - start
    search = GridSearchCV(
        estimator,
        {"alpha": list(alphas)},
        cv=PredefinedSplit(part),
        scoring=interval_scorer(),
        error_score="raise",
    ).fit(X, labels)
    return search.best_estimator_, search.refit_time_
