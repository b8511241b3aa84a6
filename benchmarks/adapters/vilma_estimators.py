"""vilma's own estimators."""

from __future__ import annotations

import time
from collections.abc import Mapping
from statistics import median
from typing import Any, ClassVar

import numpy as np

from benchmarks.adapters.base import Adapter, Certificate

__all__ = [
    "ConicVilma",
    "IisvorExp",
    "IisvorImc",
    "IisvorImcPlanes",
    "MappedImc",
    "OrderedLogit",
    "PathImc",
    "PwVilma",
    "PwVilmaFour",
    "Vilma",
    "VilmaPlanes",
    "VilmaSquared",
    "VilmaZeroOne",
]

_PAIR_REPEATS = 5
_PATH = np.array([1000.0, 100.0, 10.0, 1.0])


class _Estimator(Adapter):
    """Fits one estimator; the certificate has its history and the time of a product pair."""

    package = module = "vilma"
    labels = "intervals"
    containers = frozenset({"dense", "csr", "codes"})
    defaults: ClassVar[dict[str, Any]] = {
        "alpha": (1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001),
        "tol": 1e-3,
        "max_iter": 10_000,
    }
    estimator: ClassVar[str]

    def fit(self, X: Any, intervals: np.ndarray) -> None:
        self._model = self._make().fit(X, intervals)

    def _make(self) -> Any:
        import vilma

        options = {name: value for name, value in self.options.items() if name != "max_memory"}
        make = getattr(vilma, self.estimator)
        return make(**options, classes=self.classes, n_jobs=self.threads)

    def predict(self, X: Any) -> np.ndarray:
        return self._model.predict(X)

    def certificate(self, X: Any) -> Certificate:
        model = self._model
        history = model.history_
        return {
            "objective": model.objective_,
            "gap": model.gap_,
            "n_iter": model.n_iter_,
            "inner_seconds": float(history["inner_seconds"].sum()),
            "pair_seconds": _time_product_pair(X, self.threads),
            "history": {name: history[name].tolist() for name in ("seconds", "gap")},
        }


class Vilma(_Estimator):
    """VILMA with any V-shaped loss."""

    name = "vilma"
    estimator = "VILMA"
    defaults: ClassVar[dict[str, Any]] = {**_Estimator.defaults, "loss": "mae"}


class VilmaPlanes(Vilma):
    """VILMA by cutting planes whatever alpha is."""

    name = "vilma-planes"
    defaults: ClassVar[dict[str, Any]] = {**Vilma.defaults, "solver": "cutting_plane"}


class PwVilma(_Estimator):
    """PW-VILMA, a direction for every step."""

    name = "pwvilma"
    estimator = "PWVILMA"
    defaults: ClassVar[dict[str, Any]] = {
        **_Estimator.defaults,
        "correlation": 0.9,
        "n_pieces": None,
        "loss": "mae",
    }


class PwVilmaFour(PwVilma):
    """PW-VILMA with four directions, for many features."""

    name = "pwvilma-four"
    defaults: ClassVar[dict[str, Any]] = {**PwVilma.defaults, "n_pieces": 4}


class VilmaZeroOne(Vilma):
    """VILMA with the 0/1 loss."""

    name = "vilma-zero-one"
    defaults: ClassVar[dict[str, Any]] = {**Vilma.defaults, "loss": "zero_one"}


class VilmaSquared(Vilma):
    """VILMA with the squared loss."""

    name = "vilma-squared"
    defaults: ClassVar[dict[str, Any]] = {**Vilma.defaults, "loss": "squared"}


class IisvorExp(_Estimator):
    """II-SVOR-EXP."""

    name = "iisvor-exp"
    estimator = "IISVOR_EXP"


class IisvorImc(_Estimator):
    """II-SVOR-IMC."""

    name = "iisvor-imc"
    estimator = "IISVOR_IMC"


class IisvorImcPlanes(IisvorImc):
    """II-SVOR-IMC by cutting planes whatever alpha is."""

    name = "iisvor-imc-planes"
    defaults: ClassVar[dict[str, Any]] = {**IisvorImc.defaults, "solver": "cutting_plane"}


class OrderedLogit(_Estimator):
    """The ordered logit by the likelihood of the interval."""

    name = "ordered-logit"
    estimator = "OrderedLogit"
    defaults: ClassVar[dict[str, Any]] = {
        "alpha": (0.3, 0.1, 0.03, 0.01, 0.003, 0.001, 0.0001),
        "tol": 1e-6,
        "max_iter": 200,
    }

    def certificate(self, X: Any) -> Certificate:
        model = self._model
        return {
            "objective": model.objective_,
            "gap": model.gap_,
            "n_iter": model.n_iter_,
            "inner_seconds": 0.0,  # thresholds are not minimised by themselves
            "pair_seconds": _time_product_pair(X, self.threads),
            "history": {name: model.history_[name].tolist() for name in ("seconds", "gap")},
        }


class PathImc(IisvorImc):
    """The path from a thousandfold alpha down by tens, planes shared; judged by its last fit."""

    name = "iisvor-imc-path"

    def fit(self, X: Any, intervals: np.ndarray) -> None:
        from vilma import vilma_path

        alphas = self.options["alpha"] * _PATH
        self._path = vilma_path(X, intervals, alphas, estimator=self._make())
        self._model = self._path[-1]

    def certificate(self, X: Any) -> Certificate:
        worst = max(model.gap_ for model in self._path)
        return {**super().certificate(X), "gap": worst}


class MappedImc(IisvorImcPlanes):
    """II-SVOR-IMC on rows that stay on disk."""

    name = "iisvor-imc-mapped"
    defaults: ClassVar[dict[str, Any]] = {**IisvorImcPlanes.defaults, "max_memory": 256 * 2**20}

    @classmethod
    def memory_budget(cls, options: Mapping[str, Any]) -> int:
        return options["max_memory"]


class ConicVilma(_Estimator):
    """The same problem as VILMA's, given to CVXPY as a whole."""

    name = "vilma-conic"
    estimator = "VILMA"
    containers = frozenset({"dense"})
    most_values = 100_000
    defaults: ClassVar[dict[str, Any]] = {**Vilma.defaults, "solver": "conic"}


def _time_product_pair(X: Any, threads: int) -> float:
    """Return the median seconds of one X w and one X^T c."""
    from vilma.design_matrices import as_design_matrix
    from vilma.design_matrices.threads import BlockThreads

    rng = np.random.default_rng(0)
    coef = rng.normal(size=X.shape[1])
    coefficients = rng.normal(size=X.shape[0])
    seconds = []
    with BlockThreads(threads) as pool:
        matrix = as_design_matrix(X, pool)
        for _ in range(_PAIR_REPEATS):
            start = time.perf_counter()
            matrix.dot(coef)
            matrix.transpose_dot(coefficients)
            seconds.append(time.perf_counter() - start)
    return median(seconds)
