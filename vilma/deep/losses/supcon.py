"""Supervised contrastive loss."""

from __future__ import annotations

from vilma.deep._torch import torch
from vilma.deep.losses._checks import check_matrix, check_number, checked
from vilma.deep.losses._labels import read_intervals
from vilma.deep.losses._positives import contrast_positives, positive_pairs
from vilma.deep.losses._similarity import cosines

__all__ = ["supcon_loss"]


@checked
def supcon_loss(
    embeddings: torch.Tensor,
    lower: torch.Tensor,
    upper: torch.Tensor,
    *,
    temperature: float = 0.5,
    groups: torch.Tensor | None = None,
    samples: torch.Tensor | None = None,
) -> torch.Tensor:
    r"""Supervised contrastive loss of a batch.

    Parameters
    ----------
    embeddings : Tensor of shape (B, d)
        Embeddings z, of any norm.
    lower, upper : Tensor of shape (B,)
        Ends of the labels.
    temperature : float, default=0.5
        The temperature tau, positive.
    groups : Tensor of shape (B,), default=None
        Numbers of bins that decide which pairs are positive, see :func:`positive_pairs`.
    samples : Tensor of shape (B,), default=None
        Numbers of samples; views of one sample are positive.

    Returns
    -------
    loss : Tensor of shape ()
        Mean over the anchors that have a positive; 0 if none has.

    Raises
    ------
    ValueError
        If a shape does not fit, a label is not an interval, or the temperature is not positive.

    See Also
    --------
    accon_loss : The same with negatives pushed to the angle that their labels ask for.

    Notes
    -----
    With the cosines :math:`s_{ij}` and the positives :math:`P(i)` of anchor i,

    .. math::

        L_i = -\frac{1}{|P(i)|} \sum_{p \in P(i)}
              \log \frac{\exp(s_{ip} / \tau)}{\sum_{k \neq i} \exp(s_{ik} / \tau)} .

    References
    ----------
    Khosla et al.: Supervised contrastive learning, NeurIPS, 2020, equation 2.

    Examples
    --------
    >>> import torch
    >>> from vilma.deep.losses import supcon_loss
    >>> y = torch.tensor([1.0, 1.0, 2.0])
    >>> supcon_loss(torch.eye(3), y, y)
    tensor(0.6931)
    """
    embeddings = check_matrix("embeddings", embeddings)
    check_number("temperature", temperature)
    lower, upper = read_intervals(lower, upper, embeddings)
    positive = positive_pairs(lower, upper, groups=groups, samples=samples)
    logits = cosines(embeddings, embeddings) / temperature
    return contrast_positives(logits, logits, positive)
