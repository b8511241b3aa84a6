r"""Separation: directions in which the likelihood grows for ever.

Without a penalty R has no minimum if, and only if, there is a direction (w, t) of coefficients and
thresholds along which no annotation becomes less likely and one becomes more likely: with t
nondecreasing,

.. math:: t_{u_i} - \langle x_i, w\rangle \ge 0, \qquad \langle x_i, w\rangle - t_{l_i - 1} \ge 0

for all rows (where the ends exist), not all of them 0. That is a linear program (Albert and
Anderson 1984; Konis 2007). It is solved only where the Hessian at the solution has a direction
that has lost nearly all of the curvature it began with.

Along the direction an end whose inequality is strict goes to infinity, as if the annotation were
open there. The likelihood of annotations opened in this way has the same supremum; it may grow for
ever in other directions, whose ends are opened likewise, and what is then left has a maximum, the
*finite part* (Geyer 2009). Rows that are open at both ends are certain. A coefficient or threshold
is *told* by the finite part if no change of the parameters that leaves all of its ends where they
are changes it.

References
----------
Albert, Anderson: On the existence of maximum likelihood estimates in logistic regression models,
Biometrika 71, 1984.

Geyer: Likelihood inference in exponential families and directions of recession, Electronic Journal
of Statistics 3, 2009.

Konis: Linear programming algorithms for detecting separated data in binary logistic regression
models, University of Oxford, 2007.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from scipy import linalg, optimize, sparse

from vilma.likelihood.interval_likelihood import IntervalLikelihood
from vilma.likelihood.links import FloatArray
from vilma.likelihood.newton import Maximum
from vilma.likelihood.problem import LikelihoodProblem, Standardization
from vilma.likelihood.steps import exact_hessian, group_thresholds
from vilma.surrogates import LabeledWeights

__all__ = ["Separation", "find_separation", "not_told", "split_by_curvature"]

# Of the curvature at the start. Regular fits keep more than 1e-2 of it, or have labels that are
# nearly certain; along a separating direction 1e-6 and less is left.
_LOST = 1e-3
_ZERO = 1e-6  # of the largest entry of a direction
_ROUNDING = 1e-14  # of the largest deviation of a column
_NO_CURVATURE = 1e-10  # of a Hessian in units in which its diagonal is 1


class Separation(NamedTuple):
    """Directions in which coefficients run away, and the annotations that have a maximum."""

    columns: np.ndarray  # places of the columns, largest part first
    sign: np.ndarray  # which way each runs
    labels: LabeledWeights  # the finite part


def find_separation(
    problem: LikelihoodProblem, maximum: Maximum, mix: FloatArray | None = None
) -> Separation | None:
    """Find the directions in which the likelihood grows for ever.

    Parameters
    ----------
    problem : LikelihoodProblem
        Without a penalty.
    maximum : Maximum
        Its solution, with the Hessians at the start and at the end.
    mix : ndarray of shape (n, n), default=None
        From coefficients of these columns to those that are named; by default they are the same.

    Returns
    -------
    Separation or None
        None if there is none.
    """
    if maximum.hessian is None or maximum.start_hessian is None or not _is_flat(maximum):
        return None
    free = np.flatnonzero(~maximum.aliased)
    X = np.empty((problem.X.shape[0], len(free)))
    unit = np.zeros(problem.X.shape[1])
    for place, j in enumerate(free):
        unit[j] = 1.0
        X[:, place] = problem.X.dot(unit)
        unit[j] = 0.0
    scale = _even_out(X)
    labels, direction = problem.likelihood.labels, np.zeros(len(unit))
    while (found := _separating_direction(X, labels)) is not None:
        part, labels = found
        part = np.where(np.abs(part) > _ZERO * max(np.abs(part).max(initial=0.0), 1.0), part, 0.0)
        direction[free] = np.where(direction[free] == 0.0, part, direction[free])
    size = np.abs(direction)
    direction[free] /= scale
    if mix is not None:
        direction = mix @ direction
        size = np.abs(direction)
    order = np.argsort(-size, kind="stable")
    order = order[size[order] > _ZERO * size.max()]
    return Separation(order, np.sign(direction[order]), labels) if len(order) else None


def not_told(
    problem: LikelihoodProblem, maximum: Maximum, finite: LabeledWeights, units: Standardization
) -> np.ndarray:
    """Tell which coefficients and distinct thresholds the finite part does not tell.

    Its Hessian is 0 along the changes that leave all of its ends where they are, and only there.

    Parameters
    ----------
    problem : LikelihoodProblem
        Without a penalty.
    maximum : Maximum
        Its solution.
    finite : LabeledWeights
        The finite part of its annotations.
    units : Standardization
        Of the columns of the problem.

    Returns
    -------
    ndarray of shape (n + n_groups,), dtype=bool
        In the units outside; of coefficients that are not identified in any way, False.
    """
    likelihood = IntervalLikelihood(problem.likelihood.link, finite)
    derivatives = likelihood.derivatives(problem.X.dot(maximum.coef), maximum.thresholds)
    derivatives = group_thresholds(derivatives, maximum.group)
    hessian = exact_hessian(replace(problem, likelihood=likelihood), derivatives)
    n = len(maximum.coef)
    used = np.flatnonzero(np.concatenate([~maximum.aliased, np.ones(len(hessian) - n, bool)]))
    scale, flat, _ = split_by_curvature(hessian[np.ix_(used, used)])
    changes = np.zeros((len(hessian), flat.shape[1]))
    changes[used] = scale[:, None] * flat
    for change in changes.T:
        change[:n] = units.coef_outside(change[:n])
        change[n:] += units.shift(change[:n])
    size = np.abs(changes) * np.concatenate([units.scale, np.ones(len(hessian) - n)])[:, None]
    return (size > _ZERO * size.max(axis=0, initial=0.0)).any(axis=1)


def split_by_curvature(hessian: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Split directions into those along which a Hessian is 0, and those across.

    Parameters
    ----------
    hessian : ndarray of shape (n, n)
        Positive semidefinite.

    Returns
    -------
    scale : ndarray of shape (n,)
        Units in which its diagonal is 1.
    flat, curved : ndarray of shape (n, r) and (n, n - r)
        Orthonormal directions in these units; times `scale`, those of the Hessian.
    """
    diagonal = np.diag(hessian)
    scale = 1.0 / np.sqrt(np.where(diagonal > 0.0, diagonal, 1.0))
    values, vectors = linalg.eigh(hessian * scale[:, None] * scale)
    flat = values < _NO_CURVATURE
    return scale, vectors[:, flat], vectors[:, ~flat]


def _even_out(X: FloatArray) -> FloatArray:
    """Move medians of the columns to 0 and bring typical deviations from them to 1, in place.

    Beside an outlier, rows that differ by less than the solver's tolerance would be the same to
    it. The thresholds take up the medians.

    Returns
    -------
    ndarray of shape (n,)
        What each column was divided by.
    """
    X -= np.median(X, axis=0)
    scale = np.ones(X.shape[1])
    for j, column in enumerate(np.abs(X.T)):
        column = column[column > _ROUNDING * column.max(initial=0.0)]
        scale[j] = np.median(column) if len(column) else 1.0
    X /= scale
    return scale


def _is_flat(maximum: Maximum) -> bool:
    """Tell whether some combination of coefficients has lost its curvature."""
    before = _schur(maximum.start_hessian, maximum.aliased)
    after = _schur(maximum.hessian, maximum.aliased)
    if not len(before):
        return False
    return bool(linalg.eigvalsh(after, before, subset_by_index=[0, 0])[0] < _LOST)


def _schur(hessian: FloatArray | None, aliased: np.ndarray) -> FloatArray:
    """Return the Hessian in the free coefficients, thresholds minimised out."""
    assert hessian is not None
    n = len(aliased)
    mixed = hessian[:n, n:]
    schur = hessian[:n, :n] - mixed @ np.linalg.lstsq(hessian[n:, n:], mixed.T, rcond=None)[0]
    return schur[np.ix_(~aliased, ~aliased)]


def _separating_direction(
    X: np.ndarray, labels: LabeledWeights
) -> tuple[FloatArray, LabeledWeights] | None:
    """Solve the linear program: the largest sum of the constraints' slacks in a box.

    Returns
    -------
    direction : ndarray of shape (n,)
        Of coefficients.
    opened : LabeledWeights
        The annotations without the ends that go to infinity along it.
    """
    lower, upper, _, n_cells = labels
    n_thresholds = n_cells - 1

    def rows_of(which: np.ndarray, threshold: np.ndarray, sign: float) -> sparse.csr_array:
        count = len(which)
        ends = sparse.csr_array(
            (np.full(count, sign), (np.arange(count), threshold)), shape=(count, n_thresholds)
        )
        return sparse.hstack([sparse.csr_array(-sign * X[which]), ends], format="csr")

    high, low = np.flatnonzero(upper < n_cells - 1), np.flatnonzero(lower > 0)
    if not len(high) + len(low):
        return None
    slacks = sparse.vstack([rows_of(high, upper[high], 1.0), rows_of(low, lower[low] - 1, -1.0)])
    # The sign of a slack is what counts: a row with an outlier is brought to the size of others.
    slacks = sparse.diags_array(1.0 / abs(slacks).max(axis=1).toarray().ravel()) @ slacks
    order = sparse.diags_array(
        [-np.ones(n_thresholds - 1), np.ones(n_thresholds - 1)],
        offsets=[0, 1],
        shape=(n_thresholds - 1, n_thresholds),
    )
    order = sparse.hstack([sparse.csr_array((n_thresholds - 1, X.shape[1])), order])
    constraints = sparse.vstack([slacks, order], format="csr")
    far = 1.0 + float(np.abs(X).sum(axis=1).max(initial=0.0))
    bounds = [(-1.0, 1.0)] * X.shape[1] + [(-far, far)] * n_thresholds
    gain = slacks.sum(axis=0)
    result = optimize.linprog(
        -gain,
        A_ub=-constraints,
        b_ub=np.zeros(constraints.shape[0]),
        bounds=bounds,
        method="highs",
    )
    if result.status != 0 or -result.fun <= _ZERO * len(lower):
        return None
    strict = slacks @ result.x > _ZERO
    opened = labels._replace(lower=lower.copy(), upper=upper.copy())
    opened.upper[high[strict[: len(high)]]] = n_cells - 1
    opened.lower[low[strict[len(high) :]]] = 0
    return (result.x[: X.shape[1]], opened) if strict.any() else None
