r"""Kernels of the dual coordinate ascent.

The derivation stands in ``method.py``; its symbols here: dual variables u and l of the upper and
lower hinges (`duals`), :math:`d_k = \sum_i p_i (u_{ik} - l_{ik})`, thresholds :math:`\theta =
\bar\theta - \gamma d`. With :math:`U_i = \sum_k u_{ik}`, :math:`L_i` likewise and W the total
weight,

.. math:: \lambda W w = \sum_i p_i (U_i - L_i) (x_i - \bar x),

`sums` being the sum over :math:`x_i` alone. The centre :math:`\bar x`, the mean row, does not
matter where d = 0; it spares the thresholds to follow a drift of all scores.

What belongs to an example lies in one record of two arrays, `layout` and `row_stats`: examples
come in random order, and every further array would be another wait for memory. `LAYOUT` and
`ROW_STATS` in ``dual_point.py`` name the fields.
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
def _solve_example(
    score, diag_hessian, stiffness, thresholds, bounds, hinges, margins, duals, window, levels
):
    """Score at which an example's dual variables are the best, the others being fixed.

    The best dual variable of a hinge is ``levels - stiffness * score`` (lower hinges: plus),
    clipped: `stiffness` is 1 / (p_i gamma). `diag_hessian` is p_i |x_i|^2 / (lambda W), by which
    the score moves for a step of 1 of a dual variable. The new score is the root of the
    increasing, piecewise linear function ``t - score - diag_hessian * (change of U_i - L_i at
    t)``, found by Newton's method between two bounds.

    Outside the window all dual variables are 0 and stay so; it is widened for every score that is
    tried, until the thresholds beyond are too far away by their `bounds`.
    """
    ceiling, floor = bounds
    n_upper, upper_start, lower_start = hinges
    upper_margin, lower_margin = margins
    first, last = window
    total = 0.0
    for j in range(first, n_upper):
        levels[j] = duals[j] + (upper_margin + thresholds[upper_start + j]) * stiffness
        total += duals[j]
    for j in range(n_upper, last):
        levels[j] = duals[j] + (lower_margin - thresholds[lower_start + j]) * stiffness
        total -= duals[j]
    new_score = score
    below = -np.inf
    above = np.inf
    for _ in range(_MAX_NEWTON_STEPS):
        while first > 0 and ceiling[upper_start + first - 1] > new_score - upper_margin:
            first -= 1
            levels[first] = (upper_margin + thresholds[upper_start + first]) * stiffness
        while last < duals.shape[0] and floor[lower_start + last] < new_score + lower_margin:
            levels[last] = (lower_margin - thresholds[lower_start + last]) * stiffness
            last += 1
        change = stiffness * new_score
        upper, n_free_upper = _sum_clipped(levels, -change, first, n_upper)
        lower, n_free_lower = _sum_clipped(levels, change, n_upper, last)
        error = new_score - score - diag_hessian * (upper - lower - total)
        tolerated = _STEP_ACCURACY * abs(new_score - score) + _ROUNDING * (1.0 + abs(new_score))
        if abs(error) <= tolerated:
            break
        if error > 0.0:
            above = new_score
            below = max(below, new_score - error)
        else:
            below = new_score
            above = min(above, new_score - error)
        new_score -= error / (1.0 + diag_hessian * stiffness * (n_free_upper + n_free_lower))
        if not below < new_score < above:
            new_score = 0.5 * (below + above)
    return new_score, (first, last)


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
def _relax_order(thresholds, bounds, order_duals, k, prox_step):
    """Give the constraint ``thresholds[k] <= thresholds[k + 1]`` its best dual variable."""
    if k < 0 or k >= order_duals.shape[0]:
        return
    violation = thresholds[k] - thresholds[k + 1]
    step = max(0.5 * violation / prox_step, -order_duals[k])
    if step == 0.0:
        return
    order_duals[k] += step
    thresholds[k] -= prox_step * step
    thresholds[k + 1] += prox_step * step
    _widen_bounds(thresholds, bounds, k)
    _widen_bounds(thresholds, bounds, k + 1)


@njit
def ascend(rows, row_stats, centre_norm, visits, scale, prox_step, state):
    """Visit examples in turn and give each the best dual variables; the thresholds follow.

    `scale` is 1 / (lambda W), `prox_step` the gamma of the proximal term.
    """
    sums, drift, duals, layout, thresholds, order_duals = state
    ordered = order_duals.shape[0] > 0
    levels = np.empty(2 * thresholds.shape[0])
    bounds = np.empty_like(thresholds), np.empty_like(thresholds)
    _bound_thresholds(thresholds, bounds)
    for k in range(order_duals.shape[0]):
        _relax_order(thresholds, bounds, order_duals, k, prox_step)
    for k in range(order_duals.shape[0] - 1, -1, -1):
        _relax_order(thresholds, bounds, order_duals, k, prox_step)
    for i in visits:
        weight, centre_product = row_stats[i].weight, row_stats[i].centre_product
        shift = drift[1] * (centre_norm - centre_product) - drift[0]
        place = layout[i]
        score = scale * (row_dot(rows, place.row, sums) + shift)
        own = duals[place.first_dual : place.first_dual + place.n_duals]
        n_upper, upper_start, lower_start = place.n_upper, place.upper_start, place.lower_start
        stiffness = 1.0 / (weight * prox_step)
        new_score, (first, last) = _solve_example(
            score,
            weight * scale * row_stats[i].centred_norm,
            stiffness,
            thresholds,
            bounds,
            (n_upper, upper_start, lower_start),
            (row_stats[i].upper_margin, row_stats[i].lower_margin),
            own,
            (place.window_start, place.window_stop),
            levels,
        )
        change = 0.0
        for j in range(first, last):
            sign = 1.0 if j < n_upper else -1.0
            best = _clip(levels[j] - sign * stiffness * new_score)
            step = sign * (best - own[j])
            if step != 0.0:
                own[j] = best
                change += step
                k = j + (upper_start if j < n_upper else lower_start)
                thresholds[k] -= weight * prox_step * step
                _widen_bounds(thresholds, bounds, k)
                if ordered:
                    _relax_order(thresholds, bounds, order_duals, k - 1, prox_step)
                    _relax_order(thresholds, bounds, order_duals, k, prox_step)
        while first < n_upper and own[first] == 0.0:
            first += 1
        while last > n_upper and own[last - 1] == 0.0:
            last -= 1
        place.window_start = first
        place.window_stop = last
        if change != 0.0:
            factor = weight * change
            row_add(rows, place.row, factor, sums)
            drift[0] += factor * centre_product
            drift[1] += factor


@njit
def balanced_plane(row_stats, layout, duals, n_thresholds, ordered):
    """Scale the dual variables of each threshold until the thresholds' derivatives vanish.

    With an order constraint, the derivatives' prefix sums need only be <= 0 and their total 0.
    Returns score gradient and offset of a plane, not yet divided by the total weight, and the
    slopes :math:`p_i (U_i - L_i)` as they are.
    """
    m = row_stats.shape[0]
    upper = np.zeros(n_thresholds)
    lower = np.zeros(n_thresholds)
    for i in range(m):
        place, weight = layout[i], row_stats[i].weight
        own = duals[place.first_dual : place.first_dual + place.n_duals]
        for j in range(place.window_start, place.n_upper):
            upper[place.upper_start + j] += weight * own[j]
        for j in range(place.n_upper, place.window_stop):
            lower[place.lower_start + j] += weight * own[j]
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
    score_gradient = np.zeros(m)
    slopes = np.zeros(m)
    for i in range(m):
        place, weight = layout[i], row_stats[i].weight
        own = duals[place.first_dual : place.first_dual + place.n_duals]
        up = 0.0
        down = 0.0
        slope = 0.0
        for j in range(place.window_start, place.n_upper):
            up += own[j] * upper_share[place.upper_start + j]
            slope += own[j]
        for j in range(place.n_upper, place.window_stop):
            down += own[j] * lower_share[place.lower_start + j]
            slope -= own[j]
        offset += weight * (row_stats[i].upper_margin * up + row_stats[i].lower_margin * down)
        score_gradient[i] = weight * (down - up)
        slopes[i] = weight * slope
    return score_gradient, offset, slopes
