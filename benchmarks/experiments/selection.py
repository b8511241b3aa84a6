"""Choosing options by the least error in validation on the annotations, for every method alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.model_selection import KFold

from benchmarks.experiments.methods import Method, Predictor
from benchmarks.experiments.views import Views
from benchmarks.scores import losses_outside

__all__ = ["N_FOLDS", "Outcome", "fit_selected", "run_method", "validate"]

N_FOLDS = 3


@dataclass(frozen=True)
class Outcome:
    """What one method did on one split.

    Parameters
    ----------
    validation_loss : float
        Mean interval-insensitive absolute error of the chosen options on held-out training rows.
    candidate : object
        The chosen options.
    model : Predictor
        Their fit to all training rows.
    predicted : ndarray of shape (n_test,)
        Labels of the test rows.
    """

    validation_loss: float
    candidate: object
    model: Predictor
    predicted: np.ndarray


def validate(method: Method, X, intervals: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Return every candidate's interval-insensitive absolute error on held-out training rows.

    Parameters
    ----------
    method : Method
        Whose candidates to compare.
    X : matrix of shape (n_samples, n_features)
        Training rows in the form that the method takes.
    intervals : ndarray of shape (n_samples, 2)
        Annotations: true labels play no part.
    classes : ndarray of shape (n_classes,)
        The scale.

    Returns
    -------
    ndarray of shape (n_candidates,)
        Means over all rows, each held out once.
    """
    total = np.zeros(len(method.candidates))
    folds = KFold(N_FOLDS, shuffle=True, random_state=0)
    for train, test in folds.split(intervals):
        fits = method.fit(X[train], intervals[train], classes, method.candidates)
        for place, model in enumerate(fits):
            total[place] += losses_outside(intervals[test], model.predict(X[test])).sum()
    return total / len(intervals)


def fit_selected(
    method: Method, X, intervals: np.ndarray, classes: np.ndarray
) -> tuple[float, object, Predictor]:
    """Choose the candidate with the least error, the first of equals, and fit it to all rows.

    Returns
    -------
    loss : float
        Its error in validation.
    candidate : object
        The choice.
    model : Predictor
        Its fit.
    """
    losses = validate(method, X, intervals, classes)
    place = int(np.argmin(losses))
    candidate = method.candidates[place]
    (model,) = method.fit(X, intervals, classes, [candidate])
    return float(losses[place]), candidate, model


def run_method(
    method: Method, views: Views, intervals: np.ndarray, classes: np.ndarray
) -> Outcome:
    """Choose, fit and predict on one split.

    Parameters
    ----------
    method : Method
        What to run.
    views : Views
        Training and test rows.
    intervals : ndarray of shape (n_train, 2)
        Annotations of the training rows.
    classes : ndarray of shape (n_classes,)
        The scale.
    """
    train, test = views.get(method.view)
    loss, candidate, model = fit_selected(method, train, intervals, classes)
    return Outcome(loss, candidate, model, np.asarray(model.predict(test)))
