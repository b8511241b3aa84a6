from . import (
    datasets,
    deep,
    displays,
    distributed,
    exceptions,
    features,
    inspection,
    intervals,
    metrics,
    model_selection,
    probability,
)
from .estimators import (
    IISVOR_EXP,
    IISVOR_EXPCV,
    IISVOR_IMC,
    IISVOR_IMCCV,
    PWVILMA,
    PWVILMACV,
    VILMA,
    VILMACV,
    OrderedLogit,
    OrderedLogitCV,
    vilma_path,
)
from .mapped import MappedMatrix, save_mapped
from .mixed import MixedColumns, hstack
from .one_hot import OneHotCodes
from .persistence import load_model, save_model
from .probability import CalibratedOrdinalClassifier, ConformalOrdinalClassifier

__version__: str

__all__ = [
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
    "MappedMatrix",
    "MixedColumns",
    "OneHotCodes",
    "OrderedLogit",
    "OrderedLogitCV",
    "datasets",
    "deep",
    "displays",
    "distributed",
    "exceptions",
    "features",
    "hstack",
    "inspection",
    "intervals",
    "load_model",
    "metrics",
    "model_selection",
    "probability",
    "save_mapped",
    "save_model",
    "vilma_path",
]
