"""Losses of predicting one label where another is true.

A loss is known to the solvers as a cost matrix and nothing else. ``distance`` turns a function
of the distance between labels, named or given by the user, into costs; a new named loss is one
entry of its table. ``cost`` makes and checks cost matrices, ``interval`` carries them over to
interval labels.
"""

from vilma.losses.cost import cost_matrix
from vilma.losses.distance import NAMED_LOSSES, distance_loss
from vilma.losses.interval import interval_insensitive

__all__ = [
    "NAMED_LOSSES",
    "cost_matrix",
    "distance_loss",
    "interval_insensitive",
]
