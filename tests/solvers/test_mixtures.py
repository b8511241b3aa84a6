"""Dual coordinate ascent on mixtures of labels: every step against loops, bounds below."""

import numpy as np
import pytest

from tests.reference import random_problem
from vilma import PWVILMA, OneHotCodes, vilma_path
from vilma.design_matrices import StackedMatrix
from vilma.design_matrices.dense import DenseMatrix
from vilma.solvers import CorrelatedMetric, Settings
from vilma.solvers.certificate import Certificate
from vilma.solvers.coordinate_ascent import MixtureDualPoint
from vilma.solvers.coordinate_ascent.dual_point import mean_breakpoints
from vilma.solvers.coordinate_ascent.mixtures import _breakpoints
from vilma.solvers.cutting_plane import CuttingPlaneMethod
from vilma.solvers.evaluation import evaluate
from vilma.solvers.oracle import Oracle
from vilma.solvers.spaces import choose_space
from vilma.surrogates import LabeledWeights, LabelMaxima, PiecewiseVShaped

ALPHA, CORRELATION = 0.01, 0.7


def draw(seed):
    """A random problem with more features than samples, and its dual point."""
    problem = random_problem(seed, kind="vshaped")
    rng = np.random.default_rng(seed)
    rows = problem.shares > 0
    X = np.hstack([problem.dense_X[rows], rng.normal(size=(rows.sum(), 8))])
    pieces = np.arange(problem.n_classes - 1) * rng.integers(2, 7) // (problem.n_classes - 1)
    pieces = np.unique(pieces, return_inverse=True)[1]
    weight = rng.choice([0.5, 1.0, 3.0], rows.sum())
    labels = LabeledWeights(problem.lower[rows], problem.upper[rows], weight, problem.n_classes)
    surrogate = PiecewiseVShaped(labels, problem.cost, pieces)
    matrix = DenseMatrix(X)
    maxima = surrogate.label_maxima()
    point = MixtureDualPoint(matrix, matrix.rows(), matrix.squared_row_norms(), maxima)
    point.prepare(ALPHA, CorrelatedMetric(surrogate.n_pieces, CORRELATION))
    return X, surrogate, maxima, point


SEEDS = [seed for seed in range(40) if random_problem(seed, kind="vshaped").n_classes > 2]


def slopes_of(point, maxima):
    """The slopes of every example in the order of X: (step, slope up, costs) by loops."""
    n_steps = len(maxima.pieces)
    place = np.argsort(point.order)
    first = point._examples[1]
    found = []
    for i, (l, u) in enumerate(zip(maxima.lower, maxima.upper, strict=True)):
        own = point._duals[first[place[i]] :][: l + n_steps - u]
        for slopes in (own[:l], own[l:]):
            assert np.all(np.diff(np.concatenate([[1.0], slopes, [0.0]])) <= 1e-12)
        below = [
            (k, q, maxima.cost[k, l] - maxima.cost[k + 1, l])
            for k, q in zip(range(l - 1, -1, -1), own[:l], strict=True)
        ]
        above = [
            (k, -q, maxima.cost[k, u] - maxima.cost[k + 1, u])
            for k, q in zip(range(u, n_steps), own[l:], strict=True)
        ]
        found.append(below + above)
    return found


def dual_value(point, X, maxima, center):
    """The augmented dual that a visit improves, and what it is made of, by loops."""
    total = maxima.weight.sum()
    mean = maxima.weight @ X / total
    W = np.zeros((X.shape[1], int(maxima.pieces.max()) + 1))
    derivatives, offset = np.zeros(len(maxima.pieces)), 0.0
    for i, slopes in enumerate(slopes_of(point, maxima)):
        for k, up, cost in slopes:
            W[:, maxima.pieces[k]] += maxima.weight[i] * up * (X[i] - mean)
            derivatives[k] += maxima.weight[i] * up
            offset += maxima.weight[i] * up * cost
    V = W / (ALPHA * total)
    norm = (1.0 - CORRELATION) * (V**2).sum() + CORRELATION * (V.sum(axis=1) ** 2).sum()
    prox = center @ derivatives - 0.5 * point._prox_step * derivatives @ derivatives
    return (offset + prox) / total - 0.5 * ALPHA * norm, V, derivatives


@pytest.mark.parametrize("seed", SEEDS[:12])
def test_passes_keep_the_books(seed):
    X, _, maxima, point = draw(seed)
    for _ in range(4):
        center = point._prox_center.copy()
        point._visit(np.random.default_rng(seed).permutation(len(X)))
        _, V, derivatives = dual_value(point, X, maxima, center)
        reached = point.reached()
        scale = np.abs(V).max() + 1e-9
        np.testing.assert_allclose(reached.coef, V.ravel(), atol=1e-9 * scale)
        by_sample = reached.by_sample.reshape(len(X), -1)
        np.testing.assert_allclose(X.T @ by_sample, V, atol=1e-8 * scale)
        np.testing.assert_allclose(
            point._thresholds, center - point._prox_step * derivatives, atol=1e-9 * scale
        )
        point.ascend()  # which moves the centre on


@pytest.mark.parametrize("seed", SEEDS[:12])
def test_a_visit_only_gains_and_leaves_little(seed):
    X, _, maxima, point = draw(seed)
    rng = np.random.default_rng(seed)
    first_gains, last_gains = [], []
    center = point._prox_center.copy()
    before = dual_value(point, X, maxima, center)[0]
    for i in rng.integers(0, len(X), 12):
        values = [before]
        for _ in range(6):
            point._visit(np.array([i]))
            values.append(dual_value(point, X, maxima, center)[0])
        gains = np.diff(values)
        assert gains.min() >= -1e-11 * (1.0 + abs(values[-1]))
        first_gains.append(gains[0])
        last_gains.append(gains[-1])
        before = values[-1]
    assert sum(last_gains) <= 0.01 * sum(first_gains) + 1e-12


@pytest.mark.parametrize("seed", SEEDS)
def test_planes_lie_below_the_surrogate(seed):
    X, surrogate, _, point = draw(seed)
    rng = np.random.default_rng(seed)
    n_scores = len(X) * surrogate.n_pieces
    for _ in range(3):
        point.ascend()
        plane = point.reached().plane
        for spread in (0.0, 0.3, 3.0, 30.0):
            scores = spread * rng.normal(size=n_scores) + rng.normal()
            largest = np.abs(scores).max()
            value = surrogate.minimize(scores, 1e-9, largest).value
            charge = surrogate.bound_thresholds(largest) * plane.bias_residual
            assert plane.at(scores) - charge <= value + 1e-10 * (1.0 + value)


def balance(below, above, lower, upper, weight):
    """Lower slopes, of shape (m, n_steps) by step, until both sides weigh the same, by loops."""
    n_steps = below.shape[1]
    for _ in range(20):
        for k in range(n_steps):
            rows = lower > k
            lower_step(
                below, rows, k, range(k - 1, -1, -1), weight, weight @ (below - above)[:, k]
            )
        for k in range(n_steps - 1, -1, -1):
            rows = upper <= k
            excess = weight @ (above - below)[:, k]
            lower_step(above, rows, k, range(k + 1, n_steps), weight, excess)


def lower_step(slopes, rows, k, beyond, weight, excess):
    if excess <= 0.0:
        return
    behind = slopes[rows, beyond[0]] if len(beyond) else np.zeros(rows.sum())
    room = weight[rows] @ (slopes[rows, k] - behind)
    if room > excess:
        slopes[rows, k] -= excess / room * (slopes[rows, k] - behind)
        return
    slopes[rows, k] = behind
    if len(beyond):
        slopes[rows, k] *= 1.0 - (excess - room) / max(
            weight[rows] @ behind, excess - room, 1e-300
        )
    for further in beyond:
        slopes[rows, further] = np.minimum(slopes[rows, further], slopes[rows, k])


@pytest.mark.parametrize("seed", SEEDS)
def test_the_plane_is_balanced_by_lowering_slopes(seed):
    X, _, maxima, point = draw(seed)
    for n_passes in (1, 3, 20):
        for _ in range(n_passes):
            point.ascend()
        below, above = np.zeros((2, len(X), len(maxima.pieces)))
        for i, slopes in enumerate(slopes_of(point, maxima)):
            for k, up, _ in slopes:
                (below if k < maxima.lower[i] else above)[i, k] = abs(up)
        balance(below, above, maxima.lower, maxima.upper, maxima.weight)
        total, offset = maxima.weight.sum(), 0.0
        gradient = np.zeros((len(X), int(maxima.pieces.max()) + 1))
        for k, piece in enumerate(maxima.pieces):
            gradient[:, piece] += maxima.weight * (above - below)[:, k]
            rising = maxima.cost[k + 1] - maxima.cost[k]
            offset += maxima.weight @ (above[:, k] * rising[maxima.upper])
            offset -= maxima.weight @ (below[:, k] * rising[maxima.lower])
        plane = point.reached().plane
        np.testing.assert_allclose(plane.score_gradient, gradient.ravel() / total, atol=1e-12)
        assert plane.offset == pytest.approx(offset / total, abs=1e-12)
        left = np.abs(maxima.weight @ (above - below)).sum() / total
        assert plane.bias_residual == pytest.approx(left, abs=1e-12)


def curved_codes(n_samples, n_classes):
    """One-hot codes along a curve, with more columns than rows."""
    rng = np.random.default_rng(0)
    angle = np.sort(rng.uniform(0.0, 4.5, n_samples))
    blocks = np.stack([np.cos(angle), np.sin(angle)], axis=1) @ rng.normal(size=(2, 30))
    blocks += 0.3 * rng.normal(size=blocks.shape)
    codes = np.clip(np.floor(3.0 * blocks + 8.0), 0, 15).astype(np.uint8)
    return OneHotCodes(codes, [16] * 30), np.arange(n_samples) * n_classes // n_samples


def test_of_many_rows_no_imbalance_is_left():
    X, y = curved_codes(300, 8)
    matrix, labels = DenseMatrix(X.toarray()), LabeledWeights(y, y, np.ones(300), 8)
    cost = np.abs(np.subtract.outer(np.arange(8.0), np.arange(8.0)))
    surrogate = PiecewiseVShaped(labels, cost, np.arange(7))
    norms = matrix.squared_row_norms()
    point = MixtureDualPoint(matrix, matrix.rows(), norms, surrogate.label_maxima())
    point.prepare(ALPHA, CorrelatedMetric(7, CORRELATION))
    for _ in range(6):
        point.ascend()
        assert point.reached().plane.bias_residual <= 1e-13


@pytest.mark.parametrize("seed", [4, 9, 10, 14])
def test_a_plane_whose_charge_exceeds_the_gap_is_not_taken_up(seed):
    X, surrogate, _, point = draw(seed)
    metric = CorrelatedMetric(surrogate.n_pieces, CORRELATION)
    matrix = StackedMatrix(DenseMatrix(X), surrogate.n_pieces)
    space = choose_space(matrix, None, metric)
    oracle = Oracle(surrogate, np.sqrt(matrix.largest_squared_norm()), ALPHA)
    certificate = Certificate(Settings(ALPHA, 1e-3, 100, 0, metric), oracle)
    best = evaluate(space, space.start(None), ALPHA, oracle)
    planes = CuttingPlaneMethod(space)
    planes.start(certificate, best)
    planes.record(certificate, best)
    for _ in range(30):
        point.ascend()
    plane, n_planes = point.reached().plane, planes.n_planes
    charge = oracle.charge(1.0, certificate.inner_target(best.objective))
    gap = best.objective - certificate.lower_bound
    planes.add(plane._replace(bias_residual=1.01 * gap / charge), certificate, best)
    assert planes.n_planes == n_planes
    planes.add(plane, certificate, best)
    assert planes.n_planes == n_planes + 1
    before = certificate.lower_bound
    planes.record(certificate, best)
    assert certificate.lower_bound > 2.0 * before


@pytest.mark.parametrize("n_pieces", [2, 4, None])
@pytest.mark.parametrize("loss", ["mae", "squared", "zero_one"])
def test_ascent_and_planes_agree(loss, n_pieces):
    X, y = curved_codes(120, 8)
    intervals = np.stack([y, np.minimum(y + np.arange(120) % 3, 7)], axis=1)
    options = {"loss": loss, "n_pieces": n_pieces, "tol": 1e-4, "alpha": 0.003}
    planes = PWVILMA(**options, solver="cutting_plane").fit(X, intervals)
    ascent = PWVILMA(**options, solver="coordinate_ascent").fit(X, intervals)
    assert not ascent.history_["n_planes"].any()
    assert ascent.gap_ <= 1e-4
    assert ascent.lower_bound_ <= planes.objective_
    assert planes.lower_bound_ <= ascent.objective_
    for form in (X.tocsr(), X.toarray()):
        other = PWVILMA(**options, solver="coordinate_ascent").fit(form, intervals)
        assert other.objective_ == pytest.approx(ascent.objective_, rel=1e-4)


def test_the_dual_point_serves_other_alphas_and_correlations():
    X, y = curved_codes(120, 8)
    options = {"tol": 1e-3, "solver": "coordinate_ascent"}
    models = vilma_path(X, y, [0.1, 0.01, 0.001], estimator=PWVILMA(**options))
    for model in models:
        assert model.gap_ <= 1e-3
        planes = PWVILMA(model.alpha, tol=1e-3, solver="cutting_plane").fit(X, y)
        assert model.lower_bound_ <= planes.objective_
        assert planes.lower_bound_ <= model.objective_
    model = PWVILMA(0.01, correlation=0.5, warm_start=True, **options).fit(X, y)
    cold = PWVILMA(0.01, correlation=0.9, **options).fit(X, y)
    model.set_params(correlation=0.9).fit(X, y)
    assert model.lower_bound_ <= cold.objective_
    assert cold.lower_bound_ <= model.objective_


def test_thresholds_begin_at_the_mean_of_their_breakpoints():
    lower, upper = np.array([0, 2, 3, 3]), np.array([1, 2, 3, 3])
    cost = (np.arange(4.0)[:, None] - np.arange(4.0)) ** 2
    maxima = LabelMaxima(lower, upper, np.array([1.0, 2.0, 1.0, 1.0]), cost, np.array([0, 1, 1]))
    # Step 0: below are labels 2 (cost falling by 3, weight 2) and 3 (by 5, twice), above none.
    # Step 1: above are labels up to 1 (one row, cost rising by 1); below 2 (by 1, weight 2) and 3
    # (by 3, twice). Step 2: above 1 (by 3) and 2 (by 1, weight 2); below 3 (by 1, twice).
    found = mean_breakpoints(*_breakpoints(maxima))
    np.testing.assert_allclose(found, [-16 / 4, (1 - 2 - 6) / 5, (3 + 2 - 2) / 5])


def test_thresholds_without_hinges_begin_between_the_others():
    found = mean_breakpoints(np.array([2.0, 0.0, 9.0]), np.array([2.0, 0.0, 3.0]))
    np.testing.assert_allclose(found, [1.0, 2.0, 3.0])
    np.testing.assert_array_equal(mean_breakpoints(np.zeros(2), np.zeros(2)), 0.0)
