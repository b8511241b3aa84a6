"""Features of images: reading, canonical crops and multi-scale local binary patterns."""

from vilma.features.images import ImageReadError, canonical_crop, find_images, read_image
from vilma.features.multiscale_lbp import LBPFeature, MultiScaleLBP

__all__ = [
    "ImageReadError",
    "LBPFeature",
    "MultiScaleLBP",
    "canonical_crop",
    "find_images",
    "read_image",
]
