"""Surrogates: convex bounds of interval-insensitive losses, seen through scores and labels only.

To add a surrogate, write a subclass of `Surrogate` in a file of its own, with its kernels beside.
"""

from vilma.surrogates.base import InnerSolution, Surrogate
from vilma.surrogates.hinge import ExplicitHinge, HingeSurrogate, ImplicitHinge
from vilma.surrogates.hinges import Hinges
from vilma.surrogates.labeled import LabeledWeights
from vilma.surrogates.penalized import PenalizedBiases
from vilma.surrogates.v_shaped import VShaped

__all__ = [
    "ExplicitHinge",
    "HingeSurrogate",
    "Hinges",
    "ImplicitHinge",
    "InnerSolution",
    "LabeledWeights",
    "PenalizedBiases",
    "Surrogate",
    "VShaped",
]
