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
:math:`\delta_k = \theta_k - \hat\theta_k` that a minimiser can have. A minimiser has F at most
:math:`F_0`, the best objective known. So its scores are at most
:math:`S = (2 F_0 \max_i \sum_j x_{ij}^2 / \alpha_j)^{1/2}` in size, and if annotations of the
share p end at threshold k or below, their part of the loss, at least
:math:`-p \log F(\theta_k + S)`, is at most :math:`F_0`; those that begin there or above bound
:math:`\theta_k` from above.

The charge is not taken threshold by threshold. Where hundreds of labels lie close together,
thresholds are rounded, their gradient is the steeper the closer they are, and what rounding adds
to one it takes from the next. With sums from the ends to a threshold c in the middle,

.. math:: -\langle r, \delta\rangle = -\sum_k r_k\, \delta_c
          + \sum_{k < c} P_k (\delta_{k+1} - \delta_k)
          - \sum_{k > c} Q_k (\delta_k - \delta_{k-1}),
          \qquad P_k = \sum_{j \le k} r_j, \quad Q_k = \sum_{j \ge k} r_j .

A minimiser's thresholds are in order: :math:`\theta_{k+1} - \theta_k \ge 0` counts only where
:math:`P_k > 0`. With the nondecreasing :math:`M_k = \max_{j \le k} P_j^+`,

.. math:: \sum_{k < c} P_k (\theta_{k+1} - \theta_k)
          \le \sum_{k < c} (M_k - M_{k-1}) (\theta_c - \theta_k),

and above c the same holds in reverse.
"""

from __future__ import annotations

import numpy as np

from vilma.likelihood.interval_likelihood import Derivatives
from vilma.likelihood.links import FloatArray
from vilma.likelihood.problem import LikelihoodProblem

__all__ = ["lower_bound", "threshold_charge"]

_ROUNDING = 1e-13  # of the objective: what summing the rows may have cost
_EPSILON = 4.0 * float(np.finfo(np.float64).eps)  # of what the gradient is a sum of


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
    derivatives: Derivatives,
    best_objective: float,
) -> float:
    r"""Bound :math:`-\langle r, \theta - \hat\theta\rangle` over all minimisers.

    Parameters
    ----------
    problem : LikelihoodProblem
        With a positive penalty.
    thresholds : ndarray of shape (T,)
        Where the gradient is taken.
    derivatives : Derivatives
        Of R, with its gradient r in the thresholds.
    best_objective : float
        The lowest value of F that is known.

    Returns
    -------
    float
        Nonnegative.
    """
    lower, upper, weight, n_cells = problem.likelihood.labels
    share = weight / problem.likelihood.total_weight
    ends = np.cumsum(np.bincount(upper, share, minlength=n_cells)[:-1])
    begins = np.cumsum(np.bincount(lower, share, minlength=n_cells)[:0:-1])[::-1]
    link = problem.likelihood.link
    largest_score = problem.largest_row * np.sqrt(2.0 * best_objective)
    # Every threshold has annotations of both kinds, see `cells.py`.
    lowest = link.quantile_log(-best_objective / ends) - largest_score
    highest = link.quantile_log_sf(-best_objective / begins) + largest_score
    c = int(np.argmin(highest - lowest))
    r, terms = derivatives.threshold_gradient, derivatives.threshold_terms
    widths = np.diff(thresholds)
    distance = max(abs(thresholds[c] - lowest[c]), abs(thresholds[c] - highest[c]))
    total = abs(float(r.sum())) + _EPSILON * float(terms.sum())
    below = _side(r[:c], terms[:c], highest[c] - lowest[:c], widths[:c])
    above = _side(-r[:c:-1], terms[:c:-1], highest[:c:-1] - lowest[c], widths[c:][::-1])
    return total * float(distance) + below + above


def _side(gradient: FloatArray, terms: FloatArray, reach: FloatArray, widths: FloatArray) -> float:
    """Charge the thresholds on one side of c, from the outermost on.

    Parameters
    ----------
    gradient, terms : ndarray of shape (k,)
        The gradient and the sizes of its terms.
    reach : ndarray of shape (k,)
        How far from threshold c each can be.
    widths : ndarray of shape (k,)
        How far each is from the next.
    """
    sums, rounding = np.cumsum(gradient), _EPSILON * np.cumsum(terms)
    highest = np.maximum.accumulate(np.maximum(sums + rounding, 0.0))
    rises = np.diff(highest, prepend=0.0)
    return max(float(rises @ reach - (sums - rounding) @ widths), 0.0)
