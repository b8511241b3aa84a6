"""PW-VILMA: its surrogate against a linear program, its optimum against a conic solver."""

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import linprog
from sklearn.base import clone

from tests.fits import as_intervals, close, says_nothing
from tests.reference import random_problem
from tests.reference.piecewise import (
    piecewise_inner_objective,
    piecewise_optimum,
    piecewise_penalty,
)
from vilma import IISVOR_IMC, PWVILMA, PWVILMACV, VILMA, OneHotCodes, save_mapped, vilma_path
from vilma.datasets import make_interval_problem
from vilma.mapped import MappedMatrix
from vilma.surrogates import LabeledWeights, PiecewiseVShaped, VShaped
from vilma.surrogates import _piecewise_kernels as kernels
from vilma.surrogates.piecewise import _work_space
from vilma.thresholds import place_pieces, spread_pieces, spread_thresholds

TOL = 1e-6


def random_pieces(rng, n_classes):
    """A piece for every step, in runs as the estimator has them, or in any order."""
    n_pieces = int(rng.integers(1, n_classes))
    if rng.random() < 0.5:
        return np.arange(n_classes - 1) * n_pieces // (n_classes - 1)
    pieces = rng.integers(0, n_pieces, size=n_classes - 1)
    return np.unique(pieces, return_inverse=True)[1]


def make_surrogate(problem, pieces):
    rows = problem.shares > 0
    weight = np.ones(len(rows)) if problem.weights is None else problem.weights
    labels = LabeledWeights(
        problem.lower[rows], problem.upper[rows], weight[rows], problem.n_classes
    )
    return PiecewiseVShaped(labels, problem.cost, pieces), rows


def inner_minimum(problem, pieces, scores):
    """The minimum over the biases, by linear programming."""
    Y = problem.n_classes
    f = np.concatenate([np.zeros((len(scores), 1)), np.cumsum(scores[:, pieces], axis=1)], axis=1)
    rows, right, shares = [], [], []
    for i in np.flatnonzero(problem.shares):
        for end, labels in (
            (problem.lower[i], range(problem.lower[i] + 1)),
            (problem.upper[i], range(problem.upper[i], Y)),
        ):
            for y in labels:
                row = np.zeros(Y)
                row[y] += 1
                row[end] -= 1
                rows.append((row, len(shares)))
                right.append(f[i, end] - f[i, y] - problem.cost[y, end])
            shares.append(problem.shares[i])
    A = np.zeros((len(rows), Y + len(shares)))
    for number, (row, term) in enumerate(rows):
        A[number, :Y] = row
        A[number, Y + term] = -1
    bounds = [(0, 0)] + [(None, None)] * (Y - 1 + len(shares))
    options = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
    result = linprog(
        np.concatenate([np.zeros(Y), shares]), A, right, bounds=bounds, options=options
    )
    return piecewise_inner_objective(problem, pieces, scores, result.x[:Y])


def draw_scores(rng, problem, n_pieces, style):
    m = len(problem.lower)
    scores = rng.choice([0.1, 1.0, 5.0]) * rng.normal(size=(m, n_pieces))
    if style == "integers":
        return np.round(scores)
    if style == "all zero":
        return np.zeros_like(scores)
    if style == "duplicated":
        return scores[rng.integers(0, max(1, m // 3), size=m)]
    if style == "nearly one line":
        return scores[:, :1] + 1e-3 * scores
    return scores


@pytest.mark.parametrize(
    "style", ["integers", "all zero", "duplicated", "nearly one line", "distinct"]
)
@pytest.mark.parametrize("accuracy", [1e-2, 1e-9])
def test_the_surrogate_is_minimised_to_the_accuracy_asked(accuracy, style):
    largest = 60.0
    for seed in range(16):
        problem = random_problem(seed, kind="vshaped")
        if not problem.cost.any():
            continue
        rng = np.random.default_rng(seed)
        pieces = random_pieces(rng, problem.n_classes)
        surrogate, rows = make_surrogate(problem, pieces)
        n_pieces = int(pieces.max()) + 1
        scores = draw_scores(rng, problem, n_pieces, style)
        found = surrogate.minimize(scores[rows].ravel(), accuracy, largest)
        exact = inner_minimum(problem, pieces, scores)
        small = 1e-12 * max(1.0, exact)
        biases = np.concatenate([[0.0], -np.cumsum(found.thresholds)])
        naive = piecewise_inner_objective(problem, pieces, scores, biases)
        assert found.value == pytest.approx(naive, rel=1e-12, abs=1e-12), seed
        assert exact - small <= found.value <= exact + accuracy + small, seed
        charge = found.plane.bias_residual * surrogate.bound_thresholds(largest)
        assert found.plane.at(scores[rows].ravel()) - charge >= exact - accuracy - small, seed
        other = draw_scores(rng, problem, n_pieces, rng.choice(["integers", "distinct"]))
        for at in (np.zeros_like(scores), other):
            plane = found.plane.at(at[rows].ravel()) - charge
            assert plane <= inner_minimum(problem, pieces, at) + 1e-10, seed


def test_earlier_calls_help_and_never_hurt():
    for seed in range(30):
        problem = random_problem(seed, kind="vshaped")
        if not problem.cost.any():
            continue
        rng = np.random.default_rng(seed)
        pieces = random_pieces(rng, problem.n_classes)
        surrogate, rows = make_surrogate(problem, pieces)
        a = draw_scores(rng, problem, int(pieces.max()) + 1, "distinct")[rows]
        b = draw_scores(rng, problem, int(pieces.max()) + 1, "integers")[rows]
        for share in (0.0, 1.0, 0.5, 0.501, 0.2, 100.0, 0.2):
            scores = (share * a + (1.0 - share) * b).ravel()
            largest = 1.0 + 3.0 * np.abs(scores).max()
            bound = surrogate.bound_thresholds(largest)
            for accuracy in (1e-2, 1e-4, 1e-9):
                found = surrogate.minimize(scores, accuracy * surrogate.scale, largest)
                error = found.value - found.plane.at(scores) + bound * found.plane.bias_residual
                rounding = 1e-12 * np.abs(scores).max() * problem.n_classes
                assert error <= accuracy * surrogate.scale + rounding, (seed, share, accuracy)


def test_more_accuracy_than_there_is():
    for seed in range(40):
        problem = random_problem(seed, kind="vshaped")
        if not problem.cost.any():
            continue
        rng = np.random.default_rng(seed)
        pieces = random_pieces(rng, problem.n_classes)
        surrogate, rows = make_surrogate(problem, pieces)
        scores = draw_scores(rng, problem, int(pieces.max()) + 1, "distinct")
        found = surrogate.minimize(scores[rows].ravel(), 0.0, 60.0)
        exact = inner_minimum(problem, pieces, scores)
        assert found.value <= exact + 1e-7 * max(1.0, surrogate.scale), seed


def test_with_one_piece_it_is_the_surrogate_of_vilma():
    for seed in range(40):
        problem = random_problem(seed, kind="vshaped")
        if not problem.cost.any():
            continue
        surrogate, rows = make_surrogate(problem, np.zeros(problem.n_classes - 1, dtype=int))
        scores = np.random.default_rng(seed).normal(size=int(rows.sum()))
        one = VShaped(surrogate._labels, problem.cost)
        found = surrogate.minimize(scores, 1e-10, 60.0)
        assert found.value == pytest.approx(one.minimize(scores, 1e-10, 60.0).value, abs=2e-10)
        for form in (surrogate.linear_form(), one.linear_form()):
            # At fixed scores the form is that of the same function of the thresholds.
            pieces = form.constant + form.by_score @ scores + form.by_threshold @ found.thresholds
            largest = np.full(len(form.share), -np.inf)
            np.maximum.at(largest, form.term, pieces)
            assert form.share @ largest == pytest.approx(found.value, abs=1e-9)


def naive_list(problem, pieces, scores, biases, reach, width):
    """Which labels of which sides can come within `width` of the largest, by loops."""
    way = np.concatenate([[0.0], np.cumsum(reach)])
    contested, constant = {}, 0.0
    fixed = np.zeros(problem.n_classes)
    for i in range(len(scores)):
        f = np.concatenate([[0.0], np.cumsum(scores[i, pieces])]) + biases
        for upper in (False, True):
            e = int(problem.upper[i] if upper else problem.lower[i])
            labels = range(e, problem.n_classes) if upper else range(e, -1, -1)
            z = {y: problem.cost[y, e] + f[y] - f[e] for y in labels}
            best = max(z, key=lambda y: z[y])
            near = [y for y in labels if z[y] + abs(way[y] - way[best]) + width >= z[best]]
            if len(near) > 1:
                contested[i, upper] = {y: z[y] - z[best] for y in near}
            else:
                constant += z[best]
                fixed[best] += 1.0
                fixed[e] -= 1.0
    return contested, constant, fixed


def draw_case(seed):
    """A random problem with unit weights, pieces, scores, and what the kernels take."""
    problem = random_problem(seed, kind="vshaped")
    rng = np.random.default_rng(seed)
    pieces = random_pieces(rng, problem.n_classes)
    weight = np.ones(len(problem.lower))
    labels = LabeledWeights(problem.lower, problem.upper, weight, problem.n_classes)
    surrogate = PiecewiseVShaped(labels, np.maximum(problem.cost, 0.0), pieces)
    scores = draw_scores(rng, problem, int(pieces.max()) + 1, "distinct")
    return rng, problem, pieces, labels, surrogate, _work_space(labels), scores


def test_the_list_of_contested_sides_against_loops():
    for seed in range(12):
        rng, problem, pieces, _, surrogate, work, scores = draw_case(seed)
        thresholds = rng.normal(size=problem.n_classes - 1)
        biases = np.concatenate([[0.0], -np.cumsum(thresholds)])
        reach, width = rng.random(problem.n_classes - 1), 0.3
        n, constant, total, fixed = kernels.list_contested(
            scores, pieces, problem.cost, thresholds, reach, width, surrogate._sides, work
        )
        expected, naive_constant, naive_fixed = naive_list(
            problem, pieces, scores, biases, reach, width
        )
        alone, contested = work
        first, last, upward, own, mass, lead, start, label, value = contested
        found = {}
        for r in range(n):
            members = surrogate._sides[int(upward[r])][0][first[r] : last[r]]
            sides = dict(
                zip(label[start[r] : start[r + 1]], value[start[r] : start[r + 1]], strict=True)
            )
            found |= {(int(i), bool(upward[r])): sides for i in members}
            assert mass[r] == len(members)
            assert lead[r] >= 0.0
            assert all(own[r] == (problem.upper if upward[r] else problem.lower)[members])
        assert found.keys() == expected.keys(), seed
        for side, labels_of_side in expected.items():
            assert found[side].keys() == labels_of_side.keys(), seed
            for y, v in labels_of_side.items():
                assert found[side][y] == pytest.approx(v, abs=1e-12), seed
        assert constant == pytest.approx(naive_constant, abs=1e-10), seed
        np.testing.assert_allclose(fixed, naive_fixed, atol=1e-10)
        for upper in (False, True):
            disputed = {i for i, side in expected if side == upper}
            assert set(np.flatnonzero(alone[int(upper)] < 0)) == disputed, seed
        leads = sum(mass[r] * lead[r] for r in range(n))
        assert total == pytest.approx(constant + leads, abs=1e-10), seed


def sparsemax(z):
    """Projection on the simplex by sorting."""
    ordered = np.sort(z)[::-1]
    tau = (np.cumsum(ordered) - 1.0) / np.arange(1, len(z) + 1)
    return np.maximum(z - tau[np.flatnonzero(ordered > tau)[-1]], 0.0)


def naive_smoothed(problem, pieces, scores, biases, width):
    """The smoothed losses of all sides by loops, and the mixture that makes the plane."""
    Y = problem.n_classes
    value, slack, costs = 0.0, 0.0, 0.0
    gradient, hessian = np.zeros(Y), np.zeros((Y, Y))
    by_score = np.zeros_like(scores)
    for i in range(len(scores)):
        f = np.concatenate([[0.0], np.cumsum(scores[i, pieces])]) + biases
        for e, labels in (
            (problem.lower[i], np.arange(problem.lower[i] + 1)),
            (problem.upper[i], np.arange(problem.upper[i], Y)),
        ):
            z = problem.cost[labels, e] + f[labels] - f[e]
            p = sparsemax(z / width)
            value += z.max()
            slack += p @ (z.max() - z)
            costs += p @ problem.cost[labels, e]
            gradient[labels] += p
            gradient[e] -= 1.0
            support = labels[p > 0.0]
            block = np.eye(len(support)) - 1.0 / len(support)
            hessian[np.ix_(support, support)] += block / width
            for share, y in zip(p, labels, strict=True):
                for k in range(min(y, e), max(y, e)):
                    by_score[i, pieces[k]] += share if y > e else -share
    return value, slack, gradient, hessian, costs, by_score


@pytest.mark.parametrize("width", [0.1, 2.0])
def test_smoothed_losses_and_their_mixture_against_loops(width):
    for seed in range(12):
        rng, problem, pieces, labels, surrogate, work, scores = draw_case(seed)
        thresholds = rng.normal(size=problem.n_classes - 1)
        reach = rng.random(problem.n_classes - 1)
        n, constant, _, fixed = kernels.list_contested(
            scores, pieces, problem.cost, thresholds, reach, width, surrogate._sides, work
        )
        moved = reach * rng.uniform(-1.0, 1.0, size=len(reach))
        change = np.concatenate([[0.0], -np.cumsum(moved)])
        gradient, hessian = np.empty(problem.n_classes), np.empty((problem.n_classes,) * 2)
        value, slack = kernels.smoothed(change, width, n, work[1], fixed, gradient, hessian)
        by_score = np.empty_like(scores)
        costs = kernels.mixture_gradient(
            change,
            width,
            n,
            work,
            surrogate._sides,
            labels[:3],
            surrogate._steps_before,
            problem.cost,
            by_score,
        )
        biases = np.concatenate([[0.0], -np.cumsum(thresholds + moved)])
        naive = naive_smoothed(problem, pieces, scores, biases, width)
        found = (constant + value, slack, gradient, hessian, costs, by_score)
        for one, other in zip(found, naive, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-10, rtol=1e-10, err_msg=str(seed))


def test_the_smoothed_minimum_is_found_from_anywhere():
    for seed in range(12):
        problem = random_problem(seed, kind="vshaped")
        if not problem.cost.any():
            continue
        rng = np.random.default_rng(seed)
        pieces = random_pieces(rng, problem.n_classes)
        weight = np.ones(len(problem.lower))
        labels = LabeledWeights(problem.lower, problem.upper, weight, problem.n_classes)
        surrogate = PiecewiseVShaped(labels, problem.cost, pieces)
        surrogate._work = _work_space(labels)
        scores = draw_scores(rng, problem, surrogate.n_pieces, "distinct")
        width, exactly = 0.3, np.zeros(problem.n_classes - 1)
        for start in (exactly, rng.normal(size=len(exactly)), exactly + 9.0):
            listed, _ = surrogate._list(scores, start, exactly, width)
            _, found = surrogate._solve_width(scores, listed, start, width, bound=1.0)
            biases = np.concatenate([[0.0], -np.cumsum(found.solution)])
            value, slack, gradient, *_ = naive_smoothed(problem, pieces, scores, biases, width)
            np.testing.assert_allclose(gradient, 0.0, atol=1e-10 * len(weight), err_msg=str(seed))
            assert found.result[2] == pytest.approx(value / len(weight), rel=1e-12), seed
            assert found.error == pytest.approx(slack / len(weight), abs=1e-10), seed
            assert found.bias_residual <= 1e-13, seed


def make_estimator(problem, rng, **parameters):
    n_pieces = int(rng.integers(1, problem.n_classes))
    return PWVILMA(
        **{
            "alpha": problem.alpha,
            "correlation": float(rng.choice([0.0, 0.3, 0.9, 0.99, 1.0])),
            "n_pieces": None if rng.random() < 0.3 else n_pieces,
            "loss": problem.cost,
            "tol": TOL,
            "classes": range(problem.n_classes),
            **parameters,
        }
    )


@pytest.mark.parametrize("block", range(10))
def test_the_optimum_is_reached_and_certified(block):
    for seed in range(30 * block, 30 * (block + 1)):
        problem = random_problem(seed, kind="vshaped")
        if says_nothing(problem) or not problem.cost.any():
            continue
        rng = np.random.default_rng(seed)
        model = make_estimator(problem, rng)
        y = as_intervals(problem, rng)
        if seed == 250:  # the optimum is 0: no gap is small relative to it, unless it is hit
            model.fit(problem.X, y, sample_weight=problem.weights)
            assert model.objective_ == model.lower_bound_ == model.gap_ == 0.0
            continue
        model.fit(problem.X, y, sample_weight=problem.weights)
        n_pieces = len(model.coef_)
        rho = model.correlation if n_pieces > 1 else 1.0
        optimum = piecewise_optimum(problem, model.pieces_, rho)
        slack = 1e-9 * optimum + 1e-12
        assert close(model.objective_, optimum, TOL), seed
        assert model.lower_bound_ <= optimum + slack, seed
        assert np.all(model.history_["lower_bound"] <= optimum + slack), seed
        assert model.gap_ <= TOL, seed
        if n_pieces > 1:  # the objective is that of the attributes
            W = model.coef_.T
            biases = np.concatenate([[0.0], -np.cumsum(model.surrogate_thresholds_)])
            naive = piecewise_inner_objective(problem, model.pieces_, problem.dense_X @ W, biases)
            naive += piecewise_penalty(problem, W, rho)
            assert close(naive, model.objective_, 1e-9), seed


@pytest.mark.parametrize("parameters", [{"n_pieces": 1}, {"correlation": 1.0}])
@pytest.mark.parametrize("loss", ["mae", "squared"])
def test_one_direction_is_vilma(loss, parameters):
    problem = make_interval_problem(200, n_classes=6, random_state=0)
    X, y = problem.data, problem.target
    one = VILMA(loss=loss).fit(X, y)
    model = PWVILMA(loss=loss, **parameters).fit(X, y)
    assert model.objective_ == one.objective_
    assert model.lower_bound_ == one.lower_bound_
    np.testing.assert_array_equal(model.coef_, one.coef_[None])
    np.testing.assert_array_equal(model.thresholds_, one.thresholds_)
    np.testing.assert_array_equal(model.predict(X), one.predict(X))
    np.testing.assert_array_equal(model.pieces_, 0)


def test_a_correlation_near_one_is_nearly_vilma():
    problem = make_interval_problem(200, n_classes=6, random_state=0)
    X, y = problem.data, problem.target
    one = VILMA(loss="squared", tol=1e-7).fit(X, y)
    near = PWVILMA(loss="squared", correlation=1.0 - 1e-9, tol=1e-7).fit(X, y)
    assert near.objective_ == pytest.approx(one.objective_, rel=1e-6)


def curved(n=150):
    """Five labels along three quarters of a circle."""
    angle = np.linspace(0.0, 1.5 * np.pi, n)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1), np.arange(n) * 5 // n


def test_what_one_line_cannot_do():
    X, y = curved()
    assert IISVOR_IMC(alpha=1e-3).fit(X, y).score(X, y) < 0.8
    assert PWVILMA(alpha=1e-3, correlation=0.5).fit(X, y).score(X, y) > 0.98


def test_scores_and_predictions_agree():
    X, y = curved()
    names = np.array(list("badce"))  # a scale in another order than that of the alphabet
    model = PWVILMA(classes=names).fit(X, names[y])
    scores = model.decision_function(X)
    assert scores.shape == (150, 5)
    assert model.classes_.tolist() == list("abcde")
    np.testing.assert_array_equal(model.classes_[scores.argmax(axis=1)], model.predict(X))
    f = model.label_scores(X)
    np.testing.assert_array_equal(model.scale_[f.argmax(axis=1)], model.predict(X))
    np.testing.assert_array_equal(f[:, 0], 0.0)
    sums = np.cumsum(model.project(X)[:, model.pieces_], axis=1) + model.biases_[1:]
    np.testing.assert_allclose(f[:, 1:], sums, atol=1e-12)
    others = np.where(np.eye(5, dtype=bool), -np.inf, f[:, None]).max(axis=2)
    np.testing.assert_allclose(scores, (f - others)[:, [1, 0, 3, 2, 4]], atol=1e-12)


def test_two_classes():
    X, y = curved()
    model = PWVILMA().fit(X, y > 1)
    one = VILMA().fit(X, y > 1)
    assert model.coef_.shape == (1, 2)
    np.testing.assert_array_equal(model.decision_function(X), one.decision_function(X))


@pytest.mark.parametrize("container", ["csr", "fortran", "float32", "codes", "mapped"])
def test_every_container_gives_the_same(container, tmp_path):
    rng = np.random.default_rng(0)
    codes = OneHotCodes(rng.integers(0, 4, size=(80, 6)), [4] * 6)
    dense = codes.toarray()
    y = np.clip(codes.codes.sum(axis=1) // 3, 0, 4)
    X = {
        "csr": sparse.csr_array(dense),
        "fortran": np.asfortranarray(dense),
        "float32": dense.astype(np.float32),
        "codes": codes,
    }.get(container)
    if container == "mapped":
        save_mapped(codes, tmp_path / "X")
        X = MappedMatrix.open(tmp_path / "X")
    expected = PWVILMA(tol=1e-8).fit(dense, y)
    model = PWVILMA(tol=1e-8).fit(X, y)
    assert model.objective_ == pytest.approx(expected.objective_, rel=1e-7)
    np.testing.assert_allclose(model.coef_, expected.coef_, atol=1e-4)
    np.testing.assert_array_equal(model.predict(X), model.predict(dense))


def test_weights_are_repetitions():
    X, y = curved(60)
    weight = np.random.default_rng(0).integers(0, 3, size=60)
    weighted = PWVILMA(tol=1e-7).fit(X, y, sample_weight=weight)
    repeated = PWVILMA(tol=1e-7).fit(np.repeat(X, weight, axis=0), np.repeat(y, weight))
    assert weighted.objective_ == pytest.approx(repeated.objective_, rel=1e-6)


def test_the_conic_solver_agrees():
    X, y = curved(60)
    intervals = np.stack([y, np.minimum(y + np.arange(60) % 2, 4)], axis=1)
    for correlation in (0.0, 0.9):
        planes = PWVILMA(correlation=correlation, tol=1e-7).fit(X, intervals)
        conic = PWVILMA(correlation=correlation, solver="conic", tol=1e-7).fit(X, intervals)
        assert conic.objective_ == pytest.approx(planes.objective_, rel=1e-6)
        np.testing.assert_allclose(conic.coef_, planes.coef_, atol=2e-3)


def test_a_large_constant_in_a_column_changes_thresholds_only():
    X, y = curved(60)
    expected = PWVILMA(tol=1e-6).fit(X, y)
    far = X + np.array([0.0, 2.0**30])
    shifted = PWVILMA(tol=1e-6).fit(far, y)
    assert shifted.objective_ == pytest.approx(expected.objective_, rel=1e-5)
    np.testing.assert_array_equal(shifted.predict(far), expected.predict(X))


def test_warm_start_goes_on_for_another_correlation():
    X, y = curved()
    model = PWVILMA(correlation=0.5, tol=1e-4, warm_start=True).fit(X, y)
    model.set_params(correlation=0.9, alpha=0.005).fit(X, y)
    cold = PWVILMA(correlation=0.9, alpha=0.005, tol=1e-4).fit(X, y)
    assert model.objective_ == pytest.approx(cold.objective_, rel=2e-4)
    assert model.n_iter_ < cold.n_iter_
    model.fit(X[:-1], y[:-1])  # other data: begins with the last solution
    assert model.gap_ <= 1e-4
    model.set_params(n_pieces=2).fit(X, y)  # another number of directions: begins with zero
    assert model.coef_.shape == (2, 2)


def test_a_path_is_as_good_as_its_single_fits():
    X, y = curved(80)
    models = vilma_path(X, y, [0.1, 0.01, 0.001], estimator=PWVILMA(tol=1e-5))
    for model in models:
        alone = clone(model).fit(X, y)
        assert model.objective_ == pytest.approx(alone.objective_, rel=2e-5)
        assert model.gap_ <= 1e-5


def test_pieces_of_brackets():
    # Brackets of three labels: steps 2 and 5 alone are supported.
    X, _ = curved(90)
    nine = np.arange(90) // 10
    brackets = np.stack([nine // 3 * 3, nine // 3 * 3 + 2], axis=1)
    model = PWVILMA(classes=range(9)).fit(X, brackets)
    np.testing.assert_array_equal(model.pieces_, [0, 0, 0, 0, 1, 1, 1, 1])
    assert model.coef_.shape == (2, 2)
    increments = model.project(X) @ model.step_weights_.T - model.thresholds_
    own = model.project(X)[:, [0, 1]] - model.surrogate_thresholds_[[2, 5]]
    np.testing.assert_allclose(increments[:, [2, 5]], own)
    np.testing.assert_allclose(increments[:, 3], (2 * own[:, 0] + own[:, 1]) / 3)
    plain = clone(model).set_params(spread_thresholds=False).fit(X, brackets)
    np.testing.assert_array_equal(plain.step_weights_, np.eye(2)[plain.pieces_])
    np.testing.assert_array_equal(plain.thresholds_, plain.surrogate_thresholds_)


def test_places_of_pieces():
    every = np.ones(5, dtype=bool)
    np.testing.assert_array_equal(place_pieces(every), np.arange(5))
    np.testing.assert_array_equal(place_pieces(every, 2), [0, 0, 0, 1, 1])
    np.testing.assert_array_equal(place_pieces(every, 9), np.arange(5))
    some = np.array([False, True, False, False, True])
    np.testing.assert_array_equal(place_pieces(some), [0, 0, 0, 1, 1])


def test_spread_pieces_with_one_piece_are_spread_thresholds():
    supported = np.array([False, True, False, True, True, False])
    thresholds = np.array([9.0, 1.0, 9.0, 2.0, 4.0, 9.0])
    weights = spread_pieces(np.zeros(6, dtype=int), supported)
    np.testing.assert_array_equal(weights, np.ones((6, 1)))
    spread = spread_thresholds(thresholds, supported)
    np.testing.assert_allclose(spread, [0.0, 1.0, 1.5, 2.0, 4.0, 5.0])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"correlation": 1.5}, "The 'correlation' parameter of PWVILMA must be a float in the"),
        ({"correlation": -0.1}, "The 'correlation' parameter of PWVILMA must be a float in the"),
        ({"n_pieces": 0}, "The 'n_pieces' parameter of PWVILMA must be an int in the"),
        ({"solver": "newton"}, "The 'solver' parameter of PWVILMA must be a str among"),
        ({"loss": lambda d: 0.0}, "The loss is 0 everywhere"),
    ],
)
def test_refused_parameters(parameters, message):
    X, y = curved(30)
    with pytest.raises(ValueError, match=message):
        PWVILMA(**parameters).fit(X, y)


def test_the_grid_of_cross_validation():
    X, y = curved(100)
    model = PWVILMACV(
        alphas=[0.01, 0.001], correlations=[0.9, 0.5], losses=["mae", "zero_one"], cv=3
    ).fit(X, y)
    np.testing.assert_array_equal(model.alphas_, [0.01, 0.001])
    np.testing.assert_array_equal(model.correlations_, [1.0, 0.9, 0.5])  # 1 is always tried
    assert model.cv_scores_.shape == (2, 3, 2, 3)
    assert model.losses_ == ["mae", "zero_one"]
    assert model.correlation_ < 1.0
    means = model.cv_scores_.mean(axis=3)
    chosen = means[
        np.flatnonzero(model.alphas_ == model.alpha_)[0],
        np.flatnonzero(model.correlations_ == model.correlation_)[0],
        model.losses_.index(model.loss_),
    ]
    assert chosen == means.max()
    single = PWVILMA(model.alpha_, correlation=model.correlation_, loss=model.loss_).fit(X, y)
    np.testing.assert_array_equal(model.coef_, single.coef_)
    assert not hasattr(model, "alpha")
    # The scores of a path on its own are those of the grid, up to the tolerance of the fits.
    alone = PWVILMACV(alphas=[0.001], correlations=[1.0], losses=["mae"], cv=3, refit=False).fit(
        X, y
    )
    np.testing.assert_allclose(alone.cv_scores_[0, 0, 0], model.cv_scores_[1, 0, 0], atol=0.05)


def test_of_equals_the_most_regularised_is_chosen():
    X = np.repeat([[0.0], [10.0]], 20, axis=0)
    y = np.repeat([0, 2], 20)
    model = PWVILMACV(alphas=[0.01, 0.1], correlations=[0.5, 1.0], classes=[0, 1, 2], cv=2)
    model.fit(X, y)
    assert (model.cv_scores_ == 0.0).all()
    assert (model.alpha_, model.correlation_, model.loss_) == (0.1, 1.0, "mae")


def test_refused_grids():
    X, y = curved(30)
    with pytest.raises(ValueError, match="Expected at least one loss"):
        PWVILMACV(losses=[]).fit(X, y)
    with pytest.raises(ValueError, match="between 0 and 1, got 2 at place 1"):
        PWVILMACV(correlations=[0.5, 2.0]).fit(X, y)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_large_features_are_certified_and_overflowing_ones_refused():
    X, y = curved()
    model = PWVILMA().fit(X * 1e80, y)
    assert 0.0 <= model.lower_bound_ <= model.objective_
    assert np.isfinite(model.coef_).all()
    assert model.score(X * 1e80, y) > 0.5
    with pytest.raises(ValueError, match=r"norm of row 0 of X overflows.*common scale"):
        PWVILMA().fit(X * 1e160, y)
