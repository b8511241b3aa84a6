"""Ranked contrastive loss (Rank-N-Contrast), for samples or for groups."""

from __future__ import annotations

import math

from vilma.deep._torch import torch
from vilma.deep.losses._checks import check_matrix, checked
from vilma.deep.losses._labels import pair_distances, read_intervals
from vilma.deep.losses._positives import off_diagonal
from vilma.deep.losses._similarity import cosines

__all__ = ["rank_contrast_loss"]


@checked
def rank_contrast_loss(
    embeddings: torch.Tensor,
    lower: torch.Tensor,
    upper: torch.Tensor,
    *,
    temperature: float = 2.5,
) -> torch.Tensor:
    r"""Contrastive loss that orders the similarities of a batch as its labels are ordered.

    Parameters
    ----------
    embeddings : Tensor of shape (B, d)
        Embeddings z, of any norm.
    lower, upper : Tensor of shape (B,)
        Ends of the labels. Indices of groups give the group-wise loss.
    temperature : float, default=2.5
        The temperature tau, at least 0.023 in single precision and 0.0029 in double.

    Returns
    -------
    loss : Tensor of shape ()
        Mean over the ordered pairs; 0 for a batch of one sample.

    Raises
    ------
    ValueError
        If a shape does not fit, a label is not an interval, or the temperature is too small.

    Notes
    -----
    With the cosines :math:`s_{ij}` and the distances :math:`d_{ij}` of the labels,

    .. math::

        L = \frac{-1}{B (B - 1)} \sum_i \sum_{j \neq i} \log \frac{\exp(s_{ij} / \tau)}
            {\sum_{k \neq i,\, d_{ik} \geq d_{ij}} \exp(s_{ik} / \tau)} .

    Of intervals, k has a part in the denominator if it is surely at least as far as j, by
    :math:`dmin_{ik} \geq dmax_{ij}`, or is j itself.

    The denominators of an anchor are partial sums over the others in the order of decreasing
    distance. Sorting and a running sum take O(B^2) memory.

    References
    ----------
    Zha et al.: Rank-N-Contrast: Learning continuous representations for regression, NeurIPS,
    2023, equation 1.

    Examples
    --------
    >>> import torch
    >>> from vilma.deep.losses import rank_contrast_loss
    >>> y = torch.tensor([1.0, 2.0, 4.0])
    >>> rank_contrast_loss(torch.eye(3), y, y)  # a near neighbour has 2 as far, the far one 1
    tensor(0.3466)
    """
    embeddings = check_matrix("embeddings", embeddings)
    _check_temperature(temperature, embeddings.dtype)
    lower, upper = read_intervals(lower, upper, embeddings)
    n = len(embeddings)
    logits = cosines(embeddings, embeddings) / temperature
    denominators = _farther(logits, 1 / temperature, *pair_distances(lower, upper))
    losses = (denominators - logits).masked_fill(~off_diagonal(n, logits.device), 0.0)
    return losses.sum() / max(n * (n - 1), 1)


def _farther(
    logits: torch.Tensor, bound: float, dmin: torch.Tensor, dmax: torch.Tensor
) -> torch.Tensor:
    """Return the logarithm of the denominator for every anchor (row) and positive (column).

    No logit is larger than `bound`, or much less than minus that.
    """
    nearness = -dmin
    nearness.fill_diagonal_(torch.inf)  # the anchor comes last: no denominator reaches it
    nearness, order = nearness.sort(dim=1)
    # Cosines are bounded, so that exponentials neither vanish nor overflow: ten times as fast as a
    # running logarithm.
    running = (logits - bound).exp().gather(1, order).cumsum(dim=1).log() + bound
    count = torch.searchsorted(nearness, -dmax, right=True)  # how many k with dmin_ik >= dmax_ij
    farther = running.gather(1, (count - 1).clamp(min=0)).masked_fill(count == 0, -torch.inf)
    return torch.where(dmin >= dmax, farther, torch.logaddexp(farther, logits))


def _check_temperature(temperature: float, dtype: torch.dtype) -> None:
    """Raise a ValueError unless ``exp(-2 / temperature)`` is a normal number."""
    least = -2 / math.log(torch.finfo(dtype).tiny)
    if not least <= temperature < math.inf:
        raise ValueError(
            f"temperature should be a finite number of at least {least:.2g} for {dtype}, got "
            f"{temperature!r}."
        )
