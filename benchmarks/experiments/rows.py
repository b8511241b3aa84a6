"""The methods that tables compare."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sklearn.ensemble import RandomTreesEmbedding

from benchmarks.adapters import ADAPTERS
from benchmarks.experiments.methods import (
    AdapterMethod,
    CalibratedMethod,
    EncodedMethod,
    EstimatorMethod,
    MedianMethod,
    Method,
)
from vilma import IISVOR_EXP, IISVOR_IMC, VILMA

__all__ = [
    "PAPER_ALPHAS",
    "available",
    "competitors",
    "face_competitors",
    "face_methods",
    "paper_methods",
    "vilma_methods",
]

PAPER_ALPHAS = (1.0, 0.1, 0.01, 0.001)
_ALPHAS = (3.0, 1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001)
_FACE_ALPHAS = (1.0, 0.3, 0.1, 0.03)
_SOLVER = {"tol": 1e-3, "max_iter": 10_000}
# Regularised biases take very many iterations; that method's errors differ by far more than this.
_REG_SOLVER = {"tol": 2e-2, "max_iter": 10_000}


def paper_methods(alphas: Iterable[float]) -> list[Method]:
    """Return the three methods of the paper's Table 1."""
    alphas = tuple(alphas)
    return [
        EstimatorMethod("VILMA", VILMA(**_SOLVER), alphas),
        EstimatorMethod("SVOR-IMC", IISVOR_IMC(**_SOLVER), alphas),
        EstimatorMethod("VILMA-REG", VILMA(penalize_biases=True, **_REG_SOLVER), alphas),
    ]


def vilma_methods() -> list[Method]:
    """Return vilma's estimators for a table of numbers."""
    return [
        *_estimators(_ALPHAS),
        CalibratedMethod('VILMA("squared"), calibrated', _ALPHAS[1::2]),
        EncodedMethod(
            "IISVOR_IMC on codes of random trees",
            RandomTreesEmbedding(random_state=0),
            IISVOR_IMC(**_SOLVER),
            _ALPHAS[:6],
        ),
    ]


def face_methods() -> list[Method]:
    """Return vilma's estimators for photographs."""
    return _estimators(_FACE_ALPHAS)


def _estimators(alphas: tuple[float, ...]) -> list[Method]:
    return [
        EstimatorMethod("IISVOR_IMC", IISVOR_IMC(**_SOLVER), alphas),
        EstimatorMethod("IISVOR_EXP", IISVOR_EXP(**_SOLVER), alphas),
        EstimatorMethod('VILMA("mae")', VILMA(**_SOLVER), alphas),
        EstimatorMethod('VILMA("squared")', VILMA(loss="squared", **_SOLVER), alphas),
    ]


def competitors() -> list[Method]:
    """Return what else a user might take for a table of numbers."""
    return [
        AdapterMethod(
            "ridge on midpoints",
            ADAPTERS["ridge"],
            "plain",
            alpha=(1e4, 3e3, 1e3, 300.0, 100.0, 30.0, 10.0, 1.0, 0.1),
        ),
        AdapterMethod(
            "LogisticAT on midpoints",
            ADAPTERS["skordinal-at"],
            "reduced",
            alpha=(1000.0, 100.0, 10.0, 1.0, 0.1),
        ),
        AdapterMethod(
            "XGBoost AFT",
            ADAPTERS["xgboost-aft"],
            "reduced",
            num_boost_round=(10, 30, 100),
        ),
        MedianMethod(),
    ]


def face_competitors() -> list[Method]:
    """Return the same for photographs, with shorter lists of options."""
    return [
        AdapterMethod(
            "ridge on midpoints",
            ADAPTERS["ridge"],
            "plain",
            alpha=(300.0, 100.0, 30.0, 10.0, 3.0, 1.0),
        ),
        AdapterMethod(
            "LogisticAT on midpoints, 100 components",
            ADAPTERS["skordinal-at"],
            "reduced",
            alpha=(1000.0, 100.0, 10.0),
        ),
        AdapterMethod(
            "XGBoost AFT, 100 components",
            ADAPTERS["xgboost-aft"],
            "reduced",
            aft_loss_distribution_scale=(2.0, 1.0),
        ),
        MedianMethod(),
    ]


def available(methods: Iterable[Method], say: Callable[[str], object]) -> list[Method]:
    """Return the methods whose packages are there, and say which are not.

    Parameters
    ----------
    methods : iterable of Method
        Those wanted.
    say : callable
        Takes a line of text.
    """
    kept = []
    for method in methods:
        reason = method.missing()
        if reason is None:
            kept.append(method)
        else:
            say(f"left out: {method.name} ({reason})")
    return kept
