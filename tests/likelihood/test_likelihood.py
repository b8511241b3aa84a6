"""The likelihood of intervals: links, derivatives, cells, minimiser, certificate, separation."""

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import approx_fprime, linprog
from scipy.optimize import minimize as scipy_minimize

from tests.reference.likelihood import (
    DISTRIBUTIONS,
    minimum_by_cone_program,
    naive_objective,
    random_scores,
)
from tests.reference.problems import random_problem
from vilma import OneHotCodes
from vilma.design_matrices import DesignMatrix, as_design_matrix
from vilma.design_matrices.dense import DenseMatrix
from vilma.design_matrices.threads import BlockThreads
from vilma.likelihood import (
    LINKS,
    CumulativeModel,
    IntervalLikelihood,
    LikelihoodProblem,
    Options,
    Start,
    find_separation,
    identify_cells,
    initial_thresholds,
    minimize,
    place_thresholds,
    separate_columns,
    standardize,
    unchanged,
)
from vilma.likelihood.bound import threshold_charge
from vilma.likelihood.links import log_mass
from vilma.likelihood.newton import find_aliased
from vilma.likelihood.steps import exact_hessian, exact_step, precondition_by, truncated_step
from vilma.surrogates import LabeledWeights

EXACT = Options(tol=1e-10, max_iter=200, verbose=0, exact=True, keep_hessian=True)
BY_PRODUCTS = Options(tol=1e-10, max_iter=500, verbose=0, exact=False)


@pytest.fixture(params=LINKS)
def link(request):
    """The name of each link."""
    return request.param


# Links ----------------------------------------------------------------------------------------


def test_links_are_scipys_distributions(link):
    ours, scipys = LINKS[link], DISTRIBUTIONS[link]
    z = np.linspace(-5.0, 3.0, 50)
    np.testing.assert_allclose(ours.cdf(z), scipys.cdf(z), rtol=1e-10)
    np.testing.assert_allclose(ours.pdf(z), scipys.pdf(z), rtol=1e-10)
    np.testing.assert_allclose(ours.log_cdf(z), scipys.logcdf(z), rtol=1e-10)
    np.testing.assert_allclose(ours.log_sf(z), scipys.logsf(z), rtol=1e-10)
    slope = (scipys.pdf(z + 1e-6) - scipys.pdf(z - 1e-6)) / 2e-6
    np.testing.assert_allclose(ours.pdf_slope(z), slope, atol=1e-8)
    p = np.linspace(0.01, 0.99, 30)
    np.testing.assert_allclose(ours.cdf(ours.quantile(p)), p)
    np.testing.assert_allclose(ours.quantile_log(np.log(p)), ours.quantile(p), atol=1e-9)
    np.testing.assert_allclose(ours.quantile_log_sf(np.log(p)), ours.quantile(1.0 - p), atol=1e-9)
    for log_p in (-50.0, -800.0):
        far = ours.quantile_log(np.array(log_p))
        assert ours.log_cdf(far) == pytest.approx(log_p, rel=1e-9)


def test_losses_of_ordinary_intervals_by_differences_of_cdfs(link):
    rng = np.random.default_rng(0)
    low = rng.uniform(-3.0, 1.0, size=100)
    high = low + rng.uniform(0.1, 2.0, size=100)
    low[:10], high[10:20] = -np.inf, np.inf
    expected = -np.log(DISTRIBUTIONS[link].cdf(high) - DISTRIBUTIONS[link].cdf(low))
    np.testing.assert_allclose(LINKS[link].loss(low, high), expected, rtol=1e-9)


def test_mass_of_far_and_thin_intervals(link):
    distribution = DISTRIBUTIONS[link]
    far = 3.0 if link == "cloglog" else 30.0
    low, high = np.array([far, -31.0, -1.0]), np.array([far + 1.0, -30.0, -1.0 + 1e-9])
    right = distribution.logsf([far, far + 1.0])
    left = distribution.logcdf([-30.0, -31.0])
    expected = [
        right[0] + np.log(-np.expm1(right[1] - right[0])),
        left[0] + np.log(-np.expm1(left[1] - left[0])),
        distribution.logpdf(-1.0) + np.log(1e-9),
    ]
    np.testing.assert_allclose(log_mass(LINKS[link], low, high), expected, rtol=1e-7)
    np.testing.assert_allclose(-LINKS[link].loss(low, high), expected, rtol=1e-7)
    whole = log_mass(LINKS[link], np.array([-np.inf]), np.array([np.inf]))
    np.testing.assert_array_equal(whole, [0.0])


# The likelihood -------------------------------------------------------------------------------


@pytest.mark.parametrize("n_classes", [2, 3, 6])
def test_value_equals_its_naive_twin(link, n_classes):
    s, labels = random_scores(n_classes=n_classes)
    thresholds = np.linspace(-1.0, 1.5, n_classes - 1) ** 3
    expected = naive_objective(DISTRIBUTIONS[link], s, thresholds, labels)
    value = IntervalLikelihood(LINKS[link], labels).value(s, thresholds)
    assert value == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("n_classes", [2, 3, 6])
def test_derivatives_are_difference_quotients(link, n_classes):
    s, labels = random_scores(m=30, n_classes=n_classes)
    likelihood = IntervalLikelihood(LINKS[link], labels)
    thresholds = np.linspace(-1.0, 1.5, n_classes - 1)
    m = len(s)

    def gradient(point):
        return np.concatenate(likelihood.gradients(point[:m], point[m:]))

    point = np.concatenate([s, thresholds])
    derivatives = likelihood.derivatives(s, thresholds)
    numeric = approx_fprime(point, lambda p: likelihood.value(p[:m], p[m:]), 1e-7)
    np.testing.assert_allclose(gradient(point), numeric, atol=1e-5)
    np.testing.assert_array_equal(
        gradient(point),
        np.concatenate([derivatives.score_gradient, derivatives.threshold_gradient]),
    )
    hessian = np.empty((len(point), len(point)))
    for k in range(len(point)):
        step = np.zeros(len(point))
        step[k] = 1e-6
        hessian[k] = (gradient(point + step) - gradient(point - step)) / 2e-6
    full = np.zeros_like(hessian)
    full[:m, :m] = np.diag(derivatives.score_curvature)
    full[:m, m:] = derivatives.cross.toarray()
    full[m:, :m] = full[:m, m:].T
    full[m:, m:] = derivatives.threshold_hessian
    np.testing.assert_allclose(full, hessian, atol=1e-6)


def test_thresholds_must_increase():
    s, labels = random_scores(n_classes=4)
    likelihood = IntervalLikelihood(LINKS["logit"], labels)
    assert likelihood.value(s, np.array([0.0, 0.0, 1.0])) == np.inf
    assert np.isfinite(likelihood.value(s, np.array([0.0, 0.1, 1.0])))


# Cells ----------------------------------------------------------------------------------------


def labeled(lower, upper, n_classes):
    """Annotations of weight 1."""
    return LabeledWeights(np.array(lower), np.array(upper), np.ones(len(lower)), n_classes)


@pytest.mark.parametrize(
    ("annotations", "n_classes", "group"),
    [
        ([(0, 0), (1, 1), (2, 2)], 3, [0, 1]),
        ([(0, 2), (3, 5)], 6, [-1, -1, 0, -1, -1]),  # brackets
        ([(1, 1), (2, 2)], 4, [-2, 0, -3]),  # labels at the ends that nobody has
        ([(0, 0), (2, 2)], 3, [0, 0]),  # nobody has the middle one
        ([(0, 1), (1, 2), (0, 0), (2, 2)], 3, [0, 1]),
        ([(0, 1), (2, 3), (1, 2)], 4, [-2, 0, -3]),
        ([(1, 2), (1, 2)], 4, [-2, -1, -3]),
    ],
)
def test_cells(annotations, n_classes, group):
    lower, upper = zip(*annotations, strict=True)
    cells = identify_cells(labeled(lower, upper, n_classes))
    assert cells.group.tolist() == group
    assert cells.n_groups == len({each for each in group if each >= 0})


def test_reduced_annotations_have_the_same_likelihood():
    rng = np.random.default_rng(0)
    for seed in range(200):
        p = random_problem(seed, kind="imc")
        labels = LabeledWeights(p.lower, p.upper, np.ones(len(p.lower)), p.n_classes)
        cells = identify_cells(labels)
        reduced = cells.reduce(labels)
        assert (reduced.lower <= reduced.upper).all()
        if not cells.n_groups:
            continue
        values = np.sort(rng.normal(size=cells.n_groups))
        whole = place_thresholds(
            cells.expand(values),
            np.ones(p.n_classes - 1, dtype=bool),
            LINKS["logit"],
            np.zeros(1),
            np.ones(1),
        )
        assert (np.diff(whole[np.isfinite(whole)]) >= 0.0).all()
        s = rng.normal(size=len(p.lower))
        borders = np.concatenate([[-np.inf], whole, [np.inf]])
        low, high = borders[p.lower] - s, borders[p.upper + 1] - s
        expected = LINKS["logit"].loss(low, high)
        few = IntervalLikelihood(LINKS["logit"], reduced)
        np.testing.assert_allclose(few.link.loss(*few.ends(s, values)), expected, rtol=1e-12)


def test_places_of_thresholds_that_nothing_identifies():
    values = np.array([np.nan, -1.0, np.nan, 1.0, np.nan])
    everything = np.ones(5, dtype=bool)
    placed = place_thresholds(values, everything, LINKS["logit"], np.zeros(1), np.ones(1))
    np.testing.assert_allclose(placed, [-2.0, -1.0, 0.0, 1.0, 2.0])
    values = np.array([np.nan, -np.inf, np.nan, 1.0, 2.0, np.nan, np.inf, np.nan])
    placed = place_thresholds(
        values, np.ones(8, dtype=bool), LINKS["logit"], np.zeros(1), np.ones(1)
    )
    inf = np.inf
    np.testing.assert_allclose(placed, [-inf, -inf, 0.0, 1.0, 2.0, 3.0, inf, inf])


def test_around_a_single_threshold_labels_are_equally_likely(link):
    values = np.array([np.nan, np.nan, 0.3, np.nan])
    rng = np.random.default_rng(0)
    scores, weight = rng.normal(scale=3.0, size=50), rng.random(50)
    placed = place_thresholds(values, np.ones(4, dtype=bool), LINKS[link], scores, weight)
    assert placed[2] == 0.3
    proba = np.exp(CumulativeModel(link, placed).log_probabilities(scores))
    proba = np.average(proba, axis=0, weights=weight)
    below = np.average(LINKS[link].cdf(0.3 - scores), weights=weight)
    np.testing.assert_allclose(proba[:3], below / 3)
    np.testing.assert_allclose(proba[3:], (1.0 - below) / 2)


def test_hessian_product_is_that_of_the_hessian(link):
    rng = np.random.default_rng(5)
    s, labels = random_scores(m=60)
    likelihood = IntervalLikelihood(LINKS[link], labels)
    thresholds = initial_thresholds(likelihood.link, labels)
    task = LikelihoodProblem(DenseMatrix(np.eye(60)), likelihood, np.zeros(60))
    hessian = exact_hessian(task, likelihood.derivatives(s, thresholds))
    direction = rng.normal(size=len(hessian))
    in_scores, in_thresholds, square = likelihood.hessian_product(
        s, thresholds, direction[:60], direction[60:]
    )
    expected = hessian @ direction
    np.testing.assert_allclose(np.append(in_scores, in_thresholds), expected, atol=1e-14)
    assert square == pytest.approx(direction @ expected)


# The minimiser --------------------------------------------------------------------------------


def solve(p, link, alpha, options):
    """Minimise a random problem on its cells; None where there is no threshold."""
    kept = p.shares > 0.0
    labels = LabeledWeights(p.lower[kept], p.upper[kept], p.shares[kept], p.n_classes)
    cells = identify_cells(labels)
    if not cells.n_groups:
        return None, None, None
    likelihood = IntervalLikelihood(LINKS[link], cells.reduce(labels))
    X = DenseMatrix(p.dense_X[kept])
    task = LikelihoodProblem(X, likelihood, np.full(X.shape[1], alpha))
    start = initial_thresholds(likelihood.link, likelihood.labels)
    return task, minimize(task, np.zeros(X.shape[1]), start, options), labels


@pytest.mark.parametrize("options", [EXACT, BY_PRODUCTS], ids=["exact", "products"])
def test_minimum_and_bound_equal_those_of_a_cone_program(options):
    compared = ties = 0
    for seed in range(130):
        p = random_problem(seed, kind="imc")
        task, found, labels = solve(p, "logit", p.alpha, options)
        if task is None:
            continue
        expected = minimum_by_cone_program(p.dense_X[p.shares > 0.0], labels, p.alpha)
        assert found.objective == pytest.approx(expected, abs=1e-6), seed
        assert found.lower_bound <= expected + 1e-8, seed
        assert found.converged, seed
        assert found.gap <= 1e-10, seed
        compared += 1
        ties += bool(found.tied.any())
    assert compared >= 100
    assert ties >= 3


@pytest.mark.parametrize("link", ["probit", "cloglog"])
def test_minimum_equals_that_of_a_general_optimiser(link):
    compared = 0
    for seed in range(30):
        p = random_problem(seed, kind="imc")
        task, found, _ = solve(p, link, p.alpha, EXACT)
        if task is None or found.tied.any() or task.likelihood.n_thresholds > 6:
            continue
        n, dense = task.X.shape[1], p.dense_X[p.shares > 0.0]
        labels, cdf = task.likelihood.labels, DISTRIBUTIONS[link].cdf

        def objective(free, n=n, dense=dense, labels=labels, alpha=p.alpha, cdf=cdf):
            thresholds = np.cumsum(np.concatenate([free[n : n + 1], np.exp(free[n + 1 :])]))
            ends = np.concatenate([[-np.inf], thresholds, [np.inf]])
            s = dense @ free[:n]
            mass = cdf(ends[labels.upper + 1] - s) - cdf(ends[labels.lower] - s)
            with np.errstate(divide="ignore"):
                loss = labels.weight @ -np.log(mass) / labels.weight.sum()
            return min(loss, 1e10) + 0.5 * alpha * free[:n] @ free[:n]

        thresholds = found.thresholds
        best = np.concatenate([found.coef, thresholds[:1], np.log(np.diff(thresholds))])
        start = best + 0.1 * np.random.default_rng(seed).normal(size=len(best))
        reached = scipy_minimize(objective, start, method="BFGS", options={"gtol": 1e-7}).fun
        assert found.objective <= reached + 1e-9, seed
        assert found.objective >= reached - 1e-6, seed
        assert found.lower_bound <= reached, seed
        compared += 1
    assert compared >= 10


def test_products_and_the_whole_hessian_find_the_same(link):
    rng = np.random.default_rng(0)
    _, labels = random_scores(m=300)
    X = DenseMatrix(rng.normal(size=(300, 20)))
    for alpha in (0.0, 0.01):
        likelihood = IntervalLikelihood(LINKS[link], labels)
        task = LikelihoodProblem(X, likelihood, np.full(20, alpha))
        start = initial_thresholds(likelihood.link, labels)
        a = minimize(task, np.zeros(20), start, EXACT)
        b = minimize(task, np.zeros(20), start, BY_PRODUCTS)
        np.testing.assert_allclose(a.coef, b.coef, atol=1e-4)
        assert b.objective == pytest.approx(a.objective, abs=1e-9)


def test_standardised_columns_are_the_same_problem():
    rng = np.random.default_rng(0)
    s, labels = random_scores(m=300)
    X = np.stack([s * 1e-3 + 5.0, 1e4 * rng.normal(size=300), np.full(300, 0.1)], axis=1)
    likelihood = IntervalLikelihood(LINKS["logit"], labels)
    start = initial_thresholds(likelihood.link, labels)
    units = standardize(X, labels.weight)
    assert (units.matrix.dot(np.array([0.0, 0.0, 1.0])) == 0.0).all()
    a = minimize(
        LikelihoodProblem(DenseMatrix(X), likelihood, np.full(3, 1e-6)), np.zeros(3), start, EXACT
    )
    b = minimize(
        LikelihoodProblem(units.matrix, likelihood, 1e-6 / units.scale**2),
        np.zeros(3),
        start,
        EXACT,
    )
    coef = units.coef_outside(b.coef)
    assert a.objective == pytest.approx(b.objective, abs=1e-10)
    np.testing.assert_allclose(a.coef, coef, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(a.thresholds, b.thresholds + units.shift(coef), rtol=1e-4)


def test_columns_that_say_nothing_new_are_found():
    rng = np.random.default_rng(1)
    s, labels = random_scores(m=200)
    X = np.stack([s, rng.normal(size=200), np.ones(200), s + 1.0, np.zeros(200)], axis=1)
    likelihood = IntervalLikelihood(LINKS["logit"], labels)
    task = LikelihoodProblem(DenseMatrix(X), likelihood, np.zeros(5))
    found = minimize(task, np.zeros(5), initial_thresholds(likelihood.link, labels), EXACT)
    assert found.aliased.tolist() == [False, False, True, True, True]
    assert (found.coef[found.aliased] == 0.0).all()
    assert not find_aliased(found.start_hessian[np.ix_([0, 1, 5, 6], [0, 1, 5, 6])], 2).any()


@pytest.mark.parametrize("noise", [0.0, 1e-5, 1e-7, 1e-9, 1e-10, 1e-13])
def test_columns_are_told_from_such_as_nearly_depend_on_others(noise):
    rng = np.random.default_rng(2)
    well = rng.normal(size=(300, 4))
    labels = random_scores(m=300)[1]
    X = well.copy()
    X[:, 2] = 2.0 * X[:, 0] - 3.0 * X[:, 1] + noise * X[:, 2] + 7.0
    X[:, 3] = X[:, 2] + X[:, 0] + noise * X[:, 3]
    likelihood = IntervalLikelihood(LINKS["logit"], labels)
    begin = initial_thresholds(likelihood.link, labels)
    aliased = np.array([False, False, noise < 1e-12, noise < 1e-12])
    kept = well[:, ~aliased]
    task = LikelihoodProblem(DenseMatrix(kept), likelihood, np.zeros(kept.shape[1]))
    best = minimize(task, np.zeros(kept.shape[1]), begin, EXACT)
    for units in (standardize(X, labels.weight), unchanged(DenseMatrix(X))):
        start = Start(units, np.zeros(4), begin)
        start = separate_columns(start, likelihood, np.finfo(float).eps)
        task = LikelihoodProblem(start.units.matrix, likelihood, np.zeros(4))
        found = minimize(task, start.coef, start.thresholds, EXACT, start.hessian)
        assert found.aliased.tolist() == aliased.tolist()
        lost = 1e-15 / max(noise, 1e-12)  # of the columns' digits
        assert found.objective == pytest.approx(best.objective, abs=1e-10 + lost)
        coef = start.units.coef_outside(found.coef)
        assert (coef[aliased] == 0.0).all()
        np.testing.assert_allclose(
            found.thresholds + start.units.shift(coef) - (X @ coef)[:, None],
            best.thresholds - (kept @ best.coef)[:, None],
            atol=1e-6 + 100.0 * lost,
        )


def test_charge_bounds_all_thresholds_in_order():
    rng = np.random.default_rng(7)
    for trial in range(40):
        n = int(rng.integers(1, 9))
        y = np.append(np.arange(n + 1), rng.integers(0, n + 1, 30))
        labels = LabeledWeights(y, y, np.ones(len(y)), n + 1)
        X = DenseMatrix(rng.normal(size=(len(y), 2)))
        likelihood = IntervalLikelihood(LINKS["logit"], labels)
        task = LikelihoodProblem(X, likelihood, np.full(2, 0.5))
        start = initial_thresholds(likelihood.link, labels)
        start = np.repeat(start[::2], 2)[:n] if trial % 2 else start  # with ties
        free = likelihood.derivatives(np.zeros(len(y)), np.sort(rng.normal(size=n)))
        r = rng.normal(size=n) * 10.0 ** rng.uniform(-8, 0, n)
        charge = threshold_charge(task, start, free._replace(threshold_gradient=r), 2.0)
        # Thresholds as far out as they may be by the annotations at or beyond each.
        reach = task.largest_row * 2.0
        below = np.array([(y <= k).mean() for k in range(n)])
        above = np.array([(y > k).mean() for k in range(n)])
        lowest = np.maximum(DISTRIBUTIONS["logit"].ppf(np.exp(-2.0 / below)), -1e6) - reach
        highest = DISTRIBUTIONS["logit"].isf(np.exp(-2.0 / above)) + reach
        order = np.eye(n)[:-1] - np.eye(n)[1:]
        program = linprog(r, order, np.zeros(n - 1), bounds=np.stack([lowest, highest], axis=1))
        assert charge >= (r @ start - program.fun) * (1.0 - 1e-9)
        assert charge <= 1e-9 + 3.0 * np.abs(r).sum() * (highest[-1] - lowest[0])


def test_maximum_likelihood_equals_a_cone_program():
    compared = 0
    for seed in [*range(60), 288]:  # the last one has tied thresholds and columns of no effect
        p = random_problem(seed, kind="imc")
        task, found, labels = solve(p, "logit", 0.0, EXACT)
        if task is None or find_separation(task, found) is not None:
            continue
        expected = minimum_by_cone_program(p.dense_X[p.shares > 0.0], labels, 0.0)
        assert found.objective == pytest.approx(expected, abs=1e-6), seed
        assert found.converged, seed
        compared += 1
    assert compared >= 25


# Separation -----------------------------------------------------------------------------------


@pytest.mark.parametrize("separated", [True, False])
def test_separation_is_found_and_named(separated):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    y = np.digitize(X[:, 1], [-0.5, 0.5])
    if not separated:  # the largest of the lowest label and the smallest of the next change
        lowest, middle = np.flatnonzero(y == 0), np.flatnonzero(y == 1)
        y[lowest[np.argmax(X[lowest, 1])]] = 1
        y[middle[np.argmin(X[middle, 1])]] = 0
        lowest, middle = np.flatnonzero(y == 1), np.flatnonzero(y == 2)
        y[lowest[np.argmax(X[lowest, 1])]] = 2
        y[middle[np.argmin(X[middle, 1])]] = 1
        X = X[:, [1]]
    likelihood = IntervalLikelihood(LINKS["logit"], LabeledWeights(y, y, np.ones(60), 3))
    task = LikelihoodProblem(DenseMatrix(X), likelihood, np.zeros(X.shape[1]))
    start = initial_thresholds(likelihood.link, likelihood.labels)
    found = minimize(task, np.zeros(X.shape[1]), start, EXACT)
    separation = find_separation(task, found)
    if separated:
        assert separation.columns[0] == 1
        assert separation.sign[0] == 1.0
    else:
        assert separation is None


@pytest.mark.parametrize("outlier", [1e6, 1e10, 1e13])
def test_an_outlier_does_not_separate_the_others(outlier):
    rng = np.random.default_rng(0)
    x = np.append(rng.normal(size=500), outlier)
    y = np.append(np.digitize(x[:-1] + rng.logistic(size=500), [-1.0, 1.0]), 0)
    likelihood = IntervalLikelihood(LINKS["logit"], LabeledWeights(y, y, np.ones(501), 3))
    units = standardize(x[:, None], np.ones(501))
    task = LikelihoodProblem(units.matrix, likelihood, np.zeros(1))
    start = initial_thresholds(likelihood.link, likelihood.labels)
    assert find_separation(task, minimize(task, np.zeros(1), start, EXACT)) is None


# Steps ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("alpha", [0.0, 0.1])
@pytest.mark.parametrize("left_out", [(), (2,)])
def test_preconditioned_steps_are_newton_steps(alpha, left_out):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 5)) * [1.0, 3.0, 0.1, 1.0, 1.0]
    lower = rng.integers(0, 4, 200)
    labels = LabeledWeights(lower, np.minimum(lower + rng.integers(0, 2, 200), 3), np.ones(200), 4)
    likelihood = IntervalLikelihood(LINKS["logit"], labels)
    task = LikelihoodProblem(DenseMatrix(X), likelihood, np.full(5, alpha))
    free = ~np.isin(np.arange(5), left_out)
    start = exact_hessian(task, likelihood.derivatives(np.zeros(200), np.array([-1.0, 0.0, 1.0])))
    coef = rng.normal(size=5) * free
    there = likelihood.derivatives(X @ coef, np.array([-2.0, -0.5, 1.5]))
    gradient = X.T @ there.score_gradient + alpha * coef
    exact = exact_step(task, gradient, there, exact_hessian(task, there), free)
    precondition = precondition_by(start, free)
    for share, most in ((1e-9, 50), (1e-2, 50), (1e-9, 2)):
        step = truncated_step(
            task, gradient, there, precondition, lambda norm, share=share: share * norm, most
        )
        assert step.accurate == (most == 50)
        assert step.n_products <= most
        assert (step.coef[list(left_out)] == 0.0).all()
        np.testing.assert_allclose(step.score, X @ step.coef, atol=1e-10)
        slope = gradient @ step.coef + there.threshold_gradient @ step.thresholds
        assert slope < 0.0
        if most == 50:
            np.testing.assert_allclose(step.coef, exact.coef, atol=10 * share)
            np.testing.assert_allclose(step.thresholds, exact.thresholds, atol=10 * share)
    assert precondition_by(-np.eye(8), free) is None


@pytest.mark.parametrize("n", [5, 40])
def test_few_hessians_of_many_columns_are_formed(n):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1000, n))
    y = np.digitize(
        X @ rng.normal(size=n) / np.sqrt(n / 20) + rng.logistic(size=1000), [-2.0, 0.0, 2.0]
    )
    formed = 0

    class Counting(DenseMatrix):
        def gram(self, weight):
            nonlocal formed
            formed += 1
            return super().gram(weight)

    likelihood = IntervalLikelihood(LINKS["logit"], LabeledWeights(y, y, np.ones(1000), 4))
    task = LikelihoodProblem(Counting(X), likelihood, np.zeros(n))
    start = initial_thresholds(likelihood.link, likelihood.labels)
    options = Options(1e-8, 100, 0, exact=True, keep_hessian=True)
    maximum = minimize(task, np.zeros(n), start, options)
    assert maximum.converged
    assert formed == (2 if n == 40 else len(maximum.history) + 1)
    gradient = X.T @ likelihood.derivatives(X @ maximum.coef, maximum.thresholds).score_gradient
    np.testing.assert_allclose(gradient, 0.0, atol=1e-7)


def test_collinear_columns_by_either_way():
    rng = np.random.default_rng(0)
    for trial in range(40):
        n = int(rng.integers(1, 8))
        X = rng.normal(size=(60, n))
        expected = np.zeros(n, dtype=bool)
        for j in range(n):
            if trial % 2 and rng.random() < 0.4:
                X[:, j] = X[:, :j] @ rng.normal(size=j) + rng.normal()
                expected[j] = True
        full = np.hstack([X, -np.ones((60, 1))])
        np.testing.assert_array_equal(find_aliased(full.T @ full, n), expected)


# Design matrices ------------------------------------------------------------------------------


def test_gram_and_columns_of_every_container():
    rng = np.random.default_rng(0)
    codes = OneHotCodes(rng.integers(0, 4, size=(50, 3)).astype(np.uint8), np.full(3, 4))
    dense = rng.normal(size=(50, 6)) * (rng.random((50, 6)) < 0.5)
    weight = rng.random(50)
    columns = sparse.random_array((50, 4), density=0.3, format="csr", rng=rng)
    one_hot = np.asarray(codes @ np.eye(12))
    kinds = [
        (dense, dense),
        (np.asfortranarray(dense), dense),
        (sparse.csr_array(dense), dense),
        (sparse.csr_array((dense != 0).astype(float)), (dense != 0).astype(float)),
        (codes, one_hot),
    ]
    with BlockThreads(1) as threads:
        for X, plain in kinds:
            matrix = as_design_matrix(X, threads)
            np.testing.assert_allclose(matrix.gram(weight), plain.T * weight @ plain, atol=1e-12)
            product = matrix.transpose_dot_columns(columns)
            np.testing.assert_allclose(product, plain.T @ columns.toarray(), atol=1e-12)
            by_pairs = DesignMatrix.gram(matrix, weight)
            np.testing.assert_allclose(by_pairs, matrix.gram(weight), atol=1e-12)
