"""Points with their objective: the first one, and the best one on a segment."""

from __future__ import annotations

from typing import NamedTuple

from vilma.solvers.line_search import Line, Quadratic, search_segment
from vilma.solvers.oracle import InnerTarget, Oracle
from vilma.solvers.spaces import Point, Space
from vilma.surrogates import InnerMinimum

__all__ = ["Evaluated", "evaluate", "search"]

# The line search stops at this share of the decrease it has reached: 0.01, 0.1 and 0.3 take 193,
# 170 and 169 pairs of products to a gap of 1e-3 (5,000 one-hot rows, alpha 0.01).
_SEARCH_PRECISION = 0.1
# The first step tried is the last one accepted, but no smaller than the first of these, and the
# other where that was 0. With 20,000 x 50 at alpha 1e-4, where steps of 1e-5 to 1e-3 are accepted,
# at least 1e-2 and 1e-3 take up to 1.9 and 1.3 times the work. After a step of 0, 1e-4 and 1e-1
# take 1.1 and 1.2 times as long with the 0/1 loss, which is minimised inexactly (20 dense fits);
# codes and text are alike with all of them.
_SMALLEST_FIRST = 1e-4
_FIRST_AFTER_NONE = 1e-2


class Evaluated(NamedTuple):
    """A point with everything that is known there."""

    point: Point
    inner: InnerMinimum
    objective: float


def evaluate(space: Space, point: Point, alpha: float, oracle: Oracle) -> Evaluated:
    """Evaluate a starting point, first roughly to learn the scale of the objective."""
    penalty = 0.5 * alpha * space.inner(point, point)
    # A mean loss is of the order of 1 or more, unless the costs are scaled.
    inner = oracle(point.scores, oracle.target(1.0, 1.0))
    if not oracle.exact:
        rough = penalty + inner.value
        inner = oracle(point.scores, oracle.target(rough, rough))
    return Evaluated(point, inner, penalty + inner.value)


def search(
    space: Space,
    best: Evaluated,
    other: Point,
    alpha: float,
    oracle: Oracle,
    target: InnerTarget,
    first: float,
) -> tuple[Evaluated, float]:
    """Minimise the objective between two points; the biases are minimised at every trial.

    Parameters
    ----------
    space : Space
    best : Evaluated
        Where the segment begins.
    other : Point
        Where it ends.
    alpha : float
    oracle : Oracle
    target : InnerTarget
        For the evaluations on the segment.
    first : float
        The last step accepted, by which the first one tried is chosen.

    Returns
    -------
    Evaluated
        The best point found, `best` itself where none is better.
    float
        Its step, between 0 and 1.
    """
    to_start = space.inner(best.point, best.point)
    across = space.inner(best.point, other)
    quadratic = Quadratic(
        0.5 * alpha * to_start,
        alpha * (across - to_start),
        alpha * (space.inner(other, other) - 2.0 * across + to_start),
    )
    if quadratic.curvature <= 0.0:  # no distance beyond rounding, at which a loss may still differ
        reached = oracle(other.scores, target)
        objective = 0.5 * alpha * space.inner(other, other) + reached.value
        if objective < best.objective:
            return Evaluated(other, reached, objective), 1.0
        return _sharpen(best, quadratic, oracle, target), 0.0
    moved_scores = other.scores - best.point.scores

    def line(inner: InnerMinimum) -> Line:
        plane = inner.plane
        return Line(plane.at(best.point.scores), float(plane.score_gradient @ moved_scores))

    def evaluate_at(t: float) -> tuple[float, Line, InnerMinimum]:
        inner = oracle(best.point.scores + t * moved_scores, target)
        return inner.value, line(inner), inner

    step, inner = search_segment(
        quadratic,
        line(best.inner),
        best.objective,
        min(max(first, _SMALLEST_FIRST) if first > 0.0 else _FIRST_AFTER_NONE, 1.0),
        evaluate_at,
        _SEARCH_PRECISION,
    )
    if inner is None:
        return _sharpen(best, quadratic, oracle, target), 0.0
    point = best.point.interpolate(other, step)
    return Evaluated(point, inner, quadratic.value(step) + inner.value), step


def _sharpen(
    best: Evaluated, quadratic: Quadratic, oracle: Oracle, target: InnerTarget
) -> Evaluated:
    """Evaluate the best point anew: its biases may date from when the inner loop was rough."""
    inner = oracle(best.point.scores, target)
    objective = quadratic.constant + inner.value
    return Evaluated(best.point, inner, objective) if objective < best.objective else best
