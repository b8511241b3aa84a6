r"""Newton's method for coefficients and ordered thresholds.

1. Evaluate the derivatives of F; thresholds that are tied move as one.
2. With a penalty: update the lower bound (``bound.py``). Stop if the gap is closed, without a
   penalty if the Newton decrement is small.
3. Compute a step (``steps.py``). Where the Hessian is formed, conjugate gradients with the last
   one as preconditioner come first, and a new one only if they take long.
4. Go along it until F has decreased enough, at most to the first place where two thresholds
   meet. If no annotation lies exactly between them, so that F stays finite, they are tied.
5. Where the decrement is small, but not much smaller than the last one, or a score still moves
   far, go on along the step in doublings, or to the next step. A row with an outlier holds it back
   until its probability is 1: an exponential function, of which every step leaves 1 / e, however
   far the minimum of the others is.
6. At a minimum over tied thresholds, cut the group with the largest wrong multiplier, if there is
   one, and go on. The multiplier of the tie after threshold k is minus the sum of the gradient
   over the thresholds of its group up to k: where that sum is positive, F falls if they move down.

Ties are rare: `cells.py` has removed those that every minimum has.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from vilma.likelihood.bound import lower_bound, threshold_charge
from vilma.likelihood.interval_likelihood import Derivatives
from vilma.likelihood.links import FloatArray
from vilma.likelihood.problem import LikelihoodProblem
from vilma.likelihood.steps import (
    Precondition,
    Step,
    exact_hessian,
    exact_step,
    group_thresholds,
    pivots,
    precondition_by,
    thresholds_eliminated,
    truncated_step,
)
from vilma.surrogates import LabeledWeights

__all__ = ["HISTORY_DTYPE", "Maximum", "Options", "initial_thresholds", "minimize"]

HISTORY_DTYPE = np.dtype(
    [
        ("objective", np.float64),
        ("lower_bound", np.float64),  # best so far, NaN without a penalty
        ("gap", np.float64),  # relative, NaN without a penalty
        ("decrement", np.float64),  # half the squared Newton decrement
        ("step", np.float64),  # accepted by the line search
        ("n_products", np.int64),  # pairs of products with X in this iteration
        ("seconds", np.float64),  # since the start
    ]
)

_DECREASE = 1e-4  # Armijo's constant
_NEAR = 0.99  # of the way to where an annotation would lose all probability
_MAX_HALVINGS = 60
_SMALLEST = 1e-4  # objectives below are as good as 0: tolerances are relative to this at least
_WRONG_MULTIPLIER = 1e-9  # gradients sum to less than 1
_ROUNDING = 1e-14  # of the objective: a decrease below cannot be seen in it
# What is much smaller than the last decrement: conjugate gradients leave 0.01, exact steps less.
_CONTRACTED = 0.1
_FURTHEST = 1e20  # of doublings
# Move of a score and a threshold. A row that holds others back moves by 1 with the logit, by .1 or
# more with the probit; with the complementary log-log, where its loss is exp(-e^z), by e^-z only:
# .02 and more for outliers up to 1e12. Of 400 random fits 67 take a step or two more than without.
_NEAR_ENOUGH = 0.005
# Small steps that need not be the last: an outlier of 1e12 takes 27 to become certain. More would
# be for nothing where labels are separated.
_MOST_SLOW = 30
_ALIASED = 1e-10  # share of a column's curvature that the columns before it leave
_FORCING = 0.1  # residual of conjugate gradients, of the gradient; .03 and .3 took longer
_MAX_PRODUCTS = 500  # of one step
# With an earlier Hessian as preconditioner: a new one is worth this many products and, of dense
# columns, one more for so many of them.
_MAX_PRECONDITIONED, _COLUMNS_PER_PRODUCT = 8, 40
_FEWEST_PRECONDITIONED = 25  # columns; a Hessian of fewer costs less than the products of a step


@dataclass(frozen=True)
class Options:
    """What a user may set, and how steps are computed."""

    tol: float
    max_iter: int
    verbose: int
    exact: bool  # form the Hessian
    keep_hessian: bool = False  # evaluate it at the solution


@dataclass(frozen=True)
class Maximum:
    """A fitted model, in the units of the problem."""

    coef: FloatArray  # (n,)
    thresholds: FloatArray  # (T,)
    tied: np.ndarray  # (T - 1,) bool
    objective: float
    lower_bound: float  # NaN without a penalty
    gap: float
    decrement: float
    converged: bool
    aliased: np.ndarray  # (n,) bool, not identified, and 0 unless thresholds are tied
    start_hessian: FloatArray | None  # (n + T, n + T), at the first point
    hessian: FloatArray | None  # (n + n_groups, n + n_groups), at the solution
    history: np.ndarray

    @property
    def group(self) -> np.ndarray:
        """Number of the group of each threshold."""
        return _groups(self.tied)

    @property
    def n_groups(self) -> int:
        """How many groups there are."""
        return int(self.group[-1]) + 1


def initial_thresholds(link, labels: LabeledWeights) -> FloatArray:
    """Return the quantiles of frequencies, each annotation shared out evenly over its cells.

    For exact labels these are the best thresholds without coefficients.
    """
    lower, upper, weight, n_cells = labels
    share = weight / (weight.sum() * (upper - lower + 1))
    begins = np.bincount(lower, share, n_cells + 1)
    ends = np.bincount(upper + 1, share, n_cells + 1)
    frequency = np.cumsum(begins - ends)[:-1]
    frequency = np.maximum(frequency, 1e-3 / n_cells)
    below = np.cumsum(frequency)[:-1] / frequency.sum()
    return link.quantile(below)


def minimize(
    problem: LikelihoodProblem,
    coef: FloatArray,
    thresholds: FloatArray,
    options: Options,
    hessian: FloatArray | None = None,
) -> Maximum:
    """Minimise F.

    Parameters
    ----------
    problem : LikelihoodProblem
        The problem.
    coef : ndarray of shape (n,)
        Where to begin.
    thresholds : ndarray of shape (T,)
        Strictly increasing.
    options : Options
        Tolerance and limits.
    hessian : ndarray of shape (n + T, n + T), default=None
        Of F where to begin, if it is known.

    Returns
    -------
    Maximum
        The best point found.
    """
    likelihood = problem.likelihood
    between = _annotations_between(likelihood.labels)
    scores = problem.X.dot(coef)
    point = _Point(
        coef,
        scores,
        thresholds,
        np.zeros(max(len(thresholds) - 1, 0), dtype=bool),
        problem.objective(coef, scores, thresholds),
    )
    aliased = np.zeros(len(coef), dtype=bool)
    bound, gap = (0.0 if problem.penalized else np.nan), np.nan
    decrement, n_slow = np.inf, 0
    converged = stalled = False
    start_hessian = precondition = None
    history = _History(options.verbose)
    while True:
        full = likelihood.derivatives(point.scores, point.thresholds)
        gradient = problem.X.transpose_dot(full.score_gradient) + problem.penalty * point.coef
        if problem.penalized:
            charge = threshold_charge(problem, point.thresholds, full, point.objective)
            bound = max(bound, lower_bound(problem, point.objective, gradient, charge))
            gap = (point.objective - bound) / point.objective
            converged = bool(gap <= options.tol)
        if converged or stalled or len(history) == options.max_iter:
            break
        derivatives = group_thresholds(full, point.group)
        step: Step | None = None
        spent = 0
        if not options.exact:
            step = _step_by_products(problem, gradient, derivatives, point, options.tol)
        elif precondition is not None and not point.tied.any():
            step = _preconditioned_step(problem, gradient, derivatives, point, precondition)
            if step is not None and not step.accurate:
                spent = step.n_products
                step = None
        if step is None:
            if hessian is None or start_hessian is not None:
                hessian = exact_hessian(problem, derivatives)
            if start_hessian is None:
                start_hessian = hessian
                if not problem.penalized:
                    aliased = find_aliased(hessian, len(coef))
            # Along a direction that R does not feel thresholds may still move apart: where they
            # are tied, leaving a column out could cost something.
            free = ~aliased | point.tied.any()
            step = exact_step(problem, gradient, derivatives, hessian, free)
            # Columns that are not identified leave a matrix that is singular but for rounding.
            if len(coef) >= _FEWEST_PRECONDITIONED and not aliased.any():
                precondition = precondition_by(hessian, free)
        slope = float(gradient @ step.coef + derivatives.threshold_gradient @ step.thresholds)
        before, decrement = decrement, -0.5 * slope
        negligible = options.tol * max(point.objective, _SMALLEST)
        small = decrement <= negligible
        wrong = _wrong_tie(full.threshold_gradient, point.tied)
        if decrement <= _ROUNDING * point.objective and wrong is None:
            # Too small a step for F to show its decrease, but good for the gradient.
            point = _take(problem, point, step)
            history.add(point.objective, bound, gap, decrement, 1.0, spent + step.n_products)
            stalled = converged = True
            continue
        moved, size = _search(problem, point, step, between, slope)
        met = moved is not None and (moved.tied != point.tied).any()
        stalled = moved is None
        point = point if moved is None else moved
        history.add(point.objective, bound, gap, decrement, size, spent + step.n_products)
        if (small or stalled) and not met:
            wrong = None
            if point.tied.any():
                _, threshold_gradient = likelihood.gradients(point.scores, point.thresholds)
                wrong = _wrong_tie(threshold_gradient, point.tied)
            if wrong is not None and not stalled:
                point.tied[wrong] = False
            elif small and not problem.penalized:
                settled = _largest_move(step) <= _NEAR_ENOUGH and decrement <= _CONTRACTED * before
                if stalled or settled or point.objective <= _SMALLEST:
                    converged = True
                    break
                far = _go_on(problem, point, step, negligible)
                n_slow += far is None
                if n_slow == _MOST_SLOW:
                    converged = True
                    break
                point = point if far is None else far
    final_hessian = None
    if options.keep_hessian:
        full = likelihood.derivatives(point.scores, point.thresholds)
        final_hessian = exact_hessian(problem, group_thresholds(full, point.group))
    return Maximum(
        point.coef,
        point.thresholds,
        point.tied,
        point.objective,
        bound,
        gap,
        decrement,
        converged,
        aliased,
        start_hessian,
        final_hessian,
        history.as_array(),
    )


def find_aliased(hessian: FloatArray, n_features: int) -> np.ndarray:
    """Tell which columns say nothing that columns before them and the thresholds do not.

    Parameters
    ----------
    hessian : ndarray of shape (n + T, n + T)
        Of R, coefficients first.
    n_features : int
        n.

    Returns
    -------
    ndarray of shape (n,), dtype=bool
        True where a coefficient is not identified, once those before it are free.
    """
    n = n_features
    diagonal = np.diag(hessian)[:n].copy()
    schur = thresholds_eliminated(hessian, n)
    aliased = np.zeros(n, dtype=bool)
    if (pivots(schur, diagonal) > _ALIASED).all():
        return aliased
    # Outer products in the order of the columns: what is left of each once those before are gone.
    for j in range(n):
        if not schur[j, j] > _ALIASED * diagonal[j]:
            aliased[j] = True
            continue
        column = schur[:, j] / schur[j, j]
        schur = schur - np.outer(column, schur[j])
    return aliased


@dataclass(frozen=True)
class _Point:
    """Where the minimiser is."""

    coef: FloatArray
    scores: FloatArray
    thresholds: FloatArray
    tied: np.ndarray  # (T - 1,) bool: threshold k and k + 1 move as one
    objective: float

    @property
    def group(self) -> np.ndarray:
        """Number of the group of each threshold, of shape (T,)."""
        return _groups(self.tied)


def _take(problem: LikelihoodProblem, point: _Point, step: Step, size: float = 1.0) -> _Point:
    """Take a multiple of a step, if thresholds keep their order; else stay."""
    thresholds = point.thresholds + size * step.thresholds[point.group]
    coef, scores = point.coef + size * step.coef, point.scores + size * step.score
    objective = problem.objective(coef, scores, thresholds)
    ordered = (np.diff(thresholds)[~point.tied] > 0.0).all() and np.isfinite(objective)
    return _Point(coef, scores, thresholds, point.tied, objective) if ordered else point


def _largest_move(step: Step) -> float:
    """Return by how much a threshold less a score moves at most."""
    return float(abs(step.score).max() + abs(step.thresholds).max(initial=0.0))


def _go_on(
    problem: LikelihoodProblem, point: _Point, step: Step, negligible: float
) -> _Point | None:
    """Go on along a step as long as F does not rise; None if it falls by no more than that."""
    best, size = point, 2.0
    while size < _FURTHEST:
        further = _take(problem, point, step, size)
        if further is point or further.objective > best.objective:
            break
        best = further
        size *= 2.0
    return best if best.objective < point.objective - negligible else None


def _search(
    problem: LikelihoodProblem, point: _Point, step: Step, between: np.ndarray, slope: float
) -> tuple[_Point | None, float]:
    """Halve the step until F has decreased enough; None if rounding hides the decrease."""
    group = point.group
    direction = step.thresholds[group]
    width, closing = np.diff(point.thresholds), -np.diff(direction)
    closes = ~point.tied & (closing > 0.0)
    meet_at = np.full(len(width), np.inf)
    meet_at[closes] = width[closes] / closing[closes]
    walls, doors = meet_at[between], meet_at[~between]
    size = min(1.0, _NEAR * float(walls.min(initial=np.inf)), float(doors.min(initial=np.inf)))
    for _ in range(_MAX_HALVINGS):
        tied = point.tied | (~between & (meet_at <= size))
        first = np.concatenate([[True], ~tied])  # of its group
        thresholds = (point.thresholds + size * direction)[first][_groups(tied)]
        coef, scores = point.coef + size * step.coef, point.scores + size * step.score
        objective = problem.objective(coef, scores, thresholds)
        if objective <= point.objective + _DECREASE * size * slope:
            return _Point(coef, scores, thresholds, tied, objective), size
        size *= 0.5
    return None, 0.0


def _step_by_products(
    problem: LikelihoodProblem,
    gradient: FloatArray,
    derivatives: Derivatives,
    point: _Point,
    tol: float,
) -> Step:
    """Compute a step without a Hessian, as accurately as is worth while."""
    enough = 0.0
    if problem.penalized:  # a gradient of the squared norm 2 alpha tol F closes the gap
        enough = 0.5 * np.sqrt(2.0 * float(problem.penalty[0]) * tol * point.objective)
    return truncated_step(
        problem,
        gradient,
        derivatives,
        lambda residual: residual,
        lambda norm: max(_FORCING * norm, enough),
        _MAX_PRODUCTS,
    )


def _preconditioned_step(
    problem: LikelihoodProblem,
    gradient: FloatArray,
    derivatives: Derivatives,
    point: _Point,
    precondition: Precondition,
) -> Step | None:
    """Compute a step by an earlier Hessian, not accurate if forming a new one costs less.

    The squared norm of the residual at the start is about twice the decrement. With its root as
    the residual's share that may remain, steps converge as fast as Newton's.
    """

    def accuracy(norm: float) -> float:
        return norm * min(_FORCING, norm / np.sqrt(max(point.objective, _SMALLEST)))

    most = _MAX_PRECONDITIONED + problem.X.shape[1] // _COLUMNS_PER_PRODUCT
    try:
        return truncated_step(problem, gradient, derivatives, precondition, accuracy, most)
    except np.linalg.LinAlgError:  # of thresholds that hardly matter any more
        return None


def _annotations_between(labels: LabeledWeights) -> np.ndarray:
    """Tell for every two neighbouring thresholds if an annotation is exactly what they enclose."""
    exact = labels.lower == labels.upper
    counts = np.bincount(labels.lower[exact], minlength=labels.n_classes)
    return counts[1:-1] > 0


def _groups(tied: np.ndarray) -> np.ndarray:
    """Number the groups of thresholds, at least one, given which neighbours are tied."""
    return np.concatenate([[0], np.cumsum(~tied)]).astype(np.int64)


def _wrong_tie(gradient: FloatArray, tied: np.ndarray) -> int | None:
    """Return the tie whose multiplier is most wrong, if any is."""
    if not tied.any():
        return None
    sums = np.empty(len(gradient))
    total = 0.0
    for k in range(len(gradient)):
        total = gradient[k] + (total if k and tied[k - 1] else 0.0)
        sums[k] = total
    wrong = np.where(tied, sums[:-1], -np.inf)
    worst = int(np.argmax(wrong))
    return worst if wrong[worst] > _WRONG_MULTIPLIER else None


class _History:
    """Collects a record per iteration, and prints them if asked."""

    def __init__(self, verbose: int) -> None:
        self._verbose = verbose
        self._records: list[tuple] = []
        self._start = time.perf_counter()

    def __len__(self) -> int:
        return len(self._records)

    def add(self, objective, bound, gap, decrement, size, n_products) -> None:
        """Add the record of an iteration that ends."""
        seconds = time.perf_counter() - self._start
        self._records.append((objective, bound, gap, decrement, size, n_products, seconds))
        if self._verbose and len(self._records) % self._verbose == 0:
            left = f"decrement {decrement:.2e}" if np.isnan(gap) else f"gap {gap:.2e}"
            print(
                f"iteration {len(self._records):5d}  objective {objective:.8g}  {left}  "
                f"{seconds:.1f} s"
            )

    def as_array(self) -> np.ndarray:
        """Return the records as a structured array."""
        return np.array(self._records, dtype=HISTORY_DTYPE)
