"""What a small interval risk says of the risk on true labels: Theorems 1 and 2 of the paper.

Both need a consistent annotation process: the interval always contains the true label. Neither
holds otherwise, and no data can prove it; true labels can only disprove it.
"""

from __future__ import annotations

import numpy as np

from vilma._numbers import require_number


def zero_one_bound(interval_risk: float, ambiguity_degree: float) -> float:
    """Bound the 0/1 risk on true labels by the interval-insensitive one (Theorem 1).

    ``R <= R_I / (1 - ambiguity_degree)``, for a consistent annotation process. The ambiguity
    degree is the largest probability, over true labels and observations, that one particular
    wrong label is in the interval as well.

    Parameters
    ----------
    interval_risk : float
        Expected interval-insensitive 0/1 loss of a classifier.
    ambiguity_degree : float
        At least 0 and below 1.

    Returns
    -------
    bound : float
        What the risk on true labels cannot exceed; it says nothing from 1 on.

    Raises
    ------
    ValueError
        If the ambiguity degree is not in [0, 1), or the risk not in [0, 1].

    References
    ----------
    Antoniuk, Franc, Hlavac: V-shaped interval insensitive loss for ordinal classification,
    Machine Learning 103, 2016; Theorem 1, after Cour, Sapp, Taskar: Learning from partial
    labels, Journal of Machine Learning Research 12, 2011.

    Examples
    --------
    >>> from vilma.intervals import zero_one_bound
    >>> zero_one_bound(0.1, ambiguity_degree=0.5)
    0.2
    """
    require_number("interval_risk", interval_risk)
    require_number("ambiguity_degree", ambiguity_degree)
    if not 0 <= interval_risk <= 1:
        raise ValueError(f"A 0/1 risk is between 0 and 1, got interval_risk={interval_risk!r}.")
    if not 0 <= ambiguity_degree < 1:
        raise ValueError(
            f"Theorem 1 needs an ambiguity degree of at least 0 and below 1, got "
            f"{ambiguity_degree!r}. At 1, some wrong label is in every interval of some true "
            "label: annotate a share of the examples exactly, or let the intervals slide."
        )
    return interval_risk / (1.0 - ambiguity_degree)


def absolute_error_bound(interval_risk: float, exact_share: float, maximal_width: int) -> float:
    """Bound the absolute error on true labels by the interval-insensitive one (Theorem 2).

    ``R <= R_I + (1 - a) b`` for a consistent annotation process that annotates at least the
    share a of the examples exactly and never by more than b + 1 labels.

    Parameters
    ----------
    interval_risk : float
        Expected interval-insensitive absolute error of a classifier, in steps of the scale.
    exact_share : float
        The share a, between 0 and 1.
    maximal_width : int
        Labels in the widest interval that the process can give, b + 1.

    Returns
    -------
    bound : float
        What the absolute error on true labels cannot exceed, in steps of the scale.

    Raises
    ------
    ValueError
        If the risk is negative or not finite, the share not in [0, 1], or the width below 1.

    References
    ----------
    Antoniuk, Franc, Hlavac: V-shaped interval insensitive loss for ordinal classification,
    Machine Learning 103, 2016; Theorem 2.

    Examples
    --------
    >>> from vilma.intervals import absolute_error_bound
    >>> absolute_error_bound(3.0, exact_share=0.5, maximal_width=5)
    5.0
    """
    require_number("interval_risk", interval_risk)
    require_number("exact_share", exact_share)
    require_number("maximal_width", maximal_width)
    if not (interval_risk >= 0 and np.isfinite(interval_risk)):
        raise ValueError(
            f"An absolute error is finite and not negative, got interval_risk={interval_risk!r}."
        )
    if not 0 <= exact_share <= 1:
        raise ValueError(f"exact_share should be between 0 and 1, got {exact_share!r}.")
    if not (maximal_width >= 1 and float(maximal_width).is_integer()):
        raise ValueError(
            f"maximal_width counts the labels of an interval and is at least 1, got "
            f"{maximal_width!r}."
        )
    return interval_risk + (1.0 - exact_share) * (maximal_width - 1)
