"""Estimators under scikit-learn's API. They only translate between users and solvers."""

from vilma.estimators.iisvor import IISVOR_EXP, IISVOR_IMC
from vilma.estimators.vilma import VILMA

__all__ = ["IISVOR_EXP", "IISVOR_IMC", "VILMA"]
