"""What the attributes of a fitted model must be, so that a wrong file predicts nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from vilma.estimators import VILMA, VILMACV
from vilma.estimators.base import LinearOrdinalModel
from vilma.estimators.piecewise import PiecewiseLinearModel
from vilma.labels import in_class_order

__all__ = ["check_fitted", "check_settings"]

_NUMBERS = ("alpha_", "correlation_", "n_iter_", "slope_")
_PERHAPS_INFINITE = ("gap_", "lower_bound_", "objective_")  # where no bound is known

# Settings by which a file could make a program read pickles, write files or use the network.
_SAFE: dict[str, dict[str, Any]] = {
    "Pipeline": {"memory": None},
    "FunctionTransformer": {"func": None, "inverse_func": None},
    "DeepFeatures": {"cache_dir": None, "local_files_only": True},
}

# What a fitted transformer or forest of scikit-learn cannot do without; classes of vilma say so by
# `_needed`. Attributes that begin with an underscore are not in the list: they change from version
# to version.
_TREE = ("n_outputs_", "tree_")
_FOREST = ("estimator", "estimators_", "n_outputs_")
_NEEDED: dict[str, tuple[str, ...]] = {
    "ColumnTransformer": ("sparse_output_", "transformers_"),
    "CountVectorizer": ("vocabulary_",),
    "DecisionTreeClassifier": ("classes_", *_TREE),
    "DecisionTreeRegressor": _TREE,
    "ExtraTreeClassifier": ("classes_", *_TREE),
    "ExtraTreeRegressor": _TREE,
    "ExtraTreesClassifier": ("classes_", "n_classes_", *_FOREST),
    "ExtraTreesRegressor": _FOREST,
    "KBinsDiscretizer": ("bin_edges_",),
    "LogisticRegression": ("classes_", "coef_", "intercept_"),
    "MaxAbsScaler": ("scale_",),
    "MinMaxScaler": ("min_", "scale_"),
    "MissingIndicator": ("features_",),
    "Nystroem": ("components_", "normalization_"),
    "OneHotEncoder": ("categories_",),
    "OrdinalEncoder": ("categories_",),
    "PCA": ("components_", "explained_variance_", "mean_"),
    "PowerTransformer": ("lambdas_",),
    "QuantileTransformer": ("quantiles_", "references_"),
    "RBFSampler": ("random_offset_", "random_weights_"),
    "RandomForestClassifier": ("classes_", "n_classes_", *_FOREST),
    "RandomForestRegressor": _FOREST,
    "RobustScaler": ("center_", "scale_"),
    "SimpleImputer": ("statistics_",),
    "StandardScaler": ("mean_", "scale_"),
    "TfidfVectorizer": ("vocabulary_",),
    "TruncatedSVD": ("components_",),
    "VarianceThreshold": ("variances_",),
}


def check_settings(cls: type, state: Mapping[str, Any], path: str) -> None:
    """Refuse settings that reach beyond the model.

    Parameters
    ----------
    cls : type
        The estimator's class.
    state : mapping of str to object
        Its attributes.
    path : str
        Where it is, for messages.

    Raises
    ------
    ValueError
        If there is such a setting.
    """
    for name, safe in _SAFE.get(cls.__name__, {}).items():
        if state.get(name, safe) is not safe:
            raise ValueError(
                f"{path}.{name} is {state[name]!r}. A model file may not name functions or places "
                f"to write to, or ask for downloads: call set_params({name}={safe!r}) before "
                "saving"
            )


def check_fitted(estimator: Any, path: str) -> None:
    """Refuse an estimator whose fitted attributes are not all there or do not fit together.

    Parameters
    ----------
    estimator : object
        One that is not fitted passes.
    path : str
        Where it is, for messages.

    Raises
    ------
    ValueError
        If an attribute is missing, of the wrong type or shape, or NaN.
    """
    name, found = type(estimator).__name__, vars(estimator)
    if not any(key.endswith("_") for key in found):
        return
    fitted = _Fitted(found, path)
    for key in (*_NEEDED.get(name, ()), *getattr(estimator, "_needed", ())):
        fitted.require(key)
    if name == "TableFeatures":
        _check_table(fitted)
    if not type(estimator).__module__.startswith("vilma."):
        return
    for key in _NUMBERS:
        if key in found:
            fitted.number(key)
    for key in _PERHAPS_INFINITE:
        if key in found:
            fitted.number(key, finite=False)
    linear = isinstance(estimator, (LinearOrdinalModel, PiecewiseLinearModel))
    if linear and found.get("refit", True):
        _check_linear(fitted, estimator)
    elif name == "CalibratedOrdinalClassifier":
        n_classes = _check_scale(fitted)
        fitted.number("slope_")
        fitted.require("estimator_")
        if "offsets_" in found:
            fitted.vector("offsets_", n_classes)
        else:
            fitted.ascending("cuts_", n_classes - 1)
    elif name == "ConformalOrdinalClassifier":
        _check_scale(fitted)
        fitted.require("estimator_")
        tails = fitted.ascending("calibration_tails_", None)
        if len(tails) and not (tails[0] >= 0.0 and tails[-1] <= 1.0 + 1e-9):
            raise ValueError(f"{path}.calibration_tails_ are no probabilities")


class _Fitted:
    """The attributes of an estimator, with checks that say which one is wrong."""

    def __init__(self, attributes: Mapping[str, Any], path: str) -> None:
        self._attributes = attributes
        self._path = path

    def require(self, name: str) -> Any:
        if name not in self._attributes:
            raise ValueError(f"{self._path} lacks the attribute {name!r}")
        return self._attributes[name]

    def number(self, name: str, *, finite: bool = True) -> float:
        value = self.require(name)
        real = isinstance(value, (int, float, np.integer, np.floating))
        if not real or isinstance(value, bool) or (finite and not np.isfinite(value)):
            what = "a finite number" if finite else "a number"
            raise ValueError(f"{self._path}.{name} should be {what}, got {value!r}")
        return float(value)

    def array(self, name: str, shape: tuple[int | None, ...]) -> np.ndarray:
        value = self.require(name)
        if not isinstance(value, np.ndarray):
            raise ValueError(f"{self._path}.{name} should be an array, got {type(value).__name__}")
        fits = len(value.shape) == len(shape) and all(
            wanted in (None, side) for side, wanted in zip(value.shape, shape, strict=True)
        )
        if not fits:
            wanted = ", ".join("any" if side is None else str(side) for side in shape)
            raise ValueError(
                f"{self._path}.{name} has the shape {value.shape}, expected ({wanted})"
            )
        return value

    def vector(self, name: str, *shape: int | None) -> np.ndarray:
        value = self.array(name, shape)
        if value.dtype.kind != "f" or not np.isfinite(value).all():
            raise ValueError(f"{self._path}.{name} should hold finite numbers")
        return value

    def ascending(self, name: str, size: int | None) -> np.ndarray:
        value = self.array(name, (size,))
        if value.dtype.kind != "f" or np.isnan(value).any() or (value[1:] < value[:-1]).any():
            raise ValueError(f"{self._path}.{name} should hold numbers that do not descend")
        return value


def _check_table(fitted: _Fitted) -> None:
    """What there is depends on the kinds of columns and on the parts asked for."""
    parts = fitted.require("parts")
    for key, needed in (
        ("_standardise", fitted.require("_numeric")),
        ("_encoder", fitted.require("_categorical")),
        ("leaves_", "leaves" in parts),
        ("kernel_", "kernel" in parts),
    ):
        if needed:
            fitted.require(key)


def _check_linear(fitted: _Fitted, estimator: Any) -> None:
    n_classes = _check_scale(fitted)
    n_features = int(fitted.number("n_features_in_"))
    if isinstance(estimator, LinearOrdinalModel):
        fitted.ascending("thresholds_", n_classes - 1)
        fitted.vector("coef_", n_features)
    else:
        fitted.vector("thresholds_", n_classes - 1)
        n_pieces = len(fitted.vector("coef_", None, n_features))
        fitted.vector("step_weights_", n_classes - 1, n_pieces)
        fitted.vector("biases_", n_classes)
    if isinstance(estimator, (VILMA, VILMACV)):
        fitted.vector("biases_", n_classes)


def _check_scale(fitted: _Fitted) -> int:
    scale = fitted.array("scale_", (None,))
    classes = fitted.array("classes_", (len(scale),))
    if len(scale) < 2 or len(np.unique(scale)) < len(scale):
        raise ValueError(f"{fitted.require('scale_')!r} is no scale of two labels or more")
    if (scale[in_class_order(scale)] != classes).any():
        raise ValueError(f"classes_ {classes!r} are not the labels of scale_ {scale!r}")
    return len(scale)
