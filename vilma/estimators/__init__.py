"""Estimators under scikit-learn's API. They only translate between users and solvers."""

from vilma.estimators.cross_validated import (
    IISVOR_EXPCV,
    IISVOR_IMCCV,
    PWVILMACV,
    VILMACV,
    OrderedLogitCV,
)
from vilma.estimators.iisvor import IISVOR_EXP, IISVOR_IMC
from vilma.estimators.ordered_logit import OrderedLogit
from vilma.estimators.path import vilma_path
from vilma.estimators.piecewise import PWVILMA
from vilma.estimators.vilma import VILMA

__all__ = [
    "IISVOR_EXP",
    "IISVOR_EXPCV",
    "IISVOR_IMC",
    "IISVOR_IMCCV",
    "PWVILMA",
    "PWVILMACV",
    "VILMA",
    "VILMACV",
    "OrderedLogit",
    "OrderedLogitCV",
    "vilma_path",
]
