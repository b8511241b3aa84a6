r"""Kernels of the dual coordinate ascent where labels have scores of several pieces.

The derivation stands in ``method.py``. A side of an example, its labels up to l or from u on, has
a mixture :math:`\pi` of labels. Kept are its *slopes*, one for each step from the end on outwards:
the share of the labels beyond, :math:`q_d = \sum_{d' \ge d} \pi_{d'}` with d = 1, 2, ... the
distance of a label from the end. They fall, and the first is at most 1; those of the lower side
come first, then those of the upper side. A slope moves the score of its step's piece, up on the
lower side and down on the upper one, and the derivative in the step's threshold likewise.
"""

from __future__ import annotations

import numpy as np

from vilma._numba import njit
from vilma.design_matrices.rows import row_add_four, row_dot_four

_NO_SHARE = 1e-12  # of a label: nothing to move
_LEAST_GAIN = 1e-9  # of a unit of share moved, in units of cost
# To balance a plane, both sides are gone through so often at most, until no derivative in a
# threshold exceeds that share of all weight. Of 4,776 planes of small random problems (3 to 320
# rows) one keeps a residual above 1e-12; of 1,778 by slopes of single steps alone, 556 did.
_MOST_SWEEPS = 20
_NEGLIGIBLE = 1e-15


@njit
def _scan(scores, thresholds, pieces, cost, own, end, direction, reach):
    """Look for the labels between which moving a share gains the most.

    Returns the distance of the best label, the one of the worst that has a share, what a unit
    moved between them gains, the worst one's share, and the distance up to which labels matter.
    """
    z, largest, best = 0.0, 0.0, 0
    smallest, worst, share = np.inf, -1, 0.0
    last = 0
    before = 1.0
    for d in range(reach + 1):
        if d > 0:
            step = end - d if direction < 0 else end + d - 1
            z += direction * (scores[pieces[step]] - thresholds[step])
        y = end + direction * d
        value = z + cost[y, end]
        if value > largest:
            largest, best = value, d
        beyond = own[d] if d < own.shape[0] else 0.0
        if before - beyond > _NO_SHARE:
            last = d
            if value < smallest:
                smallest, worst, share = value, d, before - beyond
        before = beyond
    return best, worst, largest - smallest, share, max(last, best)


@njit
def _best_shares(gain_a, gain_b, aa, ab, bb, most_a, most_b):
    """Maximise ``gain @ x - x @ [[aa, ab], [ab, bb]] @ x / 2`` with x from 0 to `most`."""
    if aa <= 0.0:
        return 0.0, (min(gain_b / bb, most_b) if bb > 0.0 else 0.0)
    if bb <= 0.0:
        return min(gain_a / aa, most_a), 0.0
    determinant = aa * bb - ab * ab
    if determinant > 1e-10 * aa * bb:
        a = (gain_a * bb - gain_b * ab) / determinant
        b = (gain_b * aa - gain_a * ab) / determinant
        if 0.0 <= a <= most_a and 0.0 <= b <= most_b:
            return a, b
    best, best_a, best_b = 0.0, 0.0, 0.0
    for face in range(4):
        if face < 2:
            a = 0.0 if face == 0 else most_a
            b = min(max((gain_b - ab * a) / bb, 0.0), most_b)
        else:
            b = 0.0 if face == 2 else most_b
            a = min(max((gain_a - ab * b) / aa, 0.0), most_a)
        value = a * (gain_a - 0.5 * aa * a - ab * b) + b * (gain_b - 0.5 * bb * b)
        if value > best:
            best, best_a, best_b = value, a, b
    return best_a, best_b


@njit
def ascend_mixtures(rows, examples, maxima, visits, constants, state):
    """Visit examples in turn and improve their mixtures; the thresholds follow.

    Parameters
    ----------
    rows : tuple of arrays
    examples : tuple of arrays of shape (m,)
        Row of every example, where its slopes begin, ends of its interval, weight, product with
        the mean row, and squared norm of the row less the mean row.
    maxima : tuple of arrays
        Costs of shape (n_classes, n_classes), and pieces of the steps.
    visits : ndarray of int64
    constants : tuple
        1 / (lambda P), proximal step, squared norm of the mean row, shares of a piece's own score
        and of the sum of all in its score, most steps of a visit, and the share of its first gain
        at which it ends.
    state : tuple of arrays
        Sums of shape (n_groups, n, 4) for pieces four by four, drift of shape (2, n_pieces),
        slopes and thresholds.
    """
    row_of, first, lower, upper, weights, centre_products, squared_centred_norms = examples
    cost, pieces = maxima
    scale, prox_step, squared_mean_norm, own_share, common_share, most_steps, enough = constants
    sums, drift, slopes, thresholds = state
    n_pieces, last_label = drift.shape[1], cost.shape[0] - 1
    four = np.empty((1, 4))
    scores, change = np.empty(n_pieces), np.empty(n_pieces)
    moved, by_score = np.empty((2, n_pieces)), np.empty((2, n_pieces))
    for i in visits:
        weight, centre_product = weights[i], centre_products[i]
        total = 0.0
        for g in range(sums.shape[0]):
            four[0, :] = 0.0
            row_dot_four(rows, row_of[i], sums[g], four)
            for j in range(4 * g, min(4 * g + 4, n_pieces)):
                shift = drift[1, j] * (squared_mean_norm - centre_product) - drift[0, j]
                scores[j] = scale * (four[0, j - 4 * g] + shift)
                total += scores[j]
                change[j] = 0.0
        for j in range(n_pieces):
            scores[j] = own_share * scores[j] + common_share * total
        by_share = weight * scale * squared_centred_norms[i]
        threshold_step = weight * prox_step  # by which a step of 1 of a slope moves a threshold
        l, u = lower[i], upper[i]
        below = slopes[first[i] : first[i] + l]
        above = slopes[first[i] + l : first[i] + l + last_label - u]
        reach_below, reach_above = below.shape[0], above.shape[0]
        tolerated = 0.0
        for n_steps in range(most_steps):
            best_a, worst_a, gain_a, most_a, last_a = _scan(
                scores, thresholds, pieces, cost, below, l, -1, reach_below
            )
            best_b, worst_b, gain_b, most_b, last_b = _scan(
                scores, thresholds, pieces, cost, above, u, 1, reach_above
            )
            gain = max(gain_a, gain_b)
            if n_steps == 0:  # labels further out are looked at in the next visit
                tolerated = max(enough * gain, _LEAST_GAIN)
                reach_below = min(reach_below, last_a + 2)
                reach_above = min(reach_above, last_b + 2)
            if gain <= tolerated:
                break
            moved[:] = 0.0
            for d in range(min(best_a, worst_a), max(best_a, worst_a)):
                moved[0, pieces[l - d - 1]] += 1.0
            for d in range(min(best_b, worst_b), max(best_b, worst_b)):
                moved[1, pieces[u + d]] += 1.0
            # Away from the end shares raise the scores on the lower side, on the other they lower.
            sign_a = 1.0 if best_a > worst_a else -1.0
            sign_b = -1.0 if best_b > worst_b else 1.0
            aa = threshold_step * abs(best_a - worst_a)
            bb = threshold_step * abs(best_b - worst_b)
            ab = 0.0
            for side in range(2):
                total = np.sum(moved[side])
                for j in range(n_pieces):
                    shared = own_share * moved[side, j] + common_share * total
                    by_score[side, j] = by_share * shared
            for j in range(n_pieces):
                aa += moved[0, j] * by_score[0, j]
                bb += moved[1, j] * by_score[1, j]
                ab += moved[0, j] * by_score[1, j]
            a, b = _best_shares(gain_a, gain_b, aa, sign_a * sign_b * ab, bb, most_a, most_b)
            a *= sign_a
            b *= sign_b
            for d in range(min(best_a, worst_a), max(best_a, worst_a)):
                below[d] += a
                thresholds[l - d - 1] -= threshold_step * a
            for d in range(min(best_b, worst_b), max(best_b, worst_b)):
                above[d] -= b
                thresholds[u + d] -= threshold_step * b
            for j in range(n_pieces):
                change[j] += a * moved[0, j] + b * moved[1, j]
                scores[j] += a * by_score[0, j] + b * by_score[1, j]
        for g in range(sums.shape[0]):
            four[0, :] = 0.0
            moves = False
            for j in range(4 * g, min(4 * g + 4, n_pieces)):
                factor = weight * change[j]
                four[0, j - 4 * g] = factor
                drift[0, j] += factor * centre_product
                drift[1, j] += factor
                moves = moves or factor != 0.0
            if moves:
                row_add_four(rows, row_of[i], four, sums[g])


@njit
def _lower_slopes(slopes, begin, distances, direction, k, n_beyond, weights, excess):
    """Lower the slopes of step k until its derivative vanishes, each by the same part.

    Side i has that slope at ``begin[i] + distances[i] + direction * k``, if the distance is not
    negative, and those of the `n_beyond` steps further out behind it. They fall towards the next
    one; where that is not enough, together with those further out from there towards 0.
    """
    too_much = abs(excess[k])
    room = behind = 0.0
    for i in range(weights.shape[0]):
        d = distances[i] + direction * k
        if d >= 0:
            at = begin[i] + d
            next_slope = slopes[at + 1] if n_beyond > 0 else 0.0
            room += weights[i] * (slopes[at] - next_slope)
            behind += weights[i] * next_slope
    part = too_much / room if room > too_much else 1.0
    rest = too_much - room
    part_behind = min(rest / behind, 1.0) if rest > 0.0 and behind > 0.0 else 0.0
    for i in range(weights.shape[0]):
        d = distances[i] + direction * k
        if d < 0:
            continue
        at = begin[i] + d
        next_slope = slopes[at + 1] if n_beyond > 0 else 0.0
        slopes[at] -= part * (slopes[at] - next_slope) + part_behind * next_slope
        for j in range(1, n_beyond + 1):
            change = slopes[at + j] - slopes[at]
            if change <= 0.0:
                break
            slopes[at + j] = slopes[at]
            excess[k + direction * j] += direction * weights[i] * change
    excess[k] += direction * (part * room + part_behind * behind)


@njit
def balanced_mixture_plane(first, lower, upper, weights, maxima, n_pieces, slopes):
    """Lower slopes until the thresholds' derivatives vanish, of the sides that have too much.

    A slope falls towards the next one, so that they stay those of a mixture: a share of the label
    behind the step moves to the one before it. The outermost steps come first. Where slopes of
    single steps are not enough, those further out fall with them, which may leave too much on the
    other side: then both sides are gone through again.

    Returns
    -------
    score_gradient : ndarray of shape (m, n_pieces)
    offset : float
        Of a plane, not yet divided by the total weight.
    residual : float
        Sum of what is left of the derivatives in the thresholds.
    by_piece : ndarray of shape (m, n_pieces)
        Weighted slopes as they are, up on the lower sides.
    """
    cost, pieces = maxima
    m, n_steps = lower.shape[0], pieces.shape[0]
    excess = np.zeros(n_steps)
    by_piece = np.zeros((m, n_pieces))
    for i in range(m):
        begin = first[i]
        for d in range(lower[i]):
            k = lower[i] - 1 - d
            by_piece[i, pieces[k]] += weights[i] * slopes[begin + d]
            excess[k] += weights[i] * slopes[begin + d]
        begin += lower[i]
        for d in range(n_steps - upper[i]):
            k = upper[i] + d
            by_piece[i, pieces[k]] -= weights[i] * slopes[begin + d]
            excess[k] -= weights[i] * slopes[begin + d]
    negligible = _NEGLIGIBLE * np.sum(weights)
    balanced = slopes.copy()
    for _ in range(_MOST_SWEEPS):
        for k in range(n_steps):
            if excess[k] > 0.0:
                _lower_slopes(balanced, first, lower - 1, -1, k, k, weights, excess)
        for k in range(n_steps - 1, -1, -1):
            if excess[k] < 0.0:
                beyond = n_steps - 1 - k
                _lower_slopes(balanced, first + lower, -upper, 1, k, beyond, weights, excess)
        if np.max(np.abs(excess)) <= negligible:
            break
    score_gradient = np.zeros((m, n_pieces))
    left = np.zeros(n_steps)
    offset = 0.0
    for i in range(m):
        begin, end = first[i], lower[i]
        for d in range(end):
            k = end - 1 - d
            slope = weights[i] * balanced[begin + d]
            score_gradient[i, pieces[k]] -= slope
            offset += slope * (cost[k, end] - cost[k + 1, end])
            left[k] += slope
        begin += end
        end = upper[i]
        for d in range(n_steps - end):
            k = end + d
            slope = weights[i] * balanced[begin + d]
            score_gradient[i, pieces[k]] += slope
            offset += slope * (cost[k + 1, end] - cost[k, end])
            left[k] -= slope
    return score_gradient, offset, np.sum(np.abs(left)), by_piece
