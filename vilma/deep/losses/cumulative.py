r"""Losses of cumulative probabilities: CORAL, CORN and the cumulative link model.

All are likelihoods of P(y > k), k = 0, ..., K - 2. A label [l, u] says that y > k for k < l and
that y <= k for k >= u, and nothing of the thresholds between.
"""

from __future__ import annotations

from typing import Literal

from vilma.deep._torch import torch
from vilma.deep.losses._checks import (
    check_column,
    check_matrix,
    checked,
    full_precision,
    weighted_mean,
)
from vilma.deep.losses._labels import read_class_intervals

__all__ = ["LINKS", "clm_log_probabilities", "clm_loss", "coral_loss", "corn_loss"]

LinkName = Literal["logit", "probit", "cloglog"]
LINKS = ("logit", "probit", "cloglog")


@checked
def coral_loss(
    logits: torch.Tensor,
    lower: torch.Tensor,
    upper: torch.Tensor,
    *,
    weights: torch.Tensor | None = None,
) -> torch.Tensor:
    r"""Binary cross entropies of the thresholds outside the interval (CORAL).

    Parameters
    ----------
    logits : Tensor of shape (B, K - 1)
        Logits f of y > k. In CORAL they differ by biases only: one weight vector for all.
    lower, upper : Tensor of shape (B,)
        First and last class of each label.
    weights : Tensor of shape (B,), default=None
        Weights of the samples, with mean 1 over the training data.

    Returns
    -------
    loss : Tensor of shape ()
        Mean over the samples of the sum over the thresholds.

    Raises
    ------
    ValueError
        If a shape does not fit, or a label is not an interval of classes.

    Notes
    -----
    .. math:: L_i = -\sum_{k < l_i} \log \sigma(f_{ik})
                    - \sum_{k \ge u_i} \log (1 - \sigma(f_{ik}))

    References
    ----------
    Cao, Mirjalili, Raschka: Rank consistent ordinal regression for neural networks with
    application to age estimation, Pattern Recognition Letters 140, 2020, equation 4.

    Examples
    --------
    >>> import torch
    >>> from vilma.deep.losses import coral_loss
    >>> y = torch.tensor([1])
    >>> coral_loss(torch.zeros(1, 3), y, y)  # three decisions by chance
    tensor(2.0794)
    """
    logits, first, last, number = _read(logits, lower, upper)
    log_sigmoid = torch.nn.functional.logsigmoid
    exceeded = -log_sigmoid(logits) * (number < first[:, None])
    not_reached = -log_sigmoid(-logits) * (number >= last[:, None])
    return weighted_mean((exceeded + not_reached).sum(dim=1), weights)


@checked
def corn_loss(
    logits: torch.Tensor,
    lower: torch.Tensor,
    upper: torch.Tensor,
    *,
    weights: torch.Tensor | None = None,
) -> torch.Tensor:
    r"""Likelihood of the interval by conditional probabilities (CORN).

    Parameters
    ----------
    logits : Tensor of shape (B, K - 1)
        Logits f of y > k, given that y > k - 1.
    lower, upper : Tensor of shape (B,)
        First and last class of each label.
    weights : Tensor of shape (B,), default=None
        Weights of the samples, with mean 1 over the training data.

    Returns
    -------
    loss : Tensor of shape ()
        Mean of the negative log-likelihoods.

    Raises
    ------
    ValueError
        If a shape does not fit, or a label is not an interval of classes.

    Notes
    -----
    With :math:`P(y > k) = \prod_{j \le k} \sigma(f_{ij})`,

    .. math:: L_i = -\log [P(y > l_i - 1) - P(y > u_i)]
                  = -\sum_{k < l_i} \log \sigma(f_{ik})
                    - \log \Bigl( 1 - \prod_{k = l_i}^{u_i} \sigma(f_{ik}) \Bigr) ,

    without the last term if :math:`u_i` is the last class. For precise labels these are CORN's
    cross entropies of the thresholds up to the label. CORN divides their sum by their number over
    the batch, here it is divided by the number of samples.

    References
    ----------
    Shi, Cao, Raschka: Deep neural networks for rank-consistent ordinal regression based on
    conditional probabilities, Pattern Analysis and Applications 26, 2023.

    Examples
    --------
    >>> import torch
    >>> from vilma.deep.losses import corn_loss
    >>> y = torch.tensor([1])
    >>> corn_loss(torch.zeros(1, 3), y, y)  # beyond class 0, and not beyond class 1
    tensor(1.3863)
    """
    logits, first, last, number = _read(logits, lower, upper)
    log_conditional = torch.nn.functional.logsigmoid(logits)
    zero = log_conditional.new_zeros(())
    exceeded = torch.where(number < first[:, None], log_conditional, zero).sum(dim=1)
    inside = (number >= first[:, None]) & (number <= last[:, None])
    log_beyond = torch.where(inside, log_conditional, zero).sum(dim=1)
    open_above = last == logits.shape[1]
    # An open end has no such term, and log(1 - 1) would have no gradient.
    stopped = _log1m_exp(torch.where(open_above, -1.0, log_beyond))
    return weighted_mean(-exceeded - torch.where(open_above, zero, stopped), weights)


@checked
def clm_log_probabilities(
    scores: torch.Tensor,
    thresholds: torch.Tensor,
    *,
    link: LinkName = "logit",
) -> torch.Tensor:
    r"""Return the log-probabilities of the classes in a cumulative link model.

    Parameters
    ----------
    scores : Tensor of shape (B,)
        Projections s.
    thresholds : Tensor of shape (K - 1,)
        Increasing thresholds.
    link : {"logit", "probit", "cloglog"}, default="logit"
        The distribution F, as for :func:`clm_loss`.

    Returns
    -------
    log_probabilities : Tensor of shape (B, K)
        :math:`\log [F(\theta_k - s) - F(\theta_{k-1} - s)]`.

    Raises
    ------
    ValueError
        If a shape does not fit, or the link is unknown.

    Examples
    --------
    >>> import torch
    >>> from vilma.deep.losses import clm_log_probabilities
    >>> clm_log_probabilities(torch.zeros(1), torch.tensor([0.0])).exp()
    tensor([[0.5000, 0.5000]])
    """
    _check_scores(scores, thresholds)
    classes = torch.arange(len(thresholds) + 1, device=scores.device).repeat(len(scores), 1)
    repeated = scores[:, None].expand_as(classes)
    flat = classes.flatten()
    return _interval_log_likelihood(
        repeated.flatten(), thresholds.to(scores), flat, flat, link
    ).view_as(classes)


@checked
def clm_loss(
    scores: torch.Tensor,
    thresholds: torch.Tensor,
    lower: torch.Tensor,
    upper: torch.Tensor,
    *,
    link: LinkName = "logit",
    weights: torch.Tensor | None = None,
) -> torch.Tensor:
    r"""Likelihood of the interval in a cumulative link model (CLM).

    Parameters
    ----------
    scores : Tensor of shape (B,)
        Projections s.
    thresholds : Tensor of shape (K - 1,)
        Increasing thresholds.
    lower, upper : Tensor of shape (B,)
        First and last class of each label.
    link : {"logit", "probit", "cloglog"}, default="logit"
        F is the logistic distribution (proportional odds), the normal one, or
        :math:`1 - \exp(-\exp(x))` (proportional hazards).
    weights : Tensor of shape (B,), default=None
        Weights of the samples, with mean 1 over the training data.

    Returns
    -------
    loss : Tensor of shape ()
        Mean of the negative log-likelihoods.

    Raises
    ------
    ValueError
        If a shape does not fit, a label is not an interval of classes, or the link is unknown.

    Notes
    -----
    .. math:: L_i = -\log [F(\theta_{u_i} - s_i) - F(\theta_{l_i - 1} - s_i)]

    with F = 0 and 1 beyond the ends of the scale.

    References
    ----------
    McCullagh: Regression models for ordinal data, Journal of the Royal Statistical Society B 42,
    1980. Vargas, Gutierrez, Hervas-Martinez: Cumulative link models for deep ordinal
    classification, Neurocomputing 401, 2020.

    Examples
    --------
    >>> import torch
    >>> from vilma.deep.losses import clm_loss
    >>> y = torch.tensor([0])
    >>> clm_loss(torch.zeros(1), torch.tensor([0.0, 1.0]), y, y)
    tensor(0.6931)
    """
    check_column("scores", scores, len(lower))
    check_column("thresholds", thresholds, thresholds.numel())
    scores = full_precision(scores)
    first, last = read_class_intervals(lower, upper, len(thresholds) + 1, scores)
    found = _interval_log_likelihood(scores, thresholds.to(scores), first, last, link)
    return weighted_mean(-found, weights)


def _check_scores(scores: torch.Tensor, thresholds: torch.Tensor) -> None:
    if scores.ndim != 1 or not scores.is_floating_point():
        raise TypeError(
            "scores should be one floating-point number for each row, got the shape "
            f"{tuple(scores.shape)} of {scores.dtype}."
        )
    if thresholds.ndim != 1:
        raise ValueError(f"thresholds should have one dimension, got {tuple(thresholds.shape)}.")


def _interval_log_likelihood(
    scores: torch.Tensor,
    thresholds: torch.Tensor,
    first: torch.Tensor,
    last: torch.Tensor,
    link: str,
) -> torch.Tensor:
    """Return ``log[F(b) - F(a)]``, a and b the thresholds around each interval less the score.

    Terms of open ends are taken at 0 and left out afterwards: an infinite one has no gradient.
    """
    if link not in LINKS:
        raise ValueError(f"link should be 'logit', 'probit' or 'cloglog', got {link!r}.")
    n_thresholds = len(thresholds)
    has_below, has_above = first > 0, last < n_thresholds
    zero = scores.new_zeros(())
    a = torch.where(has_below, thresholds[(first - 1).clamp(min=0)] - scores, zero)
    b = torch.where(has_above, thresholds[last.clamp(max=n_thresholds - 1)] - scores, zero)
    if link == "logit":
        log_upper, log_lower_rest = _logsigmoid(b), _logsigmoid(-a)
        # F(b) - F(a) = F(b) F(-a) (1 - exp(a - b))
        both = log_upper + log_lower_rest + _log1m_exp(_negative(a - b))
    elif link == "probit":
        log_upper, log_lower_rest = _log_ndtr(b), _log_ndtr(-a)
        # On the side of the tail that the interval is in, so that nothing cancels.
        right = a + b > 0
        large = torch.where(right, _log_ndtr(-a), _log_ndtr(b))
        small = torch.where(right, _log_ndtr(-b), _log_ndtr(a))
        both = large + _log1m_exp(_negative(small - large))
    else:
        log_upper, log_lower_rest = _log1m_exp(_negative(-b.exp())), -a.exp()
        both = -a.exp() + _log1m_exp(_negative(a.exp() - b.exp()))
    one_sided = torch.where(has_above, log_upper, torch.where(has_below, log_lower_rest, zero))
    return torch.where(has_below & has_above, both, one_sided)


_logsigmoid = torch.nn.functional.logsigmoid
_log_ndtr = torch.special.log_ndtr


def _negative(values: torch.Tensor) -> torch.Tensor:
    """Return numbers kept away from 0, where ``log(1 - exp(x))`` is infinite."""
    return values.clamp(max=-torch.finfo(values.dtype).eps)


def _log1m_exp(values: torch.Tensor) -> torch.Tensor:
    """Return ``log(1 - exp(x))`` of negative numbers, without cancellation on either side."""
    values = _negative(values)
    near = values > -0.6931
    close = torch.where(near, values, -1.0).expm1().neg().log()
    far = torch.where(near, -1.0, values).exp().neg().log1p()
    return torch.where(near, close, far)


def _read(
    logits: torch.Tensor, lower: torch.Tensor, upper: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    logits = check_matrix("logits", logits)
    n_thresholds = logits.shape[1]
    first, last = read_class_intervals(lower, upper, n_thresholds + 1, logits)
    return logits, first, last, torch.arange(n_thresholds, device=logits.device)
