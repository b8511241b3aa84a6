"""Dual coordinate ascent on the slopes of the loss, one example after the other."""

from vilma.solvers.coordinate_ascent.dual_point import (
    DualPoint,
    HingeDualPoint,
    Slopes,
    single_slopes,
)
from vilma.solvers.coordinate_ascent.method import CoordinateAscentMethod
from vilma.solvers.coordinate_ascent.mixtures import MixtureDualPoint

__all__ = [
    "CoordinateAscentMethod",
    "DualPoint",
    "HingeDualPoint",
    "MixtureDualPoint",
    "Slopes",
    "single_slopes",
]
