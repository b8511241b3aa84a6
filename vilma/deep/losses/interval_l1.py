"""Interval-insensitive regression losses."""

from __future__ import annotations

from vilma.deep._torch import torch
from vilma.deep.losses._checks import (
    check_column,
    check_number,
    checked,
    full_precision,
    weighted_mean,
)
from vilma.deep.losses._labels import interval_distances, read_intervals

__all__ = ["focal_r_loss", "interval_l1"]


@checked
def interval_l1(
    predictions: torch.Tensor,
    lower: torch.Tensor,
    upper: torch.Tensor,
    *,
    p: float = 1.0,
    weights: torch.Tensor | None = None,
) -> torch.Tensor:
    r"""Mean distance of predictions to their intervals, or a power of it.

    Parameters
    ----------
    predictions : Tensor of shape (B,)
        Predicted labels.
    lower, upper : Tensor of shape (B,)
        Ends of the labels; ``-inf`` and ``inf`` are open ends.
    p : float, default=1.0
        The power, at least 1: 1 is the absolute error of exact labels, 2 the squared one.
    weights : Tensor of shape (B,), default=None
        Weights of the samples, with mean 1 over the training data.

    Returns
    -------
    loss : Tensor of shape ()
        Mean of ``weights * max(0, lower - prediction, prediction - upper) ** p``.

    Raises
    ------
    ValueError
        If a shape does not fit, a label is not an interval, or p is less than 1.

    References
    ----------
    Antoniuk, Franc, Hlavac: V-shaped interval insensitive loss for ordinal classification,
    Machine Learning 103, 2016, equation 4.

    Examples
    --------
    >>> import torch
    >>> from vilma.deep.losses import interval_l1
    >>> lower, upper = torch.tensor([20.0, 30.0]), torch.tensor([29.0, 30.0])
    >>> interval_l1(torch.tensor([25.0, 33.0]), lower, upper)
    tensor(1.5000)
    """
    check_number("p", p, least=1, strict=False)
    errors = _errors(predictions, lower, upper)
    return weighted_mean(errors if p == 1 else errors**p, weights)


@checked
def focal_r_loss(
    predictions: torch.Tensor,
    lower: torch.Tensor,
    upper: torch.Tensor,
    *,
    beta: float = 0.2,
    gamma: float = 1.0,
    weights: torch.Tensor | None = None,
) -> torch.Tensor:
    r"""Focal-R: the distance to the interval, with small errors counted less.

    Parameters
    ----------
    predictions : Tensor of shape (B,)
        Predicted labels.
    lower, upper : Tensor of shape (B,)
        Ends of the labels.
    beta : float, default=0.2
        How soon an error counts in full, per unit of the labels, positive.
    gamma : float, default=1.0
        How strongly small errors are suppressed, not negative; 0 is :func:`interval_l1`.
    weights : Tensor of shape (B,), default=None
        Weights of the samples, with mean 1 over the training data.

    Returns
    -------
    loss : Tensor of shape ()
        Mean of ``weights * e * (2 sigmoid(beta e) - 1) ** gamma``, e the distance to the interval.

    Raises
    ------
    ValueError
        If a shape does not fit, a label is not an interval, or a parameter is out of its range.

    References
    ----------
    Yang et al.: Delving into deep imbalanced regression, ICML, 2021, section 4.

    Examples
    --------
    >>> import torch
    >>> from vilma.deep.losses import focal_r_loss
    >>> y = torch.tensor([30.0])
    >>> focal_r_loss(torch.tensor([40.0]), y, y)
    tensor(7.6159)
    """
    check_number("beta", beta)
    check_number("gamma", gamma, strict=False)
    errors = _errors(predictions, lower, upper)
    # A power below 1 has an infinite slope at 0: errors of 0 take no part in it.
    wrong = errors > 0
    positive = torch.where(wrong, errors, 1.0)
    focal = positive * (beta * positive / 2).tanh() ** gamma  # tanh(x / 2) = 2 sigmoid(x) - 1
    return weighted_mean(torch.where(wrong, focal, 0.0), weights)


def _errors(predictions: torch.Tensor, lower: torch.Tensor, upper: torch.Tensor) -> torch.Tensor:
    check_column("predictions", predictions, len(lower))
    predictions = full_precision(predictions)
    return interval_distances(predictions, *read_intervals(lower, upper, predictions))
