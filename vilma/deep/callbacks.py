"""What a training tells while it goes on: for logging, and for metrics of one's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vilma.deep._torch import torch

__all__ = ["Callback", "Progress"]


@dataclass(frozen=True)
class Progress:
    """Where a training is.

    Parameters
    ----------
    network : torch.nn.Module
        The network, which maps rows to label values. It is the one that is trained: call
        ``network.eval()`` and use ``torch.no_grad()``; training mode comes back by itself.
    epoch : int
        Epochs that are done, also those before an interruption.
    n_epochs : int
        Epochs there are at most.
    record : dict of str to float
        Of the last epoch: `stage`, `loss`, `validation_error`, `seconds`, as in `history_`, and
        `learning_rate`, the largest of the parts'. Empty at the start.
    """

    network: torch.nn.Module
    epoch: int
    n_epochs: int
    record: dict[str, Any]


class Callback:
    """Base of callbacks: all methods do nothing.

    Examples
    --------
    >>> import numpy as np
    >>> from vilma.deep import DeepOrdinalClassifier
    >>> from vilma.deep.callbacks import Callback
    >>> class Log(Callback):
    ...     def on_epoch(self, progress):
    ...         print(progress.epoch, "of", progress.n_epochs)
    >>> X, y = np.linspace(-1, 1, 30)[:, None], np.repeat([1, 2, 3], 10)
    >>> model = DeepOrdinalClassifier(max_epochs=2, callbacks=[Log()], random_state=0).fit(X, y)
    1 of 2
    2 of 2
    """

    def on_start(self, progress: Progress) -> None:
        """Do something before the first epoch.

        Parameters
        ----------
        progress : Progress
            Where the training is.
        """

    def on_epoch(self, progress: Progress) -> bool | None:
        """Do something after an epoch.

        Parameters
        ----------
        progress : Progress
            Where the training is.

        Returns
        -------
        bool or None
            True ends the training.
        """

    def on_end(self, progress: Progress) -> None:
        """Do something after the last epoch.

        Parameters
        ----------
        progress : Progress
            Where the training is. With early stopping, the network is that of the best epoch.
        """
