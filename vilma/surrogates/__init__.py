"""Surrogates: convex bounds of interval-insensitive losses, seen through scores and labels only.

``plane.py`` says what a surrogate returns and when a plane is valid, ``surrogate.py`` is the
contract with the solvers. To add a surrogate, write a subclass of `Surrogate` in a file of its
own, with its formula above it and its kernels beside it.
"""

from vilma.surrogates.hinge import ExplicitHinge, HingeSurrogate, ImplicitHinge
from vilma.surrogates.margins import Margins, find_margins
from vilma.surrogates.penalized import PenalizedBiases
from vilma.surrogates.piecewise import PiecewiseVShaped
from vilma.surrogates.plane import InnerMinimum, Plane
from vilma.surrogates.surrogate import (
    Hinges,
    LabeledWeights,
    LabelMaxima,
    PiecewiseLinearForm,
    Surrogate,
    to_biases,
)
from vilma.surrogates.v_shaped import VShaped, v_shaped_surrogate

__all__ = [
    "ExplicitHinge",
    "HingeSurrogate",
    "Hinges",
    "ImplicitHinge",
    "InnerMinimum",
    "LabelMaxima",
    "LabeledWeights",
    "Margins",
    "PenalizedBiases",
    "PiecewiseLinearForm",
    "PiecewiseVShaped",
    "Plane",
    "Surrogate",
    "VShaped",
    "find_margins",
    "to_biases",
    "v_shaped_surrogate",
]
