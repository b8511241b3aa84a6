"""Contrastive regularizer for imbalanced regression (ConR)."""

from __future__ import annotations

from vilma.deep._torch import torch
from vilma.deep.losses._checks import all_hold, check_column, check_matrix, check_number, checked
from vilma.deep.losses._labels import pair_distances, read_intervals
from vilma.deep.losses._positives import named_pairs, off_diagonal
from vilma.deep.losses._similarity import cosines, log_sum_exp

__all__ = ["conr_loss"]


@checked
def conr_loss(
    embeddings: torch.Tensor,
    predictions: torch.Tensor,
    lower: torch.Tensor,
    upper: torch.Tensor,
    *,
    window: float = 1.0,
    temperature: float = 0.07,
    push: torch.Tensor | None = None,
    rate: float = 0.01,
    groups: torch.Tensor | None = None,
    samples: torch.Tensor | None = None,
) -> torch.Tensor:
    r"""Contrastive regularizer that parts samples confused by their predictions.

    Parameters
    ----------
    embeddings : Tensor of shape (B, d)
        Embeddings z, of any norm.
    predictions : Tensor of shape (B,)
        Predicted labels, in the unit of the labels. They only choose pairs: no gradient passes.
    lower, upper : Tensor of shape (B,)
        Ends of the labels.
    window : float, default=1.0
        Labels, and predictions, count as near up to this distance w.
    temperature : float, default=0.07
        The temperature tau, positive.
    push : Tensor of shape (B,), default=None
        Positive weights eta of the anchors, larger for rare labels; by default 1.
    rate : float, default=0.01
        Growth of the push with the distance of the labels, not negative.
    groups : Tensor of shape (B,), default=None
        Numbers of bins; two samples of one bin are positive, too.
    samples : Tensor of shape (B,), default=None
        Numbers of samples; views of one sample are positive, too.

    Returns
    -------
    loss : Tensor of shape ()
        Mean over the batch; an anchor without a positive or without a negative counts 0.

    Raises
    ------
    ValueError
        If a shape does not fit, a label is not an interval, or a parameter is out of its range.

    Notes
    -----
    Positives :math:`P(i)` have labels within the window. Negatives :math:`N(i)` have not, but
    their predictions are within it. With the cosines :math:`s_{ij}`,

    .. math::

        L_i = -\frac{1}{|P(i)|} \sum_{p \in P(i)} \log \frac{\exp(s_{ip} / \tau)}
              {\sum_{k \in P(i)} \exp(s_{ik} / \tau) + \sum_{n \in N(i)}
              \eta_i \exp(0.01 |y_i - y_n|) \exp(s_{in} / \tau)} .

    Of intervals, those are positive whose labels are surely within the window, and negative whose
    labels are surely not; the push takes the least distance. Other pairs have no part.

    References
    ----------
    Keramati, Meng and Evans: ConR: Contrastive regularizer for deep imbalanced regression, ICLR,
    2024.

    Examples
    --------
    >>> import torch
    >>> from vilma.deep.losses import conr_loss
    >>> y = torch.tensor([20.0, 20.0, 60.0])
    >>> conr_loss(torch.eye(3), torch.tensor([30.0, 30.0, 30.0]), y, y)
    tensor(0.6087)
    """
    embeddings = check_matrix("embeddings", embeddings)
    check_number("window", window, strict=False)
    check_number("temperature", temperature)
    check_number("rate", rate, strict=False)
    n, device = len(embeddings), embeddings.device
    check_column("predictions", predictions, n)
    lower, upper = read_intervals(lower, upper, embeddings)
    dmin, dmax = pair_distances(lower, upper)
    positive = named_pairs(n, device, ("groups", groups), ("samples", samples))
    positive |= (dmax <= window) & off_diagonal(n, device)
    predicted = predictions.detach().to(embeddings)
    confused = (predicted[:, None] - predicted[None, :]).abs() <= window
    negative = (dmin > window) & confused & ~positive
    logits = cosines(embeddings, embeddings) / temperature
    log_push = rate * dmin + _log_eta(push, embeddings)
    contrasted = torch.where(negative, logits + log_push, logits)
    return _mean_loss(logits, contrasted, positive, negative)


def _log_eta(push: torch.Tensor | None, embeddings: torch.Tensor) -> torch.Tensor:
    """Return the logarithms of the anchors' weights as a column."""
    if push is None:
        return embeddings.new_zeros(len(embeddings), 1)
    check_column("push", push, len(embeddings))
    push = push.detach().to(embeddings)
    if not all_hold(push > 0):
        row = int((~(push > 0)).nonzero()[0, 0])
        raise ValueError(f"push should be positive, but row {row} has {push[row].item():g}.")
    return push.log()[:, None]


def _mean_loss(
    logits: torch.Tensor, contrasted: torch.Tensor, positive: torch.Tensor, negative: torch.Tensor
) -> torch.Tensor:
    counted = positive.any(dim=1) & negative.any(dim=1)
    denominators = log_sum_exp(contrasted, positive | negative, dim=1)
    numerators = logits.masked_fill(~positive, 0.0).sum(dim=1) / positive.sum(dim=1).clamp(min=1)
    return torch.where(counted, denominators - numerators, 0.0).mean()
