r"""Losses whose V-shaped surrogate (VILMA) is a sum of hinges, one per threshold.

**Condition.** Labels are codes from 0, e is an endpoint. Let the costs be such that every step
away from the endpoint costs a margin of the endpoint and one of the step,

.. math:: \Delta(k, e) - \Delta(k + 1, e) = a^-_e + g_k \;(k < e), \qquad
          \Delta(k + 1, e) - \Delta(k, e) = a^+_e - g_k \;(k \ge e),

with the same :math:`g_k` on both sides. Examples:

- absolute error, also with other costs above than below the label: :math:`a^-_e = a`,
  :math:`a^+_e = c`, :math:`g_k = 0`;
- squared error :math:`(k - e)^2`: :math:`a^-_e = 2 e - 1`, :math:`a^+_e = 1 - 2 e`,
  :math:`g_k = -2 k`;
- any sum of these.

**Statement.** With :math:`\theta_k = b_k - b_{k+1}` and :math:`\theta'_k = \theta_k + g_k`,
minimised over the biases, the surrogate V of the V-shaped loss has the value of

.. math:: \sum_i p_i \Bigl( \sum_{k < l_i} \max(0, a^-_{l_i} - s_i + \theta'_k)
          + \sum_{k \ge u_i} \max(0, a^+_{u_i} + s_i - \theta'_k) \Bigr).

and every minimiser of this sum H minimises V. (Not the reverse: where no example ends at a label,
V is the same however low that label's bias is.) For the absolute error this is Proposition 2 of
the paper: the hinges are those of II-SVOR-IMC.

**Proof.** Going from label k + 1 to k changes what stands in the lower maximum of VILMA by
:math:`a^-_l - s + \theta'_k`, so the lower maximum is the largest of the sums of these gains over
:math:`k = y, \dots, l - 1`, at most the sum of their positive parts; likewise the upper one. So
H is never below V, and where :math:`\theta'` is nondecreasing the gains fall with the distance
from the endpoint and the two are equal. H has such a minimiser: the smallest minimisers of the
thresholds ascend with k, and so do the largest, for from k to k + 1 hinges below drop out and
hinges above come in, and breakpoints :math:`s_i - a^-_{l_i}`, :math:`s_i + a^+_{u_i}` do not
depend on k. It is left to show that V has no smaller value elsewhere, that is, that the slopes
that balance H at its minimiser make a subgradient of V. Both minima are continuous in the
breakpoints, so these may be taken as distinct. V's slopes are those of H where an example's slopes
do not grow with the distance from its endpoint. Slopes of 1 and 0 do not, as :math:`\theta'`
ascends. Only one example can lie on the breakpoint that equal thresholds share; its slope balances
the weight of the hinges below and above that are not cut off, which falls and grows with k, so the
slope of a hinge below grows with k, towards the endpoint, and that of one above falls.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

__all__ = ["Margins", "find_margins"]

_ROUNDING = 8 * np.finfo(np.float64).eps  # of the largest cost: how far the condition may fail


class Margins(NamedTuple):
    """Margins of the hinges whose sum is the surrogate."""

    below: np.ndarray  # (n_classes,) a^-_e, by lower endpoint
    above: np.ndarray  # (n_classes,) a^+_e, by upper endpoint
    step: np.ndarray  # (n_classes - 1,) g_k

    @staticmethod
    def equal(margin: float, n_classes: int) -> Margins:
        """Return one margin for all hinges; 1 makes them II-SVOR-IMC's."""
        ends = np.full(n_classes, margin)
        return Margins(ends, ends, np.zeros(n_classes - 1))


def find_margins(cost: np.ndarray) -> Margins | None:
    """Return the margins of a loss, None if it has none.

    Parameters
    ----------
    cost : ndarray of shape (n_classes, n_classes)
        ``cost[y, y_true]``.

    Returns
    -------
    Margins or None
        With :math:`g_0 = 0`: all else then follows from the costs.
    """
    n = len(cost)
    if n < 2:
        return None
    rise = np.diff(cost, axis=0)  # from label k to k + 1, by endpoint
    step = rise[0, -1] - rise[:, -1]  # g_k, with g_0 = 0
    below, above = -rise[0], rise[-1] + step[-1]
    below[0], above[-1] = below[1], above[-2]  # no step is below the first label or above the last
    k, endpoint = np.arange(n - 1)[:, None], np.arange(n)
    expected = np.where(k < endpoint, -(below + step[:, None]), above - step[:, None])
    if np.abs(expected - rise).max() > _ROUNDING * cost.max():
        return None
    return Margins(below, above, step)
