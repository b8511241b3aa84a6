"""Cost matrices of V-shaped losses."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from vilma._numbers import require_integer
from vilma.losses.distance import NAMED_LOSSES, FloatArray, Loss, distance_loss


def cost_matrix(loss: Loss, n_classes: int) -> FloatArray:
    """Tabulate a V-shaped loss over all pairs of labels.

    The entry ``C[y, t]`` is the cost of predicting the label with code ``y`` where the label
    with code ``t`` is true. A loss is V-shaped if, for every true label, a correct prediction
    costs nothing and the cost grows, weakly, as the prediction moves away to either side. The
    two sides, and different true labels, need not be alike: Definition 1 of the paper asks for
    more, but the surrogates need no more than this.

    Parameters
    ----------
    loss : {"mae", "zero_one", "squared"}, callable or array-like of shape (n_classes, n_classes)
        The name of a loss; a function ``delta`` of the distance ``0 .. n_classes - 1``, in steps
        of the scale, which is called with one int at a time; or the matrix itself.
    n_classes : int
        Number of labels on the scale.

    Returns
    -------
    cost : ndarray of shape (n_classes, n_classes), dtype=float64
        Predicted labels in rows, true labels in columns.

    Raises
    ------
    ValueError
        If the name is unknown, the function or matrix is not V-shaped (the first offending
        entries are named), not finite, or the matrix has another shape.
    TypeError
        If `loss` is none of the three.

    References
    ----------
    Antoniuk, Franc, Hlavac: V-shaped interval insensitive loss for ordinal classification,
    Machine Learning 103, 2016.

    Examples
    --------
    >>> from vilma.losses import cost_matrix
    >>> cost_matrix("mae", 3)
    array([[0., 1., 2.],
           [1., 0., 1.],
           [2., 1., 0.]])
    >>> cost_matrix(lambda d: min(d, 1), 3)
    array([[0., 1., 1.],
           [1., 0., 1.],
           [1., 1., 0.]])
    """
    require_integer("n_classes", n_classes, 1)
    if isinstance(loss, str) or callable(loss):
        codes = np.arange(n_classes)
        return distance_loss(loss, np.abs(codes[:, None] - codes))
    return _read_cost(loss, n_classes)


def _read_cost(loss: ArrayLike, n_classes: int) -> FloatArray:
    """Check a user's cost matrix and return a copy of it."""
    try:
        cost = np.array(loss, dtype=np.float64, order="C")
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"A cost matrix should hold numbers in rows of equal length; got {loss!r}."
        ) from error
    if cost.ndim == 0:
        raise TypeError(
            f"A loss is one of {sorted(NAMED_LOSSES)}, a function of the distance between two "
            f"labels, or a cost matrix of shape {(n_classes, n_classes)}; got {loss!r}."
        )
    if cost.shape != (n_classes, n_classes):
        raise ValueError(
            f"The cost matrix has shape {cost.shape}, but the scale has {n_classes} labels; "
            f"expected shape {(n_classes, n_classes)}, predicted labels in rows and true labels "
            "in columns."
        )
    if not np.isfinite(cost).all():
        y, t = np.argwhere(~np.isfinite(cost))[0]
        raise ValueError(f"Costs should be finite, but cost[{y}, {t}] is {cost[y, t]}.")
    for code in range(n_classes):
        if cost[code, code] != 0:
            raise ValueError(
                "Predicting the true label should cost 0, but "
                f"cost[{code}, {code}] is {cost[code, code]:g}."
            )
    if (cost < 0).any():
        y, t = np.argwhere(cost < 0)[0]
        raise ValueError(f"Costs should not be negative, but cost[{y}, {t}] is {cost[y, t]:g}.")
    _refuse_falling(cost)
    return cost


def _refuse_falling(cost: FloatArray) -> None:
    """Refuse columns whose cost falls on the way from the diagonal to the first or last row."""
    step = np.diff(cost, axis=0)  # step[y, t] = cost[y + 1, t] - cost[y, t]
    y, t = np.indices(step.shape)
    wrong = np.where(y >= t, step < 0, step > 0)
    if wrong.any():
        y, t = np.argwhere(wrong)[0]
        near, far = (y, y + 1) if y >= t else (y + 1, y)
        raise ValueError(
            "Costs should not fall away from the diagonal, but in the column of the true label "
            f"{t}, cost[{near}, {t}] is {cost[near, t]:g} and cost[{far}, {t}] is "
            f"{cost[far, t]:g}."
        )
