"""Tables of target distributions: row c of a table of shape (K, K) is the target of class c."""

from __future__ import annotations

from vilma.deep._torch import torch
from vilma.deep.losses._checks import check_number, checked, read_counts

__all__ = ["asymmetric_table", "gaussian_table", "symmetric_table"]


@checked
def symmetric_table(
    n_classes: int,
    *,
    beta: float = 1.0,
    dtype: torch.dtype | None = None,
    device: torch.device | str | None = None,
) -> torch.Tensor:
    """Target distributions that fall off exponentially on both sides.

    Parameters
    ----------
    n_classes : int
        Number of classes, or groups, K.
    beta : float, default=1.0
        How fast they fall off, per class, not negative.
    dtype : torch.dtype, default=None
        Type of the table; by default torch's.
    device : torch.device or str, default=None
        Where the table lies.

    Returns
    -------
    table : Tensor of shape (K, K)
        ``Q[c] = softmax(-beta |k - c|)``.

    Raises
    ------
    ValueError
        If beta is negative, or there is no class.

    References
    ----------
    Diaz and Marathe: Soft labels for ordinal regression, CVPR, 2019.

    Examples
    --------
    >>> from vilma.deep.losses import symmetric_table
    >>> symmetric_table(3)[1]
    tensor([0.2119, 0.5761, 0.2119])
    """
    check_number("beta", beta, strict=False)
    return (-beta * _distances(n_classes, dtype, device)).softmax(dim=1)


@checked
def asymmetric_table(
    counts: torch.Tensor,
    *,
    beta: float = 1.0,
    dtype: torch.dtype | None = None,
    device: torch.device | str | None = None,
) -> torch.Tensor:
    """Symmetric targets that give less to frequent neighbours.

    Parameters
    ----------
    counts : Tensor of shape (K,)
        Training samples of each class, as of :func:`class_counts`.
    beta : float, default=1.0
        How fast the targets fall off, per class, not negative.
    dtype : torch.dtype, default=None
        Type of the table; by default torch's.
    device : torch.device or str, default=None
        Where the table lies.

    Returns
    -------
    table : Tensor of shape (K, K)
        The symmetric table, its entries off the diagonal times ``1 - n_k / N``, its rows
        divided by their sums.

    Raises
    ------
    ValueError
        If counts are negative or all zero, or beta is negative.

    References
    ----------
    Unleashing the potential of classification with semantic similarity for deep imbalanced
    regression, supplementary material: soft labels of groups.

    Examples
    --------
    >>> import torch
    >>> from vilma.deep.losses import asymmetric_table
    >>> asymmetric_table(torch.tensor([80, 10, 10]))[1]
    tensor([0.0524, 0.7119, 0.2357])
    """
    counts = read_counts(counts)
    table = symmetric_table(len(counts), beta=beta, dtype=dtype, device=device)
    rarity = 1 - (counts / counts.sum()).to(table)
    own = torch.eye(len(counts), dtype=torch.bool, device=table.device)
    table = torch.where(own, table, table * rarity)
    return table / table.sum(dim=1, keepdim=True)


@checked
def gaussian_table(
    n_classes: int,
    *,
    sigma: float = 2.0,
    dtype: torch.dtype | None = None,
    device: torch.device | str | None = None,
) -> torch.Tensor:
    """Target distributions in the shape of a normal density.

    Parameters
    ----------
    n_classes : int
        Number of classes K.
    sigma : float, default=2.0
        Standard deviation, in classes, positive.
    dtype : torch.dtype, default=None
        Type of the table; by default torch's.
    device : torch.device or str, default=None
        Where the table lies.

    Returns
    -------
    table : Tensor of shape (K, K)
        ``exp(-(k - c)^2 / (2 sigma^2))``, its rows divided by their sums.

    Raises
    ------
    ValueError
        If sigma is not positive, or there is no class.

    References
    ----------
    Deng et al.: PML: Progressive margin loss for long-tailed age classification, CVPR, 2021,
    equation 1.

    Examples
    --------
    >>> from vilma.deep.losses import gaussian_table
    >>> gaussian_table(3, sigma=1.0)[1]
    tensor([0.2741, 0.4519, 0.2741])
    """
    check_number("sigma", sigma)
    return (-0.5 * (_distances(n_classes, dtype, device) / sigma) ** 2).softmax(dim=1)


def _distances(
    n_classes: int, dtype: torch.dtype | None, device: torch.device | str | None
) -> torch.Tensor:
    check_number("n_classes", n_classes, least=1, strict=False)
    classes = torch.arange(n_classes, dtype=dtype or torch.get_default_dtype(), device=device)
    return (classes[:, None] - classes[None, :]).abs()
