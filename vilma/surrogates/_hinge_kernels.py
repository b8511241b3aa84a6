r"""Kernels of the two hinge surrogates, IMC and EXP.

Threshold k carries hinges of two kinds (labels are codes from 0, k separates k from k + 1):

- upper: ``max(0, 1 - s_i + theta_k)``, breakpoint ``a_i = s_i - 1``, slope +1 to its right;
- lower: ``max(0, 1 + s_i - theta_k)``, breakpoint ``b_i = s_i + 1``, slope -1 to its left.

With Q the weight of the lower hinges, the derivative at theta is (weight of all breakpoints left
of theta) - Q, so a minimiser is a weighted quantile of the merged breakpoints. Both kernels walk
once over the breakpoints in ascending order: the scores' order serves both kinds, shifted by one
to the left and to the right.

Every minimiser set is an interval; both ends are nondecreasing in k, and so is the middle, which
is what `middle_thresholds` takes: in a gap between two groups of breakpoints the bias part of
the subgradient cancels exactly, and predictions keep the same margin on both sides.
"""

from __future__ import annotations

import numpy as np

from vilma._numba import njit

# Weights whose prefix sums differ by this share of the total are taken for equal.
_ROUNDING = 4e-15


@njit
def _upper_is_next(scores, left, right):
    """Tell whether the next breakpoint is an upper one, at `left`, or a lower one, at `right`."""
    m = scores.shape[0]
    if left >= m:
        return False
    if right >= m:
        return True
    return scores[left] - 1.0 <= scores[right] + 1.0


@njit
def imc_minimizers(scores, lower, upper, weight, n_thresholds):
    """Smallest and largest minimiser of every threshold of the IMC surrogate.

    The examples come in ascending order of their scores.
    Threshold k has the upper hinges of ``lower > k`` and the lower hinges of ``upper <= k``.
    """
    m = scores.shape[0]
    smallest = np.full(n_thresholds, np.inf)
    largest = np.full(n_thresholds, np.inf)
    upper_total = np.zeros(n_thresholds + 1)  # weight by label `upper`
    total = 0.0
    for i in range(m):
        upper_total[upper[i]] += weight[i]
        total += weight[i]
    slack = _ROUNDING * total
    passed_lower = np.zeros(n_thresholds + 1)  # passed breakpoints a_i, by label `lower`
    passed_upper = np.zeros(n_thresholds + 1)  # passed breakpoints b_i, by label `upper`
    # Two places on one walk: of the thresholds in turn, the smallest minimiser of `small` and the
    # largest of `large` come next.
    small = 0
    large = 0
    passed_small = 0.0
    passed_large = 0.0
    quantile_small = upper_total[0]
    quantile_large = upper_total[0]
    place_small = -np.inf
    place_large = -np.inf
    left = 0
    right = 0
    while True:
        # Place every threshold whose derivative has just reached its sign.
        while small < n_thresholds and passed_small >= quantile_small - slack:
            smallest[small] = place_small
            small += 1
            passed_small += passed_upper[small] - passed_lower[small]
            quantile_small += upper_total[small]
        while large < n_thresholds and passed_large > quantile_large + slack:
            largest[large] = place_large
            large += 1
            passed_large += passed_upper[large] - passed_lower[large]
            quantile_large += upper_total[large]
        if large == n_thresholds or (left >= m and right >= m):
            break
        if _upper_is_next(scores, left, right):
            place = scores[left] - 1.0
            label = lower[left]
            passed_lower[label] += weight[left]
            if label > small:
                passed_small += weight[left]
                place_small = place
            if label > large:
                passed_large += weight[left]
                place_large = place
            left += 1
        else:
            place = scores[right] + 1.0
            label = upper[right]
            passed_upper[label] += weight[right]
            if label <= small:
                passed_small += weight[right]
                place_small = place
            if label <= large:
                passed_large += weight[right]
                place_large = place
            right += 1
    return smallest, largest


@njit
def exp_minimizers(scores, lower, upper, weight, n_thresholds):
    """Smallest and largest minimiser of the EXP surrogate under the order of thresholds."""
    return (
        _exp_minimizer(scores, lower, upper, weight, n_thresholds, False),
        _exp_minimizer(scores, lower, upper, weight, n_thresholds, True),
    )


@njit
def _exp_minimizer(scores, lower, upper, weight, n_thresholds, largest):
    """Smallest (or largest) minimiser.

    The examples come in ascending order of their scores.
    Threshold k has the upper hinges of ``lower == k + 1`` and the lower hinges of ``upper == k``.
    By threshold decomposition the chain is solved level by level: at level v the thresholds
    that are <= v form the prefix with the largest sum of derivatives. ``excess[j]`` is the sum of
    the derivatives of the unplaced thresholds up to j; as soon as one turns positive (reaches
    zero, for the smallest minimiser), the prefix with the largest sum is placed.
    """
    m = scores.shape[0]
    theta = np.empty(n_thresholds)
    total = 0.0
    derivative = np.zeros(n_thresholds)
    for i in range(m):
        total += weight[i]
        if upper[i] < n_thresholds:
            derivative[upper[i]] -= weight[i]
    slack = _ROUNDING * total
    excess = np.cumsum(derivative)
    k = 0
    position = -np.inf
    left = 0
    right = 0
    touched = 0
    while True:
        best = -1
        for j in range(touched, n_thresholds):
            if largest:  # the shortest prefix with the largest sum
                if excess[j] > slack and (best < 0 or excess[j] > excess[best] + slack):
                    best = j
            elif excess[j] >= -slack and (best < 0 or excess[j] >= excess[best] - slack):
                best = j
        if best >= 0:
            gone = excess[best]
            while k <= best:
                theta[k] = position
                k += 1
            for j in range(k, n_thresholds):
                excess[j] -= gone
            touched = k
            if k < n_thresholds:
                continue  # thresholds without hinges may follow at the same place
        if k == n_thresholds or (left >= m and right >= m):
            break
        touched = n_thresholds
        if _upper_is_next(scores, left, right):
            i = left
            left += 1
            event = lower[i] - 1
            place = scores[i] - 1.0
        else:
            i = right
            right += 1
            event = upper[i] if upper[i] < n_thresholds else -1
            place = scores[i] + 1.0
        if event >= k:
            position = place
            touched = event
            for j in range(event, n_thresholds):
                excess[j] += weight[i]
    theta[k:] = np.inf
    return theta


@njit
def middle_thresholds(smallest, largest, scores):
    """Finite, nondecreasing thresholds between the smallest and the largest minimiser."""
    n_thresholds = smallest.shape[0]
    theta = np.empty(n_thresholds)
    for k in range(n_thresholds):
        if smallest[k] == -np.inf:
            theta[k] = largest[k]
        elif largest[k] == np.inf:
            theta[k] = smallest[k]
        else:
            theta[k] = 0.5 * (smallest[k] + largest[k])
    # A threshold that may go to -inf stays with its right neighbour, one that may go to +inf
    # with its left one.
    for k in range(n_thresholds - 2, -1, -1):
        if smallest[k] == -np.inf:
            theta[k] = min(theta[k], theta[k + 1])
    for k in range(1, n_thresholds):
        if largest[k] == np.inf:
            theta[k] = max(theta[k], theta[k - 1])
    if theta[n_thresholds - 1] == np.inf or theta[0] == -np.inf:
        # no example bounds this end
        finite = np.mean(scores)
        for k in range(n_thresholds):
            if np.isfinite(theta[k]):
                finite = theta[k]
                break
        for k in range(n_thresholds):
            if np.isfinite(theta[k]):
                finite = theta[k]
            theta[k] = finite
    return theta


@njit
def _count_below(theta, start, place):
    """Count the thresholds below `place`, of which at least `start` are."""
    while start < theta.shape[0] and theta[start] < place:
        start += 1
    return start


@njit
def _count_up_to(theta, start, place):
    """Count the thresholds at or below `place`, of which at least `start` are."""
    while start < theta.shape[0] and theta[start] <= place:
        start += 1
    return start


@njit
def imc_plane(scores, lower, upper, weight, theta):
    """Value at `theta` and the plane of G: score_gradient and offset, not yet divided by weight.

    The examples come in ascending order of their scores, so the thresholds whose hinges an
    example touches are found by counting on, and their hinges summed by prefix sums.

    On a breakpoint the upper hinge takes the fraction tau_k and the lower one 1 - tau_k, which
    makes the derivative in theta_k vanish; all examples on the breakpoint share it, so the
    plane depends neither on the order of the examples nor on how they are split in duplicates.
    """
    m = scores.shape[0]
    n_thresholds = theta.shape[0]
    theta_before = np.zeros(n_thresholds + 1)
    for k in range(n_thresholds):
        theta_before[k + 1] = theta_before[k] + theta[k]
    value = 0.0
    offset = 0.0
    score_gradient = np.empty(m)
    change = np.zeros(n_thresholds + 1)  # of the balance from one threshold to the next
    tied = False
    first_tied = 0
    first_upper = 0  # upper hinges are active from here on to the label `lower`
    last_lower = 0  # lower hinges are active from the label `upper` up to here
    last_tied = 0
    for i in range(m):
        first_tied = _count_below(theta, first_tied, scores[i] - 1.0)
        first_upper = _count_up_to(theta, first_upper, scores[i] - 1.0)
        last_lower = _count_below(theta, last_lower, scores[i] + 1.0)
        last_tied = _count_up_to(theta, last_tied, scores[i] + 1.0)
        n_upper = max(lower[i] - first_upper, 0)
        n_lower = max(last_lower - upper[i], 0)
        loss = 0.0
        if n_upper > 0:
            loss += n_upper * (1.0 - scores[i]) + theta_before[lower[i]]
            loss -= theta_before[first_upper]
            change[first_upper] += weight[i]
            change[lower[i]] -= weight[i]
        if n_lower > 0:
            loss += n_lower * (1.0 + scores[i]) - theta_before[last_lower]
            loss += theta_before[upper[i]]
            change[upper[i]] -= weight[i]
            change[last_lower] += weight[i]
        tied |= first_tied < first_upper or last_lower < last_tied
        value += weight[i] * loss
        offset += weight[i] * (n_upper + n_lower)
        score_gradient[i] = weight[i] * (n_lower - n_upper)
    if tied:
        offset += _share_ties(
            scores, lower, upper, weight, theta, np.cumsum(change), score_gradient
        )
    return value, offset, score_gradient


@njit
def _share_ties(scores, lower, upper, weight, theta, balance, score_gradient):
    """Add the hinges on their breakpoints to `score_gradient`; return what the offset gains."""
    m = scores.shape[0]
    n_thresholds = theta.shape[0]
    on_upper = np.zeros(n_thresholds)
    on_lower = np.zeros(n_thresholds)
    for i in range(m):
        for k in range(np.searchsorted(theta, scores[i] - 1.0), lower[i]):
            if theta[k] != scores[i] - 1.0:
                break
            on_upper[k] += weight[i]
        for k in range(max(np.searchsorted(theta, scores[i] + 1.0), upper[i]), n_thresholds):
            if theta[k] != scores[i] + 1.0:
                break
            on_lower[k] += weight[i]
    tau = np.zeros(n_thresholds)
    for k in range(n_thresholds):
        here = on_upper[k] + on_lower[k]
        if here > 0.0:
            tau[k] = min(max((on_lower[k] - balance[k]) / here, 0.0), 1.0)
    offset = 0.0
    for i in range(m):
        for k in range(np.searchsorted(theta, scores[i] - 1.0), lower[i]):
            if theta[k] != scores[i] - 1.0:
                break
            offset += weight[i] * tau[k]
            score_gradient[i] -= weight[i] * tau[k]
        for k in range(max(np.searchsorted(theta, scores[i] + 1.0), upper[i]), n_thresholds):
            if theta[k] != scores[i] + 1.0:
                break
            offset += weight[i] * (1.0 - tau[k])
            score_gradient[i] += weight[i] * (1.0 - tau[k])
    return offset


@njit
def exp_plane(scores, lower, upper, weight, theta):
    """Value at `theta` and the plane of G: score_gradient and offset, not yet divided by weight.

    The derivatives in the thresholds must lie in minus the normal cone of the order
    constraint: within each run of equal thresholds their prefix sums are <= 0 and their total
    is 0. Starting from the lowest fractions, the thresholds of a run are raised from the last
    one back until the total vanishes, which keeps every prefix sum as low as possible.
    """
    m = scores.shape[0]
    n_thresholds = theta.shape[0]
    balance = np.zeros(n_thresholds)
    on_upper = np.zeros(n_thresholds)
    on_lower = np.zeros(n_thresholds)
    for i in range(m):
        k = lower[i] - 1
        if k >= 0:
            if theta[k] > scores[i] - 1.0:
                balance[k] += weight[i]
            elif theta[k] == scores[i] - 1.0:
                on_upper[k] += weight[i]
        k = upper[i]
        if k < n_thresholds:
            if theta[k] < scores[i] + 1.0:
                balance[k] -= weight[i]
            elif theta[k] == scores[i] + 1.0:
                on_lower[k] += weight[i]
    tau = np.zeros(n_thresholds)
    start = 0
    while start < n_thresholds:
        stop = start + 1
        missing = on_lower[start] - balance[start]
        while stop < n_thresholds and theta[stop] == theta[start]:
            missing += on_lower[stop] - balance[stop]
            stop += 1
        for k in range(stop - 1, start - 1, -1):
            tied = on_upper[k] + on_lower[k]
            if missing > 0.0 and tied > 0.0:
                tau[k] = min(missing / tied, 1.0)
                missing -= tau[k] * tied
        start = stop
    value = 0.0
    offset = 0.0
    score_gradient = np.zeros(m)
    for i in range(m):
        share_upper = 0.0
        share_lower = 0.0
        k = lower[i] - 1
        if k >= 0:
            if theta[k] > scores[i] - 1.0:
                value += weight[i] * (1.0 - scores[i] + theta[k])
                share_upper = 1.0
            elif theta[k] == scores[i] - 1.0:
                share_upper = tau[k]
        k = upper[i]
        if k < n_thresholds:
            if theta[k] < scores[i] + 1.0:
                value += weight[i] * (1.0 + scores[i] - theta[k])
                share_lower = 1.0
            elif theta[k] == scores[i] + 1.0:
                share_lower = 1.0 - tau[k]
        offset += weight[i] * (share_upper + share_lower)
        score_gradient[i] = weight[i] * (share_lower - share_upper)
    return value, offset, score_gradient
