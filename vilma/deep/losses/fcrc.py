"""Fine-grained cross-modal ranking-based contrastive loss (FCRC)."""

from __future__ import annotations

from typing import Literal

from vilma.deep._torch import torch
from vilma.deep.losses._checks import check_matrix, checked
from vilma.deep.losses._labels import class_distances, read_class_intervals
from vilma.deep.losses._similarity import log_sum_exp
from vilma.deep.losses.soft_targets import interval_posterior

__all__ = ["fcrc_loss"]


@checked
def fcrc_loss(
    logits: torch.Tensor,
    lower: torch.Tensor,
    upper: torch.Tensor,
    *,
    variant: Literal["paper", "numclip"] = "paper",
    posterior: torch.Tensor | None = None,
) -> torch.Tensor:
    r"""Contrast of images and class prompts, negatives weighted by their distance on the scale.

    Parameters
    ----------
    logits : Tensor of shape (B, K)
        Cosines of image embeddings and prompts over the temperature, :func:`cosine_logits`.
    lower, upper : Tensor of shape (B,)
        First and last class of each label.
    variant : {"paper", "numclip"}, default="paper"
        "paper" is equation 1, a weight times the exponential of each negative. "numclip" is the
        program that was released with the published paper: weights multiply logits, the texts are
        compared with a distribution over the batch, and the two losses are added up.
    posterior : Tensor of shape (B, K), default=None
        Parts of the classes in each label, for the texts; no gradient passes. By default
        :func:`interval_posterior` of the logits themselves.

    Returns
    -------
    loss : Tensor of shape ()
        Mean of the losses from image to text and from text to image; their sum for "numclip".

    Raises
    ------
    ValueError
        If a shape does not fit, a label is not an interval of classes, or the variant is unknown.

    Notes
    -----
    With the logits :math:`a_{ik}`, the distance :math:`d_{ik}` of class k to label i, and
    :math:`\lambda_{ik} = n\, d_{ik} / \sum d` over the n negatives of an anchor, whose mean is 1,

    .. math::

        L_i^{image} = -\log \frac{\exp a_{i y_i}}
            {\exp a_{i y_i} + \sum_{k \neq y_i} \lambda_{ik} \exp a_{ik}} , \quad
        L_i^{text} = -\log \frac{\exp a_{i y_i}}
            {\exp a_{i y_i} + \sum_{j: y_j \neq y_i} \lambda_{j y_i} \exp a_{j y_i}} .

    With two classes the first is the cross entropy. The factor beta of equation 2 cancels.

    The released program has :math:`\exp(\lambda_{ik} a_{ik})` in the denominator of the first. Its
    second is a divergence for each of the :math:`K_B` classes k in the batch,

    .. math::

        L^{text} = \frac{1}{K_B} \sum_k \mathrm{KL}\bigl(
            \mathrm{softmax}_i(10\, [y_i = k]) \,\|\, \mathrm{softmax}_i(\mu_{ik} a_{ik}) \bigr) ,

    :math:`\mu_{ik}` = 1 for images of the class, and :math:`(K - 1)\, d_{ik} / \sum_i d_{ik}` for
    others.

    For an interval I, the image's numerator is the sum over the classes in I, and the rest are
    negatives; the text's loss is the mean over the classes in I, weighted by the posterior, and
    its negatives are the images whose labels exclude the class. For "numclip" the posterior takes
    the place of :math:`[y_i = k]`, and a class counts by the smaller of 1 and the sum of its
    posteriors.

    References
    ----------
    RegCLIP: A label-efficient coarse-to-fine learner for ordinal regression, equations 1 and 2;
    published as Du et al.: Teach CLIP to develop a number sense for ordinal regression, ECCV,
    2024.

    Examples
    --------
    >>> import torch
    >>> from vilma.deep.losses import fcrc_loss
    >>> y = torch.tensor([1])
    >>> 2 * fcrc_loss(torch.tensor([[0.0, 0.0]]), y, y)  # no other image: text to image is 0
    tensor(0.6931)
    """
    if variant not in {"paper", "numclip"}:
        raise ValueError(f"variant should be 'paper' or 'numclip', got {variant!r}.")
    logits = check_matrix("logits", logits)
    n_classes = logits.shape[1]
    first, last = read_class_intervals(lower, upper, n_classes, logits)
    distances = class_distances(first, last, n_classes).to(logits)
    negative = distances > 0

    if posterior is None:
        posterior = interval_posterior(logits, first, last)
    posterior = (
        check_matrix("posterior", posterior, n_rows=len(logits), n_columns=n_classes)
        .detach()
        .to(logits)
    )
    against_prompts = log_sum_exp(_weigh(logits, distances, 1, variant), negative, dim=1)
    own_prompts = log_sum_exp(logits, ~negative, dim=1)
    image_to_text = _log1p_exp(against_prompts - own_prompts).mean()
    if variant == "numclip":
        return image_to_text + _divergence_of_texts(logits, distances, posterior)
    against_images = log_sum_exp(_weigh(logits, distances, 0, variant), negative, dim=0)
    text_to_image = (posterior * _log1p_exp(against_images - logits)).sum(dim=1)
    return (image_to_text + text_to_image.mean()) / 2


_SHARPNESS = 10.0  # of the released program's target distributions


def _divergence_of_texts(
    logits: torch.Tensor, distances: torch.Tensor, posterior: torch.Tensor
) -> torch.Tensor:
    """Return the mean over the classes of their divergence from the images of the batch."""
    away = distances.sum(dim=0).clamp(min=1)
    weights = torch.where(distances > 0, (logits.shape[1] - 1) * distances / away, 1.0)
    log_shares = (weights * logits).log_softmax(dim=0)
    log_targets = (_SHARPNESS * posterior).log_softmax(dim=0)
    divergence = (log_targets.exp() * (log_targets - log_shares)).sum(dim=0)
    present = posterior.sum(dim=0).clamp(max=1.0)
    return (present * divergence).sum() / present.sum()


def _weigh(logits: torch.Tensor, distances: torch.Tensor, dim: int, variant: str) -> torch.Tensor:
    """Return the logits of negatives with the weights lambda of the anchors along `dim`."""
    n_negatives = (distances > 0).sum(dim=dim, keepdim=True)
    weights = distances * n_negatives / distances.sum(dim=dim, keepdim=True).clamp(min=1)
    return logits * weights if variant == "numclip" else logits + weights.log()


def _log1p_exp(values: torch.Tensor) -> torch.Tensor:
    # torch's softplus is cut off at 20, an error of 2e-9.
    return torch.logaddexp(values, torch.zeros_like(values))
