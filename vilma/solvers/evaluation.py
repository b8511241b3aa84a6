"""Points with their objective: the first one, and the best one on a segment."""

from __future__ import annotations

from typing import NamedTuple

from vilma.solvers.inner_loop import InnerLoop
from vilma.solvers.line_search import Line, Quadratic, search_segment
from vilma.solvers.spaces import Point, Space
from vilma.surrogates import InnerSolution

__all__ = ["Evaluated", "evaluate", "search"]

# The line search stops at this share of the decrease it has reached.
_SEARCH_PRECISION = 0.1


class Evaluated(NamedTuple):
    """A point with everything that is known there."""

    point: Point
    inner: InnerSolution
    objective: float


def evaluate(space: Space, point: Point, alpha: float, inner_loop: InnerLoop) -> Evaluated:
    """Evaluate a starting point, first roughly to learn the scale of the objective."""
    penalty = 0.5 * alpha * space.inner(point, point)
    inner_loop.aim(1.0, 1.0)
    inner = inner_loop(point.scores)
    rough = penalty + inner.value
    inner_loop.aim(rough, rough)
    if not inner_loop.exact:
        inner = inner_loop(point.scores)
    return Evaluated(point, inner, penalty + inner.value)


def search(
    space: Space,
    best: Evaluated,
    other: Point,
    alpha: float,
    inner_loop: InnerLoop,
    first: float,
) -> tuple[Evaluated, float]:
    """Minimise the objective between two points; the biases are minimised at every trial."""
    to_start = space.inner(best.point, best.point)
    across = space.inner(best.point, other)
    quadratic = Quadratic(
        0.5 * alpha * to_start,
        alpha * (across - to_start),
        alpha * (space.inner(other, other) - 2.0 * across + to_start),
    )
    if quadratic.curvature <= 0.0:  # already there, up to rounding
        return _sharpen(best, quadratic, inner_loop), 0.0
    moved_scores = other.scores - best.point.scores

    def line(inner: InnerSolution) -> Line:
        return Line(
            inner.offset + float(inner.coefficients @ best.point.scores),
            float(inner.coefficients @ moved_scores),
        )

    def evaluate_at(t: float) -> tuple[float, Line, InnerSolution]:
        inner = inner_loop(best.point.scores + t * moved_scores)
        return inner.value, line(inner), inner

    step, inner = search_segment(
        quadratic,
        line(best.inner),
        best.objective,
        min(max(first, 0.01), 1.0),
        evaluate_at,
        _SEARCH_PRECISION,
    )
    if inner is None:
        return _sharpen(best, quadratic, inner_loop), 0.0
    point = best.point.towards(other, step)
    return Evaluated(point, inner, quadratic.value(step) + inner.value), step


def _sharpen(best: Evaluated, quadratic: Quadratic, inner_loop: InnerLoop) -> Evaluated:
    """Evaluate the best point anew: its biases may date from when the inner loop was rough."""
    inner = inner_loop(best.point.scores)
    objective = quadratic.constant + inner.value
    return Evaluated(best.point, inner, objective) if objective < best.objective else best
