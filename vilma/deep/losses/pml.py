"""Progressive margin loss (PML): the loss and its margins."""

from __future__ import annotations

from typing import Literal

from vilma.deep._torch import torch
from vilma.deep.losses._checks import check_column, check_matrix, checked, product, weighted_mean

__all__ = ["pml_loss", "progressive_margins"]


@checked
def progressive_margins(
    ordinal: torch.Tensor,
    variational: torch.Tensor,
    posterior: torch.Tensor,
    *,
    ordinal_weight: float = 1.0,
    variational_weight: float = 0.1,
) -> torch.Tensor:
    r"""Combine the margins of classes into those of samples.

    Parameters
    ----------
    ordinal : Tensor of shape (K, K)
        Ordinal margins :math:`M_o`, row by row the margins for samples of a class.
    variational : Tensor of shape (K,)
        Variational margins :math:`M_v`.
    posterior : Tensor of shape (B, K)
        Classes of the samples: :func:`interval_posterior`, a unit vector for precise labels.
    ordinal_weight : float, default=1.0
        The factor lambda.
    variational_weight : float, default=0.1
        The factor beta.

    Returns
    -------
    margins : Tensor of shape (B, K)
        :math:`m_i = \lambda M_o[y_i] + \beta M_v`; for intervals the mean over the posterior.

    Raises
    ------
    ValueError
        If a shape does not fit.

    References
    ----------
    Deng et al.: PML: Progressive margin loss for long-tailed age classification, CVPR, 2021,
    equation 11.

    Examples
    --------
    >>> import torch
    >>> from vilma.deep.losses import progressive_margins
    >>> progressive_margins(torch.eye(2), torch.ones(2), torch.tensor([[1.0, 0.0]]))
    tensor([[1.1000, 0.1000]])
    """
    posterior = check_matrix("posterior", posterior)
    n_classes = posterior.shape[1]
    ordinal = check_matrix("ordinal", ordinal, n_rows=n_classes, n_columns=n_classes)
    check_column("variational", variational, n_classes)
    of_pairs, of_classes = product(posterior, ordinal.to(posterior)), variational.to(posterior)
    return ordinal_weight * of_pairs + variational_weight * of_classes


@checked
def pml_loss(
    logits: torch.Tensor,
    targets: torch.Tensor,
    margins: torch.Tensor,
    *,
    form: Literal["ova", "softmax"] = "ova",
    weights: torch.Tensor | None = None,
) -> torch.Tensor:
    r"""Cross entropy of target distributions, with a margin for every class.

    Parameters
    ----------
    logits : Tensor of shape (B, K)
        Scores s of the classes.
    targets : Tensor of shape (B, K)
        Target distributions q, :func:`posterior_targets` of :func:`gaussian_table`.
    margins : Tensor of shape (B, K)
        Margins m, :func:`progressive_margins`.
    form : {"ova", "softmax"}, default="ova"
        Where margins are subtracted: from one class at a time, against all others as they are,
        as in equation 4; or from all scores at once, as in the authors' program.
    weights : Tensor of shape (B,), default=None
        Weights of the samples, with mean 1 over the training data.

    Returns
    -------
    loss : Tensor of shape ()
        Mean of ``-weights * sum_k q_k log yhat_k``. With zero margins both forms are
        :func:`soft_label_loss`.

    Raises
    ------
    ValueError
        If a shape does not fit, or the form is unknown.

    Notes
    -----
    One class at a time,

    .. math::

        \hat y_k = \frac{\exp(s_k - m_k)}{\exp(s_k - m_k) + \sum_{t \neq k} \exp s_t} ,

    which does not sum to 1 over k; at once, :math:`\hat y = softmax(s - m)`.

    References
    ----------
    Deng et al.: PML: Progressive margin loss for long-tailed age classification, CVPR, 2021,
    equations 3 and 4.

    Examples
    --------
    >>> import torch
    >>> from vilma.deep.losses import pml_loss
    >>> pml_loss(torch.zeros(1, 2), torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0, 0.0]]))
    tensor(1.3133)
    """
    if form not in {"ova", "softmax"}:
        raise ValueError(f"form should be 'ova' or 'softmax', got {form!r}.")
    logits = check_matrix("logits", logits)
    n_rows, n_columns = logits.shape
    targets = check_matrix("targets", targets, n_rows=n_rows, n_columns=n_columns).to(logits)
    margins = check_matrix("margins", margins, n_rows=n_rows, n_columns=n_columns).to(logits)
    moved = logits - margins
    if form == "ova":
        log_estimates = moved - torch.logaddexp(moved, _log_sum_exp_of_others(logits))
    else:
        log_estimates = moved.log_softmax(dim=1)
    return weighted_mean(-(targets * log_estimates).sum(dim=1), weights)


def _log_sum_exp_of_others(logits: torch.Tensor) -> torch.Tensor:
    """Return the logarithm of ``sum_{t != k} exp(s_t)`` for every k, shape (B, K).

    From running sums of both sides: taking one term from the full sum would cancel.
    """
    nothing = logits.new_full((len(logits), 1), torch.finfo(logits.dtype).min)
    before = torch.cat([nothing, logits[:, :-1].logcumsumexp(dim=1)], dim=1)
    after = torch.cat([logits[:, 1:].flip(1).logcumsumexp(dim=1).flip(1), nothing], dim=1)
    return torch.logaddexp(before, after)
