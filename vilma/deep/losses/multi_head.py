"""One regressor for each group of labels, under a classifier of the groups.

Groups are consecutive parts of the scale, given by the G - 1 edges between them; an edge belongs
to the group above it, and the first and the last group are open.
"""

from __future__ import annotations

from vilma.deep._torch import torch
from vilma.deep.losses._checks import (
    all_hold,
    check_matrix,
    check_number,
    checked,
    full_precision,
    weighted_mean,
)
from vilma.deep.losses._labels import interval_distances, read_intervals
from vilma.deep.losses.soft_targets import interval_posterior

__all__ = ["group_edges", "group_labels", "multi_head_loss", "multi_head_predict"]


@checked
def group_edges(
    minimum: float,
    width: float,
    n_groups: int,
    *,
    dtype: torch.dtype | None = None,
    device: torch.device | str | None = None,
) -> torch.Tensor:
    """Cut a scale into groups of equal width.

    Parameters
    ----------
    minimum : float
        Smallest label.
    width : float
        Width of a group, in the unit of the labels, positive.
    n_groups : int
        Number of groups G, at least 1.
    dtype : torch.dtype, default=None
        Type of the edges; by default torch's.
    device : torch.device or str, default=None
        Where the edges lie.

    Returns
    -------
    edges : Tensor of shape (G - 1,)
        ``minimum + width, ..., minimum + (G - 1) width``, so that the group of a label y is
        ``min(floor((y - minimum) / width), G - 1)``.

    Raises
    ------
    ValueError
        If the width is not positive, or there is no group.

    Examples
    --------
    >>> from vilma.deep.losses import group_edges
    >>> group_edges(0, 20, 4)
    tensor([20., 40., 60.])
    """
    check_number("width", width)
    check_number("n_groups", n_groups, least=1, strict=False)
    steps = torch.arange(1, n_groups, dtype=dtype or torch.get_default_dtype(), device=device)
    return minimum + width * steps


@checked
def group_labels(
    lower: torch.Tensor, upper: torch.Tensor, edges: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Find the groups that labels touch.

    Parameters
    ----------
    lower, upper : Tensor of shape (B,)
        Ends of the labels.
    edges : Tensor of shape (G - 1,)
        Increasing edges between the groups.

    Returns
    -------
    first, last : Tensor of shape (B,), dtype=int64
        Indices of the first and the last group of each label, for the losses of classes.

    Raises
    ------
    ValueError
        If a shape does not fit, a label is not an interval, or the edges do not increase.

    Examples
    --------
    >>> import torch
    >>> from vilma.deep.losses import group_labels
    >>> edges = torch.tensor([20.0, 40.0])
    >>> group_labels(torch.tensor([20.0, 15.0]), torch.tensor([20.0, 45.0]), edges)
    (tensor([1, 0]), tensor([1, 2]))
    """
    lower, upper = read_intervals(lower, upper, lower)
    edges = _read_edges(edges, lower)
    return _group_of(lower, edges), _group_of(upper, edges)


@checked
def multi_head_loss(
    class_logits: torch.Tensor,
    regressions: torch.Tensor,
    lower: torch.Tensor,
    upper: torch.Tensor,
    edges: torch.Tensor,
    *,
    p: float = 1.0,
    weights: torch.Tensor | None = None,
) -> torch.Tensor:
    r"""Regression loss of the heads of the groups.

    Parameters
    ----------
    class_logits : Tensor of shape (B, G)
        Logits of the groups. They only divide intervals among heads: no gradient passes.
    regressions : Tensor of shape (B, G)
        Labels :math:`\phi_g` that the heads predict.
    lower, upper : Tensor of shape (B,)
        Ends of the labels.
    edges : Tensor of shape (G - 1,)
        Increasing edges between the G groups, see :func:`group_edges`.
    p : float, default=1.0
        Power of the errors, at least 1.
    weights : Tensor of shape (B,), default=None
        Weights of the samples, with mean 1 over the training data.

    Returns
    -------
    loss : Tensor of shape ()
        The loss of the heads alone; that of the classifier is :func:`soft_label_loss`.

    Raises
    ------
    ValueError
        If a shape does not fit, a label is not an interval, the edges do not increase, or p is
        less than 1.

    Notes
    -----
    A precise label trains the head of its group with :math:`|\phi_g - y|^p`. An interval trains
    those of all groups it touches, each towards its own part of [l, u]:

    .. math::

        L_i = \sum_g r_{ig} \max(0, l_{ig} - \phi_{ig}, \phi_{ig} - u_{ig})^p ,

    r the posterior of the groups restricted to those touched, :func:`interval_posterior`.

    References
    ----------
    Unleashing the potential of classification with semantic similarity for deep imbalanced
    regression, supplementary material: heads of groups.

    Examples
    --------
    >>> import torch
    >>> from vilma.deep.losses import multi_head_loss
    >>> y, edges = torch.tensor([25.0]), torch.tensor([20.0])
    >>> multi_head_loss(torch.zeros(1, 2), torch.tensor([[3.0, 27.0]]), y, y, edges)
    tensor(2.)
    """
    edges = _read_edges(edges, regressions)
    n_groups = len(edges) + 1
    class_logits = check_matrix("class_logits", class_logits, n_columns=n_groups)
    regressions = check_matrix(
        "regressions", regressions, n_rows=len(class_logits), n_columns=n_groups
    )
    check_number("p", p, least=1, strict=False)
    lower, upper = read_intervals(lower, upper, regressions)
    posterior = interval_posterior(class_logits, _group_of(lower, edges), _group_of(upper, edges))
    open_end = edges.new_tensor([torch.inf])
    start = torch.maximum(lower[:, None], torch.cat([-open_end, edges]))
    stop = torch.minimum(upper[:, None], torch.cat([edges, open_end]))
    # Groups that the label does not touch have start > stop, and the posterior 0.
    errors = interval_distances(regressions, start, torch.maximum(start, stop))
    return weighted_mean((posterior * errors**p).sum(dim=1), weights)


@checked
def multi_head_predict(
    class_logits: torch.Tensor, regressions: torch.Tensor, *, soft: bool = False
) -> torch.Tensor:
    """Predict labels by the heads of the groups.

    Parameters
    ----------
    class_logits : Tensor of shape (B, G)
        Logits of the groups.
    regressions : Tensor of shape (B, G)
        Labels that the heads predict.
    soft : bool, default=False
        Whether all heads are averaged with the probabilities of their groups; otherwise the head
        of the most probable group decides.

    Returns
    -------
    predictions : Tensor of shape (B,)
        Predicted labels.

    Raises
    ------
    ValueError
        If a shape does not fit.

    Examples
    --------
    >>> import torch
    >>> from vilma.deep.losses import multi_head_predict
    >>> multi_head_predict(torch.tensor([[0.0, 1.0]]), torch.tensor([[3.0, 27.0]]))
    tensor([27.])
    """
    class_logits = check_matrix("class_logits", class_logits)
    n_rows, n_columns = class_logits.shape
    regressions = check_matrix("regressions", regressions, n_rows=n_rows, n_columns=n_columns)
    if soft:
        return (class_logits.softmax(dim=1) * regressions).sum(dim=1)
    return regressions.gather(1, class_logits.argmax(dim=1, keepdim=True)).squeeze(1)


def _read_edges(edges: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    if edges.ndim != 1 or not all_hold(edges.diff() > 0):
        raise ValueError(f"edges should be one row of increasing numbers, got {edges.tolist()}.")
    return edges.detach().to(full_precision(like))


def _group_of(labels: torch.Tensor, edges: torch.Tensor) -> torch.Tensor:
    return torch.bucketize(labels.contiguous(), edges, right=True)
