"""Estimates of how often two labels stand in one interval.

Notation: q(z | y) is the probability that the interval of an example with the true label y
contains z as well. The ambiguity degree is its largest value over all y and all z other than y.
With true labels q is counted. Without, two assumptions are needed: the process looks at nothing
but the label, and it is *coarsening at random*, an interval I is as likely for one label inside as
for any other,

    P(I | y) = P(I) / P(y in I)   for every y in I.

P(I) is the share of the annotations equal to I, and P(y in I) the sum of the label's
distribution p over I. p is estimated by maximum likelihood (Turnbull's estimate for interval
data): the fixed point of

    p_k  <-  p_k * sum over I containing k of P(I) / P(y in I).

At the fixed point the sum is 1 wherever p_k > 0, so P(I | y) are probabilities.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vilma.labels import IntervalLabels

FloatArray = NDArray[np.float64]

_ITERATIONS = 2000
_TOLERANCE = 1e-9


def shares_given_truth(labels: IntervalLabels, truth: NDArray[np.int64]) -> FloatArray:
    """Count how often the intervals of each true label contain each label.

    Parameters
    ----------
    labels : IntervalLabels
        The annotations.
    truth : ndarray of shape (n_samples,), dtype=int64
        Codes of the true labels.

    Returns
    -------
    shares : ndarray of shape (n_classes, n_classes)
        q(z | y) in row y and column z; NaN in the rows of labels without an example.
    """
    n = labels.n_classes
    change = np.zeros((n, n + 1))
    np.add.at(change, (truth, labels.lower), 1.0)
    np.add.at(change, (truth, labels.upper + 1), -1.0)
    counts = np.bincount(truth, minlength=n)[:, np.newaxis]
    contained = np.cumsum(change[:, :-1], axis=1)
    return np.divide(contained, counts, out=np.full((n, n), np.nan), where=counts > 0)


def shares_at_random(labels: IntervalLabels) -> FloatArray:
    """Estimate the same without true labels, for coarsening at random.

    Parameters
    ----------
    labels : IntervalLabels
        The annotations.

    Returns
    -------
    shares : ndarray of shape (n_classes, n_classes)
        q(z | y) in row y and column z; NaN in the rows of labels of no probability.
    """
    n = labels.n_classes
    key, counts = np.unique(labels.lower * n + labels.upper, return_counts=True)
    lower, upper, share = key // n, key % n, counts / counts.sum()
    p = _label_distribution(lower, upper, share, n)
    given_label = share / _sum_over(p, lower, upper)  # P(I | y) for y in I
    # Add each interval's value to the square [lower, upper]^2, by differences along both axes.
    change = np.zeros((n + 1, n + 1))
    for rows, columns, sign in (
        (lower, lower, 1.0),
        (lower, upper + 1, -1.0),
        (upper + 1, lower, -1.0),
        (upper + 1, upper + 1, 1.0),
    ):
        np.add.at(change, (rows, columns), sign * given_label)
    together = change.cumsum(axis=0).cumsum(axis=1)[:n, :n]
    together[together > 1.0 - 1e-6] = 1.0  # the fixed point is reached to a tolerance
    possible = (p > 1e-6)[:, np.newaxis]
    return np.where(possible, np.maximum(together, 0.0), np.nan)


def _label_distribution(
    lower: NDArray[np.int64], upper: NDArray[np.int64], share: FloatArray, n: int
) -> FloatArray:
    p = np.full(n, 1.0 / n)
    for _ in range(_ITERATIONS):
        rate = share / _sum_over(p, lower, upper)
        change = np.zeros(n + 1)
        np.add.at(change, lower, rate)
        np.add.at(change, upper + 1, -rate)
        updated = p * np.maximum(np.cumsum(change[:-1]), 0.0)
        updated /= updated.sum()
        done = np.abs(updated - p).max() < _TOLERANCE
        p = updated
        if done:
            break
    return p


def _sum_over(p: FloatArray, lower: NDArray[np.int64], upper: NDArray[np.int64]) -> FloatArray:
    """Sum the distribution over each interval."""
    total = np.concatenate([[0.0], np.cumsum(p)])
    # Differences of sums can cancel to 0 where little is left.
    return np.maximum(total[upper + 1] - total[lower], np.finfo(float).tiny)
