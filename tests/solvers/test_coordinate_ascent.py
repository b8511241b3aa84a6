"""Dual coordinate ascent: every step against plain loops, every bound against the optimum."""

import dataclasses
import itertools
import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

from tests.fits import as_intervals, close, make_estimator, says_nothing
from tests.reference import random_problem, reference_optimum
from vilma import IISVOR_EXP, IISVOR_IMC, VILMA, MappedMatrix, OneHotCodes, save_mapped, vilma_path
from vilma.design_matrices import as_design_matrix
from vilma.design_matrices.dense import DenseMatrix
from vilma.design_matrices.threads import BlockThreads
from vilma.exceptions import AnnotationWarning, WeakSignalWarning
from vilma.losses import cost_matrix
from vilma.solvers import alternation
from vilma.solvers import solver as solver_module
from vilma.solvers.alternation import row_overlap
from vilma.solvers.coordinate_ascent import _kernels
from vilma.solvers.coordinate_ascent.dual_point import HingeDualPoint, single_slopes
from vilma.surrogates import ExplicitHinge, ImplicitHinge, LabeledWeights, VShaped, find_margins


def wide_problem(seed, kind):
    """As the random ones, with more features than samples, and alphas small enough."""
    problem = random_problem(seed, kind=kind)
    rng = np.random.default_rng([seed, 1])
    m = len(problem.lower)
    extra = rng.normal(size=(m, m))
    if rng.random() < 0.5:
        extra *= rng.random((m, m)) < 0.2
    X = np.hstack([problem.dense_X, extra[rng.integers(0, m, m)] if seed % 3 == 0 else extra])
    return dataclasses.replace(
        problem,
        X=sparse.csr_array(X) if sparse.issparse(problem.X) else X,
        alpha=float(10 ** rng.uniform(-4, -1)),
    )


def labels_of(problem):
    rows = problem.shares > 0
    return LabeledWeights(
        problem.lower[rows], problem.upper[rows], problem.shares[rows] * 7.0, problem.n_classes
    )


def surrogate_of(problem):
    labels = labels_of(problem)
    if problem.kind == "exp":
        return ExplicitHinge(labels)
    if problem.kind == "imc":
        return ImplicitHinge(labels)
    squared = cost_matrix("squared", problem.n_classes)
    return ImplicitHinge(labels, find_margins(squared))


def used_thresholds(problem):
    """Those of the hinges: with explicit constraints, the ones next to an interval."""
    labels = labels_of(problem)
    if problem.kind != "exp":
        return list(range(labels.n_classes - 1))
    used = {k - 1 for k in labels.lower if k > 0}
    used |= {k for k in labels.upper if k < labels.n_classes - 1}
    return sorted(used)


def naive_loss(hinges, scores, thresholds):
    total = 0.0
    for i, weight in enumerate(hinges.weight):
        for k in range(hinges.below_start[i], hinges.below_stop[i]):
            total += weight * max(0.0, hinges.below_margin[i] - scores[i] + thresholds[k])
        for k in range(hinges.above_start[i], hinges.above_stop[i]):
            total += weight * max(0.0, hinges.above_margin[i] + scores[i] - thresholds[k])
    return total / hinges.weight.sum()


def dual_point(problem, alpha):
    """The rows in the order of the dual point's examples, their hinges, and the dual point."""
    rows = problem.shares > 0
    X = problem.dense_X[rows]
    matrix = DenseMatrix(X)
    hinges = surrogate_of(problem).hinges()
    point = HingeDualPoint(matrix, matrix.rows(), matrix.squared_row_norms(), hinges)
    point.prepare(alpha)
    taken = (part[point.order] for part in hinges[:7])
    return X[point.order], hinges._replace(**dict(zip(hinges._fields, taken, strict=False))), point


@pytest.mark.parametrize("kind", ["exp", "imc"])
def test_hinges_sum_up_to_the_surrogate(kind):
    for seed in range(30):
        problem = random_problem(seed, kind=kind)
        surrogate = surrogate_of(problem)
        scores = 3.0 * np.random.default_rng(seed).normal(size=len(labels_of(problem).lower))
        inner = surrogate.minimize(scores, 1e-9, 10.0)
        hinges = surrogate.hinges()
        assert hinges.places.tolist() == used_thresholds(problem)
        thresholds = inner.thresholds[hinges.places]
        assert naive_loss(hinges, scores, thresholds) == pytest.approx(inner.value, abs=1e-8)
        # Thresholds elsewhere are no better.
        rng = np.random.default_rng(seed)
        for _ in range(20):
            other = np.sort(thresholds + rng.normal(size=len(thresholds)))
            assert naive_loss(hinges, scores, other) >= inner.value - 1e-8


def test_other_losses_have_no_hinges():
    labels = LabeledWeights(np.array([0, 2]), np.array([0, 2]), np.ones(2), 3)
    for loss in ("mae", "zero_one", "squared"):
        assert VShaped(labels, cost_matrix(loss, 3)).hinges() is None


@pytest.mark.parametrize("kind", ["exp", "imc", "vshaped"])
def test_passes_keep_the_books(kind):
    """Coefficients and thresholds are those of the dual variables, recounted in plain loops."""
    for seed in range(12):
        problem = wide_problem(seed, kind)
        X, hinges, point = dual_point(problem, problem.alpha)
        for _ in range(4):
            anchor = point._prox_center.copy()
            visits = np.random.default_rng(seed).permutation(len(X))
            point._visit(visits)
            check_the_books(X, hinges, point, anchor, problem.alpha)
            point.ascend()  # which moves the anchor on
            assert np.all(np.isfinite(point._prox_center))


def check_the_books(X, hinges, point, anchor, alpha):
    mean = hinges.weight @ X / hinges.weight.sum()
    coef = np.zeros(X.shape[1])
    derivatives = np.zeros(hinges.n_thresholds)
    for i, weight in enumerate(hinges.weight):
        own = point._duals[point._layout["first_dual"][i] :][: point._layout["n_duals"][i]]
        assert np.all((own >= 0.0) & (own <= 1.0))
        below = range(hinges.below_start[i], hinges.below_stop[i])
        above = range(hinges.above_start[i], hinges.above_stop[i])
        for j, k in enumerate([*below, *above]):
            sign = 1.0 if j < len(below) else -1.0
            coef += sign * weight * own[j] * (X[i] - mean)
            derivatives[k] += sign * weight * own[j]
    for k, order in enumerate(point._order_duals):
        assert order >= 0.0
        derivatives[k] += order
        derivatives[k + 1] -= order
    scale = 1.0 / (alpha * hinges.weight.sum())
    np.testing.assert_allclose(point.reached().coef, scale * coef, atol=1e-9 * scale)
    np.testing.assert_allclose(point._drift[0], point._sums @ mean, atol=1e-9)
    np.testing.assert_allclose(
        point._thresholds, anchor - point._prox_step * derivatives, atol=1e-9 * scale
    )


def is_slope(slope, argument):
    """Tell whether a hinge has this slope where its argument is given."""
    return slope == 1.0 if argument > 0.0 else slope == 0.0 if argument < 0.0 else 0 <= slope <= 1


def test_slopes_of_single_hinges_are_those_at_some_score():
    for seed in range(40):
        hinges = surrogate_of(random_problem(seed, kind="exp")).hinges()
        rng = np.random.default_rng(seed)
        m, n = len(hinges.weight), hinges.n_thresholds
        # Halves, and margins of 1, are added and taken off without rounding.
        thresholds = np.sort(rng.integers(-6, 7, n)) / 2.0
        difference = rng.integers(-4, 5, m) / 4.0
        slopes = single_slopes(hinges, difference, thresholds)
        derivative = np.zeros(n)
        for i, weight in enumerate(hinges.weight):
            has_below = int(hinges.below_stop[i] - hinges.below_start[i])
            has_above = int(hinges.above_stop[i] - hinges.above_start[i])
            below = thresholds[hinges.below_start[i]] if has_below else -np.inf
            above = thresholds[hinges.above_start[i]] if has_above else np.inf
            found = slopes.below[i], slopes.above[i]
            assert found[0] - found[1] == np.clip(difference[i], -has_above, has_below)
            borders = [each for each in (below + 1.0, above - 1.0) if np.isfinite(each)]
            scores = [*borders, min(borders, default=0) - 1, max(borders, default=0) + 1]
            scores += [sum(borders) / 2.0]
            assert any(
                is_slope(found[0], 1.0 - score + below) and is_slope(found[1], 1.0 + score - above)
                for score in scores
            )
            if has_below:
                derivative[hinges.below_start[i]] += weight * found[0]
            if has_above:
                derivative[hinges.above_start[i]] -= weight * found[1]
        np.testing.assert_allclose(slopes.derivative, derivative, atol=1e-12)
        total = hinges.weight @ (slopes.below + slopes.above)
        assert slopes.imbalance * total == pytest.approx(abs(derivative).sum())


def test_ascent_takes_over_slopes():
    for seed in range(12):
        problem = wide_problem(seed, "exp")
        X, hinges, point = dual_point(problem, problem.alpha)
        for _ in range(2):
            point.ascend()  # what it was is gone
        rows = np.argsort(point.order)  # as the surrogate has them
        rng = np.random.default_rng(seed)
        scores, thresholds = rng.normal(size=len(X)), np.sort(rng.normal(size=hinges.n_thresholds))
        given = surrogate_of(problem).hinges()
        slopes = single_slopes(given, rng.uniform(-1.0, 1.0, len(X)), thresholds)
        point.take_over(slopes, DenseMatrix(X[rows]), scores)
        check_the_books(X, hinges, point, point._prox_center, problem.alpha)
        mean_score = given.weight @ scores / given.weight.sum()
        np.testing.assert_allclose(point._thresholds, thresholds - mean_score, atol=1e-12)
        anchor = point._prox_center.copy()
        point._visit(rng.permutation(len(X)))
        check_the_books(X, hinges, point, anchor, problem.alpha)


def test_ascent_goes_on_from_balanced_slopes_of_planes():
    """Its first certificate is closer than the last one of the planes."""
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 16, size=(600, 200))
    effects = rng.normal(size=(200, 16))
    scores = effects[np.arange(200), codes].sum(axis=1)
    y = np.searchsorted(np.quantile(scores, [0.25, 0.5, 0.75]), scores)
    X, options = OneHotCodes(codes, 16), {"alpha": 0.15, "tol": 1e-4}
    auto, planes, ascent = (
        IISVOR_EXP(**options, solver=solver).fit(X, y)
        for solver in ("auto", "cutting_plane", "coordinate_ascent")
    )
    n_planes = auto.history_["n_planes"]
    first = int(np.argmax(n_planes == 0))
    assert first > 0
    assert np.all(n_planes[first:] == 0)
    np.testing.assert_array_equal(  # the same planes before
        auto.history_["lower_bound"][:first], planes.history_["lower_bound"][:first]
    )
    for one, other in itertools.permutations([auto, planes, ascent], 2):
        assert one.lower_bound_ <= other.objective_
    assert auto.history_["gap"][first] < 0.5 * auto.history_["gap"][first - 1]
    few = IISVOR_EXP(alpha=0.3, tol=1e-4).fit(OneHotCodes(codes[:240], 16), y[:240])
    assert not used_ascent(few)  # where planes alone have so many iterations


@pytest.mark.parametrize("kind", ["exp", "imc", "vshaped"])
def test_a_visit_leaves_nothing_to_gain(kind):
    """The dual variables of the example that was visited last fit its score and thresholds."""
    for seed in range(20):
        problem = wide_problem(seed, kind)
        X, hinges, point = dual_point(problem, problem.alpha)
        rng = np.random.default_rng(seed)
        for i in rng.integers(0, len(X), 10):
            order_before = point._order_duals.copy()
            score_before = point.reached().coef @ (X[i] - hinges.weight @ X / hinges.weight.sum())
            point._visit(np.array([i]))
            if not np.array_equal(order_before, point._order_duals):
                continue  # thresholds were moved once more, by their order
            score = point.reached().coef @ (X[i] - hinges.weight @ X / hinges.weight.sum())
            own = point._duals[point._layout["first_dual"][i] :][: point._layout["n_duals"][i]]
            below = range(hinges.below_start[i], hinges.below_stop[i])
            above = range(hinges.above_start[i], hinges.above_stop[i])
            slack = 5e-3 * abs(score - score_before) + 1e-9
            for j, k in enumerate([*below, *above]):
                sign = 1.0 if j < len(below) else -1.0
                own_margin = hinges.below_margin[i] if sign > 0.0 else hinges.above_margin[i]
                margin = own_margin - sign * (score - point._thresholds[k])
                if own[j] < 1.0:
                    assert margin <= slack
                if own[j] > 0.0:
                    assert margin >= -slack


def test_an_example_of_many_hinges_gets_its_score():
    """Against bisection on all dual variables, whatever they and the thresholds are."""
    rng = np.random.default_rng(0)
    for _ in range(400):
        n, size = 60, 10.0 ** -max(rng.uniform(-10, 12), 0.0)  # of dual variables: a tiny lambda
        stiffness, per_step = size * 10.0 ** rng.uniform(-2, 4), 10.0 ** rng.uniform(-3, 2) / size
        thresholds = np.sort(rng.normal(size=n) * 10.0 ** rng.uniform(-2, 2))
        thresholds += rng.choice([0.0, 0.1]) * rng.normal(size=n)
        n_below, n_above = rng.integers(0, n // 2, 2)
        duals = size * rng.choice([0.0, 1.0, rng.random()], n_below + n_above)
        outside = rng.integers(0, n_below + 1), n_below + rng.integers(0, n_above + 1)
        duals[: outside[0]] = duals[outside[1] :] = 0.0
        margins = rng.uniform(0.0, 2.0, 2)
        score = float(rng.choice(thresholds) + rng.normal())
        sign = np.repeat([1.0, -1.0], [n_below, n_above])
        own = np.r_[thresholds[:n_below], thresholds[n - n_above :]]

        def best(t, own=own, sign=sign, margins=margins, duals=duals, stiffness=stiffness):
            margin = np.where(sign > 0.0, *margins) - sign * (t - own)
            return np.clip(duals + margin * stiffness, 0.0, 1.0)

        def error(t, best=best, sign=sign, duals=duals, score=score, per_step=per_step):
            return t - score - per_step * (sign @ (best(t) - duals))

        low, high = score - per_step * n, score + per_step * n
        for _ in range(200):
            middle = 0.5 * (low + high)
            low, high = (low, middle) if error(middle) > 0.0 else (middle, high)
        bounds = np.empty(n), np.empty(n)
        _kernels._bound_thresholds(thresholds, bounds)
        levels = np.empty(2 * n)
        found, (first, last) = _kernels._solve_example(
            score,
            per_step,
            stiffness,
            thresholds,
            bounds,
            (n_below, np.int64(0), n - n_above - n_below),
            (float(margins[0]), float(margins[1])),
            duals,
            outside,
            levels,
        )
        assert found == pytest.approx(low, abs=2e-3 * abs(low - score) + 1e-9)
        reached = np.zeros(len(duals))
        reached[first:last] = levels[first:last] - sign[first:last] * stiffness * found
        np.testing.assert_allclose(reached.clip(0.0, 1.0), best(found), atol=1e-9 * size)


@pytest.mark.parametrize("make", [IISVOR_EXP, IISVOR_IMC, VILMA])
def test_dual_variables_may_be_tiny(make):
    """Where lambda is, those of separable rows are of its size, and must keep their digits."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 300))
    y = rng.integers(0, 5, 30)
    model = make(1e-8, tol=1e-4, solver="coordinate_ascent").fit(X, y)
    assert model.gap_ <= 1e-4
    assert model.n_iter_ < 100


@pytest.mark.parametrize("kind", ["exp", "imc", "vshaped"])
def test_planes_lie_below_the_surrogate(kind):
    for seed in range(40):
        problem = wide_problem(seed, kind)
        surrogate = surrogate_of(problem)
        X, _, point = dual_point(problem, problem.alpha)
        X = X[np.argsort(point.order)]  # as the surrogate has them
        rng = np.random.default_rng(seed)
        for _ in range(3):
            point.ascend()
            plane = point.reached().plane
            assert plane.score_gradient.sum() == pytest.approx(0.0, abs=1e-12)
            for spread in (0.0, 0.3, 3.0, 30.0):
                scores = spread * rng.normal(size=len(X)) + rng.normal()
                value = surrogate.minimize(scores, 1e-9, 100.0).value
                assert plane.at(scores) <= value + 1e-10
            scores = X @ point.reached().coef
            value = surrogate.minimize(scores, 1e-9, 100.0).value
            assert plane.at(scores) <= value + 1e-10


@pytest.mark.parametrize("block", range(6))
@pytest.mark.parametrize("solver", ["auto", "coordinate_ascent"])
def test_the_optimum_is_reached_and_certified(block, solver):
    for seed in range(16 * block, 16 * (block + 1)):
        problem = wide_problem(seed, ("exp", "imc", "vshaped")[seed % 3])
        if problem.kind == "vshaped":
            cost = cost_matrix(("mae", "squared")[seed % 2], problem.n_classes)
            problem = dataclasses.replace(problem, cost=cost)
        if says_nothing(problem):
            continue
        y = as_intervals(problem, np.random.default_rng(seed))
        estimator = make_estimator(problem, solver=solver)
        with warnings.catch_warnings():
            # Random annotations need not tell all labels apart.
            warnings.simplefilter("ignore", AnnotationWarning)
            warnings.simplefilter("ignore", WeakSignalWarning)
            if solver != "auto":  # by itself it may take longer
                warnings.simplefilter("ignore", ConvergenceWarning)
            estimator.fit(problem.X, y, sample_weight=problem.weights)
        reference = reference_optimum(problem)
        at = f"seed {seed}, {problem.kind}"
        slack = 1e-9 * reference.upper + 1e-12
        assert np.all(estimator.history_["lower_bound"] <= reference.upper + slack), at
        assert estimator.objective_ >= reference.lower - slack, at
        if solver == "auto":
            assert close(estimator.objective_, reference.upper, 1e-6), at
            assert estimator.gap_ <= 1e-6, at


def separable(m=80, blocks=40, seed=0):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 16, size=(m, blocks))
    y = np.clip(codes[:, :6].sum(axis=1) // 12, 0, 6)
    return OneHotCodes(codes, 16), y


def used_planes(estimator):
    return bool((estimator.history_["n_planes"] > 0).any())


def test_containers_give_the_same_solution():
    X, y = separable()
    options = {"alpha": 1e-3, "tol": 1e-6, "classes": range(7)}
    fits = [
        IISVOR_IMC(**options).fit(form, y)
        for form in (X, X.tocsr(), 1.0 * X.tocsr().toarray(), 1.0000001 * X.tocsr())
    ]
    for fit in fits:
        assert fit.objective_ == pytest.approx(fits[0].objective_, rel=2e-6)
    np.testing.assert_array_equal(fits[0].coef_, fits[1].coef_)


def test_the_same_input_gives_the_same_bits():
    X, y = separable()
    first, second, threaded = (
        IISVOR_EXP(alpha=1e-3, classes=range(7), n_jobs=n_jobs).fit(X, y) for n_jobs in (1, 1, 2)
    )
    np.testing.assert_array_equal(first.coef_, second.coef_)
    np.testing.assert_array_equal(first.coef_, threaded.coef_)


def used_ascent(estimator):
    return bool((estimator.history_["n_planes"] == 0).any())


def test_ascent_goes_on_where_it_closes_the_gap_in_less_work():
    X, y = separable(m=400, blocks=100)
    options = {"alpha": 1e-4, "tol": 1e-3, "classes": range(7)}
    for form in (X, X.tocsr()):
        fit = IISVOR_IMC(**options).fit(form, y)
        assert used_ascent(fit)
        planes = IISVOR_IMC(**options, solver="cutting_plane").fit(form, y)
        assert not used_ascent(planes)
        assert fit.n_iter_ < planes.n_iter_
        assert fit.lower_bound_ <= planes.objective_
        assert planes.lower_bound_ <= fit.objective_


@pytest.mark.parametrize(
    ("make", "large", "small"),
    [(IISVOR_IMC, 0.25, 0.1), (IISVOR_EXP, 0.1, 0.02)],  # EXP: thresholds are ordered
)
def test_ascent_begins_on_rows_with_little_in_common_that_move_their_own_score_far(
    make, large, small
):
    X, y = separable(m=400, blocks=100)  # |x|^2 / m = 0.25, four columns per row
    options = {"tol": 1e-3, "classes": range(7)}
    for form in (X, X.tocsr(), X.tocsr().toarray()):
        assert make(alpha=large, **options).fit(form, y).history_["n_planes"][0] > 0
        fit = make(alpha=small, **options).fit(form, y)
        assert fit.history_["n_planes"][0] == 0
        planes = make(alpha=small, solver="cutting_plane", **options).fit(form, y)
        assert fit.lower_bound_ <= planes.objective_
        assert planes.lower_bound_ <= fit.objective_
    alike = X.tocsr().toarray()[:, :40] @ np.random.default_rng(0).normal(size=(40, 1600))
    narrow = X.tocsr().toarray()[:, :700]
    for form in (alike, narrow):
        fit = make(alpha=small * 1e-3, tol=0.1, classes=range(7)).fit(form, y)
        assert fit.history_["n_planes"][0] > 0


def test_overlap_is_the_mean_square_of_products_of_centred_rows():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 200)) * np.geomspace(1.0, 0.05, 200) + 3.0
    centred = X - X.mean(axis=0)
    gram = centred @ centred.T
    exact = 300 * (gram**2).sum() / np.trace(gram) ** 2
    with BlockThreads() as threads:
        assert row_overlap(as_design_matrix(X, threads)) == pytest.approx(exact, rel=0.3)
        alike = as_design_matrix(np.ones((300, 200)), threads)
        assert row_overlap(alike) == 300.0
        apart = as_design_matrix(np.eye(300), threads)
        assert row_overlap(apart) == pytest.approx(1.0, rel=0.01)


def test_planes_alone_where_they_are_fast():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2000, 5))
    y = np.searchsorted([-1.0, 0.0, 1.0], X @ rng.normal(size=5))
    for estimator in (IISVOR_IMC(alpha=1.0, tol=1e-2), IISVOR_EXP(alpha=0.1, tol=1e-2)):
        assert not used_ascent(estimator.fit(X, y))
    assert not used_ascent(VILMA(loss="squared", alpha=1e-3, tol=1e-2).fit(X, y))


def test_planes_give_way_where_iterations_run_out():
    """The ascent makes many passes in an iteration; planes, one of a few that are left."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 300))
    y = np.searchsorted([-1.0, 0.0, 1.0], X @ rng.normal(size=300) / 17.0)
    options = {"alpha": 1e-2, "tol": 1e-3}
    assert not used_ascent(IISVOR_IMC(**options, max_iter=1000).fit(X, y))  # 324 iterations
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        planes = IISVOR_IMC(**options, max_iter=200, solver="cutting_plane").fit(X, y)
        short = IISVOR_IMC(**options, max_iter=200).fit(X, y)
    n_planes = short.history_["n_planes"]
    first = int(np.argmax(n_planes == 0))
    assert 150 <= first < len(n_planes)
    assert np.all(n_planes[first:] == 0)  # for good
    assert short.gap_ <= 1e-3 < planes.gap_


def test_methods_that_alternate_share_what_they_know(monkeypatch):
    """Turns of either method, however short, lower one objective and raise one bound."""

    def take_turn(run):
        if run.ascent_had_turn:
            run._turn_of_planes()
        else:
            run._turn_of_ascent()

    monkeypatch.setattr(alternation._Run, "take_turn", take_turn)
    X, y = separable()
    # Planes are kept among the samples, and among the features.
    for form in (X, X.tocsr().toarray()[:, :60]):
        options = {"alpha": 1e-3, "tol": 1e-7, "classes": range(7)}
        mixed = IISVOR_IMC(**options).fit(form, y)
        n_planes = mixed.history_["n_planes"]
        assert np.any(n_planes == 0)
        assert np.any(n_planes > 0)
        alone = IISVOR_IMC(**options, solver="cutting_plane").fit(form, y)
        assert mixed.objective_ == pytest.approx(alone.objective_, rel=2e-7)
        assert np.all(np.diff(mixed.history_["objective"]) <= 0.0)
        assert np.all(np.diff(mixed.history_["lower_bound"]) >= 0.0)


def test_prices_are_those_of_the_matrix():
    X, _ = separable()
    with BlockThreads() as threads:
        costs = {
            name: as_design_matrix(form, threads).pair_cost
            for name, form in (("dense", X.tocsr().toarray()), ("csr", 2.0 * X.tocsr()))
        }
    assert costs == {"dense": 80 * 640 * 1.0, "csr": 80 * 40 * 5.7}
    cheap, dear = (alternation.UnitWork.of(cost, (80, 640)) for cost in (1e3, 1e6))
    assert cheap.evaluation > dear.evaluation
    assert cheap.visits > dear.visits > 1.6
    assert cheap.plane > dear.plane
    assert cheap.multiplication > dear.multiplication


def test_a_path_through_alphas():
    X, y = separable()
    alphas = [0.1, 1e-2, 1e-3, 1e-2]
    path = vilma_path(X, y, alphas, estimator=IISVOR_IMC(tol=1e-5, classes=range(7)))
    for fit in path:
        alone = IISVOR_IMC(alpha=fit.alpha, tol=1e-5, classes=range(7)).fit(X, y)
        assert fit.gap_ <= 1e-5
        assert fit.objective_ == pytest.approx(alone.objective_, rel=2e-5)


def test_warm_start_goes_on_from_the_dual_point():
    X, y = separable()
    model = IISVOR_IMC(alpha=1e-3, tol=1e-6, classes=range(7), warm_start=True).fit(X, y)
    cold = model.n_iter_
    model.fit(X, y)
    assert model.n_iter_ == 1 < cold
    model.set_params(alpha=9e-4).fit(X, y)
    assert model.gap_ <= 1e-6


def test_iterations_are_limited():
    X, y = separable()
    with pytest.warns(ConvergenceWarning, match="max_iter=2"):
        model = IISVOR_IMC(alpha=1e-4, tol=1e-9, classes=range(7), max_iter=2).fit(X, y)
    assert model.n_iter_ == len(model.history_) == 2
    assert model.lower_bound_ <= model.objective_


def test_rows_that_are_all_alike():
    y = np.repeat([0, 1, 2], 20)
    for value in (0.0, 1.0):
        X = np.full((60, 70), value)
        for solver in ("auto", "coordinate_ascent"):
            model = IISVOR_IMC(alpha=1e-3, solver=solver, classes=range(3), tol=1e-6).fit(X, y)
            np.testing.assert_allclose(model.coef_, 0.0, atol=1e-5)
            assert model.gap_ <= 1e-6


def test_refusals(tmp_path):
    X, y = separable()
    with pytest.raises(ValueError, match=r'sum of hinges.*loss="mae" or "squared"'):
        VILMA(loss="zero_one", solver="coordinate_ascent").fit(X, y)
    save_mapped(X.tocsr().toarray(), tmp_path / "X")
    mapped = MappedMatrix.open(tmp_path / "X", max_memory=60_000)
    with pytest.raises(ValueError, match=r"in memory.*max_memory"):
        IISVOR_IMC(solver="coordinate_ascent").fit(mapped, y)


def test_rows_on_disk_take_planes(tmp_path):
    X, y = separable()
    save_mapped(X.tocsr().toarray(), tmp_path / "X")
    options = {"alpha": 1e-3, "classes": range(7)}
    mapped = MappedMatrix.open(tmp_path / "X", max_memory=60_000)
    on_disk = IISVOR_IMC(**options).fit(mapped, y)
    assert used_planes(on_disk)
    in_memory = IISVOR_IMC(**options).fit(X, y)
    assert on_disk.lower_bound_ <= in_memory.objective_
    assert in_memory.lower_bound_ <= on_disk.objective_


def test_weights_of_all_sizes():
    X, y = separable()
    weight = 10.0 ** np.random.default_rng(0).uniform(-4, 4, len(y))
    options = {"alpha": 1e-3, "tol": 1e-4, "classes": range(7)}
    for estimator in (IISVOR_IMC(**options), IISVOR_EXP(**options)):
        auto = estimator.fit(X, y, sample_weight=weight)
        bounds = auto.lower_bound_, auto.objective_
        planes = estimator.set_params(solver="cutting_plane").fit(X, y, sample_weight=weight)
        assert bounds[0] <= planes.objective_ * (1 + 1e-12)
        assert planes.lower_bound_ <= bounds[1] * (1 + 1e-12)


def test_many_hinges_take_planes(monkeypatch):
    monkeypatch.setattr(solver_module, "_MOST_SLOPES", 100)
    X, y = separable()
    assert used_planes(IISVOR_IMC(alpha=1e-3, classes=range(7)).fit(X, y))


def test_design_matrices_that_wrap_others_have_no_rows():
    X, y = separable()
    with BlockThreads() as threads:
        matrix = as_design_matrix(X, threads)
        assert matrix.rows() is not None
    penalized = VILMA(alpha=1e-3, penalize_biases=True, classes=range(7)).fit(X, y)
    assert used_planes(penalized)
