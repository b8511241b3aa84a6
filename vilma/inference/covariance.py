r"""Covariances of maximum likelihood estimates.

With A the observed information, the Hessian of the weighted sum of the rows' losses, and u_i the
gradient of row i's loss,

- *observed*: :math:`A^{-1}`, if the model holds and weights are repetitions;
- *robust*: :math:`A^{-1} \left(\frac{m}{m - 1} \sum_i p_i^2 u_i u_i^T\right) A^{-1}` (Huber 1967;
  White 1982), for weights p of a survey, too;
- *cluster*: the same with the sums of :math:`p_i u_i` over the G clusters, and G / (G - 1).

The factors are those of Stata. Rows that allow every cell say nothing: their gradient is 0, and
neither they nor clusters of them alone are counted in m and G.

References
----------
Huber: The behavior of maximum likelihood estimates under nonstandard conditions, Proceedings of
the Fifth Berkeley Symposium, 1967.

White: Maximum likelihood estimation of misspecified models, Econometrica 50, 1982.
"""

from __future__ import annotations

import numpy as np
from scipy import linalg, sparse

from vilma.likelihood import LikelihoodProblem, Maximum
from vilma.likelihood.links import FloatArray
from vilma.surrogates import LabeledWeights

__all__ = ["covariance", "informative", "invert"]


def covariance(
    problem: LikelihoodProblem, maximum: Maximum, kind: str, clusters: np.ndarray | None
) -> FloatArray:
    """Return the covariance of coefficients and distinct thresholds.

    Parameters
    ----------
    problem : LikelihoodProblem
        Without a penalty.
    maximum : Maximum
        Its solution, with the Hessian.
    kind : {"observed", "robust", "cluster"}
        See above.
    clusters : ndarray of shape (m,), dtype=int64, or None
        The cluster of each row, numbered from 0; for "cluster" only.

    Returns
    -------
    ndarray of shape (n + n_groups, n + n_groups)
        In the units of the problem; NaN for coefficients that are not identified.
    """
    assert maximum.hessian is not None
    used = np.concatenate([~maximum.aliased, np.ones(maximum.n_groups, dtype=bool)])
    information = problem.likelihood.total_weight * maximum.hessian
    out = np.full_like(information, np.nan)
    inverse = invert(information[np.ix_(used, used)])
    if kind != "observed":
        middle = _outer_products(problem, maximum, clusters if kind == "cluster" else None)
        inverse = inverse @ middle[np.ix_(used, used)] @ inverse
    out[np.ix_(used, used)] = inverse
    return out


def informative(labels: LabeledWeights) -> np.ndarray:
    """Tell which annotations exclude a cell.

    Parameters
    ----------
    labels : LabeledWeights
        Annotations as codes of cells.

    Returns
    -------
    ndarray of shape (m,), dtype=bool
    """
    return (labels.lower > 0) | (labels.upper < labels.n_classes - 1)


def invert(matrix: FloatArray) -> FloatArray:
    """Invert a positive semidefinite matrix, in units in which its diagonal is 1."""
    diagonal = np.diag(matrix)
    scale = 1.0 / np.sqrt(np.where(diagonal > 0.0, diagonal, 1.0))
    scaled = matrix * scale[:, None] * scale
    try:
        factor = linalg.cho_factor(scaled, lower=True)
        inverse = linalg.cho_solve(factor, np.eye(len(scaled)))
    except linalg.LinAlgError:
        inverse = linalg.pinvh(scaled)
    return inverse * scale[:, None] * scale


def _outer_products(
    problem: LikelihoodProblem, maximum: Maximum, clusters: np.ndarray | None
) -> FloatArray:
    """Sum the outer products of the rows', or clusters', gradients."""
    likelihood, X = problem.likelihood, problem.X
    scores = X.dot(maximum.coef)
    rows = likelihood.row_derivatives(scores, maximum.thresholds)
    lower, upper, weight, n_cells = likelihood.labels
    m, n = X.shape
    slope = -weight * (rows.d_low + rows.d_high)
    below, above = np.flatnonzero(lower > 0), np.flatnonzero(upper < n_cells - 1)
    group = maximum.group
    ends = sparse.csr_array(
        (
            np.concatenate([(weight * rows.d_low)[below], (weight * rows.d_high)[above]]),
            (
                np.concatenate([below, above]),
                np.concatenate([group[lower[below] - 1], group[upper[above]]]),
            ),
        ),
        shape=(m, maximum.n_groups),
    )
    telling = informative(likelihood.labels)
    if clusters is None:
        m = int(telling.sum())
        out = np.empty((n + maximum.n_groups, n + maximum.n_groups))
        out[:n, :n] = X.gram(slope**2)
        out[:n, n:] = X.transpose_dot_columns(sparse.csr_array(ends * slope[:, None]))
        out[n:, :n] = out[:n, n:].T
        out[n:, n:] = (ends.T @ ends).toarray()
        return out * (m / max(m - 1, 1))
    n_clusters = int(clusters.max()) + 1
    sums = np.empty((n_clusters, n + maximum.n_groups))
    unit = np.zeros(n)
    for j in range(n):
        unit[j] = 1.0
        sums[:, j] = np.bincount(clusters, slope * X.dot(unit), n_clusters)
        unit[j] = 0.0
    member = sparse.csr_array((np.ones(m), (clusters, np.arange(m))), shape=(n_clusters, m))
    sums[:, n:] = (member @ ends).toarray()
    n_telling = len(np.unique(clusters[telling]))
    return (sums.T @ sums) * (n_telling / max(n_telling - 1, 1))
