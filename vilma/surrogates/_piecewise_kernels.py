r"""Kernels of the piecewise surrogate (PW-VILMA) at fixed scores.

Labels are codes from 0. With the piece j(k) of the step from label k to k + 1, scores s_j and
biases b, a label's score is

    f(y) = sum_{k < y} s_{j(k)} + b_y,

and an example with endpoint e on one side (e = l with the labels y <= l, or e = u with the labels
y >= u) loses

    max_y z_y,    z_y = D(y, e) + f(y) - f(e)    (z_e = 0).

Smoothing. The mean loss Phi(b) has kinks, and at its minimum the labels of tied examples must be
mixed so that the derivative in b vanishes. The maximum is therefore replaced by

    max over p in the simplex of  <p, z> - mu/2 |p|^2 + mu/2,

whose maximiser is the Euclidean projection of z / mu on the simplex ("sparsemax"):
p_y = (z_y - tau) / mu on a support of k labels, tau = (sum of the supporting z - mu) / k. Its
gradient in b is p - (unit vector of e), its Hessian (I - 11^T / k) / mu on the support: Newton's
method drives the gradient to rounding level, and there the p make a plane whose bias part
cancels. The plane is valid for any mu; a wide one only makes it less tight, by an amount that is
measured. Projections: C. Michelot, "A finite algorithm for finding the projection of a point onto
the canonical simplex of R^n", Journal of Optimization Theory and Applications 50, 1986.

Contested sides. Most sides have one label that no small change of b can overtake: they are linear
in b and are summed once. What is left, the *contested* sides with the labels that can come within
mu of the largest, is listed in one pass over all examples, label by label so that the processor
works on several examples at once; Newton's method sees the list alone. The list keeps
z_y - max z at the biases where it was made, and everything after depends on the change of the
biases since: no digits are lost where mu is much smaller than the scores.
"""

from __future__ import annotations

import numpy as np

from vilma._cholesky import factorize, solve_factorized
from vilma._numba import njit


@njit
def _list_side(
    scores, piece, cost, biases, way, width, direction, side, alone, contested, n, n_labels, fixed
):
    """List the contested sides of one direction behind the first n; see `list_contested`."""
    block = 32
    members, starts, weight = side
    first, last, upward, own, mass, lead, start, label, value = contested
    n_classes, n_pieces = biases.shape[0], scores.shape[1]
    part = np.empty((n_pieces, block))
    z = np.empty((n_classes, block))
    between, best, ahead = np.empty(block), np.empty(block), np.empty(block)
    lowest, highest, share = np.empty(block), np.empty(block), np.empty(block)
    begin, end = np.empty(block, np.int64), np.empty(block, np.int64)
    constant, total = 0.0, 0.0
    for e in range(n_classes):
        n_lines = e + 1 if direction < 0 else n_classes - e
        position, stop = starts[e], starts[e + 1]
        if n_lines == 1:  # the endpoint is the only label: no loss
            for place in range(position, stop):
                alone[place] = e
            continue
        while position < stop:
            # Examples in a row with the same scores count as one: at the start all of them do.
            rows = 0
            while position < stop:
                i = members[position]
                same = rows > 0
                if same:
                    for j in range(n_pieces):
                        if scores[i, j] != part[j, rows - 1]:
                            same = False
                            break
                if not same:
                    if rows == block:
                        break
                    for j in range(n_pieces):
                        part[j, rows] = scores[i, j]
                    begin[rows] = position
                    share[rows] = 0.0
                    rows += 1
                share[rows - 1] += weight[position]
                end[rows - 1] = position + 1
                position += 1
            for r in range(rows):
                z[0, r] = 0.0
                between[r] = 0.0
                best[r] = 0.0
                ahead[r] = way[e]
                lowest[r] = n_classes
                highest[r] = -1.0
            for d in range(1, n_lines):
                y = e + direction * d
                line = z[d]
                step = part[piece[y if direction < 0 else y - 1]]
                shift = cost[y, e] + biases[y] - biases[e]
                here = way[y]
                for r in range(rows):
                    between[r] += direction * step[r]
                    v = between[r] + shift
                    line[r] = v
                    ahead[r] = here if v > best[r] else ahead[r]
                    best[r] = v if v > best[r] else best[r]
            for d in range(n_lines):
                line = z[d]
                here = way[e + direction * d]
                distance = float(d)
                for r in range(rows):
                    near = line[r] + abs(here - ahead[r]) + width >= best[r]
                    highest[r] = distance if near else highest[r]
                    lowest[r] = distance if near and distance < lowest[r] else lowest[r]
            for r in range(rows):
                total += share[r] * best[r]
                if lowest[r] == highest[r]:
                    y = e + direction * int(lowest[r])
                    for place in range(begin[r], end[r]):
                        alone[place] = y
                    if y != e:  # nothing to round where nothing is lost
                        constant += share[r] * best[r]
                        fixed[y] += share[r]
                        fixed[e] -= share[r]
                    continue
                for place in range(begin[r], end[r]):
                    alone[place] = -1
                first[n], last[n], upward[n] = begin[r], end[r], direction > 0
                own[n], mass[n], lead[n] = e, share[r], best[r]
                for d in range(int(lowest[r]), int(highest[r]) + 1):
                    y = e + direction * d
                    if z[d, r] + abs(way[y] - ahead[r]) + width >= best[r]:
                        label[n_labels] = y
                        value[n_labels] = z[d, r] - best[r]
                        n_labels += 1
                n += 1
                start[n] = n_labels
    return n, n_labels, constant, total


@njit
def list_contested(
    scores, piece, cost, biases, reach, width, lower_side, upper_side, alone, contested
):
    """List the sides on which several labels can come within `width` of the largest.

    Parameters
    ----------
    scores : ndarray of shape (m, n_pieces)
    piece : ndarray of shape (n_classes - 1,)
        The piece of every step.
    cost : ndarray of shape (n_classes, n_classes)
    biases, reach : ndarray of shape (n_classes,)
        The list serves all biases b with ``|b_y - biases_y| <= reach_y``, up to a constant.
    width : float
        The list serves this width of the smoothing, and smaller ones.
    lower_side, upper_side : tuple of arrays
        Examples in the order of their endpoints, where each endpoint's begin, and their weights.
    alone : tuple of two ndarrays of shape (m,)
        Filled with the winning label of every side that is not contested, else -1.
    contested : tuple of arrays
        Filled with a row per side: first and last of its examples, whether it is the upper side,
        endpoint, weight, largest z, and where its labels begin; and a row per label: label and
        z less the side's largest.

    Returns
    -------
    n : int
        The number of contested sides.
    constant, total : float
        The weighted sums of losses at `biases`, of the sides that are not contested and of all.
    fixed : ndarray of shape (n_classes,)
        Derivative in the biases of the sides that are not contested.
    """
    n_classes = biases.shape[0]
    fixed = np.zeros(n_classes)
    way = np.zeros(n_classes)  # |way_x - way_y| bounds the change of b_x - b_y
    for k in range(n_classes - 1):
        way[k + 1] = way[k] + reach[k]
    contested[6][0] = 0
    n, n_labels, below, total_below = _list_side(
        scores, piece, cost, biases, way, width, -1, lower_side, alone[0], contested, 0, 0, fixed
    )
    n, n_labels, above, total_above = _list_side(
        scores,
        piece,
        cost,
        biases,
        way,
        width,
        1,
        upper_side,
        alone[1],
        contested,
        n,
        n_labels,
        fixed,
    )
    return n, below + above, total_below + total_above, fixed


@njit
def _project(z, n, width, index):
    """Support of the sparsemax of z[:n] in `index`; its size, tau and the largest z."""
    top = z[0]
    for d in range(1, n):
        top = max(top, z[d])
    k = 0
    total = 0.0
    for d in range(n):
        if z[d] > top - width:
            index[k] = d
            total += z[d] - top
            k += 1
    tau = -width
    while k > 1:
        tau = (total - width) / k
        kept = 0
        total = 0.0
        for j in range(k):
            if z[index[j]] - top > tau:
                index[kept] = index[j]
                total += z[index[j]] - top
                kept += 1
        if kept == k:
            break
        k = kept
        if k == 0:  # by rounding
            for d in range(n):
                if z[d] == top:
                    index[0] = d
            k = 1
    return k, tau + top, top


@njit
def _smoothed(change, width, n, contested, fixed, gradient, hessian):
    """Sum of the smoothed losses less the list's constant; gradient and Hessian in the biases."""
    _, _, _, own, mass, lead, start, label, value = contested
    n_classes = change.shape[0]
    z = np.empty(n_classes)
    index = np.empty(n_classes, np.int64)
    gradient[:] = fixed
    hessian[:] = 0.0
    total = 0.0
    for y in range(n_classes):
        total += fixed[y] * change[y]
    for r in range(n):
        begin = start[r]
        n_labels = start[r + 1] - begin
        for d in range(n_labels):
            z[d] = value[begin + d] + change[label[begin + d]]
        k, tau, top = _project(z, n_labels, width, index)
        w = mass[r]
        part = 0.5 * width + (top - (change[own[r]] - lead[r]))
        gradient[own[r]] -= w
        for j in range(k):
            d = index[j]
            p = (z[d] - tau) / width if k > 1 else 1.0
            part += p * (z[d] - top - 0.5 * width * p)
            gradient[label[begin + d]] += w * p
        total += w * part
        if k > 1:
            diagonal = w / width
            other = diagonal / k
            for j in range(k):
                y = label[begin + index[j]]
                hessian[y, y] += diagonal - other
                for l in range(j):
                    hessian[y, label[begin + index[l]]] -= other
    for y in range(n_classes):  # both triangles have some of the entries
        for x in range(y):
            hessian[y, x] += hessian[x, y]
            hessian[x, y] = hessian[y, x]
    return total


@njit
def _newton_step(hessian, gradient, ridge, anchor, step):
    """Solve ``(H + ridge I) step = -gradient`` with ``step[anchor] = 0``."""
    n = gradient.shape[0] - 1
    matrix, factor, right = np.empty((n, n)), np.empty((n, n)), np.empty(n)
    trace = 0.0
    for k in range(n):
        y = k if k < anchor else k + 1
        trace += hessian[y, y]
        right[k] = -gradient[y]
        for l in range(n):
            matrix[k, l] = hessian[y, l if l < anchor else l + 1]
    for k in range(n):
        matrix[k, k] += ridge + 1e-12 * trace / n + 1e-300
    factorize(matrix, n, 1e-15, factor)
    solve_factorized(factor, n, right)
    step[anchor] = 0.0
    for k in range(n):
        step[k if k < anchor else k + 1] = right[k]


@njit
def minimize_smoothed(
    start, width, reach, ridge, anchor, n, contested, fixed, total_weight, spread, tol, max_iter
):
    """Levenberg-Marquardt iteration on the smoothed sum of losses, as far as the list serves.

    Parameters
    ----------
    start : ndarray of shape (n_classes,)
        Change of the biases to begin with, within `reach`.
    ridge : float
        To begin with; negative for a new problem.
    anchor : int
        The label whose bias is kept.

    Returns
    -------
    change : ndarray of shape (n_classes,)
    wanted : ndarray of shape (n_classes,)
        The change that went beyond the reach, where that ended the iteration.
    left : bool
        Whether it did.
    ridge : float
    n_evaluations : int
    """
    n_classes = start.shape[0]
    change, trial, step = start.copy(), start.copy(), np.zeros(n_classes)
    gradient, new_gradient = np.empty(n_classes), np.empty(n_classes)
    hessian = np.empty((n_classes, n_classes))
    new_hessian = np.empty((n_classes, n_classes))
    value = _smoothed(change, width, n, contested, fixed, gradient, hessian)
    size = np.max(np.abs(gradient))
    if ridge < 0.0:
        ridge = size / spread
    n_evaluations = 1
    rejected = False
    while n_evaluations < max_iter and size > tol * total_weight:
        _newton_step(hessian, gradient, ridge, anchor, step)
        for y in range(n_classes):
            trial[y] = change[y] + step[y]
        for k in range(n_classes - 1):
            if abs(trial[k] - trial[k + 1]) > reach[k]:
                return change, trial, True, ridge, n_evaluations
        new_value = _smoothed(trial, width, n, contested, fixed, new_gradient, new_hessian)
        n_evaluations += 1
        slope, new_slope = np.dot(gradient, step), np.dot(new_gradient, step)
        new_size = np.max(np.abs(new_gradient))
        close = size <= 1e-8 * total_weight  # nothing but rounding is left: see what is smaller
        if close and not new_size < 0.5 * size:
            if new_size < size:
                change[:] = trial
            break
        if not close and new_slope > 0.0 and new_value > value + 1e-2 * slope:
            ridge = 4.0 * ridge
            rejected = True
            continue
        change[:] = trial
        value, size = new_value, new_size
        gradient[:] = new_gradient
        hessian[:] = new_hessian
        # A ridge that had to grow is still needed: forgetting it means growing it again.
        ridge = 0.25 * ridge if rejected else min(0.2 * ridge, size / spread)
        rejected = False
    return change, trial, False, ridge, n_evaluations


@njit
def mixture(change, width, n, contested, fixed):
    """Loss that is not smoothed, and the mixture of labels that makes the plane.

    Returns
    -------
    value : float
        Sum of the losses less the list's constant.
    slack : float
        How much less the mixture loses.
    residual : ndarray of shape (n_classes,)
        Derivative of the mixture in the biases.
    """
    _, _, _, own, mass, lead, start, label, values = contested
    n_classes = change.shape[0]
    z = np.empty(n_classes)
    index = np.empty(n_classes, np.int64)
    residual = fixed.copy()
    value, slack = 0.0, 0.0
    for y in range(n_classes):
        value += fixed[y] * change[y]
    for r in range(n):
        begin = start[r]
        n_labels = start[r + 1] - begin
        for d in range(n_labels):
            z[d] = values[begin + d] + change[label[begin + d]]
        k, tau, top = _project(z, n_labels, width, index)
        w = mass[r]
        value += w * (top - (change[own[r]] - lead[r]))  # exactly 0 where the endpoint wins
        residual[own[r]] -= w
        sum_p, sum_pz = 0.0, 0.0
        for j in range(k):
            p = z[index[j]] - tau if k > 1 else 1.0
            sum_p += p
            sum_pz += p * (z[index[j]] - top)
        for j in range(k):
            p = z[index[j]] - tau if k > 1 else 1.0
            residual[label[begin + index[j]]] += w * (p / sum_p)
        slack -= w * (sum_pz / sum_p)
    return value, slack, residual


@njit
def mixture_gradient(
    change, width, n, alone, contested, lower_side, upper_side, steps_before, cost, score_gradient
):
    """Fill the mixture's derivative in the scores, of shape (m, n_pieces); return its costs.

    ``steps_before[y, j]`` is the number of steps below label y with piece j.
    """
    first, last, upward, own, _, _, start, label, values = contested
    n_classes, n_pieces = steps_before.shape
    z = np.empty(n_classes)
    index = np.empty(n_classes, np.int64)
    mean = np.empty(n_pieces)
    score_gradient[:] = 0.0
    offset = 0.0
    for upper in range(2):
        members, starts, weight = upper_side if upper == 1 else lower_side
        winner = alone[upper]
        for e in range(n_classes):
            for place in range(starts[e], starts[e + 1]):
                y = winner[place]
                if y < 0 or y == e:
                    continue
                offset += weight[place] * cost[y, e]
                for j in range(n_pieces):
                    score_gradient[members[place], j] += weight[place] * (
                        steps_before[y, j] - steps_before[e, j]
                    )
    for r in range(n):
        begin = start[r]
        n_labels = start[r + 1] - begin
        for d in range(n_labels):
            z[d] = values[begin + d] + change[label[begin + d]]
        k, tau, _ = _project(z, n_labels, width, index)
        e = own[r]
        sum_p, costs = 0.0, 0.0
        mean[:] = 0.0
        for j in range(k):
            y = label[begin + index[j]]
            p = z[index[j]] - tau if k > 1 else 1.0
            sum_p += p
            costs += p * cost[y, e]
            for piece in range(n_pieces):
                mean[piece] += p * (steps_before[y, piece] - steps_before[e, piece])
        members, _, weight = upper_side if upward[r] else lower_side
        for place in range(first[r], last[r]):
            offset += weight[place] * (costs / sum_p)
            for piece in range(n_pieces):
                score_gradient[members[place], piece] += weight[place] * (mean[piece] / sum_p)
    return offset
