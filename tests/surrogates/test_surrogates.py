"""Every surrogate against an exact linear program, at its scores and away from them."""

import itertools
import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from tests.reference import Problem, inner_objective, random_problem, reference_inner
from tests.reference.margins import cost_of, draw_margins
from vilma.losses import cost_matrix
from vilma.surrogates import (
    ExplicitHinge,
    ImplicitHinge,
    LabeledWeights,
    PenalizedBiases,
    VShaped,
    find_margins,
)
from vilma.surrogates._v_shaped_kernels import solve_laplacian
from vilma.surrogates.smoothed_problem import SmoothedProblem
from vilma.surrogates.transport import solve_transport
from vilma.thresholds import to_biases

HINGES = {"exp": ExplicitHinge, "imc": ImplicitHinge}
LARGEST_SCORE = 60.0
SEEDS = range(60)
# A linear program's own error, of no concern to what is tested.
ROUNDING = 1e-12


def kept(problem):
    """Rows of positive weight: the others never reach a surrogate."""
    return problem.shares > 0


def make_surrogate(problem):
    weight = np.ones(len(problem.lower)) if problem.weights is None else problem.weights
    rows = kept(problem)
    labels = LabeledWeights(
        problem.lower[rows], problem.upper[rows], weight[rows], problem.n_classes
    )
    if problem.kind in HINGES:
        return HINGES[problem.kind](labels)
    return VShaped(labels, problem.cost)


def make_problem(kind, lower, upper, n_classes, *, weights=None, cost="mae"):
    return Problem(
        X=np.zeros((len(lower), 1)),
        lower=np.asarray(lower, dtype=np.int64),
        upper=np.asarray(upper, dtype=np.int64),
        n_classes=n_classes,
        cost=cost_matrix(cost, n_classes),
        weights=None if weights is None else np.asarray(weights, dtype=float),
        alpha=1.0,
        kind=kind,
    )


def draw_scores(rng, problem, style):
    """Scores with ties of every kind, and without."""
    m = len(problem.lower)
    scores = rng.choice([0.1, 1.0, 5.0]) * rng.normal(size=m)
    if style == "integers":  # breakpoints s - 1 and s + 1 coincide
        return np.round(scores)
    if style == "all equal":
        return np.full(m, scores[0])
    if style == "duplicated":
        return scores[rng.integers(0, max(1, m // 3), size=m)]
    if style == "projection":  # the ties that the rows of X have
        return problem.dense_X @ rng.normal(size=problem.X.shape[1])
    return scores


STYLES = ("integers", "all equal", "duplicated", "projection", "distinct")


def check(problem, scores, rng, accuracy, message, surrogate=None):
    """Value, thresholds and plane of one call, against the exact minimum."""
    surrogate = make_surrogate(problem) if surrogate is None else surrogate
    rows = kept(problem)
    solution = surrogate.minimize(scores[rows], accuracy, LARGEST_SCORE)
    biases = solution.thresholds if problem.kind in HINGES else to_biases(solution.thresholds)
    exact, _ = reference_inner(problem, scores)
    small = ROUNDING * max(1.0, exact)
    naive = inner_objective(problem, scores, biases)
    assert solution.value == pytest.approx(naive, rel=ROUNDING, abs=ROUNDING), message
    assert exact - small <= solution.value <= exact + accuracy + small, message
    assert solution.plane.bias_residual >= 0.0, message
    charge = solution.plane.bias_residual * surrogate.bound_thresholds(LARGEST_SCORE)

    def plane(at):
        return solution.plane.at(at[rows]) - charge

    assert exact - accuracy - small <= plane(scores) <= exact + small, message
    away = (
        scores + 1e-3 * rng.normal(size=len(scores)),
        draw_scores(rng, problem, rng.choice(STYLES)),
        np.zeros(len(scores)),
    )
    for at in away:
        if np.abs(at).max() <= LARGEST_SCORE:
            minimum, _ = reference_inner(problem, at)
            assert plane(at) <= minimum + 1e-10, message
    return solution


@pytest.fixture(params=["sorted", "in buckets", "in few buckets"])
def search(request, monkeypatch):
    """Both ways to the minimising thresholds of hinges, at any size."""
    module = "vilma.surrogates._breakpoints."
    if request.param != "sorted":
        monkeypatch.setattr(module + "_FEW", 0)
        monkeypatch.setattr(module + "_ROOTS_PER_LABEL", 0)
    if request.param == "in few buckets":
        monkeypatch.setattr(module + "_BUCKETS_PER_ROOT", 0.5)
    return request.param


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("kind", HINGES)
def test_hinges_are_minimised_exactly(kind, style, search):
    for seed in SEEDS:
        problem = random_problem(seed, kind=kind)
        rng = np.random.default_rng(seed)
        scores = draw_scores(rng, problem, style)
        solution = check(problem, scores, rng, 0.0, f"seed {seed}")
        assert solution.plane.bias_residual == 0.0
        assert np.all(np.diff(solution.thresholds) >= 0.0), f"seed {seed}"
        assert np.all(np.isfinite(solution.thresholds)), f"seed {seed}"


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("accuracy", [1e-3, 1e-9])
def test_v_shaped_is_minimised_to_the_accuracy_asked(accuracy, style):
    for seed in SEEDS:
        problem = random_problem(seed, kind="vshaped")
        rng = np.random.default_rng(seed)
        check(problem, draw_scores(rng, problem, style), rng, accuracy, f"seed {seed}")


@pytest.mark.parametrize("style", STYLES)
def test_hinges_with_margins_minimise_the_v_shaped_surrogate(style):
    for seed in range(100):
        problem = random_problem(seed, kind="vshaped")
        rng = np.random.default_rng(seed)
        margins = draw_margins(rng, problem.n_classes)
        problem = replace(problem, cost=cost_of(margins))
        found = find_margins(problem.cost)
        np.testing.assert_allclose(cost_of(found), problem.cost, atol=1e-12)
        rows = kept(problem)
        weight = np.ones(len(rows)) if problem.weights is None else problem.weights
        labels = LabeledWeights(
            problem.lower[rows], problem.upper[rows], weight[rows], problem.n_classes
        )
        scores = draw_scores(rng, problem, style)
        surrogate = ImplicitHinge(labels, found)
        solution = check(problem, scores, rng, 0.0, f"seed {seed}", surrogate)
        assert solution.plane.bias_residual == 0.0
        # Where the surrogate is written out, it has the same minimum.
        if surrogate.hinges().counts().sum() == 0:
            continue
        form = surrogate.linear_form()
        pieces = form.constant + form.by_score @ scores[rows]
        shift = solution.thresholds + found.step
        worst = np.full(len(form.share), -np.inf)
        np.maximum.at(worst, form.term, pieces + form.by_threshold @ shift)
        assert form.share @ worst == pytest.approx(solution.value, rel=1e-10, abs=1e-10)


def test_the_labels_of_equation_20_make_no_plane_where_they_tie():
    # The example of `vilma.surrogates.plane`.
    y = np.array([0, 0, 1])
    labels = LabeledWeights(y, y, np.ones(3), 2)
    surrogate = ImplicitHinge(labels)
    value, thresholds, plane = surrogate.minimize(np.zeros(3), 0.0, 10.0)
    assert thresholds == pytest.approx([1.0])
    np.testing.assert_allclose(3.0 * plane.score_gradient, [0.5, 0.5, -1.0], atol=1e-12)
    moved = surrogate.minimize(np.full(3, -6.0), 0.0, 10.0).value
    assert moved == pytest.approx(value)
    for tied in (0.0, 1.0):  # the label that both take by (20)
        slope = (tied + tied - 1.0) / 3.0
        assert max(value - 6.0 * slope, value + 6.0 * slope) > moved + 1.0
    _, plane = solve_transport(labels, 1.0 - np.eye(2), np.arange(2), np.zeros(3), np.zeros(2))
    assert plane.score_gradient.sum() == pytest.approx(0.0, abs=1e-12)  # a label each


def test_only_losses_that_have_margins_get_them():
    positions = np.array([0.0, 1.0, 3.0, 4.0, 7.0])
    uneven = np.abs(np.subtract.outer(positions, positions))
    for cost in (cost_matrix("zero_one", 5), uneven, uneven**2, np.minimum(uneven, 2.0)):
        assert find_margins(cost) is None
    squared = cost_matrix("squared", 5)
    for cost in (cost_matrix("mae", 5), squared, 0.1 * squared + cost_matrix("mae", 5)):
        np.testing.assert_allclose(cost_of(find_margins(cost)), cost, rtol=1e-14)
    damaged = squared.copy()
    damaged[0, 4] += 1e-6
    assert find_margins(damaged) is None
    # With two labels every loss is one step.
    assert find_margins(np.array([[0.0, 2.0], [5.0, 0.0]])) is not None


def test_v_shaped_does_not_depend_on_what_it_was_called_with_before():
    # The thresholds and the width of the last call must help the next one, never hurt it.
    for seed in range(80):
        problem = random_problem(seed, kind="vshaped")
        surrogate = make_surrogate(problem)
        rows = kept(problem)
        rng = np.random.default_rng(seed)
        projection = problem.dense_X @ rng.normal(size=problem.X.shape[1])
        for factor in (0.0, 1.0, 100.0, 0.1, 10.0):
            scores = factor * projection[rows]
            largest = 1.0 + 3.0 * np.abs(scores).max()
            bound = surrogate.bound_thresholds(largest)
            for accuracy in (1e-2, 1e-4, 1e-9):
                solution = surrogate.minimize(scores, accuracy * surrogate.scale, largest)
                plane = solution.plane.at(scores)
                error = solution.value - plane + solution.plane.bias_residual * bound
                rounding = 1e-12 * np.abs(scores).max()
                assert error <= accuracy * surrogate.scale + rounding, f"seed {seed}, {factor}"


def test_v_shaped_survives_more_accuracy_than_there_is():
    # Asked for the impossible, it has to return the best it has seen, not the last.
    for seed in range(80):
        problem = random_problem(seed, kind="vshaped")
        surrogate = make_surrogate(problem)
        rows = kept(problem)
        rng = np.random.default_rng(seed)
        scores = problem.dense_X @ rng.normal(size=problem.X.shape[1])
        solution = surrogate.minimize(scores[rows], 0.0, LARGEST_SCORE)
        exact, _ = reference_inner(problem, scores)
        assert solution.value <= exact + 1e-7 * max(1.0, surrogate.scale), f"seed {seed}"


@pytest.mark.parametrize("kind", ["exp", "imc", "vshaped"])
def test_one_sided_annotations_cost_nothing(kind):
    # "At least k" alone is satisfied by thresholds far below, "at most k" by ones far above.
    rng = np.random.default_rng(0)
    scores = rng.normal(size=20)
    lower = rng.integers(1, 5, size=20)
    upper = np.full(20, 4)
    for problem in (
        make_problem(kind, lower, upper, 5),
        make_problem(kind, 4 - upper, 4 - lower, 5),
    ):
        solution = check(problem, scores, rng, 1e-9, kind)
        assert solution.value == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("kind", ["exp", "imc", "vshaped"])
def test_two_classes(kind):
    # max(0, 1 - s + t) over s = 1, 2 and max(0, 1 + s - t) over s = -1, 1.5:
    # flat between t = 0.5 and t = 1, value (0 + (1.5 - t) ... ) by hand at t = 1:
    # 1 - 1 + 1 = 1, 1 - 2 + 1 = 0, 1 - 1 - 1 < 0, 1 + 1.5 - 1 = 1.5; mean 2.5 / 4.
    problem = make_problem(kind, [1, 1, 0, 0], [1, 1, 0, 0], 2)
    scores = np.array([1.0, 2.0, -1.0, 1.5])
    solution = check(problem, scores, np.random.default_rng(0), 1e-9, kind)
    assert solution.value == pytest.approx(2.5 / 4, abs=1e-9)


@pytest.mark.parametrize("kind", ["exp", "imc", "vshaped"])
def test_missing_classes(kind):
    rng = np.random.default_rng(1)
    codes = rng.choice([0, 7, 9], size=30)
    problem = make_problem(kind, codes, codes, 12)
    check(problem, np.round(codes + rng.normal(size=30)), rng, 1e-9, kind)


@pytest.mark.parametrize("kind", ["exp", "imc", "vshaped"])
def test_the_order_of_the_examples_does_not_matter(kind):
    for seed in range(20):
        problem = random_problem(seed, kind=kind)
        rng = np.random.default_rng(seed)
        scores = np.round(2.0 * rng.normal(size=len(problem.lower)))
        order = rng.permutation(len(scores))
        shuffled = replace(
            problem,
            lower=problem.lower[order],
            upper=problem.upper[order],
            weights=None if problem.weights is None else problem.weights[order],
        )
        a = make_surrogate(problem).minimize(scores[kept(problem)], 1e-9, LARGEST_SCORE)
        b = make_surrogate(shuffled).minimize(scores[order][kept(shuffled)], 1e-9, LARGEST_SCORE)
        assert b.value == pytest.approx(a.value, abs=2e-9)
        if kind == "vshaped":  # of the planes that touch under ties, a transport plan gives any
            continue
        full = np.zeros(len(scores))
        full[kept(problem)] = a.plane.score_gradient
        back = np.zeros(len(scores))
        back[order[kept(shuffled)]] = b.plane.score_gradient
        np.testing.assert_allclose(back, full, atol=1e-7, err_msg=f"seed {seed}")
        assert b.plane.offset == pytest.approx(a.plane.offset, abs=1e-6)


@pytest.mark.parametrize("kind", ["exp", "imc", "vshaped"])
def test_a_weight_of_two_is_a_repeated_example(kind):
    for seed in range(20):
        problem = random_problem(seed, kind=kind)
        rng = np.random.default_rng(seed)
        m = len(problem.lower)
        counts = rng.integers(1, 4, size=m)
        scores = np.round(2.0 * rng.normal(size=m))
        rows = np.repeat(np.arange(m), counts)
        weighted = replace(problem, weights=counts.astype(float))
        repeated = replace(
            problem, lower=problem.lower[rows], upper=problem.upper[rows], weights=None
        )
        a = make_surrogate(weighted).minimize(scores, 1e-9, LARGEST_SCORE)
        b = make_surrogate(repeated).minimize(scores[rows], 1e-9, LARGEST_SCORE)
        assert b.value == pytest.approx(a.value, abs=2e-9)
        if kind == "vshaped":  # as above
            continue
        merged = np.bincount(rows, b.plane.score_gradient, minlength=m)
        np.testing.assert_allclose(
            merged, a.plane.score_gradient, atol=1e-7, err_msg=f"seed {seed}"
        )
        assert b.plane.offset == pytest.approx(a.plane.offset, abs=1e-6)


def naive_minimisers(problem, scores):
    """Smallest and largest minimiser of every threshold of IMC, by trying all breakpoints."""
    ends = []
    for k in range(problem.n_classes - 1):
        rises = problem.lower > k
        falls = problem.upper <= k
        shares = problem.shares

        def loss(theta, rises=rises, falls=falls, shares=shares):
            return shares @ (
                rises * np.maximum(0.0, 1 - scores + theta)
                + falls * np.maximum(0.0, 1 + scores - theta)
            )

        places = np.unique(np.concatenate([(scores - 1)[rises], (scores + 1)[falls]]))
        if len(places) == 0:
            ends.append((-np.inf, np.inf))
            continue
        losses = np.array([loss(place) for place in places])
        best = places[losses <= losses.min() + 1e-13]
        ends.append((best[0] if falls.any() else -np.inf, best[-1] if rises.any() else np.inf))
    return np.array(ends).T


def ends_of_minimisers(surrogate, scores):
    return surrogate._ends(scores)


def test_ends_of_the_imc_minimisers_by_brute_force(search):
    for seed in range(60):
        problem = random_problem(seed, kind="imc")
        problem = replace(problem, weights=None)  # flat pieces are then exactly flat
        rng = np.random.default_rng(seed)
        scores = rng.integers(-8, 9, size=len(problem.lower)) / 4.0
        expected = naive_minimisers(problem, scores)
        both = ends_of_minimisers(make_surrogate(problem), scores)
        for found, end in zip(both, expected, strict=True):
            # Without breakpoints a threshold may go anywhere; only its neighbours order it.
            known = np.isfinite(expected).all(axis=0)
            np.testing.assert_array_equal(found[known], end[known], err_msg=f"seed {seed}")
            assert np.all(found[1:] >= found[:-1]), f"seed {seed}"


def test_ends_of_the_exp_minimisers_by_brute_force(search):
    # Small enough to try all nondecreasing choices of breakpoints.
    for seed in range(40):
        rng = np.random.default_rng(seed)
        m, n_classes = 5, 4
        lower = rng.integers(0, n_classes, size=m)
        upper = np.maximum(lower, rng.integers(0, n_classes, size=m))
        problem = make_problem("exp", lower, upper, n_classes)
        scores = rng.integers(-4, 5, size=m) / 2.0
        far = 50.0
        places = np.unique(np.concatenate([scores - 1, scores + 1, [-far, far]]))
        grid = np.stack(np.meshgrid(places, places, places, indexing="ij"), -1).reshape(-1, 3)
        grid = grid[(np.diff(grid, axis=1) >= 0).all(axis=1)]
        below = np.maximum(0.0, 1 - scores + np.c_[np.zeros(len(grid)), grid][:, lower])
        above = np.maximum(0.0, 1 + scores - np.c_[grid, np.zeros(len(grid))][:, upper])
        losses = (below * (lower > 0) + above * (upper < n_classes - 1)).sum(axis=1)
        best = grid[losses <= losses.min() + 1e-12]
        both = ends_of_minimisers(make_surrogate(problem), scores)
        for found, expected in zip(both, (best.min(axis=0), best.max(axis=0)), strict=True):
            np.testing.assert_array_equal(
                np.clip(found, -far, far), expected, err_msg=f"seed {seed}, {problem}"
            )


def draw_crowd(rng, labels):
    """Scores that fill the buckets unevenly, of any size."""
    m = len(labels.lower)
    scores = rng.normal(size=m) + rng.choice([0.0, 0.5]) * labels.lower
    return {
        "plain": scores,
        "integers": np.round(scores),
        "all equal": np.full(m, 0.3),
        "one far away": np.where(np.arange(m) == 0, 1e15, scores),
        "some far away": scores + 1e9 * (rng.random(m) < 0.1),
        "all sizes": scores * 10.0 ** rng.uniform(-12, 12, size=m),
        "margins lost": 1e17 * scores,
        "huge": 1e300 * scores,
        "tiny": 1e-300 * scores,
        "apart by rounding": np.round(scores) + 1e-15 * rng.normal(size=m),
    }


def draw_labels(rng, m, n_classes):
    """Intervals, some open, of labels that nobody or everybody may have."""
    some = rng.integers(0, n_classes, size=rng.integers(1, 6))
    a, b = rng.choice(some, size=(2, m))
    lower, upper = np.minimum(a, b), np.maximum(a, b)
    lower[rng.random(m) < 0.1] = 0
    upper[rng.random(m) < 0.1] = n_classes - 1
    return lower, upper


@pytest.mark.parametrize("kind", ["exp", "imc", "margins"])
@pytest.mark.parametrize("per_root", [0.1, 1, 8])
def test_buckets_find_what_sorting_finds(kind, per_root, monkeypatch):
    module = "vilma.surrogates._breakpoints."
    for seed in range(30):
        rng = np.random.default_rng(seed)
        n_classes, m = int(rng.integers(2, 12)), int(rng.integers(1, 400))
        lower, upper = draw_labels(rng, m, n_classes)
        # Sums of whole numbers are exact.
        labels = LabeledWeights(lower, upper, rng.integers(1, 4, size=m).astype(float), n_classes)
        margins = draw_margins(rng, n_classes) if kind == "margins" and n_classes > 2 else None

        def make(labels=labels, margins=margins):
            return ExplicitHinge(labels) if kind == "exp" else ImplicitHinge(labels, margins)

        by_sorting = make()
        with monkeypatch.context() as patch:
            patch.setattr(module + "_FEW", 0)
            patch.setattr(module + "_ROOTS_PER_LABEL", 0)
            patch.setattr(module + "_BUCKETS_PER_ROOT", per_root)
            in_buckets = make()
        assert in_buckets._breakpoints.bucketed > by_sorting._breakpoints.bucketed
        for style, scores in draw_crowd(rng, labels).items():
            message = f"seed {seed}, {style}"
            a, b = (each.minimize(scores, 0.0, 1.0) for each in (by_sorting, in_buckets))
            np.testing.assert_array_equal(b.thresholds, a.thresholds, err_msg=message)
            assert b.value == pytest.approx(a.value, rel=1e-13), message
            np.testing.assert_allclose(
                b.plane.score_gradient, a.plane.score_gradient, atol=1e-13, err_msg=message
            )
            assert b.plane.offset == pytest.approx(a.plane.offset, rel=1e-13, abs=1e-13), message


@pytest.mark.parametrize("kind", HINGES)
def test_uneven_weights_in_buckets(kind, search):
    for seed in range(60):
        rng = np.random.default_rng(seed)
        problem = uneven(random_problem(seed, kind=kind), rng, 3)
        check(problem, draw_scores(rng, problem, STYLES[seed % 5]), rng, 0.0, f"seed {seed}")


@pytest.mark.parametrize("rounded", [False, True])
@pytest.mark.parametrize("kind", HINGES)
@pytest.mark.parametrize("n_classes", [10, 60])
def test_planes_leave_little_of_the_derivative_in_the_thresholds(kind, rounded, n_classes):
    # A shift of scores and thresholds changes no hinge: both derivatives sum to the same.
    m = 100_000
    left = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        label, width = rng.integers(0, n_classes, size=m), rng.integers(0, 3, size=m)
        lower, upper = np.maximum(label - width, 0), np.minimum(label + width, n_classes - 1)
        labels = LabeledWeights(lower, upper, 0.1 + rng.random(m), n_classes)
        scores = 3.0 * label / n_classes + rng.normal(size=m)
        scores = np.round(scores, 1) if rounded else scores
        surrogate = ExplicitHinge(labels) if kind == "exp" else ImplicitHinge(labels)
        plane = surrogate.minimize(scores, 0.0, 10.0).plane
        left.append(abs(math.fsum(plane.score_gradient)))
    # With sums of all weights instead of the active hinges' it is 2e-14 to 4e-14.
    assert max(left) < (3e-15 if n_classes == 10 else 1.5e-14)


@pytest.mark.parametrize("seed", range(20))
def test_penalised_biases_against_finite_differences(seed):
    problem = random_problem(seed, kind="vshaped_reg")
    rows = kept(problem)
    weight = np.ones(len(rows)) if problem.weights is None else problem.weights
    labels = LabeledWeights(
        problem.lower[rows], problem.upper[rows], weight[rows], problem.n_classes
    )
    surrogate = PenalizedBiases(labels, problem.cost)
    rng = np.random.default_rng(seed)
    m = int(rows.sum())
    # Irrational places have no ties: the function is smooth there.
    at = rng.normal(size=m + problem.n_classes)

    def value(at):
        scores = np.zeros(len(rows))
        scores[rows] = at[:m]
        return inner_objective(problem, scores, at[m:])

    solution = surrogate.minimize(at, 0.0, LARGEST_SCORE)
    assert solution.plane.bias_residual == 0.0
    assert solution.value == pytest.approx(value(at), rel=1e-12, abs=1e-12)
    plane = solution.plane.at(at)
    assert plane == pytest.approx(solution.value, rel=1e-12, abs=1e-12)
    h = 1e-7
    differences = [
        (value(at + h * unit) - value(at - h * unit)) / (2 * h) for unit in np.eye(len(at))
    ]
    np.testing.assert_allclose(solution.plane.score_gradient, differences, atol=1e-6)


def test_penalised_biases_at_ties():
    # Subgradients at kinks: the plane stays below everywhere and touches.
    for seed in range(40):
        problem = random_problem(seed, kind="vshaped_reg")
        problem = replace(problem, weights=None)
        labels = LabeledWeights(
            problem.lower, problem.upper, np.ones(len(problem.lower)), problem.n_classes
        )
        surrogate = PenalizedBiases(labels, problem.cost)
        rng = np.random.default_rng(seed)
        m = len(problem.lower)
        for at in (
            np.zeros(m + problem.n_classes),
            np.round(rng.normal(size=m + len(problem.cost))),
        ):
            solution = surrogate.minimize(at, 0.0, LARGEST_SCORE)
            touching = solution.plane.at(at)
            assert touching == pytest.approx(solution.value, rel=1e-12, abs=1e-12)
            for scale in (0.01, 1.0, 10.0):
                other = at + scale * rng.normal(size=len(at))
                above = inner_objective(problem, other[:m], other[m:])
                assert solution.plane.at(other) <= above + 1e-11


@pytest.mark.parametrize("ties", [False, True])
def test_a_larger_problem_agrees_with_imc(ties):
    # With the absolute error, VILMA and IMC have the same minimum (Proposition 2).
    rng = np.random.default_rng(0)
    m, n_classes = 5000, 30
    true = rng.integers(0, n_classes, size=m)
    lower = np.maximum(true - rng.integers(0, 4, size=m), 0)
    upper = np.minimum(true + rng.integers(0, 4, size=m), n_classes - 1)
    labels = LabeledWeights(lower, upper, rng.exponential(size=m), n_classes)
    scores = 0.7 * true + rng.normal(size=m)
    if ties:
        scores = np.round(scores)
    imc = ImplicitHinge(labels).minimize(scores, 0.0, LARGEST_SCORE)
    surrogate = VShaped(labels, cost_matrix("mae", n_classes))
    for accuracy in (1e-2, 1e-5, 1e-8):
        solution = surrogate.minimize(scores, accuracy, LARGEST_SCORE)
        assert imc.value - 1e-10 <= solution.value <= imc.value + accuracy + 1e-10
        plane = solution.plane.at(scores)
        charge = solution.plane.bias_residual * surrogate.bound_thresholds(LARGEST_SCORE)
        assert plane - charge >= imc.value - accuracy - 1e-10
        assert plane - charge <= imc.value + 1e-10
        other = np.full(m, 3.0)
        minimum = ImplicitHinge(labels).minimize(other, 0.0, LARGEST_SCORE).value
        assert solution.plane.at(other) - charge <= minimum + 1e-10


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("loss", ["mae", "zero_one", "squared"])
def test_one_call_after_the_other_at_a_usual_size(loss, ties):
    # Scores change a lot from one call to the next, as along a line search; most thresholds
    # then have no example in their window, and the Hessian of the smoothed loss is singular.
    rng = np.random.default_rng(0)
    m, n_classes = 500, 30
    true = rng.integers(0, n_classes, size=m)
    lower = np.maximum(true - rng.integers(0, 3, size=m), 0)
    upper = np.minimum(true + rng.integers(0, 3, size=m), n_classes - 1)
    labels = LabeledWeights(lower, upper, np.ones(m), n_classes)
    surrogate = VShaped(labels, cost_matrix(loss, n_classes))
    X = rng.normal(size=(m, 5))
    if ties:
        X = (X > 0).astype(float)
    calls = [np.zeros(m)] + [factor * X @ rng.normal(size=5) for factor in (1, 30, 0.1, 5)]
    calls += [factor * true + rng.normal(size=m) for factor in (1.0, 3.0, 0.3)]
    for scores in calls:
        largest = 10.0 + 3.0 * np.abs(scores).max()
        for accuracy in (1e-2, 1e-4):
            solution = surrogate.minimize(scores, accuracy * surrogate.scale, largest)
            plane = solution.plane.at(scores)
            charge = solution.plane.bias_residual * surrogate.bound_thresholds(largest)
            assert np.all(np.isfinite(solution.thresholds))
            assert solution.value - plane + charge <= accuracy * surrogate.scale


def test_breakpoints_that_differ_by_rounding_only():
    # 0.1 + 2 - 1 and 0.1 + 1 are the same breakpoint but not the same number.
    scores = np.array([0.1, 0.1 + 2, 0.3, 0.3 + 2, 0.1, 2.1])
    lower = np.array([0, 1, 0, 1, 1, 0])
    for kind in HINGES:
        problem = make_problem(kind, lower, lower, 2)
        check(problem, scores, np.random.default_rng(0), 0.0, kind)


@pytest.mark.parametrize("style", STYLES)
def test_both_ways_to_the_v_shaped_minimum_are_valid(style, monkeypatch):
    # These problems are small enough for the transportation problem; smoothing alone must do, too.
    monkeypatch.setattr("vilma.surrogates.v_shaped._LITTLE_WORK", -1)
    monkeypatch.setattr("vilma.surrogates.v_shaped._COARSEST", 3)
    for bearable in (-1, 1e8):
        monkeypatch.setattr("vilma.surrogates.v_shaped._BEARABLE_WORK", bearable)
        for seed in range(20):
            problem = random_problem(seed, kind="vshaped")
            rng = np.random.default_rng(seed)
            check(problem, draw_scores(rng, problem, style), rng, 1e-6, f"seed {seed}")


def uneven(problem, rng, decades):
    weights = 10.0 ** rng.uniform(-decades, decades, size=len(problem.lower))
    return replace(problem, weights=weights)


def test_v_shaped_with_weights_of_six_orders_of_magnitude():
    for seed in range(60):
        rng = np.random.default_rng(seed)
        problem = uneven(random_problem(seed, kind="vshaped"), rng, 3)
        check(problem, draw_scores(rng, problem, STYLES[seed % 5]), rng, 1e-9, f"seed {seed}")


def test_v_shaped_with_weights_of_twenty_orders_of_magnitude():
    # More than the linear program can tell apart: value and plane have to meet instead.
    for seed in range(60):
        rng = np.random.default_rng(seed)
        problem = uneven(random_problem(seed, kind="vshaped"), rng, 10)
        scores = draw_scores(rng, problem, STYLES[seed % 5])
        surrogate = make_surrogate(problem)
        solution = surrogate.minimize(scores, 1e-9, LARGEST_SCORE)
        naive = inner_objective(problem, scores, to_biases(solution.thresholds))
        assert solution.value == pytest.approx(naive, rel=1e-11, abs=1e-11), f"seed {seed}"
        charge = solution.plane.bias_residual * surrogate.bound_thresholds(LARGEST_SCORE)
        error = solution.value - solution.plane.at(scores) + charge
        assert -1e-11 <= error <= 1e-9, f"seed {seed}"
        at = scores + rng.normal(size=len(scores))
        biases = to_biases(surrogate.minimize(at, 1e-9, LARGEST_SCORE).thresholds)
        assert solution.plane.at(at) - charge <= inner_objective(problem, at, biases) + 1e-10


def test_the_flow_of_the_transportation_problem_by_linear_programming():
    for seed in range(30):
        rng = np.random.default_rng(seed)
        problem = random_problem(seed, kind="vshaped")
        surrogate = make_surrogate(problem)
        used = surrogate._problem.used
        if len(used) < 2:
            continue
        scores = draw_scores(rng, problem, "integers")
        rows = kept(problem)
        exact, _ = reference_inner(problem, scores)
        start = rng.normal(scale=10.0 ** rng.integers(-3, 20), size=len(used))  # from anywhere
        biases, plane = solve_transport(
            surrogate._labels, surrogate.cost, used, scores[rows], start
        )
        assert plane.at(scores[rows]) == pytest.approx(exact, abs=1e-11), f"seed {seed}"
        smoothed = SmoothedProblem(surrogate._labels, surrogate.cost, used)
        order = np.argsort(scores[rows])
        value = smoothed.value(smoothed.sort(scores[rows], order), biases)
        assert value == pytest.approx(exact, abs=1e-11), f"seed {seed}"


def test_no_label_gets_a_negative_share_however_far_the_fractions_are_moved():
    # With one example the derivative in the biases is its weight times the shares of the labels,
    # of both sides, less 1 at the endpoint for each. With negative ones the plane is no bound.
    rng = np.random.default_rng(0)
    n_mixed = 0
    for _ in range(200):
        n = int(rng.integers(3, 9))
        endpoint, weight = rng.integers(0, n, 1), rng.uniform(0.1, 10.0, 1)
        distance = np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
        cost = np.minimum(distance, rng.integers(1, n)).astype(float)
        labels = LabeledWeights(endpoint, endpoint, weight, n)
        problem = SmoothedProblem(labels, cost, np.arange(n))
        half_width = rng.uniform(0.1, 3.0)
        biases, nudge = 0.3 * half_width * rng.normal(size=n), half_width * rng.normal(size=n)
        scores = problem.sort(rng.normal(size=1), np.zeros(1, dtype=int))
        _, gradient = problem.mixture(scores, biases, half_width, nudge)
        shares = gradient / weight
        shares[endpoint] += 2.0
        assert shares.sum() == pytest.approx(2.0)
        assert shares.min() >= -1e-15
        n_mixed += np.count_nonzero(shares > 1e-12) > 2
    assert n_mixed > 50


def test_gains_equal_but_for_rounding_keep_no_flow_going_back_and_forth():
    # Differences of the gains are whole numbers here but for rounding; weights span 18 orders of
    # magnitude. Told apart by a tolerance, such ties sent 34 of 10^15 units at a time.
    lower = np.array([3, 5, 0, 0, 5, 0, 0, 5, 3, 3, 0, 4])
    upper = np.array([3, 5, 0, 3, 5, 4, 0, 5, 3, 3, 2, 4])
    weight = np.array(
        [
            4.3249127616496005e-06,
            4.458331474016556e-16,
            0.7270506374209246,
            1.5134926342638814e-07,
            1.2507280414632618e-12,
            2.047245767758925e-18,
            0.11632432070227261,
            1.135633386697204e-07,
            7.37701015580445e-11,
            0.0009482207441780077,
            0.3085457689038236,
            1.7342874590316733e-17,
        ]
    )
    scores = np.array(
        [
            1.7376717463752618,
            0.2258113227668686,
            -4.262328253912949,
            0.6450310712863627,
            0.5894530030191207,
            0.17607165187982043,
            -4.262328253912226,
            1.841339922669361,
            -2.824215930876328,
            1.737671746086758,
            -1.0069268623077599,
            0.8247416281736969,
        ]
    )
    labels = LabeledWeights(lower, upper, weight, 6)
    cost = np.subtract.outer(np.arange(6.0), np.arange(6.0)) ** 2
    surrogate = VShaped(labels, cost)
    solution = surrogate.minimize(scores, 1e-9, LARGEST_SCORE)
    assert solution.value == pytest.approx(solution.plane.at(scores), abs=1e-11)


def test_labels_that_nobody_has_keep_the_value():
    # Every second label and both ends are nobody's; the thresholds of all are returned.
    rng = np.random.default_rng(3)
    codes = rng.choice([2, 4, 6, 8], size=40)
    for cost in ("squared", "zero_one"):
        problem = make_problem("vshaped", codes, codes, 11, cost=cost)
        solution = check(problem, np.round(codes + rng.normal(size=40)), rng, 1e-9, cost)
        assert len(solution.thresholds) == 10


def test_laplacian_systems_by_dense_algebra():
    rng = np.random.default_rng(0)
    for n in (2, 3, 8, 20):
        matrix = np.zeros((n, n))
        for _ in range(2 * n):
            p, q = rng.choice(n, size=2, replace=False)
            matrix[p, q] = matrix[q, p] = 10.0 ** rng.uniform(-3, 3)
        neighbours = np.zeros((n, n), np.int64)
        degree = (matrix > 0).sum(axis=1)
        for p in range(n):
            neighbours[p, : degree[p]] = np.flatnonzero(matrix[p])
        ridge = 10.0 ** rng.uniform(-3, 0, size=n - 1)
        whole = matrix + np.diag(ridge, 1) + np.diag(ridge, -1)
        laplacian = np.diag(whole.sum(axis=1)) - whole
        right = rng.normal(size=n)
        expected = np.append(0.0, np.linalg.solve(laplacian[1:, 1:], right[1:]))
        graph = matrix, neighbours, degree.astype(np.int64)
        solve_laplacian(graph, ridge, right, np.zeros(n, np.int64), np.zeros(n, np.int64))
        np.testing.assert_allclose(right, expected, rtol=1e-9, atol=1e-12)
        assert not matrix.any()
        assert not graph[2].any()


def exact_minimum(kind, lower, upper, weight, n_classes, scores):
    """The minimum over the thresholds in rational numbers: at breakpoints, by dynamic programming.

    Where hinges of one threshold alone are minimised, the order of the thresholds costs nothing.
    """
    s = [Fraction(float(each)) for each in scores]
    w = [Fraction(float(each)) for each in weight]
    places = sorted({each + shift for each in s for shift in (-1, 1)})
    before = [Fraction(0)] * len(places)
    for k in range(n_classes - 1):
        below = np.flatnonzero(k < lower if kind == "imc" else k == lower - 1)
        above = np.flatnonzero(k >= upper if kind == "imc" else k == upper)
        for j, place in enumerate(places):
            before[j] += sum(w[i] * max(0, 1 - s[i] + place) for i in below)
            before[j] += sum(w[i] * max(0, 1 + s[i] - place) for i in above)
        before = list(itertools.accumulate(before, min))
    return before[-1] / sum(w)


@pytest.mark.parametrize("kind", ["imc", "exp"])
def test_planes_with_weights_below_the_rounding_of_others_are_bounds(kind):
    # Sums of weights are taken for equal within 4e-15 of the total: with weights of 1 and 1e-15 a
    # plane that was charged nothing for it was ten times the minimum, where all scores were moved
    # by 100.
    surrogate = {"imc": ImplicitHinge, "exp": ExplicitHinge}[kind]
    charged = 0
    for seed in range(120):
        rng = np.random.default_rng(seed)
        m, n_classes = int(rng.integers(2, 8)), int(rng.integers(2, 5))
        lower = rng.integers(0, n_classes, m)
        upper = np.minimum(lower + rng.integers(0, 2, m), n_classes - 1)
        weight = rng.choice([1.0, 1e-15, 1e-16, 3e-14], m)
        hinges = surrogate(LabeledWeights(lower, upper, weight, n_classes))
        plane = hinges.minimize(10.0 * rng.integers(0, 4, m), 1e-6, 10.0).plane
        charged += plane.bias_residual > 0.0
        for _ in range(4):
            scores = rng.normal(size=m) * 10.0 ** rng.integers(0, 3) + 100.0 * rng.integers(-1, 2)
            best = float(exact_minimum(kind, lower, upper, weight, n_classes, scores))
            charge = hinges.bound_thresholds(np.abs(scores).max()) * plane.bias_residual
            rounding = 8e-16 * (np.abs(plane.score_gradient) @ np.abs(scores) + best)
            assert plane.at(scores) - charge <= best + rounding
    assert charged > 20
