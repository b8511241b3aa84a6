r"""Kernels of the V-shaped surrogate (VILMA) at fixed scores.

With theta_k = b_k - b_{k+1} (labels are codes from 0) the loss of one example is

    max_{y <= l} [ D(y, l) - (l - y) s + sum_{k=y}^{l-1} theta_k ]
  + max_{y >= u} [ D(y, u) + (y - u) s - sum_{k=u}^{y-1} theta_k ].

Both sides are the same program in x = direction * s, with direction -1 for predictions below the
lower endpoint and +1 above the upper one: label y = endpoint + direction * d has, as a function of
x, slope d and intercept D(y, endpoint) - direction * (sum of the thresholds between). All examples
that share an endpoint share these lines, so a side's loss is a sum of hinges
``step * max(0, x - border)`` over the *borders* of the upper envelope, and with x sorted within
each endpoint and prefix sums kept it costs a binary search per border, no pass over the examples.

Smoothing. The mean loss Phi(theta) has a kink for every example, and at its minimum the labels of
tied examples must be mixed so that the derivative in theta vanishes. Averaging over a shift of all
scores by t in [-h, h] does that mixing: an example within h of a border goes beyond it by the
fraction ``(x - border + h) / (2 h)``. The averaged function is convex with a Lipschitz
derivative, Newton's method drives that derivative to rounding level, and there the fractions
make a plane whose bias part cancels. The plane is valid for any h; a wide window only makes it
less tight, by an amount that falls with h^2 and is measured. (A proximal bundle method on Phi
itself was tried first and needs hundreds of planes: with many examples Phi is nearly smooth.)
"""

from __future__ import annotations

import numpy as np

from vilma._cholesky import factorize, solve_factorized
from vilma._numba import njit


@njit
def group_by_endpoint(x, order, endpoint, weight, starts):
    """Sort the examples within each endpoint by x, with prefix sums of weight and weighted x.

    Returns
    -------
    members : ndarray of shape (m,)
        Indices of the examples, group after group, ascending x within a group.
    sorted_x : ndarray of shape (m,)
    weight_before, x_before : ndarray of shape (m + 1,)
        Sums of weight and of weight * x over all places before the given one.
    """
    m = order.shape[0]
    members = np.empty(m, np.int64)
    place = starts[:-1].copy()
    for position in range(m):
        i = order[position]
        members[place[endpoint[i]]] = i
        place[endpoint[i]] += 1
    sorted_x = np.empty(m)
    weight_before = np.zeros(m + 1)
    x_before = np.zeros(m + 1)
    lost = 0.0  # compensated: the balance of a plane is read off these sums
    for position in range(m):
        i = members[position]
        sorted_x[position] = x[i]
        term = weight[i] - lost
        weight_before[position + 1] = weight_before[position] + term
        lost = (weight_before[position + 1] - weight_before[position]) - term
        x_before[position + 1] = x_before[position] + weight[i] * x[i]
    return members, sorted_x, weight_before, x_before


@njit
def find_borders(cost, theta, direction, starts, sorted_x, reach):
    """List the borders of all envelopes of one side that some x comes within `reach` of.

    Returns
    -------
    place : ndarray of shape (n,)
        Where on the x axis the border lies.
    label_before, label_behind : ndarray of shape (n,)
        The labels that win on either side of it.
    group : ndarray of shape (n,)
        The endpoint whose examples the border concerns.
    """
    n_classes = cost.shape[0]
    place = np.empty(n_classes * n_classes)
    label_before = np.empty(n_classes * n_classes, np.int64)
    label_behind = np.empty(n_classes * n_classes, np.int64)
    group = np.empty(n_classes * n_classes, np.int64)
    intercept = np.empty(n_classes)
    hull = np.empty(n_classes, np.int64)
    border = np.empty(n_classes)
    n = 0
    for endpoint in range(n_classes):
        start, stop = starts[endpoint], starts[endpoint + 1]
        n_lines = endpoint + 1 if direction < 0 else n_classes - endpoint
        if start == stop or n_lines == 1:
            continue
        # Lines come with growing slope d; line hull[j] takes over at border[j].
        hull[0] = 0
        intercept[0] = 0.0
        n_hull = 1
        between = 0.0
        for d in range(1, n_lines):
            y = endpoint + direction * d
            between += theta[y] if direction < 0 else theta[y - 1]
            intercept[d] = cost[y, endpoint] - direction * between
            while True:
                last = hull[n_hull - 1]
                crossing = (intercept[last] - intercept[d]) / (d - last)
                if n_hull > 1 and crossing <= border[n_hull - 1]:
                    n_hull -= 1
                else:
                    break
            hull[n_hull] = d
            border[n_hull] = crossing
            n_hull += 1
        for j in range(1, n_hull):
            if border[j] > sorted_x[stop - 1] + reach:
                break
            place[n] = border[j]
            label_before[n] = endpoint + direction * hull[j - 1]
            label_behind[n] = endpoint + direction * hull[j]
            group[n] = endpoint
            n += 1
    return place[:n], label_before[:n], label_behind[:n], group[:n]


@njit
def side_value(borders, starts, sorted_x, weight_before, x_before):
    """Sum of one side's losses: of ``step * weight * max(0, x - border)``."""
    place, label_before, label_behind, group = borders
    value = 0.0
    for j in range(place.shape[0]):
        stop = starts[group[j] + 1]
        start = starts[group[j]]
        first = start + np.searchsorted(sorted_x[start:stop], place[j], side="right")
        beyond = x_before[stop] - x_before[first]
        beyond -= place[j] * (weight_before[stop] - weight_before[first])
        value += abs(label_behind[j] - label_before[j]) * beyond
    return value


@njit
def add_side_derivatives(
    borders, direction, half_width, starts, sorted_x, weight_before, x_before, gradient, corners
):
    """Add the smoothed side's first derivative, and its second one as corners of squares.

    A border between labels p < q weighs on the thresholds p, ..., q - 1 alike: its share of the
    Hessian is constant on a square, kept as four corners until `fill_squares`.
    """
    place, label_before, label_behind, group = borders
    for j in range(place.shape[0]):
        start, stop = starts[group[j]], starts[group[j] + 1]
        inside = sorted_x[start:stop]
        first = start + np.searchsorted(inside, place[j] - half_width, side="left")
        last = start + np.searchsorted(inside, place[j] + half_width, side="right")
        window = weight_before[last] - weight_before[first]
        mass = weight_before[stop] - weight_before[last]
        if window > 0.0:
            ramp = x_before[last] - x_before[first] - (place[j] - half_width) * window
            mass += min(max(ramp / (2.0 * half_width), 0.0), window)
        p = min(label_before[j], label_behind[j])
        q = max(label_before[j], label_behind[j])
        for k in range(p, q):
            gradient[k] -= direction * mass
        if window > 0.0:
            curvature = window / (2.0 * half_width * (q - p))
            corners[p, p] += curvature
            corners[p, q] -= curvature
            corners[q, p] -= curvature
            corners[q, q] += curvature


@njit
def fill_squares(corners):
    """Turn corners into the matrix they stand for, by summing along rows and columns."""
    n = corners.shape[0] - 1
    for i in range(n):
        for j in range(1, n):
            corners[i, j] += corners[i, j - 1]
    for i in range(1, n):
        for j in range(n):
            corners[i, j] += corners[i - 1, j]
    return corners[:n, :n]


@njit
def add_side_plane(
    cost,
    borders,
    direction,
    half_width,
    nudge,
    starts,
    sorted_x,
    weight_before,
    members,
    weight,
    score_gradient,
    gradient,
):
    """Add one side's mixture of labels to `score_gradient` and `gradient`; return its costs.

    `nudge` is a change of the thresholds too small to survive in the borders' own rounding: it
    moves the fractions directly.
    """
    place, label_before, label_behind, group = borders
    fixed = 0.0
    slope = np.zeros(members.shape[0] + 1)
    for j in range(place.shape[0]):
        start, stop = starts[group[j]], starts[group[j] + 1]
        inside = sorted_x[start:stop]
        first = start + np.searchsorted(inside, place[j] - half_width, side="left")
        last = start + np.searchsorted(inside, place[j] + half_width, side="right")
        p = min(label_before[j], label_behind[j])
        q = max(label_before[j], label_behind[j])
        shift = 0.0
        for k in range(p, q):
            shift += nudge[k]
        shift *= direction / (q - p)
        mass = weight_before[stop] - weight_before[last]
        for position in range(first, last):
            i = members[position]
            ramp = (sorted_x[position] - place[j] + half_width - shift) / (2.0 * half_width)
            fraction = min(max(ramp, 0.0), 1.0)
            mass += fraction * weight[i]
            score_gradient[i] += direction * (q - p) * fraction * weight[i]
        slope[last] += direction * (q - p)
        slope[stop] -= direction * (q - p)
        fixed += (cost[label_behind[j], group[j]] - cost[label_before[j], group[j]]) * mass
        for k in range(p, q):
            gradient[k] -= direction * mass
    running = 0.0
    for position in range(members.shape[0]):
        running += slope[position]
        if running != 0.0:
            score_gradient[members[position]] += running * weight[members[position]]
    return fixed


@njit
def _both_borders(cost, theta, lower_side, upper_side, reach):
    return (
        find_borders(cost, theta, -1, lower_side[0], lower_side[1], reach),
        find_borders(cost, theta, 1, upper_side[0], upper_side[1], reach),
    )


@njit
def _derivatives(cost, theta, half_width, lower_side, upper_side, total_weight):
    """Gradient and Hessian of the smoothed mean loss."""
    n = theta.shape[0]
    below, above = _both_borders(cost, theta, lower_side, upper_side, half_width)
    gradient = np.zeros(n)
    corners = np.zeros((n + 1, n + 1))
    add_side_derivatives(below, -1, half_width, *lower_side, gradient, corners)
    add_side_derivatives(above, 1, half_width, *upper_side, gradient, corners)
    return gradient / total_weight, fill_squares(corners) / total_weight


@njit
def _newton_step(hessian, gradient, ridge):
    n = gradient.shape[0]
    matrix = hessian.copy()
    trace = 0.0
    for k in range(n):
        trace += hessian[k, k]
    for k in range(n):
        matrix[k, k] = max(matrix[k, k], 0.0) + ridge + 1e-12 * trace / n + 1e-300
    factor = np.empty((n, n))
    factorize(matrix, n, 1e-15, factor)
    step = -gradient
    solve_factorized(factor, n, step)
    return step


@njit
def minimize_smoothed(
    cost, start, half_width, lower_side, upper_side, total_weight, spread, tol, max_iter
):
    """Levenberg-Marquardt iteration on the smoothed mean loss.

    A step that overshoots, so that the slope along it ends steeply upwards, is tried again with
    a larger ridge: that shortens it in the thresholds without examples in their windows, where
    the curvature is unknown, and leaves the well-determined ones alone.

    Returns the thresholds and the number of evaluations.
    """
    theta = start.copy()
    gradient, hessian = _derivatives(cost, theta, half_width, lower_side, upper_side, total_weight)
    size = np.max(np.abs(gradient))
    ridge = size / spread
    n_evaluations = 1
    rejected = False
    while n_evaluations < max_iter and size > tol:
        step = _newton_step(hessian, gradient, ridge)
        trial_gradient, trial_hessian = _derivatives(
            cost, theta + step, half_width, lower_side, upper_side, total_weight
        )
        n_evaluations += 1
        slope = np.dot(trial_gradient, step)
        if slope > 0.0:
            ridge *= 4.0
            rejected = True
            continue
        theta += step
        gradient = trial_gradient
        hessian = trial_hessian
        size = np.max(np.abs(gradient))
        # A ridge that had to grow is still needed: forgetting it means growing it again.
        ridge = 0.25 * ridge if rejected else min(0.2 * ridge, size / spread)
        rejected = False
    return theta, n_evaluations


@njit
def mean_loss(cost, theta, lower_side, upper_side, total_weight):
    """Mean loss at given thresholds, not smoothed."""
    below, above = _both_borders(cost, theta, lower_side, upper_side, 0.0)
    value = side_value(below, *lower_side) + side_value(above, *upper_side)
    return value / total_weight


@njit
def mixed_plane(
    cost, theta, half_width, nudge, lower_side, upper_side, members, weight, total_weight
):
    """Coefficients and offset of the mixture of labels, and its derivative in theta."""
    below, above = _both_borders(cost, theta, lower_side, upper_side, half_width)
    score_gradient = np.zeros(weight.shape[0])
    gradient = np.zeros(theta.shape[0])
    fixed = add_side_plane(
        cost,
        below,
        -1,
        half_width,
        nudge,
        *lower_side[:3],
        members[0],
        weight,
        score_gradient,
        gradient,
    )
    fixed += add_side_plane(
        cost,
        above,
        1,
        half_width,
        nudge,
        *upper_side[:3],
        members[1],
        weight,
        score_gradient,
        gradient,
    )
    return score_gradient / total_weight, fixed / total_weight, gradient / total_weight


@njit
def balanced_plane(cost, theta, half_width, lower_side, upper_side, members, weight, total_weight):
    """Mixture of labels at the smoothed minimiser, its bias part cancelled to rounding.

    Returns
    -------
    score_gradient : ndarray of shape (m,)
    offset : float
    bias_residual : float
        1-norm of the derivative in theta that is left.
    """
    _, hessian = _derivatives(cost, theta, half_width, lower_side, upper_side, total_weight)
    nudge = np.zeros(theta.shape[0])
    best_score_gradient = np.zeros(weight.shape[0])
    best_offset = 0.0
    least_residual = np.inf
    for _ in range(4):
        score_gradient, offset, gradient = mixed_plane(
            cost, theta, half_width, nudge, lower_side, upper_side, members, weight, total_weight
        )
        residual = np.sum(np.abs(gradient))
        if not residual < least_residual:
            break
        gained = residual < 0.01 * least_residual
        best_score_gradient = score_gradient
        best_offset = offset
        least_residual = residual
        if residual <= 1e-16 or not gained:
            break
        nudge += _newton_step(hessian, gradient, 0.0)
    return best_score_gradient, best_offset, least_residual
