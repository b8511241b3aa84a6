r"""Kernels of the dual coordinate ascent.

A hinge's dual variable lies between 0 and 1 and is its slope. With weights p of sum W,

.. math:: \lambda W w = \sum_i p_i (U_i - L_i) (x_i - \bar x),

U_i and L_i being the sums of an example's dual variables over its upper and its lower hinges. The
centre does not matter where the thresholds' derivatives vanish; it spares the thresholds to
follow a drift of all scores.

What belongs to an example lies in one row of two arrays, `places` and `numbers`: examples come in
random order, and every array would be another wait for memory. Columns of `places`: where its
dual variables begin, and how many there are; upper ones, which come first; the threshold of the
first upper hinge; that of the first lower one, less the upper ones; the window, outside of
which all dual variables are 0. Columns of `numbers`: weight, product of the row with the mean
row, squared norm of their difference.
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
def _settle(score, pull, stiffness, thresholds, bounds, hinges, duals, window, levels):
    """Score at which an example's dual variables are the best, the others being fixed.

    The best dual variable of a hinge is ``levels - stiffness * score`` (lower hinges: plus),
    clipped. `pull` is what the score moves for a step of 1. The root of an increasing, piecewise
    linear function is found by Newton's method between two bounds.

    Outside the window all dual variables are 0 and stay so; it is widened for every score that is
    tried, until the thresholds beyond are too far away by their `bounds`.
    """
    ceiling, floor = bounds
    n_upper, upper_start, lower_start = hinges
    first, last = window
    total = 0.0
    for j in range(first, n_upper):
        levels[j] = duals[j] + (1.0 + thresholds[upper_start + j]) * stiffness
        total += duals[j]
    for j in range(n_upper, last):
        levels[j] = duals[j] + (1.0 - thresholds[lower_start + j]) * stiffness
        total -= duals[j]
    settled = score
    below = -np.inf
    above = np.inf
    for _ in range(_MAX_NEWTON_STEPS):
        while first > 0 and ceiling[upper_start + first - 1] > settled - 1.0:
            first -= 1
            levels[first] = (1.0 + thresholds[upper_start + first]) * stiffness
        while last < duals.shape[0] and floor[lower_start + last] < settled + 1.0:
            levels[last] = (1.0 - thresholds[lower_start + last]) * stiffness
            last += 1
        change = stiffness * settled
        upper, n_free_upper = _sum_clipped(levels, -change, first, n_upper)
        lower, n_free_lower = _sum_clipped(levels, change, n_upper, last)
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
    return settled, (first, last)


@njit
def _bound_thresholds(thresholds, bounds):
    """Write the largest threshold up to each, and the smallest from each on."""
    ceiling, floor = bounds
    for k in range(thresholds.shape[0]):
        ceiling[k] = thresholds[k] if k == 0 else max(ceiling[k - 1], thresholds[k])
    for k in range(thresholds.shape[0] - 1, -1, -1):
        floor[k] = thresholds[k]
        if k + 1 < thresholds.shape[0]:
            floor[k] = min(floor[k + 1], thresholds[k])


@njit
def _widen_bounds(thresholds, bounds, k):
    """Let the bounds hold again after threshold k has moved; they need not be tight."""
    ceiling, floor = bounds
    q = k
    while q < thresholds.shape[0] and ceiling[q] < thresholds[k]:
        ceiling[q] = thresholds[k]
        q += 1
    q = k
    while q >= 0 and floor[q] > thresholds[k]:
        floor[q] = thresholds[k]
        q -= 1


@njit
def _relax_order(thresholds, bounds, order_duals, k, give):
    """Give the constraint ``thresholds[k] <= thresholds[k + 1]`` its best dual variable."""
    if k < 0 or k >= order_duals.shape[0]:
        return
    violation = thresholds[k] - thresholds[k + 1]
    step = max(0.5 * violation / give, -order_duals[k])
    if step == 0.0:
        return
    order_duals[k] += step
    thresholds[k] -= give * step
    thresholds[k + 1] += give * step
    _widen_bounds(thresholds, bounds, k)
    _widen_bounds(thresholds, bounds, k + 1)


@njit
def ascend(rows, numbers, centre_norm, visits, scale, give, state):
    """Visit examples in turn and give each the best dual variables; the thresholds follow.

    `scale` is 1 / (lambda W), `give` what a threshold moves for a weighted step of 1.
    """
    sums, drift, duals, places, thresholds, order_duals = state
    ordered = order_duals.shape[0] > 0
    levels = np.empty(2 * thresholds.shape[0])
    bounds = np.empty_like(thresholds), np.empty_like(thresholds)
    _bound_thresholds(thresholds, bounds)
    for k in range(order_duals.shape[0]):
        _relax_order(thresholds, bounds, order_duals, k, give)
    for k in range(order_duals.shape[0] - 1, -1, -1):
        _relax_order(thresholds, bounds, order_duals, k, give)
    for i in visits:
        weight, centre_product = numbers[i, 0], numbers[i, 1]
        shift = drift[1] * (centre_norm - centre_product) - drift[0]
        score = scale * (row_dot(rows, i, sums) + shift)
        own = duals[places[i, 0] : places[i, 0] + places[i, 1]]
        n_upper, upper_start, lower_start = places[i, 2], places[i, 3], places[i, 4]
        stiffness = 1.0 / (weight * give)
        settled, (first, last) = _settle(
            score,
            weight * scale * numbers[i, 2],
            stiffness,
            thresholds,
            bounds,
            (n_upper, upper_start, lower_start),
            own,
            (places[i, 5], places[i, 6]),
            levels,
        )
        change = 0.0
        for j in range(first, last):
            sign = 1.0 if j < n_upper else -1.0
            best = _clip(levels[j] - sign * stiffness * settled)
            step = sign * (best - own[j])
            if step != 0.0:
                own[j] = best
                change += step
                k = j + (upper_start if j < n_upper else lower_start)
                thresholds[k] -= weight * give * step
                _widen_bounds(thresholds, bounds, k)
                if ordered:
                    _relax_order(thresholds, bounds, order_duals, k - 1, give)
                    _relax_order(thresholds, bounds, order_duals, k, give)
        while first < n_upper and own[first] == 0.0:
            first += 1
        while last > n_upper and own[last - 1] == 0.0:
            last -= 1
        places[i, 5] = first
        places[i, 6] = last
        if change != 0.0:
            factor = weight * change
            row_add(rows, i, factor, sums)
            drift[0] += factor * centre_product
            drift[1] += factor


@njit
def balance(numbers, places, duals, n_thresholds, ordered):
    """Scale the dual variables of each threshold until the thresholds' derivatives vanish.

    With an order constraint, the derivatives' prefix sums need only be <= 0 and their total 0.
    Returns coefficients and offset of a plane, not yet divided by the total weight.
    """
    m = numbers.shape[0]
    upper = np.zeros(n_thresholds)
    lower = np.zeros(n_thresholds)
    for i in range(m):
        own = duals[places[i, 0] : places[i, 0] + places[i, 1]]
        for j in range(places[i, 5], places[i, 2]):
            upper[places[i, 3] + j] += numbers[i, 0] * own[j]
        for j in range(places[i, 2], places[i, 6]):
            lower[places[i, 4] + j] += numbers[i, 0] * own[j]
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
        own = duals[places[i, 0] : places[i, 0] + places[i, 1]]
        up = 0.0
        down = 0.0
        for j in range(places[i, 5], places[i, 2]):
            up += own[j] * upper_share[places[i, 3] + j]
        for j in range(places[i, 2], places[i, 6]):
            down += own[j] * lower_share[places[i, 4] + j]
        offset += numbers[i, 0] * (up + down)
        coefficients[i] = numbers[i, 0] * (down - up)
    return coefficients, offset
