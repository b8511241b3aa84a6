"""Angle-compensated contrastive loss (ACCon)."""

from __future__ import annotations

import math

from vilma.deep._torch import torch
from vilma.deep.losses._checks import all_hold, check_matrix, check_number, checked
from vilma.deep.losses._labels import pair_distances, read_intervals
from vilma.deep.losses._positives import contrast_positives, positive_pairs
from vilma.deep.losses._similarity import cosines

__all__ = ["accon_loss"]


@checked
def accon_loss(
    embeddings: torch.Tensor,
    lower: torch.Tensor,
    upper: torch.Tensor,
    label_range: float,
    *,
    temperature: float = 0.5,
    groups: torch.Tensor | None = None,
    samples: torch.Tensor | None = None,
    eps: float = 1e-6,
) -> torch.Tensor:
    r"""Angle-compensated contrastive loss of a batch.

    Every pair of negatives is pushed to the angle that its labels ask for, from 0 for equal
    labels to pi for the two ends of the scale, and no further.

    Parameters
    ----------
    embeddings : Tensor of shape (B, d)
        Embeddings z, of any norm.
    lower, upper : Tensor of shape (B,)
        Ends of the labels.
    label_range : float
        Difference R of the largest and the smallest label there is, in the unit of the labels;
        not that of the batch.
    temperature : float, default=0.5
        The temperature tau, positive.
    groups : Tensor of shape (B,), default=None
        Numbers of bins that decide which pairs are positive, see :func:`positive_pairs`. The
        angles of negatives come from the labels all the same.
    samples : Tensor of shape (B,), default=None
        Numbers of samples; views of one sample are positive.
    eps : float, default=1e-6
        What is added under the root of equation 7, positive, so that its slope stays finite.

    Returns
    -------
    loss : Tensor of shape ()
        Mean over the anchors that have a positive; 0 if none has.

    Raises
    ------
    ValueError
        If a shape does not fit, a label is not an interval, labels are further apart than
        `label_range`, or a parameter is out of its range.

    See Also
    --------
    supcon_loss : What this is if all negatives are `label_range` apart, or none exist.

    Notes
    -----
    With the cosine :math:`s = \cos\theta` of a pair of negatives and the angle
    :math:`\Delta = \pi |y_i - y_m| / R`, the compensated angle is
    :math:`\tilde\theta = \theta + \pi - \Delta`, and equation 7 of the paper becomes

    .. math::

        \cos\tilde\theta = -s \cos\Delta - \sin\Delta \sqrt{\max(1 - s^2, 0) + \epsilon} ,

    which is smallest at :math:`\theta = \Delta`. It takes the place of s in the supervised
    contrastive loss (equations 4 and 5). The paper prints epsilon outside the root, where it
    would not bound the gradient.

    Intervals leave a range of angles, :math:`[\Delta_{min}, \Delta_{max}]`. The similarity is
    then :math:`-\cos\rho`, :math:`\rho` the distance of :math:`\theta` to the range: the formula
    above with the nearer end, and -1 without a gradient inside.

    References
    ----------
    Zhao et al.: ACCon: Angle-compensated contrastive regularizer for deep regression, AAAI, 2025,
    equations 3 to 7.

    Examples
    --------
    >>> import torch
    >>> from vilma.deep.losses import accon_loss
    >>> z = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    >>> y = torch.tensor([20.0, 20.0, 60.0])
    >>> accon_loss(z, y, y, label_range=80)  # a right angle is half of the range
    tensor(0.0181)
    """
    embeddings = check_matrix("embeddings", embeddings)
    check_number("label_range", label_range)
    check_number("temperature", temperature)
    check_number("eps", eps)
    lower, upper = read_intervals(lower, upper, embeddings)
    positive = positive_pairs(lower, upper, groups=groups, samples=samples)
    dmin, dmax = pair_distances(lower, upper)
    _refuse_wider(dmin, label_range)
    least = (math.pi / label_range) * dmin
    most = (math.pi / label_range) * dmax
    similarity = cosines(embeddings, embeddings)
    compensated = _compensate(similarity, least.clamp(max=math.pi), most.clamp(max=math.pi), eps)
    contrasted = torch.where(positive, similarity, compensated)
    return contrast_positives(similarity / temperature, contrasted / temperature, positive)


def _compensate(
    similarity: torch.Tensor, least: torch.Tensor, most: torch.Tensor, eps: float
) -> torch.Tensor:
    """Return ``-cos(distance of the angle to [least, most])`` without taking an arc cosine."""
    nearest_least, nearest_most = least.cos(), most.cos()
    sine = ((1 - similarity.square()).clamp(min=0) + eps).sqrt()
    # A precise pair has no inside: rounding must not turn its smooth minimum into a flat spot.
    under = (similarity > nearest_least) | (least == most)
    over = similarity < nearest_most
    to_least = -similarity * nearest_least - least.sin() * sine
    to_most = -similarity * nearest_most - most.sin() * sine
    return torch.where(under, to_least, torch.where(over, to_most, -1.0))


def _refuse_wider(dmin: torch.Tensor, label_range: float) -> None:
    if not all_hold(dmin <= label_range * (1 + 1e-6)):
        row, other = divmod(int(dmin.argmax()), len(dmin))
        raise ValueError(
            f"label_range should be the range of all labels, got {label_range:g}, but the labels "
            f"of rows {row} and {other} are {dmin[row, other].item():g} apart."
        )
