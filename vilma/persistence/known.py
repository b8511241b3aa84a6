"""The classes that a model file may name. Nothing else is imported or made when one is read."""

from __future__ import annotations

import importlib
from functools import cache

__all__ = ["class_named", "name_of"]

_CLASSES = {
    "vilma": (
        "IISVOR_EXP",
        "IISVOR_EXPCV",
        "IISVOR_IMC",
        "IISVOR_IMCCV",
        "PWVILMA",
        "PWVILMACV",
        "VILMA",
        "VILMACV",
        "CalibratedOrdinalClassifier",
        "ConformalOrdinalClassifier",
        "OrderedLogit",
        "OrderedLogitCV",
    ),
    "vilma.features": (
        "DeepFeatures",
        "FaceAligner",
        "LeafCodes",
        "MultiScaleLBP",
        "TableFeatures",
        "Union",
    ),
    "vilma.model_selection": ("PositionsClassifier",),
    "vilma.intervals": ("IntervalStratifiedGroupKFold", "IntervalStratifiedKFold"),
    "vilma.inference.estimates": ("Estimates", "RowCounts"),
    "vilma.inference.trace": ("DataTrace",),
    "vilma.likelihood": ("Cells",),
    "sklearn.compose": ("ColumnTransformer", "make_column_selector"),
    "sklearn.decomposition": ("PCA", "TruncatedSVD"),
    "sklearn.ensemble": (
        "ExtraTreesClassifier",
        "ExtraTreesRegressor",
        "RandomForestClassifier",
        "RandomForestRegressor",
    ),
    "sklearn.feature_extraction.text": ("CountVectorizer", "TfidfTransformer", "TfidfVectorizer"),
    "sklearn.feature_selection": ("VarianceThreshold",),
    "sklearn.frozen": ("FrozenEstimator",),
    "sklearn.impute": ("MissingIndicator", "SimpleImputer"),
    "sklearn.kernel_approximation": ("Nystroem", "RBFSampler"),
    "sklearn.linear_model": ("LogisticRegression",),
    "sklearn.model_selection": (
        "GroupKFold",
        "GroupShuffleSplit",
        "KFold",
        "LeaveOneOut",
        "ShuffleSplit",
        "StratifiedGroupKFold",
        "StratifiedKFold",
    ),
    "sklearn.pipeline": ("FeatureUnion", "Pipeline"),
    "sklearn.preprocessing": (
        "Binarizer",
        "FunctionTransformer",  # without a function: what ColumnTransformer passes through
        "KBinsDiscretizer",
        "MaxAbsScaler",
        "MinMaxScaler",
        "Normalizer",
        "OneHotEncoder",
        "OrdinalEncoder",
        "PolynomialFeatures",
        "PowerTransformer",
        "QuantileTransformer",
        "RobustScaler",
        "StandardScaler",
    ),
    "sklearn.tree": (
        "DecisionTreeClassifier",
        "DecisionTreeRegressor",
        "ExtraTreeClassifier",
        "ExtraTreeRegressor",
    ),
}
_MODULES = {f"{module}.{name}": module for module, names in _CLASSES.items() for name in names}


@cache
def class_named(name: str) -> type:
    """Return a class of the list.

    Parameters
    ----------
    name : str
        Where it is imported from, such as ``"sklearn.preprocessing.StandardScaler"``.

    Returns
    -------
    type

    Raises
    ------
    ValueError
        If it is not in the list.
    """
    if name not in _MODULES:
        raise ValueError(f"it names {name!r}, which is none of the classes that a model may have")
    module = _MODULES[name]
    return getattr(importlib.import_module(module), name[len(module) + 1 :])


@cache
def name_of(cls: type) -> str | None:
    """Return the name of a class of the list, None if it is not in it.

    Parameters
    ----------
    cls : type
        A subclass of a class of the list is another class.

    Returns
    -------
    str or None
    """
    for name in _MODULES:
        if name.rpartition(".")[2] == cls.__name__ and class_named(name) is cls:
            return name
    return None
