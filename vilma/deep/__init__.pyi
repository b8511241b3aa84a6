from . import coarse_labels, losses, objectives, protocols, views
from .classifier import DeepOrdinalClassifier
from .regclip import RegCLIPClassifier

__all__ = [
    "DeepOrdinalClassifier",
    "RegCLIPClassifier",
    "coarse_labels",
    "losses",
    "objectives",
    "protocols",
    "views",
]
