"""One adapter per competitor, by the name that configurations call it."""

from benchmarks.adapters.base import Adapter
from benchmarks.adapters.intreg_model import IntregModel
from benchmarks.adapters.lifelines_aft import LifelinesAFT
from benchmarks.adapters.mord_models import MordAT
from benchmarks.adapters.sklearn_models import Logistic, RoundedRidge, RoundedSVR
from benchmarks.adapters.skordinal_models import SkordinalAT, SkordinalPOM
from benchmarks.adapters.statsmodels_model import StatsmodelsOrdered
from benchmarks.adapters.vilma_estimators import (
    ConicVilma,
    IisvorExp,
    IisvorImc,
    IisvorImcPlanes,
    MappedImc,
    OrderedLogit,
    PathImc,
    PwVilma,
    PwVilmaFour,
    Vilma,
    VilmaPlanes,
    VilmaSquared,
    VilmaZeroOne,
)
from benchmarks.adapters.xgboost_aft import XGBoostAFT

__all__ = ["ADAPTERS", "Adapter"]

_ALL: tuple[type[Adapter], ...] = (
    Vilma,
    VilmaPlanes,
    VilmaZeroOne,
    VilmaSquared,
    PwVilma,
    PwVilmaFour,
    IisvorImc,
    IisvorImcPlanes,
    IisvorExp,
    OrderedLogit,
    PathImc,
    MappedImc,
    ConicVilma,
    SkordinalPOM,
    SkordinalAT,
    MordAT,
    StatsmodelsOrdered,
    RoundedRidge,
    RoundedSVR,
    Logistic,
    XGBoostAFT,
    LifelinesAFT,
    IntregModel,
)
ADAPTERS: dict[str, type[Adapter]] = {adapter.name: adapter for adapter in _ALL}
