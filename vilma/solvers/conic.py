r"""The whole problem at once, by a generic conic solver: for small problems, and for checking.

With the surrogate written out as maxima of affine functions the problem is

.. math:: \min_{w, \theta, \xi}\; \frac{\lambda}{2} |w|^2 + \sum_t p_t \xi_t
          \quad\text{s.t.}\quad \xi_t \ge o_r + \langle a_r, A w\rangle + \langle d_r,
          \theta\rangle \text{ for the functions r of term t},

A being X (bordered by an identity where biases are penalised), and :math:`p_t, o_r, a_r, d_r` the
`share`, `constant`, `by_score` and `by_threshold` of `PiecewiseLinearForm`. The multipliers of the
constraints, made exact convex combinations, are a plane of G like any other: what they leave of
:math:`\theta` is charged to the bound, so the certificate does not rest on the solver's word.
"""

from __future__ import annotations

import time

import cvxpy as cp
import numpy as np
from scipy import sparse

from vilma.solvers.certificate import History, Solution, relative_gap, rounding_error
from vilma.solvers.oracle import Oracle
from vilma.solvers.problem import Settings
from vilma.surrogates import PiecewiseLinearForm, Surrogate

__all__ = ["minimize_conic"]

_CLARABEL = {
    "tol_gap_abs": 1e-12,
    "tol_gap_rel": 1e-12,
    "tol_feas": 1e-12,
    "max_iter": 500,
}


def minimize_conic(X, n_extra: int, surrogate: Surrogate, settings: Settings) -> Solution:
    """Minimise the regularised surrogate with CVXPY and Clarabel.

    Parameters
    ----------
    X : ndarray or CSR of shape (m, n_features)
    n_extra : int
        Number of penalised biases, further coefficients that are their own scores.
    surrogate : Surrogate
    settings : Settings
        Only `alpha`, `tol` and `verbose` matter.

    Returns
    -------
    Solution
        With a history of one record.

    Raises
    ------
    RuntimeError
        If the conic solver ends without a point.
    """
    start = time.perf_counter()
    if hasattr(X, "tocsr"):  # codes and mixed columns
        X = X.tocsr()
    if n_extra:
        X = sparse.block_diag([sparse.csr_array(X), sparse.eye_array(n_extra)], format="csr")
    form = surrogate.linear_form()
    coef, multipliers = _solve(X, form, settings)

    scores = np.asarray(X @ coef)
    squared_norm = float(coef @ coef)
    largest_score = float(np.abs(scores).max(initial=0.0))
    inner = surrogate.minimize(scores, surrogate.resolution, largest_score)
    objective = 0.5 * settings.alpha * squared_norm + inner.value
    lower_bound = _dual_bound(X, form, multipliers, objective, surrogate, settings)
    lower_bound -= rounding_error(inner.plane.score_gradient, scores, objective)
    lower_bound = min(max(lower_bound, 0.0), objective)
    gap = relative_gap(objective, lower_bound)
    history = History(settings.verbose)
    history.add(objective, lower_bound, gap, 1.0, 1, 0, time.perf_counter() - start)
    return Solution(
        coef=coef,
        thresholds=inner.thresholds,
        objective=objective,
        lower_bound=lower_bound,
        gap=gap,
        status="converged" if gap <= settings.tol else "stalled",
        history=history.as_array(),
    )


def _solve(X, form: PiecewiseLinearForm, settings: Settings) -> tuple[np.ndarray, np.ndarray]:
    """Return the coefficients and the multipliers of the form."""
    coef = cp.Variable(X.shape[1])
    largest = cp.Variable(len(form.share))
    values = form.constant + (form.by_score @ X) @ coef
    constraints = []
    n_thresholds = form.by_threshold.shape[1]
    if n_thresholds:
        thresholds = cp.Variable(n_thresholds)
        values = values + form.by_threshold @ thresholds
        if form.ordered and n_thresholds > 1:
            constraints.append(cp.diff(thresholds) >= 0)
    above = largest[form.term] >= values
    risk = form.share @ largest
    problem = cp.Problem(
        cp.Minimize(0.5 * settings.alpha * cp.sum_squares(coef) + risk), [above, *constraints]
    )
    try:
        problem.solve(solver=cp.CLARABEL, verbose=bool(settings.verbose), **_CLARABEL)
    except cp.error.SolverError as error:
        raise RuntimeError(
            "The conic solver failed: the features are too large or too uneven for it. Bring "
            'them to a common scale near 1, or use solver="auto".'
        ) from error
    if coef.value is None or above.dual_value is None:
        raise RuntimeError(
            f"The conic solver ended with the status {problem.status!r} and no solution. "
            'Use solver="cutting_plane", or bring the features to a common scale.'
        )
    return np.asarray(coef.value), np.asarray(above.dual_value)


def _dual_bound(
    X,
    form: PiecewiseLinearForm,
    multipliers: np.ndarray,
    objective: float,
    surrogate: Surrogate,
    settings: Settings,
) -> float:
    """Lower bound on the optimum from the multipliers, whatever their accuracy."""
    # Each term's multipliers as a convex combination of its functions, times its share.
    multipliers = np.maximum(multipliers, 0.0)
    sums = np.bincount(form.term, multipliers, minlength=len(form.share))
    functions_per_term = np.bincount(form.term, minlength=len(form.share))
    empty = sums[form.term] <= 0.0
    multipliers = np.where(empty, 1.0 / functions_per_term[form.term], multipliers)
    sums = np.where(sums <= 0.0, 1.0, sums)
    multipliers *= (form.share / sums)[form.term]

    gradient = (form.by_score.T @ multipliers) @ X
    offset = float(form.constant @ multipliers)
    residual = form.by_threshold.T @ multipliers
    if form.ordered:  # nonpositive prefix sums that end in zero cost nothing under the order
        prefix = np.cumsum(residual)
        residual = np.append(np.maximum(prefix[:-1], 0.0), prefix[-1:])
    rows = sparse.csr_array(X)
    longest = np.sqrt(rows.multiply(rows).sum(axis=1).max())
    oracle = Oracle(surrogate, longest, settings.alpha)
    # Twice: prefix sums multiply differences of two thresholds. Without an order once would do.
    charge = 2.0 * oracle.charge(float(np.abs(residual).sum()), oracle.target(objective, 0.0))
    squared_norm = float(gradient @ gradient)
    return offset - squared_norm / (2.0 * settings.alpha) - charge
