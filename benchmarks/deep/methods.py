"""The methods that are compared, with the plain one that each is to beat."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from vilma import IISVOR_IMCCV, VILMACV
from vilma.deep import DeepOrdinalClassifier, RegCLIPClassifier
from vilma.deep.objectives import GroupHeads, ProgressiveMargin

__all__ = ["ALPHAS", "LINEAR", "METHODS", "Encoder", "Row", "linear"]

ALPHAS = (1e-1, 1e-2, 1e-3, 1e-4)
#: Training of every network.
TRAINING: dict[str, Any] = {"max_epochs": 100, "n_jobs": 1}


@dataclass(frozen=True)
class Encoder:
    """The dense layers of every network but RegCLIP's, which has an adapter of its own.

    Parameters
    ----------
    hidden : tuple of int
        Widths.
    dropout : float
        Share of outputs dropped in training.
    """

    hidden: tuple[int, ...] = (256,)
    dropout: float = 0.5


Make = Callable[[np.ndarray, int, Encoder], BaseEstimator]


@dataclass(frozen=True)
class Row:
    """A row of the tables.

    Parameters
    ----------
    make : callable
        From the scale, a seed and the dense layers to an estimator.
    baselines : tuple of str
        Names of the plain methods to beat.
    """

    make: Make
    baselines: tuple[str, ...] = ()


def deep(
    loss: Any, classes: np.ndarray, seed: int, encoder: Encoder, **parameters: Any
) -> BaseEstimator:
    """Return dense layers with a loss."""
    return DeepOrdinalClassifier(
        loss,
        classes=classes,
        random_state=seed,
        hidden_layer_sizes=encoder.hidden,
        dropout=encoder.dropout,
        **TRAINING,
        **parameters,
    )


def regclip(classes: np.ndarray, seed: int, encoder: Encoder, **parameters: Any) -> BaseEstimator:
    """Return RegCLIP without texts: the weights of its parts begin at random."""
    return RegCLIPClassifier(classes=classes, random_state=seed, **TRAINING, **parameters)


def linear(search: type, classes: np.ndarray, seed: int, encoder: Encoder) -> BaseEstimator:
    """Return a linear model on standardised columns, its alpha chosen by cross-validation."""
    return make_pipeline(StandardScaler(), search(ALPHAS, cv=3, classes=classes, tol=1e-2))


def _with(loss: Any, *baselines: str, **parameters: Any) -> Row:
    return Row(partial(deep, loss, **parameters), baselines)


_ACCON = {"regularizer": "accon", "regularizer_weight": 0.3}

METHODS: Mapping[str, Row] = {
    "L1": _with("l1"),
    "cross entropy": _with("ce"),
    "groups, exact": _with(GroupHeads(form="exact", soft=True)),
    "L1 + LDS": _with("l1", "L1", label_weights="lds"),
    "Focal-R": _with("focal_r", "L1"),
    "L1 + SupCon": _with("l1", "L1", regularizer="supcon", regularizer_weight=0.1),
    "L1 + ACCon": _with("l1", "L1", **_ACCON),
    "L1 + ACCon + LDS": _with("l1", "L1", label_weights="lds", **_ACCON),
    "L1 + ranked contrast": _with("l1", "L1", regularizer="rank_contrast"),
    "L1 + ConR": _with("l1", "L1", regularizer="conr", regularizer_weight=0.1),
    "soft labels, Gaussian": _with("gaussian", "cross entropy"),
    "soft labels, symmetric": _with("symmetric", "cross entropy"),
    "soft labels, asymmetric": _with("asymmetric", "cross entropy"),
    "groups, symmetric": _with(GroupHeads(soft=True, beta=2.0), "groups, exact", "L1"),
    "groups, asymmetric": _with(
        GroupHeads(form="asymmetric", soft=True, beta=2.0), "groups, exact", "L1"
    ),
    "PML": _with(ProgressiveMargin(form="softmax"), "cross entropy", "soft labels, Gaussian"),
    "RegCLIP": Row(partial(regclip, coarse_labels=10), ("L1", "cross entropy")),
    # Linear models, to compare with.
    "VILMA": Row(partial(linear, VILMACV)),
    "SVOR-IMC": Row(partial(linear, IISVOR_IMCCV)),
}

#: Names of the methods that learn no embedding.
LINEAR = ("VILMA", "SVOR-IMC")
