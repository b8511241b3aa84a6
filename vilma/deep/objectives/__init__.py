"""Losses and regularizers that the estimators combine, as objects with parameters.

Wherever an estimator takes the name of one, it also takes an object of these classes, whose
parameters can be set and searched: ``DeepOrdinalClassifier(loss=SoftLabels(sigma=3.0))``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Literal, TypeVar

from vilma._arguments import require_choice
from vilma.deep.objectives.base import Head, LabelValues, Loss, Regularizer, Task
from vilma.deep.objectives.cumulative import CLM, CORAL, CORN
from vilma.deep.objectives.groups import GroupHeads
from vilma.deep.objectives.pml import ProgressiveMargin
from vilma.deep.objectives.regression import AbsoluteError, FocalError
from vilma.deep.objectives.regularizers import (
    AngleCompensation,
    ConR,
    RankContrast,
    SupervisedContrast,
)
from vilma.deep.objectives.soft_labels import SoftLabels
from vilma.deep.objectives.surrogates import (
    IISVOR_EXPLoss,
    IISVOR_IMCLoss,
    SurrogateLoss,
    VILMALoss,
)

__all__ = [
    "CLM",
    "CORAL",
    "CORN",
    "LOSSES",
    "REGULARIZERS",
    "AbsoluteError",
    "AngleCompensation",
    "ConR",
    "FocalError",
    "GroupHeads",
    "Head",
    "IISVOR_EXPLoss",
    "IISVOR_IMCLoss",
    "LabelValues",
    "Loss",
    "ProgressiveMargin",
    "RankContrast",
    "Regularizer",
    "SoftLabels",
    "SupervisedContrast",
    "SurrogateLoss",
    "Task",
    "VILMALoss",
    "find_loss",
    "find_regularizer",
]

LossName = Literal[
    "l1",
    "l2",
    "focal_r",
    "ce",
    "gaussian",
    "symmetric",
    "asymmetric",
    "group",
    "pml",
    "coral",
    "corn",
    "clm",
    "iisvor_imc",
    "iisvor_exp",
    "vilma",
]
RegularizerName = Literal["accon", "supcon", "rank_contrast", "conr"]

LOSSES: Mapping[str, Callable[[], Loss]] = {
    "l1": AbsoluteError,
    "l2": partial(AbsoluteError, power=2.0),
    "focal_r": FocalError,
    "ce": partial(SoftLabels, "exact"),
    "gaussian": SoftLabels,
    "symmetric": partial(SoftLabels, "symmetric"),
    "asymmetric": partial(SoftLabels, "asymmetric"),
    "group": GroupHeads,
    "pml": ProgressiveMargin,
    "coral": CORAL,
    "corn": CORN,
    "clm": CLM,
    "iisvor_imc": IISVOR_IMCLoss,
    "iisvor_exp": IISVOR_EXPLoss,
    "vilma": VILMALoss,
}
REGULARIZERS: Mapping[str, Callable[[], Regularizer]] = {
    "accon": AngleCompensation,
    "supcon": SupervisedContrast,
    "rank_contrast": RankContrast,
    "conr": ConR,
}

_Objective = TypeVar("_Objective", Loss, Regularizer)


def find_loss(loss: str | Loss) -> Loss:
    """Return the loss of a name, with its parameters checked.

    Parameters
    ----------
    loss : str or Loss
        A key of ``LOSSES``, or a loss.

    Returns
    -------
    Loss
        The loss.

    Raises
    ------
    ValueError
        If its parameters are not as documented.
    """
    return _find(loss, LOSSES)


def find_regularizer(regularizer: str | Regularizer | None) -> Regularizer | None:
    """Return the regularizer of a name, with its parameters checked; None stays None.

    Parameters
    ----------
    regularizer : str, Regularizer or None
        A key of ``REGULARIZERS``, or a regularizer.

    Returns
    -------
    Regularizer or None
        The regularizer.

    Raises
    ------
    ValueError
        If its parameters are not as documented.
    """
    return None if regularizer is None else _find(regularizer, REGULARIZERS)


def _find(
    objective: str | _Objective, known: Mapping[str, Callable[[], _Objective]]
) -> _Objective:
    if isinstance(objective, str):
        require_choice("A loss or regularizer", objective, known)
        found = known[objective]()
    else:
        found = objective
    if not isinstance(found, (Loss, Regularizer)):
        raise TypeError(
            f"A loss or regularizer should be one of {sorted(known)} or an object of "
            f"vilma.deep.objectives, got {objective!r}."
        )
    found._validate_params()
    return found
