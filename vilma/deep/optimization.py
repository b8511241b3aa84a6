"""Optimizers and schedules, by name or as users make them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Literal

from vilma.deep._torch import torch

__all__ = ["OPTIMIZERS", "SCHEDULES", "make_optimizer", "make_schedule", "read_learning_rate"]

Optimizer = torch.optim.Optimizer
Schedule = torch.optim.lr_scheduler.LRScheduler

OptimizerName = Literal["adamw", "adam", "sgd"]
ScheduleName = Literal["cosine", "linear", "constant"]

OPTIMIZERS: Mapping[str, Callable[..., Optimizer]] = {
    "adamw": torch.optim.AdamW,
    "adam": torch.optim.Adam,
    "sgd": partial(torch.optim.SGD, momentum=0.9),
}


def _cosine(epoch: int, n_epochs: int) -> float:
    return 0.5 * (1.0 + math.cos(math.pi * epoch / n_epochs))


def _linear(epoch: int, n_epochs: int) -> float:
    return 1.0 - epoch / n_epochs


def _constant(epoch: int, n_epochs: int) -> float:
    return 1.0


SCHEDULES: Mapping[str, Callable[[int, int], float]] = {
    "cosine": _cosine,
    "linear": _linear,
    "constant": _constant,
}

_PARTS = ("encoder", "head")


def read_learning_rate(rate: Any) -> dict[str, float]:
    """Return the learning rate of each part.

    Parameters
    ----------
    rate : float or dict
        One for all, or one each for "encoder" and "head".

    Returns
    -------
    dict of str to float
        With these two keys.

    Raises
    ------
    ValueError
        If a dictionary has other keys, or a rate is not positive.
    """
    rates = dict(rate) if isinstance(rate, Mapping) else dict.fromkeys(_PARTS, rate)
    if set(rates) != set(_PARTS) or not all(0.0 < each < math.inf for each in rates.values()):
        raise ValueError(
            "learning_rate should be a positive number, or a dictionary with one each for "
            f"'encoder' and 'head', got {rate!r}."
        )
    return rates


def make_optimizer(
    optimizer: str | Callable[..., Optimizer],
    parts: Mapping[str, list[torch.nn.Parameter]],
    rates: Mapping[str, float],
    decay: Mapping[str, float],
) -> Optimizer:
    """Return an optimizer of the parameters that are trained.

    Parameters
    ----------
    optimizer : str or callable
        A key of ``OPTIMIZERS``, or a function of groups of parameters that returns an optimizer.
    parts : mapping of str to list of Parameter
        Parameters of "encoder" and "head".
    rates : mapping of str to float
        Learning rate of each part.
    decay : mapping of str to float
        Weight decay of each part: of its matrices, not of biases, norms and the like.
    """
    groups = []
    for name, parameters in parts.items():
        matrices = [each for each in parameters if each.ndim > 1]
        others = [each for each in parameters if each.ndim <= 1]
        for members, weight_decay in ((matrices, decay[name]), (others, 0.0)):
            if members:
                settings: dict[str, Any] = {"lr": rates[name], "weight_decay": weight_decay}
                groups.append({"params": members, **settings})
    make = OPTIMIZERS[optimizer] if isinstance(optimizer, str) else optimizer
    made = make(groups)
    if not isinstance(made, Optimizer):
        raise ValueError(
            "optimizer should be a name, or a function of groups of parameters that returns a "
            f"torch optimizer, such as a class of torch.optim; got {type(made).__name__} of "
            f"{optimizer!r}."
        )
    return made


def make_schedule(
    schedule: str | Callable[[Optimizer], Schedule], optimizer: Optimizer, n_epochs: int
) -> Schedule:
    """Return a schedule, to be stepped after every epoch.

    Parameters
    ----------
    schedule : str or callable
        A key of ``SCHEDULES``, or a function of the optimizer that returns a schedule of torch.
    optimizer : Optimizer
        Whose rates change.
    n_epochs : int
        Epochs that are ahead.
    """
    if isinstance(schedule, str):
        factor = SCHEDULES[schedule]
        return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: factor(epoch, n_epochs))
    made = schedule(optimizer)
    if not isinstance(made, Schedule):
        raise ValueError(
            "schedule should be a name, or a function of the optimizer that returns a schedule "
            f"of torch.optim.lr_scheduler; got {type(made).__name__} of {schedule!r}."
        )
    return made
