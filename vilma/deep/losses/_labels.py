"""Interval labels as tensors: checked once, and compared pair by pair.

A label is a closed interval [l, u]; it is precise if l = u. Of two labels only bounds of their
distance are known::

    dmin(i, j) = max(0, l_j - u_i, l_i - u_j)        the least that they can differ
    dmax(i, j) = max(u_j - l_i, u_i - l_j)           the most

Both are |y_i - y_j| for precise labels. Open ends are infinite and need no special care.
"""

from __future__ import annotations

from vilma.deep._torch import torch
from vilma.deep.losses._checks import all_hold, check_column, full_precision

__all__ = [
    "class_distances",
    "interval_distances",
    "pair_distances",
    "read_class_intervals",
    "read_intervals",
]


def read_intervals(
    lower: torch.Tensor, upper: torch.Tensor, like: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Check labels on the real scale, and bring them to the precision and device of `like`.

    Parameters
    ----------
    lower, upper : Tensor of shape (B,)
        Ends of the intervals; ``-inf`` and ``inf`` are open ends.
    like : Tensor of shape (B, ...)
        What the labels belong to.

    Returns
    -------
    lower, upper : Tensor of shape (B,)
        The same numbers, at least in single precision; torch's default if `like` has integers.

    Raises
    ------
    ValueError
        If a shape does not fit, or a row holds NaN, an end beyond all numbers, or a lower end
        above its upper one.
    """
    check_column("lower", lower, len(like))
    check_column("upper", upper, len(like))
    dtype = full_precision(like).dtype if like.is_floating_point() else torch.get_default_dtype()
    lower = lower.detach().to(device=like.device, dtype=dtype)
    upper = upper.detach().to(device=like.device, dtype=dtype)
    good = (lower <= upper) & (lower < torch.inf) & (upper > -torch.inf)
    if not all_hold(good):
        row = int((~good).nonzero()[0, 0])
        raise ValueError(
            f"Each label should be an interval with lower <= upper, but row {row} has "
            f"lower={lower[row].item():g} and upper={upper[row].item():g}."
        )
    return lower, upper


def read_class_intervals(
    lower: torch.Tensor, upper: torch.Tensor, n_classes: int, like: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Check labels that are class indices, and bring them to the device of `like`.

    Parameters
    ----------
    lower, upper : Tensor of shape (B,)
        First and last class that each label allows, whole numbers of any type.
    n_classes : int
        Number of classes K.
    like : Tensor of shape (B, ...)
        What the labels belong to.

    Returns
    -------
    lower, upper : Tensor of shape (B,), dtype=int64
        The same indices.

    Raises
    ------
    ValueError
        If a shape does not fit, or a row holds a number that is not one of 0 to K - 1, or a
        lower end above its upper one.
    """
    check_column("lower", lower, len(like))
    check_column("upper", upper, len(like))
    first = lower.detach().to(device=like.device)
    last = upper.detach().to(device=like.device)
    whole = (first == first.floor()) & (last == last.floor())
    good = whole & (first >= 0) & (first <= last) & (last < n_classes)
    if not all_hold(good):
        row = int((~good).nonzero()[0, 0])
        raise ValueError(
            f"Each label should be a pair of class indices with 0 <= lower <= upper < "
            f"{n_classes}, but row {row} has lower={first[row].item():g} and "
            f"upper={last[row].item():g}."
        )
    return first.long(), last.long()


def pair_distances(lower: torch.Tensor, upper: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the least and the largest possible distance of every two labels.

    Parameters
    ----------
    lower, upper : Tensor of shape (B,)
        Checked labels.

    Returns
    -------
    dmin, dmax : Tensor of shape (B, B)
        Symmetric; `dmax` has the width of each label on its diagonal.
    """
    ahead = lower[None, :] - upper[:, None]
    dmin = torch.maximum(ahead, ahead.T).clamp(min=0)
    span = upper[None, :] - lower[:, None]
    return dmin, torch.maximum(span, span.T)


def interval_distances(
    predictions: torch.Tensor, lower: torch.Tensor, upper: torch.Tensor
) -> torch.Tensor:
    """Return how far each prediction is from its interval, 0 inside; the shapes are broadcast."""
    return (lower - predictions).relu() + (predictions - upper).relu()


def class_distances(lower: torch.Tensor, upper: torch.Tensor, n_classes: int) -> torch.Tensor:
    """Return the distance of each class to each label.

    Parameters
    ----------
    lower, upper : Tensor of shape (B,), dtype=int64
        Checked class indices.
    n_classes : int
        Number of classes K.

    Returns
    -------
    distances : Tensor of shape (B, K), dtype=int64
        ``max(0, l_i - k, k - u_i)``: 0 for the classes that the label allows.
    """
    classes = torch.arange(n_classes, device=lower.device)
    return torch.maximum(lower[:, None] - classes, classes - upper[:, None]).clamp(min=0)
