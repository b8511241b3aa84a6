"""Which samples of a batch should be alike, and the contrast of these with the rest."""

from __future__ import annotations

from vilma.deep._torch import torch
from vilma.deep.losses._checks import check_column, checked
from vilma.deep.losses._labels import pair_distances, read_intervals

__all__ = ["contrast_positives", "named_pairs", "off_diagonal", "positive_pairs"]


def off_diagonal(n: int, device: torch.device) -> torch.Tensor:
    """Return a mask of shape (n, n) that is false on the diagonal."""
    return ~torch.eye(n, dtype=torch.bool, device=device)


def named_pairs(
    n: int, device: torch.device, *names: tuple[str, torch.Tensor | None]
) -> torch.Tensor:
    """Return a mask of shape (n, n) of the pairs that share a number under one of the names."""
    shared = torch.zeros(n, n, dtype=torch.bool, device=device)
    for name, numbers in names:
        if numbers is not None:
            check_column(name, numbers, n)
            numbers = numbers.to(device)
            shared |= numbers[:, None] == numbers[None, :]
    return shared & off_diagonal(n, device)


@checked
def positive_pairs(
    lower: torch.Tensor,
    upper: torch.Tensor,
    *,
    groups: torch.Tensor | None = None,
    samples: torch.Tensor | None = None,
) -> torch.Tensor:
    """Find the pairs whose embeddings a contrastive loss draws together.

    Parameters
    ----------
    lower, upper : Tensor of shape (B,)
        Ends of the labels.
    groups : Tensor of shape (B,), default=None
        Numbers of bins; two samples of one bin are positive. By default two samples are
        positive if their labels are surely the same: both precise, and equal.
    samples : Tensor of shape (B,), default=None
        Numbers of samples; two views of one sample are positive, too.

    Returns
    -------
    positive : Tensor of shape (B, B), dtype=bool
        Symmetric, false on the diagonal. All other pairs are negative.

    Raises
    ------
    ValueError
        If a shape does not fit, or a label is not an interval.

    Notes
    -----
    Two equal intervals do not say that the labels are the same. Where most labels are intervals,
    give bins, such as the midpoints or the brackets themselves, or two views of each sample.

    Examples
    --------
    >>> import torch
    >>> from vilma.deep.losses import positive_pairs
    >>> lower, upper = torch.tensor([1.0, 1.0, 1.0]), torch.tensor([1.0, 1.0, 2.0])
    >>> positive_pairs(lower, upper).int()
    tensor([[0, 1, 0],
            [1, 0, 0],
            [0, 0, 0]], dtype=torch.int32)
    """
    lower, upper = read_intervals(lower, upper, lower)
    n, device = len(lower), lower.device
    if groups is not None:
        return named_pairs(n, device, ("groups", groups), ("samples", samples))
    _, dmax = pair_distances(lower, upper)
    same = (dmax == 0) & off_diagonal(n, device)
    return same | named_pairs(n, device, ("samples", samples))


def contrast_positives(
    attracted: torch.Tensor, contrasted: torch.Tensor, positive: torch.Tensor
) -> torch.Tensor:
    """Return the supervised contrastive loss of two matrices of logits.

    The loss of anchor i is the mean of ``-log(exp(a_ip) / sum_k exp(c_ik))`` over its positives
    p, where k runs over all others. The result is the mean over the anchors that have a positive,
    and 0 if none has.

    Parameters
    ----------
    attracted : Tensor of shape (B, B)
        The logits a of the numerators.
    contrasted : Tensor of shape (B, B)
        The logits c of the denominators.
    positive : Tensor of shape (B, B), dtype=bool
        As of :func:`positive_pairs`.
    """
    anchors = positive.any(dim=1)
    others = off_diagonal(len(positive), positive.device)
    # A row alone in its batch has nothing to be contrasted with.
    alone = len(positive) == 1
    masked = contrasted if alone else contrasted.masked_fill(~others, -torch.inf)
    n_positive = positive.sum(dim=1).clamp(min=1)
    numerators = attracted.masked_fill(~positive, 0.0).sum(dim=1) / n_positive
    losses = torch.where(anchors, masked.logsumexp(dim=1) - numerators, 0.0)
    return losses.sum() / anchors.sum().clamp(min=1)
