"""The line search on functions whose minimum is known or can be tabulated."""

import numpy as np
import pytest

from vilma.solvers.line_search import Line, Quadratic, search_segment


class MaxOfLines:
    """The largest of some lines, which counts how often it is asked."""

    def __init__(self, heights, slopes):
        self.heights, self.slopes = np.asarray(heights, float), np.asarray(slopes, float)
        self.asked = []

    def value(self, t):
        return float(np.max(self.heights + self.slopes * t))

    def line(self, t):
        j = int(np.argmax(self.heights + self.slopes * t))
        return Line(self.heights[j], self.slopes[j])

    def __call__(self, t):
        assert 0.0 <= t <= 1.0
        self.asked.append(t)
        return self.value(t), self.line(t), ("seen", t)


def search(quadratic, lines, first=0.5, precision=0.0):
    start = quadratic.value(0.0) + lines.value(0.0)
    return search_segment(quadratic, lines.line(0.0), start, first, lines, precision)


def test_quadratic_by_hand():
    quadratic = Quadratic(1.0, -2.0, 4.0)
    assert quadratic.value(0.5) == 1.0 - 1.0 + 0.5
    assert quadratic.derivative(0.5) == 0.0
    assert quadratic.minimum(0.0) == 0.5
    assert quadratic.minimum(-2.0) == 1.0


@pytest.mark.parametrize("first", [0.01, 0.25, 0.5, 1.0])
def test_a_kink_is_found(first):
    # t^2 / 2 + max(1 - 2 t, t - 0.5) has its minimum at the kink t = 0.5.
    lines = MaxOfLines([1.0, -0.5], [-2.0, 1.0])
    t, payload = search(Quadratic(0.0, 0.0, 1.0), lines, first)
    assert t == pytest.approx(0.5, abs=1e-12)
    assert payload == ("seen", t)
    assert len(lines.asked) <= 6


def test_a_smooth_minimum_is_found():
    # t^2 - t on one line: the minimum 1/2 is the quadratic's.
    lines = MaxOfLines([0.0, -5.0], [-1.0, 3.0])
    t, _ = search(Quadratic(0.0, 0.0, 2.0), lines, 0.9)
    assert t == pytest.approx(0.5, abs=1e-12)


def test_the_far_end_is_found():
    lines = MaxOfLines([5.0], [-5.0])
    t, payload = search(Quadratic(0.0, 0.0, 1.0), lines, 0.01)
    assert t == 1.0
    assert payload == ("seen", 1.0)
    np.testing.assert_allclose(lines.asked, [0.01, 0.03, 0.09, 0.27, 0.81, 1.0])


def test_lines_that_err_end_the_search():
    # G is 1 above the lines that are given: the last percents are not worth a step more.
    exact, low = MaxOfLines([1.0, -0.5], [-2.0, 1.0]), MaxOfLines([0.0, -1.5], [-2.0, 1.0])
    quadratic = Quadratic(0.0, 0.0, 1.0)
    asked = []

    def evaluate(t):
        asked.append(t)
        return exact.value(t), low.line(t), t

    t, _ = search_segment(quadratic, low.line(0.0), 1.0, 0.55, evaluate, 0.1)
    assert asked == [0.55]
    assert t == 0.55


def test_nothing_is_better_than_the_start():
    lines = MaxOfLines([0.0], [1.0])
    t, payload = search(Quadratic(0.0, 0.0, 1.0), lines)
    assert t == 0.0
    assert payload is None


@pytest.mark.parametrize("precision", [0.0, 0.1])
def test_against_a_dense_grid(precision):
    grid = np.linspace(0.0, 1.0, 20_001)
    for seed in range(300):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(1, 8))
        lines = MaxOfLines(rng.normal(size=n), 3.0 * rng.normal(size=n))
        quadratic = Quadratic(rng.normal(), rng.normal(), 10.0 ** rng.uniform(-3, 1))
        first = float(rng.uniform(0.01, 1.0))
        t, _ = search(quadratic, lines, first, precision)
        tabulated = np.array([quadratic.value(g) for g in grid]) + np.max(
            lines.heights[:, None] + lines.slopes[:, None] * grid, axis=0
        )
        found = quadratic.value(t) + lines.value(t)
        start = quadratic.value(0.0) + lines.value(0.0)
        assert found <= start
        # Within the share asked of the decrease reached; the grid is finer than that.
        slack = precision * (start - found) + 1e-9
        assert found - tabulated.min() <= slack, f"seed {seed}"


def test_lines_that_only_support_from_below():
    # An inner loop of limited accuracy returns lines that lie a little below.
    error = 1e-3
    lines = MaxOfLines([1.0, -0.5], [-2.0, 1.0])

    def evaluate(t):
        value, line, seen = lines(t)
        return value, Line(line.height - error, line.slope), seen

    quadratic = Quadratic(0.0, 0.0, 1.0)
    start = Line(1.0 - error, -2.0)
    t, _ = search_segment(quadratic, start, 1.0, 0.3, evaluate, 1e-9)
    assert quadratic.value(t) + lines.value(t) <= 0.125 + 3 * error
    assert len(lines.asked) <= 20
