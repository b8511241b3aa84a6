"""Soft labels: target distributions of precise and interval labels, and their cross entropy.

A table Q of shape (K, K) holds in row c the target distribution of class c. A precise label
takes its row. An interval takes the mean of the rows of its classes: in equal parts, or as the
model itself divides them, ``softmax`` of the logits restricted to the interval.
"""

from __future__ import annotations

from vilma.deep._torch import torch
from vilma.deep.losses._checks import check_matrix, checked, product, weighted_mean
from vilma.deep.losses._labels import class_distances, read_class_intervals

__all__ = [
    "interval_posterior",
    "posterior_targets",
    "soft_label_loss",
    "soft_targets",
]


@checked
def soft_targets(lower: torch.Tensor, upper: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
    """Make targets of labels, the classes of an interval in equal parts.

    Parameters
    ----------
    lower, upper : Tensor of shape (B,)
        First and last class of each label.
    table : Tensor of shape (K, K)
        Target distribution of each class.

    Returns
    -------
    targets : Tensor of shape (B, K)
        Mean of the rows of the table over each interval.

    Raises
    ------
    ValueError
        If a shape does not fit, or a label is not an interval of classes.

    See Also
    --------
    posterior_targets : Classes of an interval in the parts that the model gives them.

    Examples
    --------
    >>> import torch
    >>> from vilma.deep.losses import soft_targets
    >>> soft_targets(torch.tensor([0, 1]), torch.tensor([1, 1]), torch.eye(3))
    tensor([[0.5000, 0.5000, 0.0000],
            [0.0000, 1.0000, 0.0000]])
    """
    table = check_matrix("table", table, n_columns=len(table))
    first, last = read_class_intervals(lower, upper, len(table), lower)
    allowed = class_distances(first, last, len(table)).to(table.device) == 0
    return product(allowed.to(table) / allowed.sum(dim=1, keepdim=True), table)


@checked
def interval_posterior(
    logits: torch.Tensor, lower: torch.Tensor, upper: torch.Tensor
) -> torch.Tensor:
    """What the model thinks of the classes that a label allows.

    Parameters
    ----------
    logits : Tensor of shape (B, K)
        Logits of the classes.
    lower, upper : Tensor of shape (B,)
        First and last class of each label.

    Returns
    -------
    posterior : Tensor of shape (B, K)
        Softmax of the logits restricted to the interval, 0 outside, without a gradient; exactly
        0 and 1 for precise labels.

    Raises
    ------
    ValueError
        If a shape does not fit, or a label is not an interval of classes.

    Examples
    --------
    >>> import torch
    >>> from vilma.deep.losses import interval_posterior
    >>> interval_posterior(torch.zeros(1, 3), torch.tensor([1]), torch.tensor([2]))
    tensor([[0.0000, 0.5000, 0.5000]])
    """
    logits = check_matrix("logits", logits).detach()
    n_classes = logits.shape[1]
    first, last = read_class_intervals(lower, upper, n_classes, logits)
    return logits.masked_fill(class_distances(first, last, n_classes) > 0, -torch.inf).softmax(
        dim=1
    )


@checked
def posterior_targets(
    logits: torch.Tensor, lower: torch.Tensor, upper: torch.Tensor, table: torch.Tensor
) -> torch.Tensor:
    """Make targets of labels, the classes of an interval in the parts that the model gives them.

    Parameters
    ----------
    logits : Tensor of shape (B, K)
        Logits of the classes.
    lower, upper : Tensor of shape (B,)
        First and last class of each label.
    table : Tensor of shape (K, K)
        Target distribution of each class.

    Returns
    -------
    targets : Tensor of shape (B, K)
        The posterior r of :func:`interval_posterior` times the table, without a gradient; the
        row of the table for precise labels.

    Raises
    ------
    ValueError
        If a shape does not fit, or a label is not an interval of classes.

    Notes
    -----
    With the unit matrix as the table, the gradient of the cross entropy with these targets is
    that of ``-log(p(lower) + ... + p(upper))``: the likelihood of the interval.

    Examples
    --------
    >>> import torch
    >>> from vilma.deep.losses import posterior_targets, symmetric_table
    >>> y = torch.tensor([1])
    >>> posterior_targets(torch.zeros(1, 3), y, y, symmetric_table(3))
    tensor([[0.2119, 0.5761, 0.2119]])
    """
    posterior = interval_posterior(logits, lower, upper)
    n_classes = posterior.shape[1]
    table = check_matrix("table", table, n_rows=n_classes, n_columns=n_classes)
    return product(posterior, table.to(posterior))


@checked
def soft_label_loss(
    logits: torch.Tensor, targets: torch.Tensor, *, weights: torch.Tensor | None = None
) -> torch.Tensor:
    """Cross entropy of target distributions.

    Parameters
    ----------
    logits : Tensor of shape (B, K)
        Logits of the classes.
    targets : Tensor of shape (B, K)
        Target distributions q.
    weights : Tensor of shape (B,), default=None
        Weights of the samples, with mean 1 over the training data.

    Returns
    -------
    loss : Tensor of shape ()
        Mean of ``-weights * sum_k q_k log softmax(logits)_k``.

    Raises
    ------
    ValueError
        If a shape does not fit.

    Examples
    --------
    >>> import torch
    >>> from vilma.deep.losses import soft_label_loss
    >>> soft_label_loss(torch.zeros(2, 4), torch.full((2, 4), 0.25))
    tensor(1.3863)
    """
    logits = check_matrix("logits", logits)
    targets = check_matrix("targets", targets, n_rows=len(logits), n_columns=logits.shape[1])
    return weighted_mean(-(targets.to(logits) * logits.log_softmax(dim=1)).sum(dim=1), weights)
