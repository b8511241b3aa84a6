r"""The V-shaped surrogate's inner problem as a transportation problem, for few examples.

The dual of the inner problem over the biases says how much :math:`f_{iy}` of the weight of every
example and side goes to which label:

.. math:: \max_{f \ge 0} \sum_{i, y} f_{iy} [\Delta(y, e_i) + s_i (y - e_i)]
          \quad\text{s.t.}\quad \sum_y f_{iy} = p_i,\;\; \sum_i f_{iy} = N_y ,

with :math:`e_i` the endpoint of the side, y only on that side of it, and :math:`N_y` the weight of
the endpoints at label y: the derivative of the loss in :math:`b_y` is the weight that y wins less
:math:`N_y`. The shares :math:`f_{iy} / p_i` are the fractions :math:`\pi^\mp_{iy}` of
``plane.py``. The biases are the potentials of the labels, the dual variables of the second
constraint. Whatever the weights, the flow is balanced exactly, so its plane needs no smoothing.
Newton's method on the smoothed problem stalls where weights differ by orders of magnitude, because
light examples alone may connect heavy labels: a step that balances a heavy label through them is
far too long for everything else.
"""

from __future__ import annotations

import numpy as np

from vilma.surrogates._transport_kernels import FORBIDDEN, UNREACHED, assign
from vilma.surrogates.plane import Plane
from vilma.surrogates.surrogate import LabeledWeights

__all__ = ["solve_transport", "transport_work"]

_UNITS = 2.0**60  # of the total weight; 64-bit integers hold all sums
_GAIN_UNITS = 1e14  # in the largest gain: smaller differences are rounding


def transport_work(labels: LabeledWeights, n_used: int) -> int:
    """Count the steps of a solution, roughly and at most."""
    return (2 * len(labels.weight)) ** 2 * n_used


def solve_transport(
    labels: LabeledWeights,
    cost: np.ndarray,
    used: np.ndarray,
    scores: np.ndarray,
    start: np.ndarray,
) -> tuple[np.ndarray, Plane]:
    """Minimise over the biases exactly.

    Parameters
    ----------
    labels : LabeledWeights
    cost : ndarray of shape (n_classes, n_classes)
    used : ndarray of shape (K,)
        Codes of the labels that may win.
    scores : ndarray of shape (m,)
    start : ndarray of shape (K,)
        Biases to begin with: the nearer to optimal ones, the fewer and the shorter the paths.

    Returns
    -------
    biases : ndarray of shape (K,)
        In the middle of those that are optimal.
    plane : Plane
    """
    below, above = labels.lower > used[0], labels.upper < used[-1]
    rows = np.concatenate([np.flatnonzero(below), np.flatnonzero(above)])
    endpoint = np.concatenate([labels.lower[below], labels.upper[above]])
    sign = np.repeat([-1, 1], [below.sum(), above.sum()])
    known = np.isin(endpoint, used)  # other endpoints have nowhere to go
    rows, endpoint, sign = rows[known], endpoint[known], sign[known]
    home = np.searchsorted(used, endpoint)
    supply = labels.weight[rows]
    step = used - endpoint[:, None]
    own_cost = cost[used][:, endpoint].T
    allowed = sign[:, None] * step >= 0
    gain = np.where(allowed, own_cost + scores[rows, None] * step, -np.inf)
    # Sums of integers do not round: the flow is balanced exactly, for weights that differ from the
    # given ones by less than the rounding of their sum.
    n_labels = len(used)
    unit = supply.sum() / _UNITS
    units = np.rint(supply / unit).astype(np.int64)
    room = np.zeros(n_labels, np.int64)
    np.add.at(room, home, units)
    unit_gain = max(np.abs(gain[allowed]).max(initial=0.0) / _GAIN_UNITS, np.finfo(float).tiny)
    whole_gain = np.full(gain.shape, FORBIDDEN)
    whole_gain[allowed] = np.rint(gain[allowed] / unit_gain)
    flow = np.zeros(gain.shape, np.int64)
    largest = n_labels * _GAIN_UNITS
    whole_potential = np.rint(np.clip((start - start[0]) / unit_gain, -largest, largest))
    whole_potential = whole_potential.astype(np.int64)
    assign(
        whole_gain,
        units,
        room,
        flow,
        whole_potential,
        *(np.full((n_labels, n_labels), UNREACHED) for _ in range(2)),
        *(np.empty(n_labels, np.int64) for _ in range(5)),
    )
    potential = whole_potential * unit_gain
    share = flow * unit
    total = labels.weight.sum()
    score_gradient = np.bincount(rows, (share * step).sum(axis=1), len(scores)) / total
    offset = float((share * own_cost).sum() / total)
    return _middle(gain + potential, flow, potential), Plane(score_gradient, offset)


def _middle(reduced: np.ndarray, flow: np.ndarray, potential: np.ndarray) -> np.ndarray:
    """Mean of the largest and the smallest optimal potentials, the first label's being fixed."""
    # A potential may rise over another until an example at the other gains by changing over.
    slack = np.full((len(potential), len(potential)), np.inf)
    for p in range(len(potential)):
        at = flow[:, p] > 0.0
        if at.any():
            slack[p] = np.maximum((reduced[at, p][:, None] - reduced[at]).min(axis=0), 0.0)
    finite = np.isfinite(slack)
    slack[~finite] = slack[finite].max(initial=0.0)
    rise, fall = slack[0].copy(), slack[:, 0].copy()
    rise[0] = fall[0] = 0.0
    for _ in potential:
        rise = np.minimum(rise, (rise[:, None] + slack).min(axis=0))
        fall = np.minimum(fall, (slack + fall).min(axis=1))
    return potential + 0.5 * (rise - fall)
