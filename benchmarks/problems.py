"""Problems of the size and kind of the paper's, made from a seed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import sparse

__all__ = ["OneHotProblem", "make_one_hot_problem"]

N_PATTERNS = 256
_N_PROFILES = 11  # groups of neighbouring labels that share their pattern frequencies


class OneHotProblem(NamedTuple):
    """Blocks of one-hot features with interval labels."""

    X: sparse.csr_array  # (n_samples, n_blocks * 256) of ones
    intervals: np.ndarray  # (n_samples, 2)
    labels: np.ndarray  # (n_samples,) the true labels, 0, ..., n_classes - 1
    classes: np.ndarray  # (n_classes,)


def make_one_hot_problem(
    n_samples: int,
    *,
    n_blocks: int = 623,
    n_classes: int = 55,
    width: int = 5,
    exact_share: float = 0.2,
    seed: int = 0,
) -> OneHotProblem:
    """Draw sparse binary data like multi-scale LBP: one pattern of 256 per position.

    Patterns are rare and common as those of photographs are, and their frequencies drift with the
    label. A share of the labels is exact, the others are rounded to cells of `width` labels.
    """
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, n_classes, n_samples)
    profile = labels * _N_PROFILES // n_classes
    drift = np.linspace(-2.0, 2.0, _N_PROFILES)[:, None]
    codes = np.empty((n_samples, n_blocks), dtype=np.uint8)
    for block in range(n_blocks):
        commonness = rng.gamma(0.15, size=N_PATTERNS)
        tilt = 0.15 * rng.normal(size=N_PATTERNS)
        frequency = commonness * np.exp(drift * tilt)
        cumulative = np.cumsum(frequency / frequency.sum(axis=1, keepdims=True), axis=1)
        draw = rng.random(n_samples)
        for group in range(_N_PROFILES):
            members = profile == group
            found = np.searchsorted(cumulative[group], draw[members])
            codes[members, block] = np.minimum(found, N_PATTERNS - 1)
    indices = codes.astype(np.int32) + N_PATTERNS * np.arange(n_blocks, dtype=np.int32)
    X = sparse.csr_array(
        (
            np.ones(codes.size, dtype=np.float32),
            indices.ravel(),
            np.arange(0, codes.size + 1, n_blocks, dtype=np.int32),
        ),
        shape=(n_samples, n_blocks * N_PATTERNS),
    )
    lower = labels // width * width
    upper = np.minimum(lower + width - 1, n_classes - 1)
    exact = rng.random(n_samples) < exact_share
    intervals = np.column_stack([np.where(exact, labels, lower), np.where(exact, labels, upper)])
    return OneHotProblem(X, intervals, labels, np.arange(n_classes))
