"""Features of named images, from a file or a folder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

if TYPE_CHECKING:
    from vilma.mapped import MappedMatrix

FORMAT = "vilma-features-1"


@dataclass(frozen=True)
class FeatureStore:
    """Features of named images.

    Attributes
    ----------
    names : list of str
        One name per row, as the labels name the images.
    X : csr_array, ndarray or MappedMatrix of shape (n_images, n_features)
        The features. A sparse matrix is one of ones.
    settings : dict
        What the features were computed with; two stores go together if these are equal.
    """

    names: list[str]
    X: sparse.csr_array | NDArray[np.float32] | MappedMatrix
    settings: dict[str, Any]
