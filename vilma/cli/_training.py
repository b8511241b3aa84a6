"""Training with the strength of the regularisation chosen on a validation share."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.model_selection import GridSearchCV, ShuffleSplit

from vilma import IISVOR_EXP, IISVOR_IMC, PWVILMA, VILMA, MappedMatrix
from vilma.metrics import interval_scorer

ESTIMATORS = {
    "vilma": VILMA,
    "iisvor-exp": IISVOR_EXP,
    "iisvor-imc": IISVOR_IMC,
    "pwvilma": PWVILMA,
}


@dataclass(frozen=True)
class Fitted:
    """A trained estimator and how its alpha was chosen.

    Attributes
    ----------
    estimator : VILMA, IISVOR_EXP, IISVOR_IMC or PWVILMA
        Trained on all rows with the best alpha.
    validation_errors : dict of float to float
        Interval-insensitive mean absolute error of each alpha; empty when there was no choice.
    seconds : float
        Wall-clock time of the final training.
    """

    estimator: Any
    validation_errors: dict[float, float]
    seconds: float


def make_estimator(name: str, **parameters: Any) -> Any:
    """Return an estimator by its name on the command line.

    Parameters
    ----------
    name : {"vilma", "iisvor-exp", "iisvor-imc", "pwvilma"}
        Which one.
    **parameters
        Handed on.

    Returns
    -------
    VILMA, IISVOR_EXP, IISVOR_IMC or PWVILMA
        Not fitted.
    """
    return ESTIMATORS[name](**parameters)


def choose_and_fit(
    estimator: Any,
    X: sparse.csr_array | MappedMatrix,
    intervals: NDArray[np.float64],
    *,
    alphas: Sequence[float],
    validation: float,
    seed: int,
) -> Fitted:
    """Train with each alpha on one share, take the best on the other, train on all.

    Parameters
    ----------
    estimator : VILMA, IISVOR_EXP, IISVOR_IMC or PWVILMA
        Not fitted. Its scale is given, because a share of the rows may not have every level.
    X : csr_array or MappedMatrix of shape (n, n_features)
        Features.
    intervals : ndarray of shape (n, 2)
        Labels.
    alphas : sequence of float
        The candidates. With one, there is nothing to choose.
    validation : float
        Share of the rows that choose.
    seed : int
        Seed of the division.

    Returns
    -------
    Fitted
        The trained estimator.

    Raises
    ------
    ValueError
        If there are too few rows to divide, or the estimator refuses them.
    """
    if len(alphas) == 1:
        estimator.set_params(alpha=alphas[0])
        start = time.perf_counter()
        estimator.fit(X, intervals)
        return Fitted(estimator, {}, time.perf_counter() - start)
    search = GridSearchCV(
        estimator,
        {"alpha": list(alphas)},
        cv=ShuffleSplit(n_splits=1, test_size=validation, random_state=seed),
        scoring=interval_scorer(),
        error_score="raise",
    ).fit(X, intervals)
    errors = -search.cv_results_["mean_test_score"]
    return Fitted(
        search.best_estimator_,
        dict(zip(alphas, errors.tolist(), strict=True)),
        search.refit_time_,
    )
