r"""Kernels of the dual coordinate ascent.

A hinge's dual variable lies between 0 and 1 and is its slope. With weights p of sum W,

.. math:: \lambda W w = \sum_i p_i (U_i - L_i) (x_i - \bar x),

U_i and L_i being the sums of an example's dual variables over its upper and its lower hinges. The
centre does not matter where the thresholds' derivatives vanish; it spares the thresholds to
follow a drift of all scores.
"""

from __future__ import annotations

import numpy as np

from vilma._numba import njit
from vilma.design_matrices.rows import row_add, row_dot

_MAX_NEWTON_STEPS = 50
_STEP_ACCURACY = 1e-3  # of an example's own step
_ROUNDING = 1e-13


@njit
def _clip(value):
    """Clip to the range of a dual variable."""
    return 0.0 if value < 0.0 else (1.0 if value > 1.0 else value)


@njit
def _sum_clipped(levels, shift, start, stop):
    """Sum the shifted levels, each clipped; count those that are not at a bound.

    Four sums at a time: one would wait for every addition.
    """
    a = b = c = d = 0.0
    n_free = 0
    whole = start + (stop - start) // 4 * 4
    for j in range(start, whole, 4):
        p = levels[j] + shift
        q = levels[j + 1] + shift
        r = levels[j + 2] + shift
        s = levels[j + 3] + shift
        a += _clip(p)
        b += _clip(q)
        c += _clip(r)
        d += _clip(s)
        n_free += (0.0 < p < 1.0) + (0.0 < q < 1.0) + (0.0 < r < 1.0) + (0.0 < s < 1.0)
    for j in range(whole, stop):
        p = levels[j] + shift
        a += _clip(p)
        n_free += 0.0 < p < 1.0
    return (a + b) + (c + d), n_free


@njit
def _settle(score, pull, stiffness, levels, n_upper, total):
    """Score at which an example's dual variables are the best, the others being fixed.

    The best dual variable of a hinge is ``levels - stiffness * score`` (lower hinges: plus),
    clipped. `total` is the sum now, of the upper less the lower ones; `pull` is what the score
    moves for a step of 1. The root of an increasing, piecewise linear function is found by
    Newton's method between two bounds.
    """
    settled = score
    below = -np.inf
    above = np.inf
    for _ in range(_MAX_NEWTON_STEPS):
        change = stiffness * settled
        upper, n_free_upper = _sum_clipped(levels, -change, 0, n_upper)
        lower, n_free_lower = _sum_clipped(levels, change, n_upper, levels.shape[0])
        error = settled - score - pull * (upper - lower - total)
        tolerated = _STEP_ACCURACY * abs(settled - score) + _ROUNDING * (1.0 + abs(settled))
        if abs(error) <= tolerated:
            break
        if error > 0.0:
            above = settled
            below = max(below, settled - error)
        else:
            below = settled
            above = min(above, settled - error)
        settled -= error / (1.0 + pull * stiffness * (n_free_upper + n_free_lower))
        if not below < settled < above:
            settled = 0.5 * (below + above)
    return settled


@njit
def _relax_order(thresholds, order_duals, k, give):
    """Give the constraint ``thresholds[k] <= thresholds[k + 1]`` its best dual variable."""
    if k < 0 or k >= order_duals.shape[0]:
        return
    violation = thresholds[k] - thresholds[k + 1]
    step = max(0.5 * violation / give, -order_duals[k])
    order_duals[k] += step
    thresholds[k] -= give * step
    thresholds[k + 1] += give * step


@njit
def ascend(rows, hinges, centering, visits, scale, give, state):
    """Visit examples in turn and give each the best dual variables; the thresholds follow.

    `scale` is 1 / (lambda W), `give` what a threshold moves for a weighted step of 1.
    """
    upper_start, upper_stop, lower_start, lower_stop, weights = hinges
    centre_products, centre_norm, squared_norms = centering
    sums, drift, duals, starts, thresholds, order_duals = state
    levels = np.empty(2 * thresholds.shape[0])
    for k in range(order_duals.shape[0]):
        _relax_order(thresholds, order_duals, k, give)
    for k in range(order_duals.shape[0] - 1, -1, -1):
        _relax_order(thresholds, order_duals, k, give)
    for i in visits:
        weight = weights[i]
        shift = drift[1] * (centre_norm - centre_products[i]) - drift[0]
        score = scale * (row_dot(rows, i, sums) + shift)
        own = duals[starts[i] : starts[i + 1]]
        n_upper = upper_stop[i] - upper_start[i]
        upper = thresholds[upper_start[i] : upper_stop[i]]
        lower = thresholds[lower_start[i] : lower_stop[i]]
        stiffness = 1.0 / (weight * give)
        total = 0.0
        for j in range(n_upper):
            levels[j] = own[j] + (1.0 + upper[j]) * stiffness
            total += own[j]
        for j in range(n_upper, own.shape[0]):
            levels[j] = own[j] + (1.0 - lower[j - n_upper]) * stiffness
            total -= own[j]
        pull = weight * scale * squared_norms[i]
        settled = _settle(score, pull, stiffness, levels[: own.shape[0]], n_upper, total)
        change = 0.0
        for j in range(own.shape[0]):
            sign = 1.0 if j < n_upper else -1.0
            best = _clip(levels[j] - sign * stiffness * settled)
            step = sign * (best - own[j])
            if step != 0.0:
                own[j] = best
                change += step
                start = upper_start[i] if j < n_upper else lower_start[i] - n_upper
                thresholds[start + j] -= weight * give * step
                _relax_order(thresholds, order_duals, start + j - 1, give)
                _relax_order(thresholds, order_duals, start + j, give)
        if change != 0.0:
            factor = weight * change
            row_add(rows, i, factor, sums)
            drift[0] += factor * centre_products[i]
            drift[1] += factor


@njit
def balance(hinges, duals, starts, n_thresholds, ordered):
    """Scale the dual variables of each threshold until the thresholds' derivatives vanish.

    With an order constraint, the derivatives' prefix sums need only be <= 0 and their total 0.
    Returns coefficients and offset of a plane, not yet divided by the total weight.
    """
    upper_start, upper_stop, lower_start, _, weights = hinges
    m = weights.shape[0]
    upper = np.zeros(n_thresholds)
    lower = np.zeros(n_thresholds)
    for i in range(m):
        n_upper = upper_stop[i] - upper_start[i]
        own = duals[starts[i] : starts[i + 1]]
        for j in range(own.shape[0]):
            if j < n_upper:
                upper[upper_start[i] + j] += weights[i] * own[j]
            else:
                lower[lower_start[i] + j - n_upper] += weights[i] * own[j]
    upper_share = np.ones(n_thresholds)
    lower_share = np.ones(n_thresholds)
    prefix = np.zeros(n_thresholds)
    before = 0.0
    for k in range(n_thresholds):
        allowed = lower[k] - before
        if upper[k] > allowed:
            upper_share[k] = allowed / upper[k]
            before = 0.0
        else:
            before += upper[k] - lower[k]
        if not ordered:
            if before < 0.0:
                lower_share[k] = upper[k] / lower[k]
            before = 0.0
        prefix[k] = before
    slack = -prefix[n_thresholds - 1]
    for k in range(n_thresholds - 1, -1, -1):
        slack = min(slack, -prefix[k])
        if slack <= 0.0:
            break
        if lower[k] > 0.0:
            less = min(slack, lower[k])
            lower_share[k] = 1.0 - less / lower[k]
            slack -= less
    offset = 0.0
    coefficients = np.zeros(m)
    for i in range(m):
        n_upper = upper_stop[i] - upper_start[i]
        own = duals[starts[i] : starts[i + 1]]
        up = 0.0
        down = 0.0
        for j in range(own.shape[0]):
            if j < n_upper:
                up += own[j] * upper_share[upper_start[i] + j]
            else:
                down += own[j] * lower_share[lower_start[i] + j - n_upper]
        offset += weights[i] * (up + down)
        coefficients[i] = weights[i] * (down - up)
    return coefficients, offset
