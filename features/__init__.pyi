from .alignment import (
    FaceAligner,
    FaceNotFoundError,
    face_template,
    read_landmarks,
)
from .crops import canonical_crop
from .deep import DeepFeatures
from .finding import find_images
from .multiscale_lbp import LBPFeature, MultiScaleLBP
from .reading import ImageReadError, read_image, read_rgb

__all__ = [
    "DeepFeatures",
    "FaceAligner",
    "FaceNotFoundError",
    "ImageReadError",
    "LBPFeature",
    "MultiScaleLBP",
    "canonical_crop",
    "face_template",
    "find_images",
    "read_image",
    "read_landmarks",
    "read_rgb",
]
