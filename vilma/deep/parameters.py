"""What parameters of training may be."""

from __future__ import annotations

import os
from numbers import Integral, Real

from sklearn.utils._param_validation import Interval, StrOptions

from vilma.deep._torch import torch
from vilma.deep.label_weights import LABEL_WEIGHTS
from vilma.deep.optimization import OPTIMIZERS, SCHEDULES

__all__ = ["TRAINING_CONSTRAINTS"]

TRAINING_CONSTRAINTS: dict[str, list] = {
    "label_weights": [StrOptions(set(LABEL_WEIGHTS)), callable, None],
    "augmentation": [callable, None],
    "classes": ["array-like", None],
    "max_epochs": [Interval(Integral, 1, None, closed="left")],
    "batch_size": [Interval(Integral, 1, None, closed="left")],
    "accumulate": [Interval(Integral, 1, None, closed="left")],
    "optimizer": [StrOptions(set(OPTIMIZERS)), callable],
    "learning_rate": [Interval(Real, 0, None, closed="neither"), dict],
    "schedule": [StrOptions(set(SCHEDULES)), callable],
    "warmup_epochs": [Interval(Integral, 0, None, closed="left")],
    "weight_decay": [Interval(Real, 0, None, closed="left")],
    "max_grad_norm": [Interval(Real, 0, None, closed="neither"), None],
    "early_stopping": ["boolean"],
    "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
    "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
    "mixed_precision": ["boolean"],
    "device": [str, torch.device],
    "n_jobs": [Integral, None],
    "preprocessing": [callable, None],
    "callbacks": ["array-like", None],
    "checkpoint": [str, os.PathLike, None],
    "random_state": ["random_state"],
    "verbose": ["verbose"],
}
