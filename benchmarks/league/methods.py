"""What plays in the league: vilma's recipes, and what users would pick instead."""

from __future__ import annotations

import time
import warnings
from typing import Any, ClassVar

import numpy as np
from sklearn.base import clone
from sklearn.ensemble import (
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVR
from threadpoolctl import threadpool_limits

from benchmarks.adapters import ADAPTERS, Adapter
from benchmarks.adapters.label_forms import PointLabels, midpoints
from benchmarks.league.tables import Split
from benchmarks.scores import losses_outside
from vilma import IISVOR_EXPCV, IISVOR_IMCCV, PWVILMACV, VILMACV, OrderedLogitCV
from vilma.features import TableFeatures
from vilma.metrics import estimated_absolute_error

__all__ = ["METHODS", "RECOMMENDED", "fit_and_predict", "measure"]

_FOLDS = 3


class _Recipe(Adapter):
    """An estimator of vilma that chooses for itself."""

    package = module = "vilma"
    labels = "intervals"
    view: ClassVar[str] = "frame"
    estimator: ClassVar[Any]

    def fit(self, X: Any, intervals: np.ndarray) -> None:
        model = clone(self.estimator)
        last = model if not hasattr(model, "steps") else model[-1]
        last.set_params(classes=self.classes)
        exact = (intervals[:, 0] == intervals[:, 1]).all()
        self._model = model.fit(X, intervals[:, 0] if exact else intervals)

    def predict(self, X: Any) -> np.ndarray:
        return self._model.predict(X)

    def certificate(self, X: Any) -> dict[str, Any]:
        last = self._model if not hasattr(self._model, "steps") else self._model[-1]
        loss = getattr(last, "loss_", None)
        return {"alpha": last.alpha_, "blocks": last.blocks_, "loss": loss}


class _OnMidpoints(Adapter):
    """A regression on midpoints, rounded to labels."""

    def make(self) -> Any:
        raise NotImplementedError

    def fit(self, X: Any, intervals: np.ndarray) -> None:
        self._model = self.make().fit(X, midpoints(intervals))

    def predict(self, X: Any) -> np.ndarray:
        return self.on_scale(np.ravel(self._model.predict(X)))


class _Median(Adapter):
    """The median of a classifier's probabilities, trained on rounded midpoints."""

    def make(self) -> Any:
        raise NotImplementedError

    def fit(self, X: Any, intervals: np.ndarray) -> None:
        self._points = PointLabels(intervals)
        self._model = self.make().fit(X, self._points.codes)

    def predict(self, X: Any) -> np.ndarray:
        return self._points.median(self._model.predict_proba(X))


class MordIT(Adapter):
    """LogisticIT."""

    name = "mord-it"
    package = module = "mord"
    defaults: ClassVar[dict[str, Any]] = {"alpha": (100.0, 10.0, 1.0, 0.1)}

    def fit(self, X: Any, intervals: np.ndarray) -> None:
        from mord import LogisticIT

        self._points = PointLabels(intervals)
        self._model = LogisticIT(**self.options).fit(X, self._points.codes)

    def predict(self, X: Any) -> np.ndarray:
        return self._points.decode(self._model.predict(X))


class LogisticMedian(_Median):
    """Multinomial logistic regression."""

    name = "logistic-median"
    package, module = "scikit-learn", "sklearn"
    defaults: ClassVar[dict[str, Any]] = {"C": (0.01, 0.1, 1.0, 10.0)}

    def make(self) -> Any:
        return LogisticRegression(**self.options, max_iter=2000)


class ForestMedian(_Median):
    """A random forest's probabilities."""

    name = "forest-median"
    package, module = "scikit-learn", "sklearn"
    defaults: ClassVar[dict[str, Any]] = {"min_samples_leaf": (5, 1), "n_estimators": 200}

    def make(self) -> Any:
        return RandomForestClassifier(**self.options, random_state=0)


class Forest(_OnMidpoints):
    """A random forest."""

    name = "forest"
    package, module = "scikit-learn", "sklearn"
    defaults: ClassVar[dict[str, Any]] = {"min_samples_leaf": (5, 1), "n_estimators": 200}

    def make(self) -> Any:
        return RandomForestRegressor(**self.options, random_state=0)


class HistGradientBoosting(_OnMidpoints):
    """Boosting by histograms, for the absolute or the squared error."""

    name = "hist-gradient-boosting"
    package, module = "scikit-learn", "sklearn"
    defaults: ClassVar[dict[str, Any]] = {
        "learning_rate": (0.03, 0.1),
        "loss": ("squared_error", "absolute_error"),
    }

    def make(self) -> Any:
        return HistGradientBoostingRegressor(**self.options, random_state=0)


class KernelSVR(_OnMidpoints):
    """Support vector regression with the Gaussian kernel."""

    name = "svr"
    package, module = "scikit-learn", "sklearn"
    defaults: ClassVar[dict[str, Any]] = {"C": (0.1, 1.0, 10.0, 100.0), "epsilon": 0.25}

    def make(self) -> Any:
        return SVR(**self.options)


class XGBoost(_OnMidpoints):
    """XGBoost's regression."""

    name = "xgboost"
    package = module = "xgboost"
    defaults: ClassVar[dict[str, Any]] = {"max_depth": (3, 6), "learning_rate": (0.03, 0.1)}

    def make(self) -> Any:
        from xgboost import XGBRegressor

        return XGBRegressor(**self.options, n_estimators=200, n_jobs=self.threads, random_state=0)


class LightGBM(_OnMidpoints):
    """LightGBM's regression."""

    name = "lightgbm"
    package = module = "lightgbm"
    defaults: ClassVar[dict[str, Any]] = {"num_leaves": (7, 31), "learning_rate": (0.03, 0.1)}

    def make(self) -> Any:
        from lightgbm import LGBMRegressor

        return LGBMRegressor(
            **self.options, n_estimators=200, n_jobs=self.threads, random_state=0, verbose=-1
        )


class CatBoost(_OnMidpoints):
    """CatBoost's regression."""

    name = "catboost"
    package = module = "catboost"
    defaults: ClassVar[dict[str, Any]] = {"depth": (4, 6)}

    def make(self) -> Any:
        from catboost import CatBoostRegressor

        return CatBoostRegressor(
            **self.options,
            iterations=300,
            thread_count=self.threads,
            random_seed=0,
            verbose=False,
            allow_writing_files=False,
        )


class ExplainableBoosting(_OnMidpoints):
    """interpret's explainable boosting machine."""

    name = "ebm"
    package, module = "interpret-core", "interpret"
    defaults: ClassVar[dict[str, Any]] = {"interactions": (0, 10)}

    def make(self) -> Any:
        from interpret.glassbox import ExplainableBoostingRegressor

        return ExplainableBoostingRegressor(**self.options, outer_bags=4, n_jobs=1, random_state=0)


class Median(Adapter):
    """One guess for all: the median of the midpoints."""

    name = "median"
    package, module = "numpy", "numpy"

    def fit(self, X: Any, intervals: np.ndarray) -> None:
        self._median = np.median(midpoints(intervals))

    def predict(self, X: Any) -> np.ndarray:
        return self.on_scale(np.full(len(X), self._median))


def _recipe(name: str, estimator: Any, view: str = "frame") -> type[Adapter]:
    return type(name, (_Recipe,), {"name": name, "estimator": estimator, "view": view})


RECOMMENDED = "table-vilma"
_RANDOM = TableFeatures(estimator="random")
_ALL: list[type[Adapter]] = [
    _recipe(RECOMMENDED, make_pipeline(TableFeatures(), VILMACV())),
    _recipe("table-imc", make_pipeline(TableFeatures(), IISVOR_IMCCV())),
    _recipe("table-random", make_pipeline(_RANDOM, VILMACV())),
    _recipe("table-random-imc", make_pipeline(_RANDOM, IISVOR_IMCCV())),
    _recipe("table-choose", make_pipeline(_RANDOM, IISVOR_IMCCV(blocks="choose"))),
    _recipe("table-logit", make_pipeline(TableFeatures(), OrderedLogitCV())),
    _recipe("linear-imc", IISVOR_IMCCV(), "matrix"),
    _recipe("linear-exp", IISVOR_EXPCV(), "matrix"),
    _recipe("linear-vilma", VILMACV(), "matrix"),
    _recipe("linear-squared", VILMACV(losses=["squared"]), "matrix"),
    _recipe("linear-pieces", PWVILMACV(), "matrix"),
    _recipe("linear-logit", OrderedLogitCV(), "matrix"),
    Median,
    ADAPTERS["mord-at"],
    MordIT,
    ADAPTERS["skordinal-pom"],
    ADAPTERS["statsmodels"],
    LogisticMedian,
    KernelSVR,
    Forest,
    ForestMedian,
    HistGradientBoosting,
    XGBoost,
    ADAPTERS["xgboost-aft"],
    LightGBM,
    CatBoost,
    ExplainableBoosting,
    ADAPTERS["lifelines"],
]
METHODS: dict[str, type[Adapter]] = {method.name: method for method in _ALL}


def fit_and_predict(method: type[Adapter], split: Split) -> tuple[np.ndarray, dict[str, Any]]:
    """Choose options on the training rows, fit, and predict the test rows.

    The options with the least absolute error in three folds win, estimated from the annotations as
    by vilma's own choice; what chooses for itself is fitted once.

    Returns
    -------
    predicted : ndarray of shape (n_test,)
    chosen : dict
        The options, or what was chosen.
    """
    X, held_out = split.view(getattr(method, "view", "matrix"))
    candidates = method.candidates({})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        best = candidates[
            int(np.argmin([_validate(method, each, X, split) for each in candidates]))
        ]
        model = method(best, split.classes, 1)
        model.fit(X, split.train)
        predicted = np.asarray(model.predict(held_out))
    return predicted, {**best, **(model.certificate(X) if issubclass(method, _Recipe) else {})}


def measure(name: str, split: Split) -> dict[str, Any]:
    """Return the error of a method on the test rows, its CPU seconds and what it chose."""
    start = time.process_time()
    with threadpool_limits(1):
        predicted, chosen = fit_and_predict(METHODS[name], split)
    return {
        "mae": float(np.mean(losses_outside(split.test, predicted))),
        "seconds": round(time.process_time() - start, 3),
        "chosen": chosen,
    }


def _validate(method: type[Adapter], options: dict[str, Any], X: Any, split: Split) -> float:
    if len(method.candidates({})) == 1:
        return 0.0
    predicted = np.empty(len(split.train), dtype=split.classes.dtype)
    for train, test in KFold(_FOLDS, shuffle=True, random_state=0).split(split.train):
        model = method(options, split.classes, 1)
        model.fit(X[train], split.train[train])
        predicted[test] = model.predict(X[test])
    return estimated_absolute_error(split.train, predicted, classes=split.classes)
