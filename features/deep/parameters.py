"""Checks of the parameters of DeepFeatures that need no model."""

from __future__ import annotations

import os
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.utils import check_scalar

from vilma._arguments import require_jobs
from vilma.features.deep.network import DTYPES


def check_parameters(features: Any) -> None:
    """Check all but `model` and `preprocessing`.

    Parameters
    ----------
    features : DeepFeatures
        Whose parameters to check.

    Raises
    ------
    TypeError, ValueError
        If one of them is not as described there.
    """
    check_scalar(features.batch_size, "batch_size", Integral, min_val=1)
    check_scalar(features.verbose, "verbose", Integral)
    require_jobs(features.n_jobs)
    for name in ("normalize", "local_files_only"):
        check_scalar(getattr(features, name), name, (bool, np.bool_))
    if features.dtype not in DTYPES:
        raise ValueError(
            f"dtype must be one of {', '.join(map(repr, DTYPES))}, got {features.dtype!r}."
        )
    # A torch.device is known by its name, so that torch need not be there.
    is_device = type(features.device).__name__ == "device"
    for name, kind in {"device": object if is_device else str, "identity": str | None}.items():
        if not isinstance(getattr(features, name), kind):
            raise TypeError(f"{name} must be a string, got {getattr(features, name)!r}.")
    if not isinstance(features.cache_dir, str | os.PathLike | None):
        raise TypeError(f"cache_dir must be a path or None, got {features.cache_dir!r}.")
