"""The regularisation path: fits for several alphas, each going on from the one before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.base import clone

from vilma._numba import interruptible
from vilma._numbers import as_numbers
from vilma.estimators._problem import Problem, read_problem
from vilma.estimators.base import CertifiedFit
from vilma.estimators.ordered_logit import OrderedLogit
from vilma.estimators.vilma import VILMA

__all__ = [
    "fit_together",
    "read_alphas",
    "regularisation",
    "share_problems",
    "solve_together",
    "vilma_path",
]


def vilma_path(
    X,
    y,
    alphas: Iterable[float] = (1.0, 0.1, 0.01, 0.001),
    *,
    estimator: CertifiedFit | OrderedLogit | None = None,
    sample_weight=None,
) -> list[Any]:
    """Fit an estimator for several alphas, each fit going on from the one before.

    Neither the cutting planes of the loss nor the ranges of its dual variables depend on alpha,
    so the whole path costs little more than its smallest alpha alone. Every fit has its own
    certificate.

    Parameters
    ----------
    X : {array-like, sparse matrix, OneHotCodes, MappedMatrix, MixedColumns} of shape \
            (n_samples, n_features)
        Training data.
    y : array-like of shape (n_samples,) or (n_samples, 2)
        Exact or interval labels.
    alphas : iterable of float, default=(1.0, 0.1, 0.01, 0.001)
        Weights of the squared norm, all positive. They are solved from the largest down.
    estimator : VILMA, IISVOR_EXP, IISVOR_IMC, PWVILMA or OrderedLogit, default=None
        What to fit, with all other parameters; it is not changed. None means ``VILMA()``.
    sample_weight : array-like of shape (n_samples,), default=None
        Nonnegative weights.

    Returns
    -------
    list of estimators
        Fitted clones with the parameter `alpha` set, in the order of `alphas`.

    Raises
    ------
    ValueError
        If an alpha is not positive, or as `fit` does.

    References
    ----------
    Antoniuk, Franc, Hlavac: V-shaped interval insensitive loss for ordinal classification,
    Machine Learning 103, 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from vilma import IISVOR_IMC, vilma_path
    >>> X = np.arange(6.0).reshape(-1, 1)
    >>> models = vilma_path(X, [1, 1, 2, 2, 3, 3], [1.0, 0.1], estimator=IISVOR_IMC())
    >>> [model.alpha for model in models]
    [1.0, 0.1]
    """
    values = read_alphas(alphas)
    estimator = VILMA() if estimator is None else estimator
    if not isinstance(estimator, (CertifiedFit, OrderedLogit)):
        raise TypeError(
            "estimator should be a VILMA, PWVILMA, IISVOR_EXP, IISVOR_IMC or OrderedLogit, "
            f"got a {type(estimator).__name__}."
        )
    descending = np.argsort(-values, kind="stable")
    models = [clone(estimator).set_params(alpha=float(values[i])) for i in descending]
    with interruptible():
        fit_together(models, X, y, sample_weight)
    return [models[place] for place in np.argsort(descending)]


def fit_together(models: list[Any], X, y, sample_weight) -> None:
    """Fit models that differ in the solver's settings alone, in the order given."""
    for model in models:
        model._validate_params()
    first = models[0]
    problem = read_problem(first, X, y, sample_weight, first.classes)
    seen = dict(vars(first))  # what reading X left: the features' number and names
    for model in models:
        for name in ("n_features_in_", "feature_names_in_"):
            if name in seen:
                setattr(model, name, seen[name])
    solve_together(models, problem)


def solve_together(models: list[Any], problem: Problem) -> None:
    """Fit models, whose parameters have been checked, to data that have been read."""
    solutions = models[0]._solve(problem, [model._settings(problem) for model in models])
    for model, solution in zip(models, solutions, strict=True):
        model._store(problem, solution)
        model._warn_of_gap(problem, solution)


def share_problems(models: Sequence[Any]) -> list[list[Any]]:
    """Group models by problem, each group in the order of the strength of the penalty."""
    falling = sorted(models, key=lambda model: regularisation(vars(model)), reverse=True)
    keys = dict.fromkeys(model._problem_key() for model in models)
    return [[each for each in falling if each._problem_key() == key] for key in keys]


def regularisation(parameters: Mapping[str, Any]) -> tuple[float, float]:
    """Sort models by the strength of their penalty."""
    return parameters["alpha"], parameters.get("correlation", 1.0)


def read_alphas(alphas: Iterable[float]) -> np.ndarray:
    """Return the alphas as an array, all positive."""
    if not isinstance(alphas, Iterable) or isinstance(alphas, (str, bytes, dict, set)):
        raise TypeError(f"alphas should be a sequence of positive numbers, got {alphas!r}.")
    values = as_numbers(list(alphas), "alphas")
    if values.ndim != 1:
        raise ValueError(f"alphas should be one-dimensional, got the shape {values.shape}.")
    if not len(values):
        raise ValueError("Expected at least one alpha, got none.")
    wrong = ~(np.isfinite(values) & (values > 0.0))
    if wrong.any():
        raise ValueError(
            f"Every alpha must be positive and finite, got {values[wrong][0]:g} at place "
            f"{int(np.argmax(wrong))}."
        )
    return values
