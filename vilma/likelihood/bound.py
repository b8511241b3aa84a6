r"""The certificate of a penalised fit: a lower bound on the minimum of F.

R is convex, so at any point :math:`(\hat w, \hat\theta)` with :math:`\hat s = X \hat w` and the
gradients c, r of R there,

.. math:: R(s, \theta) \ge R(\hat s, \hat\theta) + \langle c, s - \hat s\rangle
          + \langle r, \theta - \hat\theta\rangle .

Minimised over w with the penalty, the part in w gives

.. math:: F(w, \theta) \ge F(\hat w, \hat\theta)
          - \frac{1}{2} \sum_j \frac{(X^T c + \alpha \hat w)_j^2}{\alpha_j}
          + \langle r, \theta - \hat\theta\rangle :

the squared gradient of F in w, divided by twice the penalty, bounds what is left of the objective.
The thresholds have no penalty. At the minimum over them r is 0, or orthogonal to their order; what
rounding and unfinished steps leave of r is charged with the largest distance
:math:`|\theta_k - \hat\theta_k|` that a minimiser can have. Such a minimiser has F at most
:math:`F_0`, the best objective known. So its scores are at most
:math:`S = (2 F_0 \max_i \sum_j x_{ij}^2 / \alpha_j)^{1/2}` in size, and if annotations of the
share p end at threshold k from below, their part of the loss, at least
:math:`-p \log F(\theta_k + S)`, is at most :math:`F_0`; those that begin there bound
:math:`\theta_k` from above.
"""

from __future__ import annotations

import numpy as np

from vilma.likelihood.links import FloatArray
from vilma.likelihood.problem import LikelihoodProblem

__all__ = ["lower_bound", "threshold_charge"]

_ROUNDING = 1e-13  # of the objective: what summing the rows may have cost


def lower_bound(
    problem: LikelihoodProblem,
    objective: float,
    gradient: FloatArray,
    charge: float,
) -> float:
    """Return a number that no value of F is below.

    Parameters
    ----------
    problem : LikelihoodProblem
        With a positive penalty.
    objective : float
        F at a point.
    gradient : ndarray of shape (n,)
        Its gradient in w there.
    charge : float
        What :func:`threshold_charge` says.

    Returns
    -------
    float
        At most the minimum of F.
    """
    left = 0.5 * float((gradient**2) @ (1.0 / problem.penalty))
    return objective - left - charge - _ROUNDING * abs(objective)


def threshold_charge(
    problem: LikelihoodProblem,
    thresholds: FloatArray,
    gradient: FloatArray,
    group: np.ndarray,
    best_objective: float,
) -> float:
    r"""Bound :math:`-\langle r, \theta - \hat\theta\rangle` over all minimisers.

    Parameters
    ----------
    problem : LikelihoodProblem
        With a positive penalty.
    thresholds, gradient : ndarray of shape (T,)
        Thresholds and the gradient r of R in them.
    group : ndarray of shape (T,), dtype=int64
        Thresholds that are tied have the same number, increasing from 0.
    best_objective : float
        The lowest value of F that is known.

    Returns
    -------
    float
        Nonnegative.
    """
    lower, upper, weight, n_cells = problem.likelihood.labels
    share = weight / problem.likelihood.total_weight
    ends = np.bincount(upper, share, minlength=n_cells)[:-1]
    begins = np.bincount(lower, share, minlength=n_cells)[1:]
    link = problem.likelihood.link
    largest_score = problem.largest_row * np.sqrt(2.0 * best_objective)
    # A pushed threshold has annotations of both kinds, see `cells.py`, or is tied to one that has.
    lowest = link.quantile_log(-best_objective / np.maximum(ends, 1e-300)) - largest_score
    highest = link.quantile_log_sf(-best_objective / np.maximum(begins, 1e-300)) + largest_score
    lowest = np.where(ends > 0.0, lowest, -np.inf)
    highest = np.where(begins > 0.0, highest, np.inf)
    lowest, highest = np.maximum.accumulate(lowest), np.minimum.accumulate(highest[::-1])[::-1]
    distance = np.maximum(np.abs(thresholds - lowest), np.abs(thresholds - highest))
    # Inside a group the order of the thresholds does the rest: with prefix sums P of r that are
    # not positive, sum r_k (theta_k - value) >= (sum r_k) (theta_last - value).
    charge = 0.0
    for number in range(int(group[-1]) + 1 if len(group) else 0):
        members = np.flatnonzero(group == number)
        prefix = np.cumsum(gradient[members])
        charge += abs(prefix[-1]) * distance[members[-1]]
        wrong = np.maximum(prefix[:-1], 0.0)
        charge += float(wrong.sum()) * 2.0 * float(distance[members].max())
    return float(charge)
