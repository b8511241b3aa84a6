r"""Kernels of the dual coordinate ascent.

The derivation and the symbols stand in ``method.py``. `duals` are the slopes :math:`q^-_{ik}` of
an example's hinges below its interval, then :math:`q^+_{ik}` of those above it; :math:`Q^-_i` and
:math:`Q^+_i` are their sums, :math:`d_k = \sum_i p_i (q^-_{ik} - q^+_{ik})`, and :math:`\theta_k =
\bar\theta_k - \gamma d_k`, for EXP :math:`\bar\theta_k - \gamma (d_k + \nu_k - \nu_{k-1})`. With P
the total weight,

.. math:: \lambda P w = \sum_i p_i (Q^-_i - Q^+_i) (x_i - \bar x),

`sums` being the sum over :math:`x_i` alone, and `drift` its product with the mean row
:math:`\bar x` and the sum of its factors, :math:`\sum_k d_k`.

What belongs to an example lies in one record of two arrays, `layout` and `row_stats`: examples
come in random order, and every further array would be another wait for memory. `LAYOUT` and
`ROW_STATS` in ``dual_point.py`` name the fields.
"""

from __future__ import annotations

import numpy as np

from vilma._numba import njit
from vilma.design_matrices.rows import row_add, row_dot

# Four fits of one-hot-like rows take the same 33 iterations with 25 steps, with an accuracy of
# 2e-4 and 5e-3, and with a rounding of 1e-14 and 1e-11.
_MAX_NEWTON_STEPS = 50  # a guard: bisection is what is left then
_STEP_ACCURACY = 1e-3  # of an example's own step: the next visit mends what it lacks
_ROUNDING = 1e-13  # of a score and a margin
# The first limited step, in widths 1 / stiffness of a dual variable's range, and its growth: an
# example of one-hot codes takes 8.8, 9.0, 6.8 and 3.6 evaluations in passes 1, 2, 4 and 9 by IMC
# (10.1 without the limit in the first, then 9.5, 7.5 and 3.7), one of EXP 5.4 for 9.3 in the
# first. First steps of 2 and 8 widths and growth by 8 differ by a tenth.
_FIRST_REACH = 4.0
_GROWTH = 4.0


@njit
def _clip(value):
    """Clip to the range of a dual variable."""
    return 0.0 if value < 0.0 else (1.0 if value > 1.0 else value)


@njit
def _sum_clipped(levels, shift, start, stop):
    """Sum the shifted levels, each clipped; count those that are not at a bound."""
    total = 0.0
    n_free = 0.0
    for j in range(start, stop):
        level = levels[j] + shift
        clipped = _clip(level)
        total += clipped
        n_free += 1.0 if clipped == level else 0.0
    return total, n_free


@njit
def _solve_example(
    score, score_per_step, stiffness, thresholds, bounds, hinges, margins, duals, window, levels
):
    """Score at which an example's dual variables are the best, the others being fixed.

    The best dual variable of a hinge is ``levels - stiffness * score`` (hinges above: plus),
    clipped: `stiffness` is 1 / (p_i gamma). `score_per_step` is p_i |x_i - mean|^2 / (lambda P),
    by which the score moves for a step of 1 of a dual variable. The new score is the root of the
    increasing, piecewise linear function ``t - score - score_per_step * (change of Q^-_i - Q^+_i
    at t)``, found by Newton's method between scores on either side of it. The slope is at least 1,
    and is 1 where every dual variable is at a bound: there the step is limited, for the root is
    mostly much nearer than that slope says.

    Outside the window all dual variables are 0 and stay so; it is widened for every score that is
    tried, until the thresholds beyond are too far away by their `bounds`.
    """
    ceiling, floor = bounds
    n_below, below_start, above_start = hinges
    below_margin, above_margin = margins
    first, last = window
    total = 0.0
    for j in range(first, n_below):
        levels[j] = duals[j] + (below_margin + thresholds[below_start + j]) * stiffness
        total += duals[j]
    for j in range(n_below, last):
        levels[j] = duals[j] + (above_margin - thresholds[above_start + j]) * stiffness
        total -= duals[j]
    new_score = score
    low = -np.inf
    high = np.inf
    reach = _FIRST_REACH / stiffness
    for _ in range(_MAX_NEWTON_STEPS):
        while first > 0 and ceiling[below_start + first - 1] > new_score - below_margin:
            first -= 1
            levels[first] = (below_margin + thresholds[below_start + first]) * stiffness
        while last < duals.shape[0] and floor[above_start + last] < new_score + above_margin:
            levels[last] = (above_margin - thresholds[above_start + last]) * stiffness
            last += 1
        change = stiffness * new_score
        sum_below, n_free_below = _sum_clipped(levels, -change, first, n_below)
        sum_above, n_free_above = _sum_clipped(levels, change, n_below, last)
        error = new_score - score - score_per_step * (sum_below - sum_above - total)
        tolerated = _STEP_ACCURACY * abs(new_score - score) + _ROUNDING * (1.0 + abs(new_score))
        if abs(error) <= tolerated:
            break
        if error > 0.0:
            high = new_score
        else:
            low = new_score
        furthest = min(max(new_score - error, low), high)
        n_free = n_free_below + n_free_above
        if n_free > 0.0:
            step = error / (1.0 + score_per_step * stiffness * n_free)
        else:
            step = min(max(error, -reach), reach)
            reach *= _GROWTH
        if low < new_score - step < high:
            new_score -= step
        else:
            new_score = 0.5 * (new_score + furthest)
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
def ascend(rows, row_stats, squared_mean_norm, visits, scale, prox_step, state):
    """Visit examples in turn and give each the best dual variables; the thresholds follow.

    `squared_mean_norm` is that of the mean row, `scale` 1 / (lambda P), `prox_step` the gamma of
    the proximal term.
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
        shift = drift[1] * (squared_mean_norm - centre_product) - drift[0]
        place = layout[i]
        score = scale * (row_dot(rows, place.row, sums) + shift)
        own = duals[place.first_dual : place.first_dual + place.n_duals]
        n_below, below_start, above_start = place.n_below, place.below_start, place.above_start
        stiffness = 1.0 / (weight * prox_step)
        new_score, (first, last) = _solve_example(
            score,
            weight * scale * row_stats[i].squared_centred_norm,
            stiffness,
            thresholds,
            bounds,
            (n_below, below_start, above_start),
            (row_stats[i].below_margin, row_stats[i].above_margin),
            own,
            (place.window_start, place.window_stop),
            levels,
        )
        change = 0.0
        for j in range(first, last):
            sign = 1.0 if j < n_below else -1.0
            best = _clip(levels[j] - sign * stiffness * new_score)
            step = sign * (best - own[j])
            if step != 0.0:
                own[j] = best
                change += step
                k = j + (below_start if j < n_below else above_start)
                thresholds[k] -= weight * prox_step * step
                _widen_bounds(thresholds, bounds, k)
                if ordered:
                    _relax_order(thresholds, bounds, order_duals, k - 1, prox_step)
                    _relax_order(thresholds, bounds, order_duals, k, prox_step)
        while first < n_below and own[first] == 0.0:
            first += 1
        while last > n_below and own[last - 1] == 0.0:
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
    r"""Scale the dual variables of each threshold until the thresholds' derivatives vanish.

    With an order constraint, the derivatives' prefix sums need only be <= 0 and their total 0.
    With the slopes q that this leaves, the plane is :math:`P c_i = p_i (Q^+_i - Q^-_i)` and
    :math:`P o = \sum_i p_i (a^-_i Q^-_i + a^+_i Q^+_i)`. Returns P c, P o, and
    :math:`p_i (Q^-_i - Q^+_i)` of the slopes as they were.
    """
    m = row_stats.shape[0]
    below = np.zeros(n_thresholds)
    above = np.zeros(n_thresholds)
    for i in range(m):
        place, weight = layout[i], row_stats[i].weight
        own = duals[place.first_dual : place.first_dual + place.n_duals]
        for j in range(place.window_start, place.n_below):
            below[place.below_start + j] += weight * own[j]
        for j in range(place.n_below, place.window_stop):
            above[place.above_start + j] += weight * own[j]
    below_share = np.ones(n_thresholds)
    above_share = np.ones(n_thresholds)
    prefix = np.zeros(n_thresholds)
    before = 0.0
    for k in range(n_thresholds):
        allowed = above[k] - before
        if below[k] > allowed:
            below_share[k] = allowed / below[k]
            before = 0.0
        else:
            before += below[k] - above[k]
        if not ordered:
            if before < 0.0:
                above_share[k] = below[k] / above[k]
            before = 0.0
        prefix[k] = before
    slack = -prefix[n_thresholds - 1]
    for k in range(n_thresholds - 1, -1, -1):
        slack = min(slack, -prefix[k])
        if slack <= 0.0:
            break
        if above[k] > 0.0:
            less = min(slack, above[k])
            above_share[k] = 1.0 - less / above[k]
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
        for j in range(place.window_start, place.n_below):
            up += own[j] * below_share[place.below_start + j]
            slope += own[j]
        for j in range(place.n_below, place.window_stop):
            down += own[j] * above_share[place.above_start + j]
            slope -= own[j]
        offset += weight * (row_stats[i].below_margin * up + row_stats[i].above_margin * down)
        score_gradient[i] = weight * (down - up)
        slopes[i] = weight * slope
    return score_gradient, offset, slopes
