r"""Kernels of the two hinge surrogates, IMC and EXP.

Threshold k carries hinges of two kinds (labels are codes from 0, k separates k from k + 1):

- upper: ``max(0, 1 - s_i + theta_k)``, breakpoint ``a_i = s_i - 1``, slope +1 to its right;
- lower: ``max(0, 1 + s_i - theta_k)``, breakpoint ``b_i = s_i + 1``, slope -1 to its left.

Nothing of IMC needs the margins to be 1: its kernels take the breakpoints, whatever margins they
come from (``margins.py``).

**IMC: weighted quantiles.** Every threshold is minimised by itself. With :math:`Q_k` the weight of
its lower hinges, the derivative of the loss at :math:`\theta_k` is

.. math:: \sum_{i:\, a_i < \theta_k} p_i - \sum_{i:\, b_i > \theta_k} p_i
          = \bigl(\text{weight of its breakpoints left of } \theta_k\bigr) - Q_k ,

as a lower hinge takes -1 away once its breakpoint is passed. The derivative is a step function
that grows from :math:`-Q_k`, so the minimisers are the places where it changes sign: the weighted
:math:`Q_k`-quantiles of the merged breakpoints, a whole interval where the weight passed is
exactly :math:`Q_k`. From k to k + 1 upper hinges drop out and lower ones come in, which
can only lower the derivative: both ends of the interval are nondecreasing in k, and one walk over
the breakpoints in ascending order places all thresholds in turn.

**EXP: isotonic regression.** The same derivatives belong to one or two thresholds per example,
and the order :math:`\theta_0 \le \theta_1 \le \dots` is a constraint: isotonic regression of
convex functions of one variable, the problem of pool adjacent violators [1]_ [2]_. Its solution
pools neighbours into blocks that share the minimiser of their summed functions. By threshold
decomposition [3]_ the thresholds that are at most v form the prefix :math:`0, \dots, j` with the
largest sum of derivatives at v; sweeping v upwards over the breakpoints finds the blocks in order,
each when the sum of its derivatives reaches zero.

Both kernels walk once over the breakpoints: with margins of 1 the scores' order serves both kinds,
shifted to the left and to the right. Every minimiser set is an interval; both ends are
nondecreasing in k, and so is the middle, which is what `middle_thresholds` takes: in a gap between
two groups of breakpoints the derivative in the threshold vanishes exactly, and predictions keep
the same margin on both sides.

**Planes under ties.** Where a threshold lies on a breakpoint, the hinge's slope there is any
fraction of 1. `imc_plane` and `exp_plane` choose these fractions so that the derivative in the
thresholds is 0, or in minus the normal cone of the order constraint, without which the plane would
be no lower bound of G (the proof is in ``plane.py``).

What NumPy does as well is left to it, around the compiled loops: an array made or summed within a
kernel takes Numba a fifth of a second to compile.

References
----------
.. [1] M. Ayer, H. D. Brunk, G. M. Ewing, W. T. Reid, E. Silverman, "An empirical distribution
       function for sampling with incomplete information", Annals of Mathematical Statistics 26,
       1955.
.. [2] M. J. Best, N. Chakravarti, V. A. Ubhaya, "Minimizing separable convex functions subject to
       simple chain constraints", SIAM Journal on Optimization 10, 2000.
.. [3] D. S. Hochbaum, "An efficient algorithm for image segmentation, Markov random fields and
       related problems", Journal of the ACM 48, 2001.
"""

from __future__ import annotations

import numpy as np

from vilma._numba import njit

# Weights whose prefix sums differ by this share of the total are taken for equal: some twenty
# times the rounding of one addition, less than any weight that matters.
_ROUNDING = 4e-15

Breakpoints = tuple[np.ndarray, np.ndarray, np.ndarray]  # places, ascending; labels; weights


def imc_minimizers(left: Breakpoints, right: Breakpoints, n_thresholds):
    """Smallest and largest minimiser of every threshold of the IMC surrogate.

    `left` are the breakpoints of the upper hinges and `right` those of the lower ones: places in
    ascending order, labels ``lower`` and ``upper``, weights. Ends that no breakpoint bounds are
    infinite.
    """
    smallest = np.full(n_thresholds, np.inf)
    largest = np.full(n_thresholds, np.inf)
    _, upper, weight = right
    upper_total = np.bincount(upper, weight, n_thresholds + 1)
    passed = np.zeros((2, n_thresholds + 1))
    slack = _ROUNDING * upper_total.sum()
    _place_imc(*left, *right, upper_total, passed, slack, smallest, largest)
    return smallest, largest


@njit
def _place_imc(
    left_place,
    lower,
    left_weight,
    right_place,
    upper,
    right_weight,
    upper_total,
    passed,
    slack,
    smallest,
    largest,
):
    """Walk over the breakpoints and write both ends of the thresholds' minimisers.

    Threshold k has the upper hinges of ``lower > k`` and the lower hinges of ``upper <= k``.
    `upper_total` is the weight by label `upper`; `passed`, zero at first, becomes the weight of
    the passed breakpoints a_i by label `lower` and b_i by label `upper`.
    """
    m = left_place.shape[0]
    n_thresholds = smallest.shape[0]
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
            passed_small += passed[1, small] - passed[0, small]
            quantile_small += upper_total[small]
        while large < n_thresholds and passed_large > quantile_large + slack:
            largest[large] = place_large
            large += 1
            passed_large += passed[1, large] - passed[0, large]
            quantile_large += upper_total[large]
        if large == n_thresholds or (left == m and right == m):
            break
        if right == m or (left < m and left_place[left] <= right_place[right]):
            place = left_place[left]
            label = lower[left]
            passed[0, label] += left_weight[left]
            if label > small:
                passed_small += left_weight[left]
                place_small = place
            if label > large:
                passed_large += left_weight[left]
                place_large = place
            left += 1
        else:
            place = right_place[right]
            label = upper[right]
            passed[1, label] += right_weight[right]
            if label <= small:
                passed_small += right_weight[right]
                place_small = place
            if label <= large:
                passed_large += right_weight[right]
                place_large = place
            right += 1


def exp_minimizers(scores, lower, upper, weight, n_thresholds):
    """Smallest and largest minimiser of the EXP surrogate under the order of thresholds.

    The examples come in ascending order of their scores. Ends that no breakpoint bounds are
    infinite.
    """
    derivative = -np.bincount(upper, weight, n_thresholds + 1)[:-1]
    slack = _ROUNDING * weight.sum()
    ends = np.full((2, n_thresholds), np.inf)
    for largest in (False, True):
        excess = np.cumsum(derivative)
        _sweep_level_sets(scores, lower, upper, weight, excess, slack, largest, ends[int(largest)])
    return ends[0], ends[1]


@njit
def _sweep_level_sets(scores, lower, upper, weight, excess, slack, largest, theta):
    """Write the smallest (or largest) minimiser to `theta`, infinite at first.

    This solves the generalised isotonic regression that pool adjacent violators solves, level by
    level: an event costs a pass over the unplaced thresholds.

    Threshold k has the upper hinges of ``lower == k + 1`` and the lower hinges of ``upper == k``.
    ``excess[j]`` is the sum of the derivatives of the unplaced thresholds up to j, at first that
    left of all breakpoints. As soon as one turns positive (reaches zero, for the smallest
    minimiser), the prefix with the largest sum is a block of pooled thresholds and is placed.
    """
    m = scores.shape[0]
    n_thresholds = theta.shape[0]
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
        if k == n_thresholds or right >= m:
            break
        touched = n_thresholds
        if left < m and scores[left] - 1.0 <= scores[right] + 1.0:
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


def middle_thresholds(smallest, largest, scores):
    """Finite, nondecreasing thresholds between the smallest and the largest minimiser."""
    # A threshold that may go to -inf is at its largest minimiser, but no further right than its
    # right neighbour; one that may go to +inf at its smallest, but no further left than its left
    # neighbour. Both ends ascend, so the first kind comes first and the second last.
    n_thresholds = len(smallest)
    n_below = int(np.searchsorted(smallest, -np.inf, side="right"))
    first_above = int(np.searchsorted(largest, np.inf, side="left"))
    theta = np.where(smallest == -np.inf, largest, smallest)
    between = slice(n_below, max(first_above, n_below))
    theta[between] = 0.5 * (smallest[between] + largest[between])
    if n_below > 0:
        reach = theta[: n_below + 1]
        reach[:] = np.minimum.accumulate(reach[::-1])[::-1]
    if first_above < n_thresholds:
        reach = theta[max(first_above - 1, 0) :]
        reach[:] = np.maximum.accumulate(reach)
    finite = np.isfinite(theta)
    if not finite.all():  # no example bounds an end
        if not finite.any():
            return np.full(n_thresholds, scores.mean())
        known = np.flatnonzero(finite)
        before = np.searchsorted(known, np.arange(n_thresholds), side="right") - 1
        theta = theta[known[np.maximum(before, 0)]]
    return theta


def imc_plane(left: Breakpoints, right: Breakpoints, theta):
    """Value at `theta`, and the plane of G by hinges, not yet divided by the weight.

    `left` and `right` are the breakpoints as in `imc_minimizers`. Returns the value and, for the
    upper and for the lower hinges, the slopes :math:`p_i U_i` and :math:`p_i L_i` in the order of
    their breakpoints: the score gradient is :math:`p_i (L_i - U_i)`, and every slope adds its
    margin to the offset.

    The breakpoints ascend, so the thresholds whose hinges an example touches are found by
    counting on, and their hinges summed by prefix sums. On a breakpoint the upper hinge takes the
    fraction tau_k and the lower one 1 - tau_k, which makes the derivative in theta_k vanish; all
    examples on the breakpoint share it, so the plane depends neither on the order of the examples
    nor on how they are split in duplicates.
    """
    theta_before = np.concatenate([[0.0], np.cumsum(theta)])
    up, down = np.empty(len(left[0])), np.empty(len(right[0]))
    change = np.zeros(len(theta) + 1)
    upper_value, upper_tied = _add_upper_hinges(*left, theta, theta_before, up, change)
    lower_value, lower_tied = _add_lower_hinges(*right, theta, theta_before, down, change)
    if upper_tied or lower_tied:
        _share_ties(left, right, theta, np.cumsum(change)[:-1], up, down)
    return upper_value + lower_value, up, down


@njit
def _add_upper_hinges(place, lower, weight, theta, theta_before, slope, change):
    """Sum the upper hinges beyond their breakpoints; return value and whether some are on them.

    `theta_before` are the sums of the thresholds before each. Written to: `slope`, and `change`,
    by which the derivative in the thresholds changes from one to the next.
    """
    n_thresholds = theta.shape[0]
    value = 0.0
    tied = False
    first_tied = 0
    first = 0  # the hinges are active from here on to the label `lower`
    for i in range(place.shape[0]):
        while first_tied < n_thresholds and theta[first_tied] < place[i]:
            first_tied += 1
        while first < n_thresholds and theta[first] <= place[i]:
            first += 1
        tied |= first_tied < first
        n_active = max(lower[i] - first, 0)
        if n_active > 0:
            loss = theta_before[lower[i]] - theta_before[first] - n_active * place[i]
            value += weight[i] * loss
            change[first] += weight[i]
            change[lower[i]] -= weight[i]
        slope[i] = weight[i] * n_active
    return value, tied


@njit
def _add_lower_hinges(place, upper, weight, theta, theta_before, slope, change):
    """Sum the lower hinges beyond their breakpoints, like `_add_upper_hinges`."""
    n_thresholds = theta.shape[0]
    value = 0.0
    tied = False
    last = 0  # the hinges are active from the label `upper` up to here
    last_tied = 0
    for i in range(place.shape[0]):
        while last < n_thresholds and theta[last] < place[i]:
            last += 1
        while last_tied < n_thresholds and theta[last_tied] <= place[i]:
            last_tied += 1
        tied |= last < last_tied
        n_active = max(last - upper[i], 0)
        if n_active > 0:
            loss = n_active * place[i] - (theta_before[last] - theta_before[upper[i]])
            value += weight[i] * loss
            change[upper[i]] -= weight[i]
            change[last] += weight[i]
        slope[i] = weight[i] * n_active
    return value, tied


def _share_ties(left, right, theta, balance, up, down):
    """Add the hinges on their breakpoints to the slopes `up` and `down`."""
    place, lower, upper_weight = left
    upper_at, upper_k = _equal_thresholds(theta, place)
    allowed = upper_k < lower[upper_at]
    upper_at, upper_k = upper_at[allowed], upper_k[allowed]
    place, upper, lower_weight = right
    lower_at, lower_k = _equal_thresholds(theta, place)
    allowed = lower_k >= upper[lower_at]
    lower_at, lower_k = lower_at[allowed], lower_k[allowed]
    on_upper = np.bincount(upper_k, upper_weight[upper_at], len(theta))
    on_lower = np.bincount(lower_k, lower_weight[lower_at], len(theta))
    here = on_upper + on_lower
    tau = np.clip((on_lower - balance) / np.where(here > 0.0, here, 1.0), 0.0, 1.0)
    np.add.at(up, upper_at, upper_weight[upper_at] * tau[upper_k])
    np.add.at(down, lower_at, lower_weight[lower_at] * (1.0 - tau[lower_k]))


def _equal_thresholds(theta, places):
    """List the pairs (i, k) with ``theta[k] == places[i]``; theta and places ascend."""
    first = np.searchsorted(theta, places, side="left")
    count = np.searchsorted(theta, places, side="right") - first
    rows = np.repeat(np.arange(len(places)), count)
    within = np.arange(len(rows)) - np.repeat(np.cumsum(count) - count, count)
    return rows, first[rows] + within


def exp_plane(scores, lower, upper, weight, theta):
    """Value at `theta` and the plane of G: score_gradient and offset, not yet divided by weight.

    The derivatives in the thresholds must lie in minus the normal cone of the order
    constraint: within each run of equal thresholds their prefix sums are <= 0 and their total
    is 0. Starting from the lowest fractions, the thresholds of a run are raised from the last
    one back until the total vanishes, which keeps every prefix sum as low as possible.
    """
    sums = np.zeros((4, len(theta)))
    score_gradient = np.empty(len(scores))
    value, offset = _add_exp(scores, lower, upper, weight, theta, sums, score_gradient)
    return value, offset, score_gradient


@njit
def _add_exp(scores, lower, upper, weight, theta, sums, score_gradient):
    """Balance the ties and sum the hinges; return value and offset.

    `score_gradient` is written to. `sums`, zero at first, become by threshold: the derivative, the
    weights of the upper and of the lower hinges on their breakpoint, and the fraction tau of the
    upper ones.
    """
    m = scores.shape[0]
    n_thresholds = theta.shape[0]
    balance, on_upper, on_lower, tau = sums[0], sums[1], sums[2], sums[3]
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
    return value, offset
