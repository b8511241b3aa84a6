"""Whole fits on the data that come with the package, as they were when they were last looked at.

``python -m tests.golden`` writes ``golden.json`` anew: after a change that is meant to change
fits, and with a word in CHANGELOG.md why.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.model_selection import KFold
from sklearn.preprocessing import StandardScaler

from vilma import (
    IISVOR_EXP,
    IISVOR_EXPCV,
    IISVOR_IMC,
    IISVOR_IMCCV,
    PWVILMA,
    PWVILMACV,
    VILMA,
    VILMACV,
    CalibratedOrdinalClassifier,
    ConformalOrdinalClassifier,
    OrderedLogit,
    OrderedLogitCV,
)
from vilma.datasets import load_anes96, load_wine_quality

FILE = Path(__file__).with_suffix(".json")
TOL = 1e-5

# Errors of these alphas are far apart: between 0.01 and 0.001 a single row of 944 decided.
_FOLDS = {"alphas": [0.1, 0.001], "cv": KFold(3, shuffle=True, random_state=0)}
ESTIMATORS: dict[str, Any] = {
    "IISVOR_EXP": IISVOR_EXP(tol=TOL),
    "IISVOR_IMC": IISVOR_IMC(tol=TOL),
    "VILMA mae": VILMA(loss="mae", tol=TOL),
    "VILMA zero_one": VILMA(loss="zero_one", tol=TOL),
    "VILMA squared": VILMA(loss="squared", tol=TOL),
    "PWVILMA": PWVILMA(tol=TOL),
    "OrderedLogit": OrderedLogit(alpha=0.01),
    "IISVOR_EXPCV": IISVOR_EXPCV(tol=TOL, **_FOLDS),
    "IISVOR_IMCCV": IISVOR_IMCCV(tol=TOL, **_FOLDS),
    "VILMACV": VILMACV(tol=TOL, **_FOLDS),
    "PWVILMACV": PWVILMACV(tol=TOL, **_FOLDS),
    "OrderedLogitCV": OrderedLogitCV(**_FOLDS),
    "Calibrated": CalibratedOrdinalClassifier(IISVOR_IMC(tol=TOL), cv=_FOLDS["cv"]),
    "Conformal": ConformalOrdinalClassifier(OrderedLogit(alpha=0.01)),
}


def tables() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return X, of unit spread, and y of every table: levels, brackets, and grades of wine."""
    found = {
        "party": load_anes96(return_X_y=True),
        "income": load_anes96(target="income", return_X_y=True),
        "wine": load_wine_quality(return_X_y=True),
    }
    return {name: (StandardScaler().fit_transform(X), y) for name, (X, y) in found.items()}


def cases() -> list[tuple[str, str]]:
    """Return the pairs of table and estimator: all on levels, fewer on the others."""
    few = ["IISVOR_EXP", "IISVOR_IMC", "VILMA mae", "OrderedLogit"]
    # The 0/1 loss has all thresholds of incomes at one place, where rounding decides.
    single = [name for name in ESTIMATORS if not name.endswith(("CV", "EXP", "zero_one"))]
    return [
        *(("party", name) for name in ESTIMATORS),
        *(("income", name) for name in single),
        *(("wine", name) for name in few),
    ]


def fit(estimator: Any, X: np.ndarray, y: np.ndarray) -> dict[str, Any]:
    """Fit, and return what is compared: numbers, and the places of predictions on the scale."""
    estimator.fit(X, y)
    attributes = ("objective_", "alpha_", "coef_", "thresholds_", "slope_", "cuts_")
    found = {
        name: np.round(np.asarray(getattr(estimator, name)), 8).tolist()
        for name in attributes
        if hasattr(estimator, name)
    }
    places = np.searchsorted(estimator.scale_, estimator.predict(X))
    counts = np.bincount(places, minlength=len(estimator.scale_))
    return {**found, "counts": counts.tolist(), "places": places[:200].tolist()}


def main() -> None:
    """Write the file."""
    data = tables()
    found: dict[str, dict[str, Any]] = {}
    for table, name in cases():
        found.setdefault(table, {})[name] = fit(ESTIMATORS[name], *data[table])
        print(table, name, file=sys.stderr)
    lines = ",\n".join(
        f'"{table}": {{\n'
        + ",\n".join(f' "{name}": {json.dumps(each)}' for name, each in fits.items())
        + "\n}"
        for table, fits in found.items()
    )
    FILE.write_text(f"{{{lines}}}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
