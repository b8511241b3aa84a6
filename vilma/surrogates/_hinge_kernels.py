r"""Kernels of the two hinge surrogates, IMC and EXP.

Labels are codes from 0, threshold k separates k from k + 1. An example in :math:`[l_i, u_i]` has
hinges of two kinds:

- *below* its interval, ``max(0, 1 - s_i + theta_k)``: theta_k, with k < l_i, should lie below the
  score; breakpoint :math:`t^-_i = s_i - 1`, slope +1 to its right;
- *above* its interval, ``max(0, 1 + s_i - theta_k)``: theta_k, with k >= u_i, should lie above the
  score; breakpoint :math:`t^+_i = s_i + 1`, slope -1 to its left.

IMC has them all, EXP those of :math:`k = l_i - 1` and :math:`k = u_i` only. Nothing of IMC needs
the margins to be 1: its kernels take the breakpoints, whatever margins they come from
(``margins.py``). What belongs to one kind is named `below` or `above` throughout.

**IMC: weighted quantiles.** Every threshold is minimised by itself. With :math:`A_k =
\sum_{i:\, u_i \le k} p_i` the weight of its hinges above intervals, the derivative of the loss at
:math:`\theta_k` is

.. math:: \sum_{i:\, k < l_i,\, t^-_i < \theta_k} p_i
          - \sum_{i:\, k \ge u_i,\, t^+_i > \theta_k} p_i
          = \bigl(\text{weight of its breakpoints left of } \theta_k\bigr) - A_k ,

as a hinge above an interval takes -1 away once its breakpoint is passed. The derivative is a step
function that grows from :math:`-A_k`, so the minimisers are the places where it changes sign: the
weighted :math:`A_k`-quantiles of the merged breakpoints, a whole interval where the weight passed
is exactly :math:`A_k`. From k to k + 1 hinges below intervals drop out and hinges above come in,
which can only lower the derivative: both ends of the interval are nondecreasing in k.

**EXP: isotonic regression.** The same derivatives belong to one or two thresholds per example,
and the order :math:`\theta_0 \le \theta_1 \le \dots` is a constraint: isotonic regression of
convex functions of one variable. Its solution pools neighbours into blocks that share a minimiser
of their summed functions. Pool adjacent violators (PAV) [1]_ [2]_ goes through the thresholds in
their order, and merges the last block with the one before it, and minimises the sum anew, for as
long as the two minimisers are out of order. The kernels here do not merge: they find the same
blocks by threshold decomposition [3]_. The thresholds that are at most v form the prefix
:math:`0, \dots, j` with the largest sum of derivatives at v; sweeping v upwards over the
breakpoints finds the blocks from the lowest on, each complete when the sum of its derivatives
reaches zero. So one walk over breakpoints serves, as for IMC, where PAV would look for a quantile
of every merged block.

**Two steps.** `imc_buckets` and `exp_buckets` take the weights by label and bucket, an interval of
places (``_breakpoints.py``), and find the bucket of every end of the minimisers, with the
derivative where that bucket begins. `imc_minimizers` and `exp_minimizers` walk in ascending order
over the breakpoints in these buckets only, which places the thresholds in turn. With few examples
there is one bucket of all breakpoints, which depends on the labels only, and the walk is over all.

Every minimiser set is an interval; both ends are nondecreasing in k, and so is the middle, which
is what `middle_thresholds` takes: in a gap between two groups of breakpoints the derivative in the
threshold vanishes exactly, and predictions keep the same margin on both sides.

**Planes under ties.** Where a threshold lies on a breakpoint, the hinge's slope there is any
fraction of 1. `imc_plane` and `exp_plane` choose these fractions so that the derivative in the
thresholds is 0, or in minus the normal cone of the order constraint, without which the plane would
be no lower bound of G (the proof is in ``plane.py``). The derivative is summed from the hinges
beyond their breakpoints only, for sums of all weights, of which most cancel, leave several times
the rounding. No bound is charged for rounding, unless weights are uneven: as much may then belong
to the smallest of them, as may the slack within which weights are taken for equal, and both are
charged. Planes need no order of the examples.

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

from typing import NamedTuple

import numpy as np

from vilma._numba import njit
from vilma.surrogates._breakpoints import Breakpoints, Groups, Sorted

# Cells per threshold in which the thresholds below a breakpoint are looked up. A call with 1e6
# rows and 60 labels takes 41 ms with 1, 31 with 2, 22 to 26 with 4 to 32.
_CELLS_PER_THRESHOLD = 8
_EPS = float(np.finfo(np.float64).eps)


class Buckets(NamedTuple):
    """The buckets of the smallest and of the largest minimisers, before looking into any.

    All have shape (2, n_thresholds).
    """

    bucket: np.ndarray  # -1 before all breakpoints, n_buckets behind
    derivative: np.ndarray  # of the loss in the threshold, where its bucket begins
    outside: np.ndarray  # -inf before all breakpoints, else inf


def imc_buckets(below, above, slack) -> Buckets:
    """Find the buckets of the minimisers of the IMC surrogate.

    `below` and `above` are the weights of the examples by label and bucket, of shape (n_classes,
    n_buckets): of the hinges below by label ``lower``, of those above by label ``upper``.
    Weights that differ by `slack` are taken for equal.
    """
    # From threshold k to k + 1 the hinges below lower = k + 1 go and those above upper = k + 1
    # come. What is added to nothing but zeros must stay zero: no differences.
    n, n_buckets = len(below) - 1, below.shape[1]
    change = np.empty((n, n_buckets + 1))
    change[-1, 1:] = below[n]
    for k in range(n - 2, -1, -1):
        np.add(change[k + 1, 1:], below[k + 1], out=change[k, 1:])
    above_hinges = np.zeros(n_buckets)
    for k in range(n):
        above_hinges += above[k]
        change[k, 1:] += above_hinges
    change[:, 0] = -np.cumsum(above[:-1].sum(axis=1))
    derivative = np.cumsum(change, axis=1, out=change)
    return _read_off(
        derivative,
        np.count_nonzero(derivative < -slack, axis=1),
        np.count_nonzero(derivative <= slack, axis=1),
    )


def exp_buckets(below, above, slack) -> Buckets:
    """Find the buckets of the minimisers of the EXP surrogate, like `imc_buckets`."""
    n, n_buckets = len(below) - 1, below.shape[1]
    derivative = np.empty((n, n_buckets + 1))
    np.add(below[1:], above[:-1], out=derivative[:, 1:])
    derivative[:, 0] = -above[:-1].sum(axis=1)
    np.cumsum(derivative, axis=1, out=derivative)
    # The thresholds up to a place are the prefix with the largest sum of derivatives there.
    prefix = np.zeros((n + 1, n_buckets + 1))
    for k in range(n):
        np.add(prefix[k], derivative[k], out=prefix[k + 1])
    largest = prefix >= prefix.max(axis=0) - slack
    longest, shortest = n - np.argmax(largest[::-1], axis=0), np.argmax(largest, axis=0)
    return _read_off(
        derivative,
        *(
            np.searchsorted(np.maximum.accumulate(length), np.arange(n), side="right")
            for length in (longest, shortest)
        ),
    )


def _read_off(derivative, *counts):
    """Take buckets and derivatives by the number of bucket borders before each threshold."""
    bucket = np.maximum.accumulate(np.stack(counts) - 1, axis=1)
    k = np.arange(len(derivative))
    outside = np.where(bucket < 0, -np.inf, np.inf)
    return Buckets(bucket, derivative[k, np.maximum(bucket, 0)], outside)


def imc_minimizers(below: Sorted, above: Sorted, groups: Groups, buckets: Buckets, slack):
    """Smallest and largest minimiser of every threshold of the IMC surrogate.

    `below` and `above` are the breakpoints of the two kinds of hinges in the groups.
    Ends that no breakpoint bounds are infinite.
    """
    ends = buckets.outside.copy()
    change = np.empty(ends.shape[1] + 1)
    _place_quantiles(*below, *above, *groups, buckets.derivative, slack, change, ends)
    return ends[0], ends[1]


@njit
def _place_quantiles(
    below_place,
    lower,
    below_weight,
    above_place,
    upper,
    above_weight,
    groups,
    first,
    derivative,
    slack,
    change,
    theta,
):
    """Walk over the breakpoints of every group and write the thresholds.

    Threshold k has the hinges below ``lower > k`` and those above ``upper <= k``. Its
    smallest minimiser ``theta[0, k]`` is where the weight of its breakpoints passed in the group
    makes up for ``derivative[0, k]``; behind its largest, ``theta[1, k]``, the weight is more than
    ``derivative[1, k]`` asks for.
    """
    for g in range(groups.shape[0]):
        # Two places on one walk: of the thresholds in turn, the smallest minimiser of `small` and
        # the largest of `large` come next.
        small, small_stop = groups[g, 0], groups[g, 1]
        large, large_stop = groups[g, 2], groups[g, 3]
        next_below, below_stop = groups[g, 4], groups[g, 5]
        next_above, above_stop = groups[g, 6], groups[g, 7]
        passed_small = 0.0
        passed_large = 0.0
        place_small = first[g]
        place_large = first[g]
        for k in range(change.shape[0]):
            change[k] = 0.0  # of the weight passed, from one threshold to the next
        while True:
            # At the end rounding may have left some: all are placed.
            at_end = next_below == below_stop and next_above == above_stop
            while small < small_stop and (passed_small >= -slack - derivative[0, small] or at_end):
                theta[0, small] = place_small
                small += 1
                passed_small += change[small]
            while large < large_stop and (passed_large > slack - derivative[1, large] or at_end):
                theta[1, large] = place_large
                large += 1
                passed_large += change[large]
            if at_end or (small == small_stop and large == large_stop):
                break
            if next_above == above_stop or (
                next_below < below_stop and below_place[next_below] <= above_place[next_above]
            ):
                label = lower[next_below]
                change[label] -= below_weight[next_below]
                if label > small:
                    passed_small += below_weight[next_below]
                    place_small = below_place[next_below]
                if label > large:
                    passed_large += below_weight[next_below]
                    place_large = below_place[next_below]
                next_below += 1
            else:
                label = upper[next_above]
                change[label] += above_weight[next_above]
                if label <= small:
                    passed_small += above_weight[next_above]
                    place_small = above_place[next_above]
                if label <= large:
                    passed_large += above_weight[next_above]
                    place_large = above_place[next_above]
                next_above += 1


def exp_minimizers(below: Sorted, above: Sorted, groups: Groups, buckets: Buckets, slack):
    """Smallest and largest minimiser of the EXP surrogate under the order of thresholds.

    Arguments and infinite ends are as with `imc_minimizers`.
    """
    ends = buckets.outside.copy()
    for j, largest in enumerate((False, True)):
        excess = buckets.derivative[j].copy()
        _sweep_level_sets(*below, *above, *groups, 2 * j, excess, slack, largest, ends[j])
    return ends[0], ends[1]


@njit
def _sweep_level_sets(
    below_place,
    lower,
    below_weight,
    above_place,
    upper,
    above_weight,
    groups,
    first,
    column,
    excess,
    slack,
    largest,
    theta,
):
    """Write the smallest (or largest) minimisers to `theta`.

    The blocks are those of pool adjacent violators, found level by level instead of merged: an
    event costs a pass over the unplaced thresholds of the bucket.

    Threshold k has the hinges below ``lower == k + 1`` and those above ``upper == k``.
    `excess` are the thresholds' derivatives where their bucket begins; ``excess[j]`` becomes the
    sum of those of the unplaced thresholds of the bucket up to j. As soon as one turns positive
    (reaches zero, for the smallest minimiser), the prefix with the largest sum is a block of
    pooled thresholds and is placed.
    """
    for g in range(groups.shape[0]):
        k = groups[g, column]
        stop = groups[g, column + 1]
        next_below = groups[g, 4]
        below_stop = groups[g, 5]
        next_above = groups[g, 6]
        above_stop = groups[g, 7]
        position = first[g]
        for j in range(k + 1, stop):
            excess[j] += excess[j - 1]
        touched = k
        while k < stop:
            best = -1
            for j in range(touched, stop):
                if largest:  # the shortest prefix with the largest sum
                    if excess[j] > slack and (best < 0 or excess[j] > excess[best] + slack):
                        best = j
                elif excess[j] >= -slack and (best < 0 or excess[j] >= excess[best] - slack):
                    best = j
            if best < 0 and next_below == below_stop and next_above == above_stop:
                best = stop - 1  # but for rounding
            if best >= 0:
                gone = excess[best]
                while k <= best:
                    theta[k] = position
                    k += 1
                for j in range(k, stop):
                    excess[j] -= gone
                touched = k
                continue  # thresholds without hinges may follow at the same place
            touched = stop
            if next_above == above_stop or (
                next_below < below_stop and below_place[next_below] <= above_place[next_above]
            ):
                event = lower[next_below] - 1
                place = below_place[next_below]
                weight = below_weight[next_below]
                next_below += 1
            else:
                event = upper[next_above]
                place = above_place[next_above]
                weight = above_weight[next_above]
                next_above += 1
            if k <= event < stop:
                position = place
                n_reached = 0
                for j in range(event, stop):
                    excess[j] += weight
                    n_reached += excess[j] >= -slack
                if n_reached > 0:
                    touched = event


def middle_thresholds(smallest, largest, scores):
    """Finite, nondecreasing thresholds between the smallest and the largest minimiser."""
    if min(smallest[0], largest[0]) > -np.inf and max(smallest[-1], largest[-1]) < np.inf:
        return 0.5 * (smallest + largest)  # both ends ascend
    # A threshold that may go to -inf is at its largest minimiser, but no further right than its
    # right neighbour; one that may go to +inf at its smallest, but no further left than its left
    # neighbour. The first kind comes first and the second last.
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


def imc_plane(breakpoints: Breakpoints, scores, theta):
    """Value at `theta` and the plane of G, not yet divided by weight.

    Returned are the value, the plane's offset, its score_gradient and its bias_residual.

    The hinges that an example touches are those of a range of thresholds, from one that is looked
    up by the cell of its breakpoint to the label, and are summed by prefix sums. On a breakpoint
    the hinge below takes the fraction tau_k and the one above 1 - tau_k, which makes the
    derivative in theta_k vanish; all examples on the breakpoint share it, so the plane depends
    neither on the order of the examples nor on how they are split in duplicates.

    In the symbols of ``plane.py``: of the slopes :math:`q^-_{ik}` and :math:`q^+_{ik}` those of
    hinges beyond their breakpoint are 1, those on it tau_k and 1 - tau_k, all others 0; returned
    are P o, P c and :math:`P |d|_1`.
    """
    n = len(theta)
    padded, before, change = np.zeros((3, n + 1))
    padded[:n], padded[n] = theta, np.nan
    score_gradient, tied = np.empty_like(scores), np.empty(len(scores), dtype=np.intp)
    value, offset, n_tied = _add_hinges(
        scores,
        *breakpoints.labels[:3],
        breakpoints.below_shift,
        breakpoints.above_shift,
        padded,
        before,
        change,
        np.empty(_CELLS_PER_THRESHOLD * n + 1, dtype=np.intp),
        score_gradient,
        tied,
    )
    residual = 0.0
    if n_tied or breakpoints.uneven:
        left = np.cumsum(change[:n])
        if n_tied:
            rows = tied[:n_tied]
            gain, left = _share_ties(breakpoints, scores, rows, theta, left, score_gradient)
            offset += gain
        if breakpoints.uneven:
            residual = float(abs(left).sum())
    return value, offset, score_gradient, residual


@njit
def _add_hinges(
    scores,
    lower,
    upper,
    weight,
    below_shift,
    above_shift,
    theta,
    theta_before,
    change,
    n_before,
    score_gradient,
    tied,
):
    """Sum the hinges beyond their breakpoints; return value, offset and how many rows are on some.

    `theta` ends in nan, which no place is beyond or equal to.
    Written to: `theta_before`, zero at first, the sums of the thresholds before each; `n_before`,
    the numbers of thresholds in the cells before each; `change`, zero at first, by which the
    derivative in the thresholds changes from one to the next; `score_gradient`; the rows on a
    threshold, first in `tied`.

    In any order of the examples a branch cannot be foreseen: empty ranges are added like others.
    """
    n, n_cells = theta.shape[0] - 1, n_before.shape[0] - 1
    width = theta[n - 1] - theta[0]
    scale = n_cells / width if 1e-300 < width < 1e300 else 0.0
    k = np.intp(0)
    for cell in range(n_cells):
        while k < n and _cell(theta, theta[k], n_before, scale) < cell:
            theta_before[k + 1] = theta_before[k] + theta[k]
            k += 1
        n_before[cell] = k
    while k < n:
        theta_before[k + 1] = theta_before[k] + theta[k]
        k += 1
    n_before[n_cells] = n
    value = 0.0
    offset = 0.0
    n_tied = 0
    for i in range(scores.shape[0]):
        label = lower[i]
        place = scores[i] + below_shift[label]
        k = _count_below(theta, place, n_before, scale)
        is_tied = theta[k] == place
        while theta[k] == place:
            k += 1
        k = k if k < label else label
        n_active = label - k
        up = weight[i] * n_active
        value += weight[i] * (theta_before[label] - theta_before[k] - n_active * place)
        offset -= up * below_shift[label]
        active = weight[i] * min(n_active, 1)
        change[k] += active
        change[label] -= active
        label = upper[i]
        place = scores[i] + above_shift[label]
        k = _count_below(theta, place, n_before, scale)
        is_tied |= theta[k] == place
        k = k if k > label else label
        n_active = k - label
        down = weight[i] * n_active
        value += weight[i] * (n_active * place - (theta_before[k] - theta_before[label]))
        offset += down * above_shift[label]
        active = weight[i] * min(n_active, 1)
        change[label] -= active
        change[k] += active
        score_gradient[i] = down - up
        tied[n_tied] = i
        n_tied += is_tied
    return value, offset, n_tied


@njit
def _cell(theta, place, n_before, scale):
    """Return the cell of a place; the first and the last one take what lies beyond, too."""
    last = n_before.shape[0] - 2
    position = (place - theta[0]) * scale
    position = position if position > 0.0 else 0.0
    return np.intp(position if position < last else last)


@njit
def _count_below(theta, place, n_before, scale):
    """Count the thresholds below a place."""
    cell = _cell(theta, place, n_before, scale)
    k = n_before[cell]
    stop = n_before[cell + 1]
    if stop - k < 2:  # the next threshold beyond the cell is not below
        return k + (theta[k] < place)
    while k < stop:
        middle = (k + stop) // 2
        if theta[middle] < place:
            k = middle + 1
        else:
            stop = middle
    return k


def _share_ties(breakpoints, scores, rows, theta, balance, score_gradient):
    """Add the hinges on their breakpoints to `score_gradient`.

    Returned are what the offset gains, and what is left of the derivative in the thresholds: of
    `balance`, unless a fraction between 0 and 1 makes up for it but for rounding.

    A breakpoint is on a run of equal thresholds: on those of them before the label for a hinge
    below, from its start to `stop`; on those from the label on for one above, from `start` to the
    end. Running sums within each run give the weights on its thresholds, and the sums of tau.
    """
    lower, upper, weight, _ = breakpoints.labels
    lower, upper, weight = lower[rows], upper[rows], weight[rows]
    below_shift, above_shift = breakpoints.below_shift[lower], breakpoints.above_shift[upper]
    n = len(theta)
    place = scores[rows] + below_shift
    stop = np.minimum(np.searchsorted(theta, place, side="right"), lower)
    below_weight = np.where(stop > np.searchsorted(theta, place), weight, 0.0)
    place = scores[rows] + above_shift
    start = np.maximum(np.searchsorted(theta, place), upper)
    above_weight = np.where(start < np.searchsorted(theta, place, side="right"), weight, 0.0)
    # Where nothing is tied, `stop` may be 0 and `start` n.
    on_below = np.bincount(stop, below_weight, n + 1)[1:]
    on_above = np.bincount(start, above_weight, n + 1)[:-1]
    _sum_runs(theta, on_above, on_below)
    here = on_below + on_above
    tau = np.clip((on_above - balance) / np.where(here > 0.0, here, 1.0), 0.0, 1.0)
    share_below, share_above = np.zeros(n + 1), np.zeros(n + 1)
    share_below[1:], share_above[:-1] = tau, 1.0 - tau
    _sum_runs(theta, share_below[1:], share_above[:-1])
    up, down = below_weight * share_below[stop], above_weight * share_above[start]
    score_gradient[rows] += down - up
    met = (here > 0.0) & (tau > 0.0) & (tau < 1.0)
    left = np.where(met, _EPS * here, balance + tau * here - on_above)
    return float(above_shift @ down - below_shift @ up), left


@njit
def _sum_runs(theta, from_start, to_end):
    """Replace values by their sums within a run of equal thresholds, in either direction."""
    n = theta.shape[0]
    for k in range(1, n):
        if theta[k] == theta[k - 1]:
            from_start[k] += from_start[k - 1]
    for k in range(n - 2, -1, -1):
        if theta[k] == theta[k + 1]:
            to_end[k] += to_end[k + 1]


def exp_plane(breakpoints: Breakpoints, scores, theta):
    r"""Value at `theta` and the plane of G, not yet divided by weight, as `imc_plane` does.

    The derivatives in the thresholds must lie in minus the normal cone of the order
    constraint: within each run of equal thresholds their prefix sums are <= 0 and their total
    is 0. Starting from the lowest fractions, the thresholds of a run are raised from the last
    one back until the total vanishes, which keeps every prefix sum as low as possible. Symbols are
    as in `imc_plane`, with k = l_i - 1 and k = u_i only.

    Where a run is left with the total T and a prefix sum as large as Q > 0, summation by parts
    gives :math:`\langle d, \theta' \rangle \ge -(|T| + 2 Q) \max_k |\theta'_k|` over its
    nondecreasing :math:`\theta'`: the run's part of the bias_residual.
    """
    n = len(theta)
    padded, balance, on_below, on_above, tau = np.zeros((5, n + 2))
    padded[0], padded[1:-1], padded[-1] = -np.inf, theta, np.inf
    score_gradient = np.empty_like(scores)
    value, offset, residual = _add_exp(
        scores,
        *breakpoints.labels[:3],
        padded,
        balance,
        on_below,
        on_above,
        tau,
        score_gradient,
    )
    return value, offset, score_gradient, residual if breakpoints.uneven else 0.0


@njit
def _add_exp(
    scores, lower, upper, weight, theta, balance, on_below, on_above, tau, score_gradient
):
    """Balance the ties and sum the hinges; return value, offset and bias_residual.

    Threshold k is ``theta[k + 1]``, between -inf and inf, which no hinge reaches. Written to, from
    zero, by threshold: the derivative, the weights of the hinges below and above on their
    breakpoint, and the fraction tau of those below; and `score_gradient`.

    In any order of the examples a branch cannot be foreseen, but that ties are rare.
    """
    m = scores.shape[0]
    n_thresholds = theta.shape[0] - 2
    for i in range(m):
        k = lower[i]
        place = scores[i] - 1.0
        balance[k] += weight[i] * (theta[k] > place)
        if theta[k] == place:
            on_below[k] += weight[i]
        k = upper[i] + 1
        place = scores[i] + 1.0
        balance[k] -= weight[i] * (theta[k] < place)
        if theta[k] == place:
            on_above[k] += weight[i]
    residual = 0.0
    start = 1
    while start <= n_thresholds:
        stop = start + 1
        missing = on_above[start] - balance[start]
        while stop <= n_thresholds and theta[stop] == theta[start]:
            missing += on_above[stop] - balance[stop]
            stop += 1
        for k in range(stop - 1, start - 1, -1):
            tied = on_below[k] + on_above[k]
            residual += _EPS * tied
            if missing > 0.0 and tied > 0.0:
                tau[k] = min(missing / tied, 1.0)
                missing = missing - tied if tau[k] == 1.0 else 0.0
        total = 0.0
        largest = 0.0
        for k in range(start, stop - 1):
            total += balance[k] + tau[k] * (on_below[k] + on_above[k]) - on_above[k]
            largest = max(largest, total)
        residual += abs(missing) + 2.0 * largest
        start = stop
    value = 0.0
    offset = 0.0
    for i in range(m):
        k = lower[i]
        place = scores[i] - 1.0
        up = weight[i] * (theta[k] > place)
        if theta[k] == place:
            up = weight[i] * tau[k]
        value += weight[i] * max(1.0 - scores[i] + theta[k], 0.0)
        k = upper[i] + 1
        place = scores[i] + 1.0
        down = weight[i] * (theta[k] < place)
        if theta[k] == place:
            down = weight[i] * (1.0 - tau[k])
        value += weight[i] * max(1.0 + scores[i] - theta[k], 0.0)
        offset += up + down
        score_gradient[i] = down - up
    return value, offset, residual
