"""Cosines, and logarithms of sums over a part of a row, with finite gradients everywhere."""

from __future__ import annotations

from vilma.deep._torch import torch
from vilma.deep.losses._checks import check_matrix, check_number, checked, product

__all__ = ["cosine_logits", "cosines", "log_sum_exp", "unit_rows"]


def unit_rows(values: torch.Tensor) -> torch.Tensor:
    """Return the rows divided by their norms.

    A zero row stays zero. Its gradient is that of the identity, where dividing by a tiny number
    would blow it up.
    """
    squares = values.square().sum(dim=1, keepdim=True)
    return values / torch.where(squares > 0, squares, 1.0).sqrt()


def cosines(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """Return the cosine of every row of `left` (B, d) with every row of `right` (n, d)."""
    return product(unit_rows(left), unit_rows(right).T)


@checked
def cosine_logits(
    images: torch.Tensor, prompts: torch.Tensor, temperature: float | torch.Tensor = 0.07
) -> torch.Tensor:
    """Score images by their cosines with the prompts of classes.

    Parameters
    ----------
    images : Tensor of shape (B, d)
        Embeddings of images, of any norm.
    prompts : Tensor of shape (K, d)
        Embeddings of the prompts of the K classes, of any norm.
    temperature : float or Tensor of shape (), default=0.07
        The temperature tau, positive. A tensor may be learned.

    Returns
    -------
    logits : Tensor of shape (B, K)
        ``a_ik = cos(z_i, w_k) / tau``.

    Raises
    ------
    ValueError
        If a shape does not fit, or the temperature is not positive.

    References
    ----------
    Radford et al.: Learning transferable visual models from natural language supervision, ICML,
    2021.

    Examples
    --------
    >>> import torch
    >>> from vilma.deep.losses import cosine_logits
    >>> cosine_logits(torch.tensor([[2.0, 0.0]]), torch.eye(2), temperature=0.5)
    tensor([[2., 0.]])
    """
    images = check_matrix("images", images)
    prompts = check_matrix("prompts", prompts)
    if images.shape[1] != prompts.shape[1]:
        raise ValueError(
            f"images and prompts should be embedded in the same space, got {images.shape[1]} "
            f"and {prompts.shape[1]} dimensions."
        )
    if not isinstance(temperature, torch.Tensor):
        check_number("temperature", temperature)
    return cosines(images, prompts.to(images)) / temperature


def log_sum_exp(values: torch.Tensor, mask: torch.Tensor, dim: int) -> torch.Tensor:
    """Return the logarithm of the sum of the exponentials where `mask` holds.

    An empty sum gives -inf and has no gradient, where ``torch.logsumexp`` would give NaN.
    """
    empty = ~mask.any(dim=dim, keepdim=True)
    masked = values.masked_fill(~mask, -torch.inf).masked_fill(empty, 0.0)
    return masked.logsumexp(dim=dim).masked_fill(empty.squeeze(dim), -torch.inf)
