r"""Convex surrogates of interval-insensitive losses, on one projection and thresholds.

These are what the linear estimators minimise, without their minimum over the thresholds: with the
scores :math:`s_i = \langle z_i, w \rangle` of any embedding z and the thresholds
:math:`\theta_0, \dots, \theta_{K-2}` between the K classes, the estimators' objective is

.. math:: \min_{w, \theta} \frac{\alpha}{2} \|w\|^2
          + \frac{1}{\sum_i p_i} \sum_i p_i\, \ell(s_i, \theta; l_i, u_i) .

On a fixed embedding a network that adds the penalty minimises the same function.
"""

from __future__ import annotations

from vilma.deep._torch import torch
from vilma.deep.losses._checks import (
    check_column,
    check_matrix,
    checked,
    full_precision,
    weighted_mean,
)
from vilma.deep.losses._labels import read_class_intervals

__all__ = ["iisvor_exp_loss", "iisvor_imc_loss", "vilma_loss"]


@checked
def iisvor_imc_loss(
    scores: torch.Tensor,
    thresholds: torch.Tensor,
    lower: torch.Tensor,
    upper: torch.Tensor,
    *,
    weights: torch.Tensor | None = None,
) -> torch.Tensor:
    r"""Implicit hinges, at every threshold outside the interval (II-SVOR-IMC).

    Parameters
    ----------
    scores : Tensor of shape (B,)
        Projections s.
    thresholds : Tensor of shape (K - 1,)
        Thresholds between neighbouring classes. No order is asked for: a minimiser has it.
    lower, upper : Tensor of shape (B,)
        First and last class of each label.
    weights : Tensor of shape (B,), default=None
        Weights of the samples, with mean 1 over the training data.

    Returns
    -------
    loss : Tensor of shape ()
        Mean of the loss, which bounds the distance of the predicted class to the interval.

    Raises
    ------
    ValueError
        If a shape does not fit, or a label is not an interval of classes.

    See Also
    --------
    vilma.IISVOR_IMC : Minimises it over w and the thresholds, with a certificate.

    Notes
    -----
    .. math:: \ell = \sum_{k < l} \max(0, 1 - s + \theta_k)
                   + \sum_{k \ge u} \max(0, 1 + s - \theta_k)

    References
    ----------
    Antoniuk, Franc, Hlavac: V-shaped interval insensitive loss for ordinal classification,
    Machine Learning 103, 2016, section 4.

    Examples
    --------
    >>> import torch
    >>> from vilma.deep.losses import iisvor_imc_loss
    >>> thresholds = torch.tensor([-1.0, 1.0])
    >>> iisvor_imc_loss(torch.tensor([0.5]), thresholds, torch.tensor([1]), torch.tensor([2]))
    tensor(0.)
    >>> iisvor_imc_loss(torch.tensor([0.5]), thresholds, torch.tensor([2]), torch.tensor([2]))
    tensor(1.5000)
    """
    scores, thresholds, first, last = _read(scores, thresholds, lower, upper)
    number = torch.arange(len(thresholds), device=scores.device)
    above = scores[:, None] - thresholds  # how far a score is above each threshold
    below_interval = (1 - above).relu() * (number < first[:, None])
    above_interval = (1 + above).relu() * (number >= last[:, None])
    return weighted_mean((below_interval + above_interval).sum(dim=1), weights)


@checked
def iisvor_exp_loss(
    scores: torch.Tensor,
    thresholds: torch.Tensor,
    lower: torch.Tensor,
    upper: torch.Tensor,
    *,
    weights: torch.Tensor | None = None,
) -> torch.Tensor:
    r"""Explicit hinges, at the two thresholds next to the interval (II-SVOR-EXP).

    Parameters
    ----------
    scores : Tensor of shape (B,)
        Projections s.
    thresholds : Tensor of shape (K - 1,)
        Thresholds between neighbouring classes. The learning problem asks for nondecreasing ones,
        which is for the caller to see to.
    lower, upper : Tensor of shape (B,)
        First and last class of each label.
    weights : Tensor of shape (B,), default=None
        Weights of the samples, with mean 1 over the training data.

    Returns
    -------
    loss : Tensor of shape ()
        Mean of the loss, which bounds the share of predictions outside of the intervals.

    Raises
    ------
    ValueError
        If a shape does not fit, or a label is not an interval of classes.

    See Also
    --------
    vilma.IISVOR_EXP : Minimises it over w and the thresholds, with a certificate.

    Notes
    -----
    .. math:: \ell = \max(0, 1 - s + \theta_{l-1}) + \max(0, 1 + s - \theta_u)

    Terms of thresholds beyond the ends of the scale are 0.

    References
    ----------
    Antoniuk, Franc, Hlavac: V-shaped interval insensitive loss for ordinal classification,
    Machine Learning 103, 2016, section 4.

    Examples
    --------
    >>> import torch
    >>> from vilma.deep.losses import iisvor_exp_loss
    >>> thresholds = torch.tensor([-1.0, 1.0])
    >>> iisvor_exp_loss(torch.tensor([-1.5]), thresholds, torch.tensor([2]), torch.tensor([2]))
    tensor(3.5000)
    """
    scores, thresholds, first, last = _read(scores, thresholds, lower, upper)
    n_thresholds = len(thresholds)
    under = thresholds[(first - 1).clamp(min=0)]
    over = thresholds[last.clamp(max=n_thresholds - 1)]
    below_interval = (1 - scores + under).relu() * (first > 0)
    above_interval = (1 + scores - over).relu() * (last < n_thresholds)
    return weighted_mean(below_interval + above_interval, weights)


@checked
def vilma_loss(
    scores: torch.Tensor,
    thresholds: torch.Tensor,
    lower: torch.Tensor,
    upper: torch.Tensor,
    *,
    cost: torch.Tensor | None = None,
    weights: torch.Tensor | None = None,
) -> torch.Tensor:
    r"""Margin-rescaled bound of a V-shaped interval-insensitive loss (VILMA).

    Parameters
    ----------
    scores : Tensor of shape (B,)
        Projections s.
    thresholds : Tensor of shape (K - 1,)
        Differences :math:`\theta_k = b_k - b_{k+1}` of the biases b of the MORD classifier
        :math:`\arg\max_y s y + b_y`, in any order.
    lower, upper : Tensor of shape (B,)
        First and last class of each label.
    cost : Tensor of shape (K, K), default=None
        :math:`\Delta(y, y')` in row y and column y', growing away from the diagonal, as
        :func:`vilma.losses.cost_matrix` makes it; by default ``|y - y'|``.
    weights : Tensor of shape (B,), default=None
        Weights of the samples, with mean 1 over the training data.

    Returns
    -------
    loss : Tensor of shape ()
        Mean of the loss, which bounds the V-shaped loss of the predicted class.

    Raises
    ------
    ValueError
        If a shape does not fit, or a label is not an interval of classes.

    See Also
    --------
    vilma.VILMA : Minimises it over w and the biases, with a certificate.

    Notes
    -----
    .. math:: \ell = \max_{y \le l} [\Delta(y, l) + s (y - l) + b_y - b_l]
                   + \max_{y \ge u} [\Delta(y, u) + s (y - u) + b_y - b_u]

    References
    ----------
    Antoniuk, Franc, Hlavac: V-shaped interval insensitive loss for ordinal classification,
    Machine Learning 103, 2016, section 5.

    Examples
    --------
    >>> import torch
    >>> from vilma.deep.losses import vilma_loss
    >>> thresholds, y = torch.tensor([-1.0, 1.0]), torch.tensor([2])
    >>> vilma_loss(torch.tensor([0.5]), thresholds, y, y)
    tensor(1.5000)
    """
    scores, thresholds, first, last = _read(scores, thresholds, lower, upper)
    n_classes = len(thresholds) + 1
    labels = torch.arange(n_classes, device=scores.device)
    if cost is None:
        cost = (labels[:, None] - labels).abs()
    else:
        cost = check_matrix("cost", cost, n_rows=n_classes, n_columns=n_classes)
    biases = torch.cat([thresholds.new_zeros(1), -thresholds.cumsum(dim=0)])
    of_labels = scores[:, None] * labels + biases

    def worst(end: torch.Tensor, allowed: torch.Tensor) -> torch.Tensor:
        own = of_labels.gather(1, end[:, None])
        violation = cost.T[end].to(scores) + of_labels - own
        return violation.masked_fill(~allowed, -torch.inf).amax(dim=1)

    below = worst(first, labels <= first[:, None])
    above = worst(last, labels >= last[:, None])
    return weighted_mean(below + above, weights)


def _read(
    scores: torch.Tensor, thresholds: torch.Tensor, lower: torch.Tensor, upper: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    check_column("scores", scores, len(lower))
    check_column("thresholds", thresholds, thresholds.numel())
    scores = full_precision(scores)
    first, last = read_class_intervals(lower, upper, len(thresholds) + 1, scores)
    return scores, thresholds.to(scores), first, last
