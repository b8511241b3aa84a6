"""Weights of labels by how rare they are in the training data.

All have the mean 1 over the training samples. A label that was never seen gets the largest weight
of those that were: it has no sample to weigh, but a validation sample may have it.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy.ndimage import gaussian_filter1d

from vilma.deep._torch import torch
from vilma.deep.losses._checks import check_column, check_number, checked, product, read_counts
from vilma.deep.losses._labels import class_distances, read_class_intervals

__all__ = [
    "class_counts",
    "inverse_weights",
    "lds_weights",
    "sample_weights",
    "sqrt_inverse_weights",
]


@checked
def class_counts(lower: torch.Tensor, upper: torch.Tensor, n_classes: int) -> torch.Tensor:
    """Count the training samples of each class.

    Parameters
    ----------
    lower, upper : Tensor of shape (n,)
        First and last class of each label.
    n_classes : int
        Number of classes K.

    Returns
    -------
    counts : Tensor of shape (K,), dtype=float64
        An interval counts for each of its classes in equal parts.

    Raises
    ------
    ValueError
        If a shape does not fit, or a label is not an interval of classes.

    Examples
    --------
    >>> import torch
    >>> from vilma.deep.losses import class_counts
    >>> class_counts(torch.tensor([0, 0, 2]), torch.tensor([0, 1, 2]), 3)
    tensor([1.5000, 0.5000, 1.0000], dtype=torch.float64)
    """
    first, last = read_class_intervals(lower, upper, n_classes, lower)
    parts = 1.0 / (last - first + 1).double()
    change = torch.zeros(n_classes + 1, dtype=torch.float64, device=first.device)
    change.index_add_(0, first, parts).index_add_(0, last + 1, -parts)
    # Rounded, because sums of equal parts would leave specks where nothing is.
    return change[:-1].cumsum(dim=0).round(decimals=9)


@checked
def inverse_weights(
    counts: torch.Tensor, *, minimum: float = 5.0, maximum: float = 1000.0
) -> torch.Tensor:
    """Weigh labels in inverse proportion to their counts, within limits.

    Parameters
    ----------
    counts : Tensor of shape (K,)
        Training samples of each class.
    minimum, maximum : float, default=5.0 and 1000.0
        Limits that counts are clipped to.

    Returns
    -------
    weights : Tensor of shape (K,), dtype=float64
        ``1 / clip(counts)``, scaled to the mean 1 over the training samples.

    Raises
    ------
    ValueError
        If counts are negative or all zero, or the limits are not as described.

    References
    ----------
    Yang et al.: Delving into deep imbalanced regression, ICML, 2021.

    Examples
    --------
    >>> import torch
    >>> from vilma.deep.losses import inverse_weights
    >>> inverse_weights(torch.tensor([10, 30]))
    tensor([2.0000, 0.6667], dtype=torch.float64)
    """
    counts = read_counts(counts)
    return _inverse(_clip(counts, minimum, maximum), counts)


@checked
def sqrt_inverse_weights(counts: torch.Tensor) -> torch.Tensor:
    """Weigh labels in inverse proportion to the square roots of their counts.

    Parameters
    ----------
    counts : Tensor of shape (K,)
        Training samples of each class.

    Returns
    -------
    weights : Tensor of shape (K,), dtype=float64
        ``1 / sqrt(counts)``, scaled to the mean 1 over the training samples.

    Raises
    ------
    ValueError
        If counts are negative or all zero.

    References
    ----------
    Yang et al.: Delving into deep imbalanced regression, ICML, 2021.

    Examples
    --------
    >>> import torch
    >>> from vilma.deep.losses import sqrt_inverse_weights
    >>> sqrt_inverse_weights(torch.tensor([1, 4]))
    tensor([1.6667, 0.8333], dtype=torch.float64)
    """
    counts = read_counts(counts)
    return _inverse(counts.sqrt(), counts)


@checked
def lds_weights(
    counts: torch.Tensor,
    *,
    base: Literal["sqrt", "clip"] = "sqrt",
    kernel: Literal["gaussian", "triangle", "laplace"] = "gaussian",
    size: int = 5,
    sigma: float = 2.0,
    reflect: bool = False,
) -> torch.Tensor:
    """Weigh labels by label distribution smoothing: neighbours share their counts.

    Parameters
    ----------
    counts : Tensor of shape (K,)
        Training samples of each class.
    base : {"sqrt", "clip"}, default="sqrt"
        What is smoothed: the square roots of the counts, or the counts clipped to 5 to 1000.
    kernel : {"gaussian", "triangle", "laplace"}, default="gaussian"
        Shape of the kernel, 1 in its middle.
    size : int, default=5
        Number of labels under the kernel, odd.
    sigma : float, default=2.0
        Standard deviation of the gaussian kernel, or scale of the laplace one, in labels.
    reflect : bool, default=False
        Fold what the gaussian kernel has beyond its size back inside, as the program released
        with the paper does (.858, .946, 1, .946, .858 by default instead of .607, .882, 1, ...):
        for published tables.

    Returns
    -------
    weights : Tensor of shape (K,), dtype=float64
        The inverses of the smoothed counts, scaled to the mean 1 over the training samples. The
        scale is continued by zeros at its ends.

    Raises
    ------
    ValueError
        If counts are negative or all zero, or a parameter is not as described.

    References
    ----------
    Yang et al.: Delving into deep imbalanced regression, ICML, 2021, section 3.1.

    Examples
    --------
    >>> import torch
    >>> from vilma.deep.losses import lds_weights
    >>> lds_weights(torch.tensor([9, 0, 0, 1]), kernel="triangle", size=3)
    tensor([0.8333, 1.6667, 2.5000, 2.5000], dtype=torch.float64)
    """
    counts = read_counts(counts)
    if base not in {"sqrt", "clip"}:
        raise ValueError(f"base should be 'sqrt' or 'clip', got {base!r}.")
    values = counts.sqrt() if base == "sqrt" else _clip(counts, 5.0, 1000.0)
    window = _kernel(kernel, size, sigma, reflect).to(values)
    smoothed = torch.nn.functional.conv1d(
        values[None, None, :], window[None, None, :], padding=size // 2
    )
    return _inverse(smoothed[0, 0], counts)


@checked
def sample_weights(
    weights: torch.Tensor, lower: torch.Tensor, upper: torch.Tensor
) -> torch.Tensor:
    """Weigh samples by their labels.

    Parameters
    ----------
    weights : Tensor of shape (K,)
        Weights of the classes.
    lower, upper : Tensor of shape (B,)
        First and last class of each label.

    Returns
    -------
    sample_weights : Tensor of shape (B,)
        The weight of the class, for an interval the mean over its classes.

    Raises
    ------
    ValueError
        If a shape does not fit, or a label is not an interval of classes.

    Examples
    --------
    >>> import torch
    >>> from vilma.deep.losses import sample_weights
    >>> sample_weights(torch.tensor([1.0, 2.0]), torch.tensor([0, 1]), torch.tensor([1, 1]))
    tensor([1.5000, 2.0000])
    """
    n_classes = weights.numel()
    check_column("weights", weights, n_classes)
    first, last = read_class_intervals(lower, upper, n_classes, lower)
    allowed = (class_distances(first, last, n_classes) == 0).to(weights)
    return product(allowed, weights) / allowed.sum(dim=1)


def _clip(counts: torch.Tensor, minimum: float, maximum: float) -> torch.Tensor:
    if not 0 < minimum <= maximum:
        raise ValueError(
            f"Expected 0 < minimum <= maximum, got minimum={minimum!r} and maximum={maximum!r}."
        )
    return counts.clamp(minimum, maximum)


def _inverse(values: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
    """Return 1 / values, scaled; values of 0 are replaced by the smallest of labels seen."""
    weights = 1 / values.clamp(min=values[counts > 0].min())
    return weights * counts.sum() / (weights * counts).sum()


def _kernel(kernel: str, size: int, sigma: float, reflect: bool) -> torch.Tensor:
    if size < 1 or size % 2 == 0:
        raise ValueError(f"size should be an odd number of labels, got {size!r}.")
    check_number("sigma", sigma)
    reach = size // 2
    steps = torch.arange(-reach, reach + 1, dtype=torch.float64).abs()
    if reflect:
        if kernel != "gaussian":
            raise ValueError(f"reflect=True is for the gaussian kernel, got kernel={kernel!r}.")
        impulse = np.zeros(size)
        impulse[reach] = 1.0
        folded = gaussian_filter1d(impulse, sigma, mode="reflect")
        return torch.from_numpy(folded / folded.max())
    if kernel == "gaussian":
        return (-0.5 * (steps / sigma) ** 2).exp()
    if kernel == "laplace":
        return (-steps / sigma).exp()
    if kernel == "triangle":
        return 1 - steps / (reach + 1)
    raise ValueError(f"kernel should be 'gaussian', 'triangle' or 'laplace', got {kernel!r}.")
