"""Networks that turn the statistics of classes into the margins of PML."""

from __future__ import annotations

import math

from vilma._numbers import require_integer
from vilma.deep._torch import torch
from vilma.deep.losses._checks import check_matrix, check_number

__all__ = ["OrdinalMargin", "VariationalMargin"]


class _RowNetwork(torch.nn.Module):
    """One small network for all rows of the table of classes."""

    def __init__(self, n_classes: int, n_features: int, hidden: int, n_outputs: int) -> None:
        super().__init__()
        require_integer("n_classes", n_classes, 1)
        require_integer("n_features", n_features, 1)
        require_integer("hidden", hidden, 1)
        self.hidden = torch.nn.Linear(n_features + 1 + n_classes, hidden)
        self.output = torch.nn.Linear(hidden, n_outputs)

    def forward(self, table: torch.Tensor) -> torch.Tensor:
        weight = self.hidden.weight
        table = check_matrix("table", table, n_columns=weight.shape[1]).to(weight)
        return self.output(self.hidden(table).relu())


class OrdinalMargin(torch.nn.Module):
    r"""Margins of every class towards every other, each row a normal density.

    Parameters
    ----------
    n_classes : int
        Number of classes K.
    n_features : int
        Size D of the embeddings.
    hidden : int, default=64
        Width of the hidden layer.
    floor : float, default=0.5
        Least standard deviation, in classes, positive: margins are at most 0.4 / floor.

    Notes
    -----
    One small network is shared by the rows of the table of :class:`ClassStatistics` and gives
    :math:`\mu_j = (K - 1)\, sigmoid(.)` and :math:`\sigma_j = softplus(.) + floor`. The margin is
    :math:`M_o[j, k] = N(k; \mu_j, \sigma_j)`.

    References
    ----------
    Deng et al.: PML: Progressive margin loss for long-tailed age classification, CVPR, 2021,
    equation 9.

    Examples
    --------
    >>> from vilma.deep.losses import ClassStatistics, OrdinalMargin
    >>> OrdinalMargin(5, 8)(ClassStatistics(5, 8).table()).shape
    torch.Size([5, 5])
    """

    def __init__(
        self, n_classes: int, n_features: int, *, hidden: int = 64, floor: float = 0.5
    ) -> None:
        super().__init__()
        check_number("floor", floor)
        self.floor = floor
        self.network = _RowNetwork(n_classes, n_features, hidden, n_outputs=2)

    def forward(self, table: torch.Tensor) -> torch.Tensor:
        r"""Return the margins.

        Parameters
        ----------
        table : Tensor of shape (K, D + 1 + K)
            Statistics V of the classes.

        Returns
        -------
        margins : Tensor of shape (K, K)
            :math:`M_o`, positive.

        Raises
        ------
        ValueError
            If the shape does not fit.
        """
        centre, spread = self.network(table).unbind(dim=1)
        n_classes = len(centre)
        mean = (n_classes - 1) * centre.sigmoid()[:, None]
        deviation = torch.nn.functional.softplus(spread)[:, None] + self.floor
        classes = torch.arange(n_classes, dtype=mean.dtype, device=mean.device)
        density = (-0.5 * ((classes - mean) / deviation) ** 2).exp()
        return density / (deviation * math.sqrt(2 * math.pi))


class VariationalMargin(torch.nn.Module):
    r"""A margin of every class from what changed since the last, more balanced curriculum.

    Parameters
    ----------
    n_classes : int
        Number of classes K.
    n_features : int
        Size D of the embeddings.
    hidden : int, default=64
        Width of the hidden layer.

    Notes
    -----
    One small network is shared by the rows of :math:`\Delta V = V - V_{pre}`, the difference of
    the tables of :class:`ClassStatistics` now and at the end of the last curriculum. Its last
    layer starts at zero, and so do the margins.

    References
    ----------
    Deng et al.: PML: Progressive margin loss for long-tailed age classification, CVPR, 2021,
    equations 10 and 13.

    Examples
    --------
    >>> from vilma.deep.losses import ClassStatistics, VariationalMargin
    >>> VariationalMargin(3, 8)(ClassStatistics(3, 8).table()).detach()
    tensor([0., 0., 0.])
    """

    def __init__(self, n_classes: int, n_features: int, *, hidden: int = 64) -> None:
        super().__init__()
        self.network = _RowNetwork(n_classes, n_features, hidden, n_outputs=1)
        torch.nn.init.zeros_(self.network.output.weight)
        torch.nn.init.zeros_(self.network.output.bias)

    def forward(self, change: torch.Tensor) -> torch.Tensor:
        r"""Return the margins.

        Parameters
        ----------
        change : Tensor of shape (K, D + 1 + K)
            :math:`\Delta V`.

        Returns
        -------
        margins : Tensor of shape (K,)
            :math:`M_v`, of either sign.

        Raises
        ------
        ValueError
            If the shape does not fit.
        """
        return self.network(change).squeeze(1)
