"""Training on a task's annotations in several ways, and measuring on its test part."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import GridSearchCV, KFold, PredefinedSplit
from sklearn.preprocessing import StandardScaler

from vilma import IISVOR_IMCCV, OrderedLogitCV
from vilma.demo.baselines import MedianGuess, RoundedRidge, outside
from vilma.demo.task import TEST, VALIDATION, Task
from vilma.features import MultiScaleLBP
from vilma.metrics import interval_scorer

IMAGE_ALPHAS = (1.0, 0.3, 0.1, 0.03, 0.01)  # a table takes the estimators' own
RIDGE_ALPHAS = (0.1, 1.0, 10.0, 100.0, 1000.0, 10_000.0)

RIDGE = "ridge on midpoints"
HINGES = "vilma, IISVOR_IMC"


@dataclass(frozen=True)
class Result:
    """How one way of training did.

    Attributes
    ----------
    name : str
        Which way.
    alpha : float or None
        The strength of the regularisation that validation chose.
    errors : ndarray of shape (n_test,)
        Absolute distances of test predictions to the truth.
    seconds : float
        Wall-clock time of the training, the choice of alpha included.
    """

    name: str
    alpha: float | None
    errors: NDArray[np.float64]
    seconds: float

    @property
    def error(self) -> float:
        """The mean of the errors."""
        return float(self.errors.mean())


@dataclass(frozen=True)
class Comparison:
    """The result of :func:`compare`.

    Attributes
    ----------
    task : Task
        What was learned.
    results : list of Result
        One per way of training; the first is that of `estimator`.
    estimator : OrderedLogitCV
        Trained on the intervals.
    test : ndarray of shape (n_test,)
        The test rows, as places in the task.
    predicted : ndarray of shape (n_test,)
        Their levels as `estimator` predicts them.
    projection : ndarray of shape (n_test,)
        Their places on the line that the thresholds of `estimator` divide.
    """

    task: Task
    results: list[Result]
    estimator: OrderedLogitCV
    test: NDArray[np.intp]
    predicted: NDArray[np.int64]
    projection: NDArray[np.float64]

    def reasons(self) -> list[str]:
        """Say why vilma is no better than ridge on midpoints, where it is not, and what is vague.

        Returns
        -------
        list of str
            Sentences; empty where nothing is to be said.
        """
        found = []
        n_supported = self.task.n_supported
        if n_supported < 2:
            found.append(
                f"The annotations tell labels apart at {n_supported} threshold(s) only. Where the "
                "others lie cannot be learned from them by any method: the thresholds have no "
                "spacing, and the middles of intervals win by luck, if they do. Make the "
                "annotations narrower, or some of them exact."
            )
        ridge = next(result for result in self.results if result.name == RIDGE)
        excess = self.results[0].errors - ridge.errors
        if excess.mean() > 0 and n_supported >= 2:
            error = excess.std(ddof=1) / np.sqrt(len(excess))
            hinges = [each for each in self.results if each.name == HINGES]
            n_thresholds = len(self.task.classes) - 1
            unknown = (
                f" They end at {n_supported} of {n_thresholds} thresholds; where the others lie "
                "is not in them, and middles are as good a guess."
                if n_supported < n_thresholds
                else ""
            )
            found.append(
                f"Ridge on midpoints is better here than the ordered logit by {excess.mean():.3f} "
                f"(standard error {error:.3f}): the middle of a narrow interval is nearly the "
                "label, so that there is little to win. The wider and the less equal the "
                f"intervals, the more.{unknown}"
                + "".join(f" IISVOR_IMC has {each.error:.3f}." for each in hinges)
            )
        return found


def compare(task: Task, *, n_jobs: int | None = None) -> Comparison:
    """Train on intervals and, for comparison, in other ways.

    Each way chooses its alpha on the training rows' annotations: on the validation part if the
    task has one, otherwise by five folds; the ordered logit by its likelihood, the others by
    the interval-insensitive mean absolute error. It is then trained on all rows but the test part.

    Parameters
    ----------
    task : Task
        What to learn.
    n_jobs : int, optional
        Threads to use.

    Returns
    -------
    Comparison
        The ordered logit on intervals (for images also II-SVOR-IMC, whose kernels take seconds to
        be compiled when they are used first), the ordered logit on exact labels where the task
        knows them, ridge regression on midpoints, and the median guess.
    """
    training, test = np.flatnonzero(task.part != TEST), np.flatnonzero(task.part == TEST)
    X_training, X_test = _columns(task, training, test, n_jobs)
    part, folds = task.part[training], KFold(5, shuffle=True, random_state=0)
    cv = PredefinedSplit(part) if VALIDATION in part else folds

    def run(name: str, labels: NDArray[np.float64], estimator: Any) -> tuple[Any, Result]:
        start = time.perf_counter()
        fitted = estimator.fit(X_training, labels[training])
        seconds = time.perf_counter() - start
        errors = outside(task.truth[test], fitted.predict(X_test))
        return fitted, Result(name, _alpha(fitted), errors, seconds)

    alphas = IMAGE_ALPHAS if task.items.ndim == 3 else None
    options = {"alphas": alphas, "classes": task.classes, "cv": cv, "n_jobs": n_jobs}
    logit = OrderedLogitCV(**options)
    estimator, first = run("vilma, ordered logit", task.intervals, logit)
    results = [first]
    if task.items.ndim == 3:
        hinges = IISVOR_IMCCV(**options)
        results.append(run(HINGES, task.intervals, hinges)[1])
    if task.exact:
        results.append(run("vilma, exact labels", task.truth, OrderedLogitCV(**options))[1])
    ridge = GridSearchCV(
        RoundedRidge(classes=task.classes),
        {"alpha": list(RIDGE_ALPHAS)},
        cv=cv,
        scoring=interval_scorer(),
        error_score="raise",
    )
    results.append(run(RIDGE, task.intervals, ridge)[1])
    results.append(run("median guess", task.intervals, MedianGuess(classes=task.classes))[1])
    return Comparison(
        task=task,
        results=results,
        estimator=estimator,
        test=test,
        predicted=estimator.predict(X_test),
        projection=estimator.project(X_test),
    )


def _columns(
    task: Task, training: NDArray[np.intp], test: NDArray[np.intp], n_jobs: int | None
) -> tuple[Any, Any]:
    """Return what is learned from: columns in standard units, or patterns of images."""
    if task.items.ndim == 2:
        scaler = StandardScaler().fit(task.items[training])
        return scaler.transform(task.items[training]), scaler.transform(task.items[test])
    X = MultiScaleLBP(size=task.items.shape[1:], n_jobs=n_jobs).fit_transform(task.items)
    return X[training], X[test]


def _alpha(fitted: Any) -> float | None:
    if isinstance(fitted, GridSearchCV):
        return float(fitted.best_params_["alpha"])
    return getattr(fitted, "alpha_", None)
