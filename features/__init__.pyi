from .alignment import (
    FaceAligner,
    FaceNotFoundError,
    face_template,
    read_landmarks,
)
from .crops import canonical_crop
from .deep import DeepFeatures
from .finding import find_images
from .leaf_codes import LeafCodes
from .multiscale_lbp import LBPFeature, MultiScaleLBP
from .reading import ImageReadError, read_image, read_rgb
from .table import TableFeatures
from .union import Union

__all__ = [
    "DeepFeatures",
    "FaceAligner",
    "FaceNotFoundError",
    "ImageReadError",
    "LBPFeature",
    "LeafCodes",
    "MultiScaleLBP",
    "TableFeatures",
    "Union",
    "canonical_crop",
    "face_template",
    "find_images",
    "read_image",
    "read_landmarks",
    "read_rgb",
]
