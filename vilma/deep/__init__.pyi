from . import callbacks, coarse_labels, losses, objectives, protocols, views
from .classifier import DeepOrdinalClassifier
from .prompts import embed_texts
from .regclip import RegCLIPClassifier

__all__ = [
    "DeepOrdinalClassifier",
    "RegCLIPClassifier",
    "callbacks",
    "coarse_labels",
    "embed_texts",
    "losses",
    "objectives",
    "protocols",
    "views",
]
