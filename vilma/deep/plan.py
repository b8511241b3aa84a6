"""What is trained when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["Part", "Phase", "plan_phases"]

Part = Literal["all", "encoder", "head"]


@dataclass(frozen=True)
class Phase:
    """Epochs that are alike.

    Parameters
    ----------
    n_epochs : int
        How many, at least one.
    part : {"all", "encoder", "head"}, default="all"
        What is trained. The encoder alone learns from the regularizer, the head alone from the
        loss.
    stage : int, default=0
        Place in a series of curricula.
    rows : ndarray of shape (n_used,) or None, default=None
        Numbers of the rows that take part; None for all.
    """

    n_epochs: int
    part: Part = "all"
    stage: int = 0
    rows: NDArray[np.int64] | None = None


def plan_phases(
    max_epochs: int, pretraining_epochs: int, curricula: list[NDArray[np.int64]] | None
) -> list[Phase]:
    """Divide the epochs of a fit.

    Parameters
    ----------
    max_epochs : int
        Epochs in which the loss counts, shared evenly among the curricula; the last ones get
        what is left over.
    pretraining_epochs : int
        Epochs of the encoder alone, before. If there are any, the encoder stays as it is
        afterwards.
    curricula : list of ndarray, or None
        Rows of each of a series of curricula.

    Returns
    -------
    list of Phase
        In the order of training.

    Raises
    ------
    ValueError
        If there are fewer epochs than curricula.
    """
    part: Part = "head" if pretraining_epochs else "all"
    phases = [Phase(pretraining_epochs, "encoder")] if pretraining_epochs else []
    if curricula is None:
        return [*phases, Phase(max_epochs, part)]
    if max_epochs < len(curricula):
        raise ValueError(
            f"max_epochs={max_epochs} leaves curricula without an epoch: the loss has "
            f"{len(curricula)}. Set max_epochs to {len(curricula)} or more, or give the loss "
            "fewer (n_stages)."
        )
    ends = np.linspace(0, max_epochs, len(curricula) + 1).astype(int)
    lengths = np.diff(ends).tolist()
    return phases + [
        Phase(n_epochs, part, stage, rows)
        for stage, (n_epochs, rows) in enumerate(zip(lengths, curricula, strict=True))
    ]
