"""The optimum of a small problem, enclosed from above and from below.

Every surrogate is a sum of terms, each a maximum of finitely many pieces that are affine in the
score ``s_i`` of one example and in the biases ``v`` (theta or b):

    F(w, v) = alpha/2 |w|^2 + sum_t share_t max_r [const_tr + slope_tr s_i(t) + <coef_tr, v>]

With one epigraph variable per term this is a quadratic program, which a conic solver solves.

From above: the objective, evaluated by the naive loops, at the solver's point.

From below: let ``a_tr >= 0`` with ``sum_r a_tr = share_t``. A maximum is at least any average,
so ``F(w, v) >= sum a const + <X^T c, w> + alpha/2 |w|^2 + <r, v>`` with ``c_i`` the sum of
``a slope`` over the terms of example i and ``r = sum a coef``. The minimum over w of what
precedes ``<r, v>`` is ``sum a const - |X^T c|^2 / (2 alpha)``. The average ``a`` comes from the
solver's multipliers, corrected so that ``r`` vanishes to rounding; what is left of it is charged
with a bound on the biases of some minimiser, so that the bound holds however bad the
multipliers are:

- a minimiser has ``|w - w'| <= sqrt(2 (F(w') - bound) / alpha)`` for any w' by strong convexity,
  which bounds its scores by some S;
- thresholds: some minimiser has each of them on a breakpoint ``s_i +- 1``, so ``|v| <= S + 1``;
- biases b, with b[0] = 0: some minimiser is a vertex, at which ties between pieces connect all
  labels. Each tie fixes one difference ``b[y] - b[y']`` to a difference of costs plus
  ``s (y' - y)``, so ``|v| <= (Y - 1) (max cost + (Y - 1) S)``.

For ordered thresholds ``<r, v>`` need not vanish, it only has to be nonnegative: r has the sum 0
and its suffix sums are nonnegative. Regularised biases need nothing, they contribute
``-|r|^2 / (2 alpha)``.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace

import cvxpy as cp
import numpy as np
from scipy.optimize import linprog

from tests.reference.objectives import inner_objective, joint_objective
from tests.reference.problems import Problem

# Near the last digits an interior-point method may stall; another path to the optimum then helps.
_SETTINGS: tuple[dict[str, float | bool], ...] = (
    {"max_step_fraction": 0.9, "equilibrate_enable": False},
    {"max_step_fraction": 0.9},
    {"iterative_refinement_reltol": 1e-15, "iterative_refinement_max_iter": 50},
    {},
)


@dataclass(frozen=True)
class ReferenceOptimum:
    """A point, its objective, and a lower bound on the objective of every point.

    Parameters
    ----------
    upper : float
        The objective at `w` and `biases`, evaluated naively.
    lower : float
        No point has a smaller objective.
    w : ndarray of shape (n,)
    biases : ndarray of shape (Y - 1,) or (Y,)
        Thresholds theta, or biases b.
    """

    upper: float
    lower: float
    w: np.ndarray
    biases: np.ndarray


@dataclass(frozen=True)
class _Pieces:
    """All pieces of all terms, one per row, the pieces of a term next to each other."""

    term: np.ndarray  # the term a piece belongs to
    example: np.ndarray  # the example a piece belongs to
    const: np.ndarray
    slope: np.ndarray
    coef: np.ndarray  # (pieces, biases)
    share: np.ndarray  # (terms,)


def reference_optimum(problem: Problem) -> ReferenceOptimum:
    """Solve a problem with a conic solver and bound its optimum from both sides.

    The two bounds differ by less than 1e-10 on the problems of ``random_problem``.
    """
    pieces = _pieces(problem)
    optimum = _bounded(problem, pieces, _SETTINGS[0])
    for settings in _SETTINGS[1:]:
        if optimum.upper - optimum.lower <= 1e-10:
            break
        other = _bounded(problem, pieces, settings)
        best = min(optimum, other, key=lambda candidate: candidate.upper)
        optimum = replace(best, lower=max(optimum.lower, other.lower))
    return optimum


def _bounded(
    problem: Problem, pieces: _Pieces, settings: dict[str, float | bool]
) -> ReferenceOptimum:
    """Run the solver once and bound the optimum by what it found."""
    w, biases, multipliers = _solve(problem, pieces, settings)
    if problem.kind != "vshaped_reg":  # the best biases for w are a linear program's
        _, biases = reference_inner(problem, problem.dense_X @ w)
    upper = joint_objective(problem, w, biases)
    lower = -np.inf
    for average in _averages(problem, pieces, multipliers):
        # The best bound so far narrows down the minimiser, which improves the next.
        lower = max(lower, _dual_bound(problem, pieces, average, w, upper, lower))
    return ReferenceOptimum(upper=upper, lower=lower, w=w, biases=biases)


def reference_inner(problem: Problem, scores: np.ndarray) -> tuple[float, np.ndarray]:
    """Minimise the weighted mean loss over the biases alone, by linear programming.

    Returns the minimum, evaluated naively, and the biases (theta, or b with b[0] = 0).
    """
    pieces = _pieces(problem)
    n_terms, d = len(pieces.share), problem.n_biases
    # Variables: the biases, then the value of each term.
    epigraph = np.zeros((len(pieces.term), d + n_terms))
    epigraph[:, :d] = pieces.coef
    epigraph[np.arange(len(pieces.term)), d + pieces.term] = -1
    right = -(pieces.const + pieces.slope * scores[pieces.example])
    ordered = np.zeros((0, d + n_terms))
    bounds: list[tuple[float | None, float | None]] = [(None, None)] * (d + n_terms)
    if problem.kind in ("exp", "imc"):
        ordered = np.zeros((d - 1, d + n_terms))
        ordered[:, :d] = np.eye(d)[:-1] - np.eye(d)[1:]
    else:
        bounds[0] = (0, 0)
    result = linprog(
        np.concatenate([np.zeros(d), pieces.share]),
        A_ub=np.vstack([epigraph, ordered]),
        b_ub=np.concatenate([right, np.zeros(len(ordered))]),
        bounds=bounds,
        method="highs-ds",
        options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    )
    if result.status != 0:
        raise RuntimeError(f"the linear program was not solved: {result.message}")
    biases = result.x[:d]
    if problem.kind in ("exp", "imc"):
        biases = np.maximum.accumulate(biases)  # ordered up to the solver's tolerance only
    return inner_objective(problem, scores, biases), biases


def _pieces(problem: Problem) -> _Pieces:
    """Write the surrogate as maxima of affine pieces."""
    Y, d = problem.n_classes, problem.n_biases
    unit = np.eye(d)
    terms = []  # (example, [(const, slope, coef), ...])
    zero = (0.0, 0.0, np.zeros(d))
    for i, (l, u) in enumerate(zip(problem.lower, problem.upper, strict=True)):
        if problem.shares[i] == 0:
            continue
        if problem.kind == "exp":
            low, high = range(max(l - 1, 0), l), range(u, min(u + 1, Y - 1))
        else:
            low, high = range(l), range(u, Y - 1)
        if problem.kind in ("exp", "imc"):
            terms += [(i, [zero, (1.0, -1.0, unit[k])]) for k in low]
            terms += [(i, [zero, (1.0, 1.0, -unit[k])]) for k in high]
        else:
            for end, labels in ((l, range(l + 1)), (u, range(u, Y))):
                if len(labels) > 1:  # a single piece is 0 for every point
                    terms.append(
                        (
                            i,
                            [
                                (problem.cost[y, end], float(y - end), unit[y] - unit[end])
                                for y in labels
                            ],
                        )
                    )
    rows = [(t, i, *piece) for t, (i, options) in enumerate(terms) for piece in options]
    return _Pieces(
        term=np.array([row[0] for row in rows], dtype=int),
        example=np.array([row[1] for row in rows], dtype=int),
        const=np.array([row[2] for row in rows], dtype=float),
        slope=np.array([row[3] for row in rows], dtype=float),
        coef=np.array([row[4] for row in rows], dtype=float).reshape(-1, d),
        share=np.array([problem.shares[i] for i, _ in terms], dtype=float),
    )


def _solve(
    problem: Problem, pieces: _Pieces, settings: dict[str, float | bool]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the solver's w and biases, and its multiplier of every piece."""
    n, d = problem.X.shape[1], problem.n_biases
    if len(pieces.share) == 0:  # nothing but full intervals: zero is optimal
        return np.zeros(n), np.zeros(d), np.zeros(0)
    w, v, value = cp.Variable(n), cp.Variable(d), cp.Variable(len(pieces.share))
    scores = problem.dense_X @ w
    affine = pieces.const + cp.multiply(pieces.slope, scores[pieces.example]) + pieces.coef @ v
    epigraph = affine <= value[pieces.term]
    constraints = [epigraph]
    regularised = cp.sum_squares(w)
    if problem.kind in ("exp", "imc") and d > 1:
        constraints.append(v[:-1] <= v[1:])
    elif problem.kind == "vshaped":
        constraints.append(v[0] == 0)
    elif problem.kind == "vshaped_reg":
        regularised += cp.sum_squares(v)
    program = cp.Problem(
        cp.Minimize(problem.alpha / 2 * regularised + pieces.share @ value), constraints
    )
    with warnings.catch_warnings():
        # An inaccurate solution is no failure: the bounds tell how good it is.
        warnings.simplefilter("ignore")
        program.solve(
            solver=cp.CLARABEL,
            tol_gap_abs=1e-13,
            tol_gap_rel=1e-13,
            tol_feas=1e-13,
            tol_ktratio=1e-10,
            max_iter=500,
            **settings,
        )
    if w.value is None:
        raise RuntimeError(f"the conic program was not solved: {program.status}")
    biases = v.value
    if problem.kind in ("exp", "imc"):
        biases = np.maximum.accumulate(biases)
    return w.value, biases, np.asarray(epigraph.dual_value)


def _averages(problem: Problem, pieces: _Pieces, multipliers: np.ndarray) -> Iterator[np.ndarray]:
    """Yield averages made of the multipliers, ever better balanced.

    All are nonnegative and sum to the share of every term, so that each gives a valid bound. From
    one to the next they are moved by as little as possible to balance the coefficients of the
    biases; more than one step is needed because a step may leave the positive numbers.
    """
    average = _normalised(pieces, multipliers)
    yield average
    if problem.kind == "vshaped_reg" or len(average) == 0:
        return
    membership = np.zeros((len(pieces.share), len(average)))
    membership[pieces.term, np.arange(len(average))] = 1
    for _ in range(3):
        residual = _unwanted(problem, pieces.coef.T @ average)
        # Relative steps: what is nearly zero at the solution stays so.
        rows = np.vstack([membership, pieces.coef.T]) * average
        right = np.concatenate([np.zeros(len(pieces.share)), -residual])
        step = rows.T @ np.linalg.lstsq(rows @ rows.T, right, rcond=1e-13)[0]
        average = _normalised(pieces, average * (1 + step))
        yield average


def _normalised(pieces: _Pieces, average: np.ndarray) -> np.ndarray:
    average = np.maximum(average, 0.0)
    total = np.bincount(pieces.term, weights=average, minlength=len(pieces.share))
    return average * (pieces.share / total)[pieces.term]


def _unwanted(problem: Problem, residual: np.ndarray) -> np.ndarray:
    """What of the bias part has to disappear for the bound to be finite."""
    if problem.kind == "vshaped":
        return residual
    # theta = theta[0] + increments: the sum has to vanish, suffix sums only must not be negative.
    suffix = np.cumsum(residual[::-1])[::-1]
    unwanted = np.minimum(suffix, 0.0)
    unwanted[0] = suffix[0]
    return unwanted - np.append(unwanted[1:], 0.0)


def _dual_bound(
    problem: Problem,
    pieces: _Pieces,
    average: np.ndarray,
    w: np.ndarray,
    upper: float,
    known: float,
) -> float:
    """Evaluate the dual function, given a point and a lower bound that is known already."""
    if len(average) == 0:
        return 0.0
    c = np.bincount(pieces.example, weights=average * pieces.slope, minlength=len(problem.lower))
    gradient = problem.dense_X.T @ c
    residual = pieces.coef.T @ average
    bound = average @ pieces.const - gradient @ gradient / (2 * problem.alpha)
    if problem.kind == "vshaped_reg":
        return bound - residual @ residual / (2 * problem.alpha)
    # The losses are nonnegative, so 0 is a bound to begin with.
    radius = np.sqrt(2 * max(upper - max(known, 0.0), 0.0) / problem.alpha)
    norms = np.linalg.norm(problem.dense_X, axis=1)
    largest_score = np.max(np.abs(problem.dense_X @ w) + radius * norms)
    if problem.kind == "vshaped":
        steps = problem.n_classes - 1
        return bound - np.abs(residual).sum() * steps * (
            problem.cost.max() + steps * largest_score
        )
    unwanted = _unwanted(problem, residual)
    return bound - np.abs(unwanted).sum() * (largest_score + 1)
