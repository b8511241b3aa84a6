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
mu of the largest, is listed in one pass over all examples, and Newton's method sees the list
alone; where a step leads beyond what the list serves, it is made anew around the step's end. The
list keeps z_y - max z at the biases where it was made, and everything after depends on the change
of the biases since: no digits are lost where mu is much smaller than the scores.

The pass takes a block of examples with the same endpoint, label by label, so that the processor
works on several examples at once. z grows where a step's score is small (labels below the
endpoint) or large (above it), so the extreme scores of a block bound the z of all its examples: of
the labels beyond the last one whose bound comes within mu of z_e = 0 none is looked at. With 55
labels that leaves a fifth of them.
"""

from __future__ import annotations

import numpy as np

from vilma._cholesky import factorize, solve_factorized
from vilma._numba import njit

# Of all weight: with a smaller imbalance steps are taken for as long as they halve it, and
# rounding ends the iteration. 1e-7 and 1e-9 take as many evaluations.
_CLOSE = 1e-8


@njit
def _list_side(
    scores, piece, cost, biases, way, width, direction, side, alone, contested, n, n_labels, fixed
):
    """List the contested sides of one direction behind the first n; see `list_contested`."""
    block = 64  # 32 and 128 are as fast
    members, starts, weight = side
    first, last, upward, own, mass, lead, start, label, value = contested
    n_classes, n_pieces = biases.shape[0], scores.shape[1]
    part, extreme = np.empty((n_pieces, block)), np.empty(n_pieces)
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
                alone[members[place]] = e
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
            # Labels beyond `reached` cannot win: not with the block's extreme scores.
            for j in range(n_pieces):
                extreme[j] = part[j, 0]
                for r in range(1, rows):
                    further = direction * part[j, r] > direction * extreme[j]
                    extreme[j] = part[j, r] if further else extreme[j]
            reached = 0
            bound = 0.0
            for d in range(1, n_lines):
                y = e + direction * d
                bound += direction * extreme[piece[y if direction < 0 else y - 1]]
                shift = cost[y, e] + biases[y] - biases[e]
                if bound + shift + abs(way[y] - way[e]) + width >= 0.0:
                    reached = d
            n_reached = reached + 1
            for r in range(rows):
                z[0, r] = 0.0
                between[r] = 0.0
                best[r] = 0.0
                ahead[r] = way[e]
                lowest[r] = n_classes
                highest[r] = -1.0
            for d in range(1, n_reached):
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
            for d in range(n_reached):
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
                        alone[members[place]] = y
                    if y != e:  # nothing to round where nothing is lost
                        constant += share[r] * best[r]
                        fixed[y] += share[r]
                        fixed[e] -= share[r]
                    continue
                for place in range(begin[r], end[r]):
                    alone[members[place]] = -1
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
def list_contested(scores, piece, cost, thresholds, reach, width, sides, work):
    """List the sides on which several labels can come within `width` of the largest.

    Parameters
    ----------
    scores : ndarray of shape (m, n_pieces)
    piece : ndarray of shape (n_classes - 1,)
        The piece of every step.
    cost : ndarray of shape (n_classes, n_classes)
    thresholds, reach : ndarray of shape (n_classes - 1,)
        The list serves all thresholds within this reach of these.
    width : float
        The list serves this width of the smoothing, and smaller ones.
    sides : tuple of two tuples of arrays
        Lower and upper ones: examples in the order of their endpoints, where each endpoint's
        begin, and their weights.
    work : tuple of two tuples of arrays
        ``alone``, two arrays of shape (m,), is filled with the winning label of every side that is
        not contested, else -1. ``contested`` is filled with a row per side: first and last of its
        examples, whether it is the upper side, endpoint, weight, largest z, and where its labels
        begin; and a row per label: label and z less the side's largest.

    Returns
    -------
    n : int
        The number of contested sides.
    constant, total : float
        The weighted sums of losses at `thresholds`, of the sides that are not contested and of
        all.
    fixed : ndarray of shape (n_classes,)
        Derivative in the biases of the sides that are not contested.
    """
    n_classes = cost.shape[0]
    alone, contested = work
    fixed = np.zeros(n_classes)
    biases = np.zeros(n_classes)
    way = np.zeros(n_classes)  # |way_x - way_y| bounds the change of b_x - b_y
    for k in range(n_classes - 1):
        biases[k + 1] = biases[k] - thresholds[k]
        way[k + 1] = way[k] + reach[k]
    _, _, _, _, _, _, start, _, _ = contested
    start[0] = 0
    n, n_labels = 0, 0
    n, n_labels, below, total_below = _list_side(
        scores,
        piece,
        cost,
        biases,
        way,
        width,
        -1,
        sides[0],
        alone[0],
        contested,
        n,
        n_labels,
        fixed,
    )
    n, n_labels, above, total_above = _list_side(
        scores,
        piece,
        cost,
        biases,
        way,
        width,
        1,
        sides[1],
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
def _share_of_second(ahead, width):
    """Fraction of the second of two labels in their mixture, given how far its z is ahead."""
    return min(max(0.5 + ahead * (0.5 / width), 0.0), 1.0)


@njit
def _mix(change, width, begin, n_labels, label, value, z, index, fraction):
    """Mixture of one side's labels: their number, `index` and `fraction`, and the largest z."""
    for d in range(n_labels):
        z[d] = value[begin + d] + change[label[begin + d]]
    if n_labels == 2:
        index[0], index[1] = 0, 1
        fraction[1] = _share_of_second(z[1] - z[0], width)
        fraction[0] = 1.0 - fraction[1]
        return 2, max(z[0], z[1])
    k, tau, top = _project(z, n_labels, width, index)
    total = 0.0
    for j in range(k):
        fraction[j] = z[index[j]] - tau if k > 1 else 1.0
        total += fraction[j]
    for j in range(k):
        fraction[j] /= total
    return k, top


@njit
def smoothed(change, width, n, contested, fixed, gradient, hessian):
    """Derivatives of the smoothed losses in the biases, and what their mixture of labels loses.

    Returns
    -------
    value : float
        Sum of the losses that are not smoothed, less the list's constant.
    slack : float
        How much less the mixture loses, whose derivative in the biases is `gradient`.
    """
    _, _, _, own, mass, lead, start, label, values = contested
    n_classes = change.shape[0]
    z, fraction = np.empty(n_classes), np.empty(n_classes)
    index = np.empty(n_classes, np.int64)
    gradient[:] = fixed
    hessian[:] = 0.0
    value, slack = 0.0, 0.0
    for y in range(n_classes):
        value += fixed[y] * change[y]
    for r in range(n):
        begin = start[r]
        n_labels = start[r + 1] - begin
        w = mass[r]
        if n_labels == 2:  # nine in ten, and what follows takes five times as long
            x, y = label[begin], label[begin + 1]
            first = values[begin] + change[x]
            second = values[begin + 1] + change[y]
            top = max(first, second)
            p = _share_of_second(second - first, width)
            value += w * (top - (change[own[r]] - lead[r]))
            gradient[own[r]] -= w
            gradient[x] += w * (1.0 - p)
            gradient[y] += w * p
            if abs(second - first) < width:
                slack += w * ((1.0 - p) * (top - first) + p * (top - second))
                curvature = 0.5 * w / width
                hessian[x, x] += curvature
                hessian[y, y] += curvature
                hessian[y, x] -= curvature
            continue
        k, top = _mix(change, width, begin, n_labels, label, values, z, index, fraction)
        value += w * (top - (change[own[r]] - lead[r]))  # exactly 0 where the endpoint wins
        gradient[own[r]] -= w
        for j in range(k):
            gradient[label[begin + index[j]]] += w * fraction[j]
        if k > 1:
            diagonal = w / width
            other = diagonal / k
            for j in range(k):
                slack += w * fraction[j] * (top - z[index[j]])
                y = label[begin + index[j]]
                hessian[y, y] += diagonal - other
                for l in range(j):
                    hessian[y, label[begin + index[l]]] -= other
    for y in range(n_classes):  # both triangles have some of the entries
        for x in range(y):
            hessian[y, x] += hessian[x, y]
            hessian[x, y] = hessian[y, x]
    return value, slack


@njit
def _newton_step(hessian, gradient, damping, coupling, anchor, step):
    """Solve ``(H + damping L) step = -gradient`` with ``step[anchor] = 0``.

    L is the Laplacian matrix of the chain of labels with the edge weights `coupling`.
    """
    n = gradient.shape[0] - 1
    matrix, factor, right = np.empty((n, n)), np.empty((n, n)), np.empty(n)
    for k in range(n):
        y = k if k < anchor else k + 1
        right[k] = -gradient[y]
        for l in range(n):
            matrix[k, l] = hessian[y, l if l < anchor else l + 1]
    for k in range(n):
        y = k if k < anchor else k + 1
        if y > 0:
            matrix[k, k] += damping * coupling[y - 1]
        if y < n:
            matrix[k, k] += damping * coupling[y]
            if y + 1 != anchor and y != anchor:
                matrix[k, k + 1] -= damping * coupling[y]
                matrix[k + 1, k] -= damping * coupling[y]
        # A share of the label's own curvature: one of the mean stops those of light labels.
        matrix[k, k] += 1e-14 * matrix[k, k] + 1e-300
    factorize(matrix, n, 1e-15, factor)
    solve_factorized(factor, n, right)
    step[anchor] = 0.0
    for k in range(n):
        step[k if k < anchor else k + 1] = right[k]


@njit
def minimize_smoothed(
    scores,
    piece,
    cost,
    sides,
    work,
    listed,
    thresholds,
    reach,
    change,
    width,
    anchor,
    capacity,
    rules,
    step_rules,
    max_iter,
):
    """Levenberg-Marquardt iteration on the smoothed sum of losses.

    The damping holds neighbouring biases together: it shortens the steps of labels that few sides
    contest, where the curvature is unknown, and leaves the well-determined ones alone.

    Parameters
    ----------
    scores, piece, cost
        As for `list_contested`.
    sides, work : tuple
        The two sides, and the arrays ``alone, contested`` that hold the list.
    listed : tuple
        Number of contested sides, constant and derivative of the others, and width.
    thresholds, reach : ndarray of shape (n_classes - 1,)
        Where the list was made and how far from there it serves; replaced where it is made anew.
    change : ndarray of shape (n_classes,)
        Change of the biases since, to begin with; replaced by the last one.
    anchor : int
        The label whose bias is kept.
    capacity : ndarray of shape (n_classes,)
        Weight that a label may win or lose, the measure of its derivative.
    rules : tuple of float
        Share of the sum of `capacity` at which a derivative counts as 0, first step in widths,
        shortest reach of a list in widths, and the change in widths after which it is made anew.
    step_rules : tuple
        `StepRules` of ``smoothing.py``: how the damping goes on.
    max_iter : int

    Returns
    -------
    listed : tuple
        Of the last list.
    value, slack : float
        As of `smoothed`, but for all sides.
    residual : ndarray of shape (n_classes,)
        Derivative of the mixture in the biases.
    n_evaluations : int
    """
    tol, first_step, shortest_reach, long_way = rules
    overshot, least_rise, most_rise, factors = step_rules
    n_classes = change.shape[0]
    trial, step = change.copy(), np.zeros(n_classes)
    gradient, new_gradient = np.empty(n_classes), np.empty(n_classes)
    hessian = np.empty((n_classes, n_classes))
    new_hessian = np.empty((n_classes, n_classes))
    coupling = np.minimum(capacity[1:], capacity[:-1])
    total_capacity = np.sum(capacity)
    n, constant, fixed, list_width = listed
    value, slack = smoothed(change, width, n, work[1], fixed, gradient, hessian)
    size = np.max(np.abs(gradient))
    damping = np.max(np.abs(gradient) / capacity) / (first_step * width)
    value += constant
    n_evaluations = 1
    settled, stale = False, False
    while n_evaluations < max_iter:
        settled = settled or size <= tol * total_capacity
        step[:] = 0.0
        if not settled:
            _newton_step(hessian, gradient, damping, coupling, anchor, step)
        beyond = False
        for y in range(n_classes):
            trial[y] = change[y] + step[y]
        for k in range(n_classes - 1):
            moved = abs(trial[k] - trial[k + 1])
            beyond = beyond or moved > (long_way * width if settled else reach[k])
        if settled and not beyond:
            break
        if beyond:
            # The list is made anew around the end of the step, or, as changes near the list have
            # the digits that the bias part is cancelled with, at the end of a long way.
            for k in range(n_classes - 1):
                thresholds[k] += trial[k] - trial[k + 1]
                reach[k] = max(abs(step[k] - step[k + 1]), shortest_reach * width)
            n, constant, _, fixed = list_contested(
                scores, piece, cost, thresholds, reach, width, sides, work
            )
            list_width = width
            for y in range(n_classes):
                change[y] -= trial[y]
                trial[y] = 0.0
            stale = True
        new_value, new_slack = smoothed(trial, width, n, work[1], fixed, new_gradient, new_hessian)
        new_value += constant
        n_evaluations += 1
        new_size = np.max(np.abs(new_gradient))
        left = 1.0 if settled else np.dot(new_gradient, step) / np.dot(gradient, step)
        close = size <= _CLOSE * total_capacity
        if settled:
            settled = False
        elif close and not new_size < 0.5 * size:  # nothing but rounding is left
            settled = True
            if not new_size < size:
                continue
        elif not close and not left >= -overshot:  # too long, or not a number
            damping *= min(max(-4.0 * left, least_rise), most_rise)
            continue
        change[:] = trial
        value, slack, size, stale = new_value, new_slack, new_size, False
        gradient[:] = new_gradient
        hessian[:] = new_hessian
        for row in range(factors.shape[0]):
            if left >= factors[row, 0]:
                damping *= factors[row, 1]
                break
        # The square lets go of the steps in time: with the imbalance itself every problem takes
        # an evaluation and a half more.
        imbalance = np.max(np.abs(gradient) / capacity)
        damping = min(damping, imbalance * imbalance / width)
    if stale:  # the last step that was taken dates from another list
        value, slack = smoothed(change, width, n, work[1], fixed, gradient, hessian)
        value += constant
    return (n, constant, fixed, list_width), value, slack, gradient, n_evaluations


@njit
def mixture_gradient(change, width, n, work, sides, labels, steps_before, cost, score_gradient):
    """Fill the mixture's derivative in the scores, of shape (m, n_pieces); return its costs.

    `labels` are the lower and upper endpoints and the weight of every example;
    ``steps_before[y, j]`` is the number of steps below label y with piece j.
    """
    (below, above), contested = work
    lower, upper, weight = labels
    first, last, upward, own, _, _, start, label, values = contested
    n_classes, n_pieces = steps_before.shape
    z, fraction = np.empty(n_classes), np.empty(n_classes)
    index = np.empty(n_classes, np.int64)
    mean = np.empty(n_pieces)
    offset = 0.0
    for i in range(weight.shape[0]):
        l, u = lower[i], upper[i]
        x = below[i] if below[i] >= 0 else l  # contested sides follow
        y = above[i] if above[i] >= 0 else u
        if x == l and y == u:
            score_gradient[i] = 0.0
            continue
        offset += weight[i] * (cost[x, l] + cost[y, u])
        for j in range(n_pieces):
            moved = steps_before[x, j] - steps_before[l, j]
            moved += steps_before[y, j] - steps_before[u, j]
            score_gradient[i, j] = weight[i] * moved
    for r in range(n):
        begin = start[r]
        k, _ = _mix(change, width, begin, start[r + 1] - begin, label, values, z, index, fraction)
        e = own[r]
        costs = 0.0
        mean[:] = 0.0
        for j in range(k):
            y = label[begin + index[j]]
            costs += fraction[j] * cost[y, e]
            for piece in range(n_pieces):
                mean[piece] += fraction[j] * (steps_before[y, piece] - steps_before[e, piece])
        members = sides[1][0] if upward[r] else sides[0][0]
        for place in range(first[r], last[r]):
            i = members[place]
            offset += weight[i] * costs
            for piece in range(n_pieces):
                score_gradient[i, piece] += weight[i] * mean[piece]
    return offset
