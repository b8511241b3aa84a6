"""Rows in parts without a cluster: the method itself."""

import pickle
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy import sparse
from sklearn.model_selection import KFold

from tests.distributed.in_parts import InParts, random_cuts
from tests.reference.margins import cost_of, draw_margins
from tests.reference.objectives import inner_objective
from tests.reference.optimum import reference_optimum
from tests.reference.problems import random_problem
from vilma import (
    IISVOR_EXP,
    IISVOR_EXPCV,
    IISVOR_IMC,
    IISVOR_IMCCV,
    PWVILMA,
    PWVILMACV,
    VILMA,
    VILMACV,
    OneHotCodes,
    OrderedLogit,
    OrderedLogitCV,
    vilma_path,
)
from vilma.distributed import Fold, LoadedRows, LocalEngine, Part
from vilma.distributed.cells import CellSums, Edges, HingeModel, VShapedModel
from vilma.distributed.part import MissingVectorsError
from vilma.distributed.surrogate import PartitionedSurrogate
from vilma.losses import cost_matrix
from vilma.surrogates import (
    ExplicitHinge,
    ImplicitHinge,
    LabeledWeights,
    Margins,
    VShaped,
    find_margins,
)

KINDS = ("exp", "imc", "vshaped", "margins")


def draw_problem(seed, kind):
    """A random problem; of kind "margins" with a loss that is a sum of hinges."""
    if kind != "margins":
        return random_problem(seed, kind=kind)
    problem = random_problem(seed, kind="vshaped")
    margins = draw_margins(np.random.default_rng(seed), problem.n_classes)
    return replace(problem, cost=cost_of(margins))


def labels_of(problem, rows=slice(None)):
    weights = np.ones(len(problem.lower)) if problem.weights is None else problem.weights
    kept = weights > 0.0
    return LabeledWeights(
        problem.lower[kept], problem.upper[kept], weights[kept], problem.n_classes
    )


def surrogate_of(problem):
    labels = labels_of(problem)
    if problem.kind == "vshaped":
        margins = find_margins(problem.cost)
        return VShaped(labels, problem.cost) if margins is None else ImplicitHinge(labels, margins)
    return {"exp": ExplicitHinge, "imc": ImplicitHinge}[problem.kind](labels)


def load(problem, cuts):
    y = np.stack([problem.lower, problem.upper], axis=1)
    rows = InParts(problem.X, cuts).load(y, problem.weights)
    rows.begin(np.arange(problem.n_classes), 0)
    return rows


def informative(problem):
    labels = labels_of(problem)
    return bool(((labels.lower > 0) | (labels.upper < problem.n_classes - 1)).any())


def model_of(problem, tol):
    settings = {"tol": tol, "classes": np.arange(problem.n_classes), "spread_thresholds": False}
    if problem.kind == "vshaped":
        return VILMA(problem.alpha, loss=problem.cost, **settings)
    return {"exp": IISVOR_EXP, "imc": IISVOR_IMC}[problem.kind](problem.alpha, **settings)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("seed", range(60))
def test_the_optimum_is_enclosed_however_the_rows_are_cut(seed):
    rng = np.random.default_rng(seed)
    problem = draw_problem(seed, KINDS[seed % 4])
    if not informative(problem):
        pytest.skip("no annotation tells labels apart")
    tol = (1e-3, 1e-9)[seed // 4 % 2]
    y = np.stack([problem.lower, problem.upper], axis=1)
    m = len(y)
    X = InParts(problem.X, random_cuts(rng, m, int(rng.integers(1, 8))))
    model = model_of(problem, tol).fit(X, y, problem.weights)
    optimum = reference_optimum(problem)
    rounding = 1e-12 * (1.0 + optimum.upper)
    assert model.lower_bound_ <= optimum.upper + rounding
    assert model.objective_ >= optimum.lower - rounding
    assert model.gap_ <= tol or optimum.upper < 1e-9
    # The objective is that of the model: naively, at its own coefficients and thresholds.
    by_hand = problem.alpha / 2 * model.coef_ @ model.coef_
    biases = model.biases_ if problem.kind == "vshaped" else model.surrogate_thresholds_
    by_hand += inner_objective(problem, problem.dense_X @ model.coef_, biases)
    assert by_hand <= model.objective_ + max(tol, 1e-11) * (1.0 + optimum.upper)
    in_memory = model_of(problem, tol).fit(problem.X, y, problem.weights)
    assert model.objective_ == pytest.approx(in_memory.objective_, rel=tol, abs=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(6))
def test_the_inner_minimum_is_that_of_rows_in_one_place(kind, seed):
    rng = np.random.default_rng(seed)
    problem = draw_problem(100 + seed, kind)
    if not informative(problem):
        pytest.skip("no annotation tells labels apart")
    rows = load(problem, random_cuts(rng, len(problem.lower), 4))
    X, surrogate = rows.problem(surrogate_of(problem))
    weights = labels_of(problem).weight
    kept = np.ones(len(problem.lower), bool) if problem.weights is None else problem.weights > 0
    for _ in range(4):
        coef = rng.normal(size=problem.X.shape[1]) * 10.0 ** rng.uniform(-2, 2)
        scores = problem.dense_X[kept] @ coef
        largest = 2.0 * np.abs(scores).max()
        inner = surrogate.minimize(X.dot(coef), 0.0, largest)
        local = surrogate_of(problem).minimize(scores, 0.0, largest)
        assert inner.value == pytest.approx(local.value, rel=1e-9, abs=1e-11)
        # The plane lies below G at any other scores, and meets it at these.
        assert inner.plane.at(X.dot(coef)) == pytest.approx(local.value, rel=1e-9, abs=1e-11)
        for _ in range(5):
            other = coef + rng.normal(size=len(coef)) * 10.0 ** rng.uniform(-2, 1)
            there = problem.dense_X[kept] @ other
            value = surrogate_of(problem).minimize(there, 1e-12, np.abs(there).max()).value
            plane = inner.plane.at(X.dot(other))
            charge = inner.plane.bias_residual * surrogate.bound_thresholds(np.abs(there).max())
            assert plane - charge <= value + 1e-10 * (1.0 + value)
    assert weights.sum() == pytest.approx(rows.begin(np.arange(problem.n_classes), 0).sum())


@pytest.mark.parametrize("kind", KINDS)
def test_planes_of_coarse_cells_are_valid_too(kind, monkeypatch):
    # Three cells for everything and no second round: value and plane are far apart, and enclose G.
    monkeypatch.setattr("vilma.distributed.surrogate._MAX_ROUNDS", 1)
    monkeypatch.setattr(
        PartitionedSurrogate,
        "_first_edges",
        lambda self, coef, largest: Edges.of([np.array([-0.5, 0.5])] * self._model.kinds().number),
    )
    rng = np.random.default_rng(3)
    gaps = []
    for seed in range(200, 220):
        problem = draw_problem(seed, kind)
        if not informative(problem):
            continue
        rows = load(problem, random_cuts(rng, len(problem.lower), 3))
        X, surrogate = rows.problem(surrogate_of(problem))
        kept = slice(None) if problem.weights is None else problem.weights > 0
        coef = rng.normal(size=problem.X.shape[1])
        scores = problem.dense_X[kept] @ coef
        inner = surrogate.minimize(X.dot(coef), 1e-6, np.abs(scores).max())
        value = surrogate_of(problem).minimize(scores, 1e-12, np.abs(scores).max()).value
        assert inner.value >= value - 1e-10
        gaps.append(inner.value - inner.plane.at(X.dot(coef)))
        for _ in range(5):
            other = rng.normal(size=len(coef)) * 3.0
            there = problem.dense_X[kept] @ other
            largest = float(np.abs(there).max())
            exact = surrogate_of(problem).minimize(there, 1e-12, largest).value
            charge = inner.plane.bias_residual * surrogate.bound_thresholds(largest)
            assert inner.plane.at(X.dot(other)) - charge <= exact + 1e-10
    assert max(gaps) > 1e-3


def kinds_of(kinds, side, label):
    return [
        k
        for k in range(kinds.number)
        if kinds.side[k] == side and kinds.first[k] <= label < kinds.stop[k]
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_cells_are_sums_over_rows(kind):
    rng = np.random.default_rng(0)
    n_classes, m, n_features = 5, 300, 3
    lower = rng.integers(0, n_classes, m)
    upper = np.minimum(lower + rng.integers(0, 3, m), n_classes - 1)
    X, weight = np.round(rng.normal(size=(m, n_features)), 1), rng.integers(0, 3, m) * 0.7
    labels = LabeledWeights(lower, upper, weight, n_classes)
    margins = Margins.equal(1.0, n_classes)
    if kind == "vshaped":
        cost = cost_matrix("zero_one", n_classes)
        model, surrogate = VShapedModel(cost), VShaped(labels, cost)
    elif kind == "exp":
        model, surrogate = HingeModel(margins, implicit=False), ExplicitHinge(labels)
    else:
        if kind == "margins":
            margins = find_margins(cost_matrix("squared", n_classes))
        model, surrogate = HingeModel(margins, implicit=True), ImplicitHinge(labels, margins)
    cuts = [0, 0, 120, 300, 300]
    y = np.stack([lower, upper], axis=1)
    rows = InParts(X, cuts).load(y, weight)
    rows.begin(np.arange(n_classes), 0)
    design, _ = rows.problem(surrogate)
    kinds = model.kinds()
    edges = Edges.of([np.unique(np.round(rng.normal(size=4), 1)) for _ in range(kinds.number)])
    a, b = rng.normal(size=(2, n_features))
    scores = design.dot(a) + 0.5 * design.dot(b)
    cells = scores.rows.sum("cells", scores, edges)
    # One row after the other, one kind after the other.
    s = X @ (a + 0.5 * b)
    totals = np.zeros((4, edges.n_cells))
    low, high = np.full(edges.n_cells, np.inf), np.full(edges.n_cells, -np.inf)
    for i in range(m):
        if weight[i] == 0.0:
            continue
        for side, label in enumerate((lower[i], upper[i])):
            shift = kinds.shift[side, label]
            for k in kinds_of(kinds, side, label):
                cuts_of_kind = edges.values[edges.start[k] : edges.start[k + 1]]
                t = s[i] + shift
                # A rounding of the score must not decide.
                assert np.abs(cuts_of_kind - t).min() > 1e-12
                cell = edges.start[k] + k + np.searchsorted(cuts_of_kind, t, side="left")
                totals[:, cell] += weight[i] * np.array([1.0, shift, X[i] @ a, X[i] @ b])
                low[cell], high[cell] = min(low[cell], t), max(high[cell], t)
    assert cells.totals == pytest.approx(totals, abs=1e-10)
    assert cells.low == pytest.approx(low)
    assert cells.high == pytest.approx(high)
    # Slopes of cells, spread over the rows and taken to the features.
    slopes = rng.normal(size=edges.n_cells)
    c = np.zeros(m)
    for i in range(m):
        for side, label in enumerate((lower[i], upper[i])):
            for k in kinds_of(kinds, side, label):
                cuts_of_kind = edges.values[edges.start[k] : edges.start[k + 1]]
                t = s[i] + kinds.shift[side, label]
                cell = edges.start[k] + k + np.searchsorted(cuts_of_kind, t, side="left")
                c[i] += weight[i] * slopes[cell]
    gradient = scores.rows.sum("gradient", scores, edges, slopes)
    assert gradient == pytest.approx(X.T @ c)


@pytest.mark.parametrize("loss", ["mae", "squared", "sum"])
def test_losses_with_margins_are_sums_of_hinges_in_parts_too(loss, monkeypatch):
    monkeypatch.setattr("vilma.distributed.loaded.VShapedModel", None)
    cost = cost_matrix("squared", 5) + cost_matrix("mae", 5) if loss == "sum" else loss
    X, y = tall_problem(n_classes=5)
    parts = InParts(X, [0, 1000, 3000])
    model = VILMA(1e-3, loss=cost, tol=1e-8).fit(parts, y)
    local = VILMA(1e-3, loss=cost, tol=1e-8).fit(X, y)
    assert model.objective_ == pytest.approx(local.objective_, rel=1e-8)
    assert model.thresholds_ == pytest.approx(local.thresholds_, abs=1e-2)


def test_sums_of_cells_are_added():
    one = CellSums(np.array([[1.0, 2.0]]), np.array([0.0, np.inf]), np.array([1.0, -np.inf]))
    other = CellSums(np.array([[3.0, 4.0]]), np.array([-1.0, 5.0]), np.array([0.5, 6.0]))
    both = one + other
    assert both.totals.tolist() == [[4.0, 6.0]]
    assert both.low.tolist() == [-1.0, 5.0]
    assert both.high.tolist() == [1.0, 6.0]


def tall_problem(m=3000, n_features=4, n_classes=6):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(m, n_features))
    s = X @ rng.normal(size=n_features) + 0.3 * rng.normal(size=m)
    y = np.searchsorted(np.linspace(-2, 2, n_classes - 1), s)
    y = np.stack([np.maximum(y - 1, 0), np.minimum(y + 1, n_classes - 1)], axis=1)
    return X, y


def test_no_vector_of_one_number_per_row_reaches_the_client():
    X, y = tall_problem()
    largest = 0

    class Watched(LocalEngine):
        def map(self, method, *args):
            nonlocal largest
            out = super().map(method, *args)
            largest = max(largest, *(len(pickle.dumps(each)) for each in out))
            return out

    class Partitioned(InParts):
        def load(self, y, sample_weight=None):
            parts = [Part(self.X[a:b], [y[a:b]], None) for a, b in self.ranges]
            return LoadedRows(Watched(parts))

    copies = 20
    X, y = np.repeat(X, copies, axis=0), np.repeat(y, copies, axis=0)
    model = IISVOR_IMC(alpha=1e-3, tol=1e-4).fit(Partitioned(X, [0, 20_000, 60_000]), y)
    assert model.gap_ <= 1e-4
    assert largest < 200_000  # bytes, for 60,000 rows


def test_round_trips_of_an_iteration_are_few():
    X, y = tall_problem()
    for model, most in (
        (IISVOR_IMC(1e-3), 8),
        (IISVOR_EXP(1e-3), 8),
        (VILMA(1e-3, loss="squared"), 9),
    ):
        parts = InParts(X, [0, 1000, 2000, 3000])
        model.fit(parts, y)
        assert parts.loaded.engine.n_trips <= most * model.n_iter_ + 10


def test_parts_made_anew_get_their_vectors_again():
    X, y = tall_problem()

    class Forgetful(LocalEngine):
        """Makes one part anew now and then, as after a loss."""

        def __init__(self, parts):
            super().__init__(parts)
            self.kept = {}
            self.n_lost = 0

        def sum(self, method, *args):
            if self.n_trips % 7 == 6:
                self._parts[1] = Part(X[1000:2000], [y[1000:2000]], None)
                for name, arguments in self.kept.items():
                    getattr(self._parts[1], name)(*arguments)
                self.n_lost += 1
            return super().sum(method, *args)

        def sum_and_keep(self, method, *args):
            self.kept[method] = args
            return super().sum(method, *args)

    class Partitioned(InParts):
        def load(self, y, sample_weight=None):
            self.engine = Forgetful([Part(self.X[a:b], [y[a:b]], None) for a, b in self.ranges])
            return LoadedRows(self.engine)

    parts = Partitioned(X, [0, 1000, 2000, 3000])
    model = IISVOR_IMC(1e-3, tol=1e-5).fit(parts, y)
    assert parts.engine.n_lost > 5
    steady = IISVOR_IMC(1e-3, tol=1e-5).fit(InParts(X, [0, 1000, 2000, 3000]), y)
    assert model.objective_ == pytest.approx(steady.objective_, rel=1e-5)
    assert model.gap_ <= 1e-5


def test_a_part_says_which_vectors_it_lacks():
    part = Part(np.eye(3), [np.array([0, 1, 1])], None)
    part.begin(np.array([0, 1]), 0)
    with pytest.raises(MissingVectorsError):
        part._combined(((5, 1.0),))


def test_sparse_rows_codes_and_weights():
    rng = np.random.default_rng(2)
    codes = OneHotCodes(rng.integers(0, 4, (200, 5)), 4)
    y = np.clip(codes.codes[:, 0].astype(int) + rng.integers(-1, 2, 200), 0, 3)
    weight = rng.integers(0, 3, 200) * 1e-3
    for X in (codes, codes.tocsr(), codes.toarray()):
        parts = InParts(X, [0, 70, 70, 200])
        model = IISVOR_IMC(0.01, tol=1e-8).fit(parts, y, weight)
        local = IISVOR_IMC(0.01, tol=1e-8).fit(X, y, weight)
        assert model.objective_ == pytest.approx(local.objective_, rel=1e-8)
        assert model.coef_ == pytest.approx(local.coef_, abs=1e-3)
        assert np.concatenate(model.predict(parts)).tolist() == model.predict(X).tolist()
        assert np.concatenate(model.decision_function(parts)).shape == (200, 4)


@pytest.mark.parametrize(
    "y",
    [
        np.array(["a", "b", "c", "b"] * 10),
        np.array([[1, 1], [1, np.nan], [np.nan, 2], [3, 3]] * 10),
        np.array([[1, 1], [1, None], [None, 2], [3, 3]] * 10, dtype=object),
        np.array([False, True, True, False] * 10),
    ],
)
@pytest.mark.filterwarnings("ignore:The labels are strings")
def test_scales_are_those_of_all_labels_together(y):
    X = np.arange(40.0).reshape(-1, 1) % 4
    model = IISVOR_IMC(0.1).fit(InParts(X, [0, 1, 2, 40]), y)
    local = IISVOR_IMC(0.1).fit(X, y)
    assert model.classes_.tolist() == local.classes_.tolist()
    assert model.objective_ == pytest.approx(local.objective_, rel=1e-3)


def test_pandas_categories_keep_their_scale():
    pd = pytest.importorskip("pandas")
    y = pd.Series(["low", "mid", "high", "mid"] * 10, dtype="category").cat.set_categories(
        ["low", "mid", "high"], ordered=True
    )
    X = np.arange(40.0).reshape(-1, 1) % 4
    loaded = LoadedRows(
        LocalEngine([Part(X[:4], [y.iloc[:4]], None), Part(X[4:], [y.iloc[4:]], None)])
    )
    parts = InParts(X, [0, 4, 40])
    parts.load = lambda *_: loaded
    assert IISVOR_IMC(0.1).fit(parts, y).scale_.tolist() == ["low", "mid", "high"]


def test_weak_signals_and_poor_annotations_are_told():
    from vilma.exceptions import WeakSignalWarning

    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(300, 2)), rng.integers(0, 9, 300)
    with pytest.warns(WeakSignalWarning, match="for every training row"):
        IISVOR_IMC(1.0).fit(InParts(X, [0, 100, 300]), y)


@pytest.mark.parametrize(
    ("model", "error", "text"),
    [
        (IISVOR_IMC(solver="coordinate_ascent"), ValueError, "all rows in one place"),
        (VILMA(solver="conic"), ValueError, "all rows in one place"),
        (VILMA(penalize_biases=True), ValueError, "penalize_biases=False"),
        (PWVILMA(), TypeError, "PWVILMA does not take rows in partitions"),
        (OrderedLogit(), TypeError, "OrderedLogit does not take rows in partitions"),
        (PWVILMACV(), TypeError, "PWVILMACV does not take rows in partitions"),
        (OrderedLogitCV(), TypeError, "OrderedLogitCV does not take rows in partitions"),
        (VILMACV(cv=KFold(3)), TypeError, "cv should be a number of folds, got KFold"),
        (VILMACV(cv=61), ValueError, "cv=61 folds need as many rows of positive weight, got 60"),
        (IISVOR_IMCCV(scoring="accuracy"), ValueError, "leave out scoring and groups"),
        (IISVOR_IMCCV(blocks=[["a"]]), ValueError, "blocks of columns, which X does not have"),
    ],
)
def test_what_needs_rows_in_one_place_says_so(model, error, text):
    X, y = tall_problem(m=60)
    with pytest.raises(error, match=text):
        model.fit(InParts(X, [0, 20, 60]), y)
    assert not hasattr(model, "coef_")


def test_partitions_of_other_widths_and_without_rows():
    y = np.array([0, 1, 2])
    with pytest.raises(ValueError, match="Partition 0 has 3 columns and partition 1 has 4"):
        LoadedRows(LocalEngine([Part(np.eye(3), [y], None), Part(np.eye(3, 4), [y], None)]))
    with pytest.raises(ValueError, match="0 sample"):
        IISVOR_IMC().fit(InParts(np.empty((0, 2)), [0, 0, 0]), np.empty(0))
    with pytest.raises(ValueError, match="covers the whole scale"):
        IISVOR_IMC().fit(InParts(np.eye(3), [0, 1, 3]), [[0, 1], [0, 1], [0, 1]])
    with pytest.raises(ValueError, match="distinct annotations in one partition"):
        IISVOR_IMC().fit(InParts(np.ones((20_000, 1)), [0, 20_000]), np.arange(20_000) / 2.0)


def test_warm_starts_begin_at_the_last_solution():
    X, y = tall_problem()
    parts = InParts(X, [0, 1500, 3000])
    model = IISVOR_IMC(1e-2, warm_start=True, tol=1e-4).fit(parts, y)
    cold = model.n_iter_
    assert model.fit(parts, y).n_iter_ <= cold
    assert model.gap_ <= 1e-4


def deal(X, cuts, weight, n_folds):
    """Return the fold of every row, -1 for rows of weight 0."""
    fold = np.full(len(X), -1)
    for number, (a, b) in enumerate(pairwise(cuts)):
        part = Part(X[a:b], [np.zeros(b - a, int)], weight[a:b], number)
        fold[a + part._kept] = part._deal(n_folds)
    return fold


def test_folds_are_even_and_do_not_depend_on_how_partitions_are_packed():
    rng = np.random.default_rng(0)
    cuts = [0, 1, 2, 2, 3, 40, 41, 200]
    X, weight = np.ones((200, 1)), rng.integers(0, 3, 200).astype(float)
    fold = deal(X, cuts, weight, 4)
    assert np.ptp(np.bincount(fold[fold >= 0])) <= len(cuts)
    assert (fold[weight > 0] >= 0).all()
    assert (fold[weight == 0] == -1).all()
    pieces = [np.zeros(b - a, int) for a, b in pairwise(cuts)]
    packed = Part(X, pieces, weight)
    assert packed._deal(4).tolist() == fold[fold >= 0].tolist()
    behind = Part(X[cuts[4] :], pieces[4:], weight[cuts[4] :], 4)
    assert behind._deal(4).tolist() == fold[cuts[4] :][weight[cuts[4] :] > 0].tolist()


@pytest.mark.parametrize(
    "estimator", [IISVOR_IMCCV, IISVOR_EXPCV, VILMACV], ids=lambda each: each.__name__
)
@pytest.mark.parametrize("weighted", [False, True])
def test_cross_validation_is_that_of_the_same_folds_in_one_place(estimator, weighted):
    rng = np.random.default_rng(5)
    X = rng.normal(size=(400, 5))
    s = X @ rng.normal(size=5) + 1.5 * rng.normal(size=400)
    y = np.searchsorted([-2.0, -0.5, 1.0, 2.5], s)
    y = np.stack([y, np.minimum(y + rng.integers(0, 2, 400), 4)], axis=1)
    weight = rng.integers(0, 4, 400).astype(float) if weighted else np.ones(400)
    cuts = [0, 90, 90, 300, 400]
    fold = deal(X, cuts, weight, 3)
    splits = [
        (np.flatnonzero((fold != k) & (fold >= 0)), np.flatnonzero(fold == k)) for k in range(3)
    ]
    given = (weight,) if weighted else ()
    options = {"alphas": [1.0, 0.1, 0.001], "tol": 1e-9}
    model = estimator(cv=3, **options).fit(InParts(X, cuts), y, *given)
    local = estimator(cv=splits, **options).fit(X, y, *given)
    # Single rows at a border may fall to either side.
    assert model.cv_scores_ == pytest.approx(local.cv_scores_, abs=0.01)
    assert model.cv_scores_.shape == local.cv_scores_.shape
    assert np.ptp(model.cv_scores_) > 0.02
    assert model.alpha_ == local.alpha_
    assert model.objective_ == pytest.approx(local.objective_, rel=1e-8)
    assert model.n_features_in_ == 5
    chosen_only = estimator(cv=3, refit=False, **options).fit(InParts(X, cuts), y, *given)
    assert chosen_only.cv_scores_ == pytest.approx(model.cv_scores_)
    assert not hasattr(chosen_only, "coef_")


def test_a_fold_is_scored_on_the_rows_that_were_held_out():
    X, y = tall_problem(m=90)
    rows = InParts(X, [0, 40, 90]).load(y)
    fold = deal(X, [0, 40, 90], np.ones(90), 4)
    n_classes, surrogate = int(y.max()) + 1, ImplicitHinge(LabeledWeights(*y.T, np.ones(90), 6))
    coef, thresholds = np.array([1.0, -0.5, 0.2, 0.0]), np.linspace(-1.0, 1.0, n_classes - 1)
    place = np.searchsorted(thresholds, X @ coef)
    for number in range(4):
        without = rows.without(Fold(number, 4))
        pairs = without.begin(np.arange(n_classes), 0)
        kept = np.zeros_like(pairs)
        np.add.at(kept, tuple(y[fold != number].T), 1.0)
        assert pairs.tolist() == kept.tolist()
        without.problem(surrogate)
        for held_out in (False, True):
            counts = np.zeros((n_classes,) * 3)
            of = (fold == number) == held_out
            np.add.at(counts, (*y[of].T, place[of]), 1.0)
            found = without.count_predicted(coef, thresholds, held_out=held_out)
            assert found.tolist() == counts.tolist()


def test_a_fold_without_rows_is_told():
    X = np.arange(4.0).reshape(-1, 1)
    with pytest.raises(ValueError, match="fold of 3 has no row"):
        IISVOR_IMCCV(cv=3).fit(InParts(X, [0, 1, 2, 2, 3, 4]), [0, 1, 1, 0])


def test_paths_are_those_of_single_fits():
    X, y = tall_problem()
    parts = InParts(X, [0, 1000, 3000])
    for model in vilma_path(parts, y, [1.0, 0.01], estimator=VILMA(loss="squared", tol=1e-6)):
        single = VILMA(model.alpha, loss="squared", tol=1e-6).fit(X, y)
        assert model.objective_ == pytest.approx(single.objective_, rel=1e-6)


@pytest.mark.filterwarnings("ignore::vilma.exceptions.AnnotationWarning")
def test_thresholds_around_a_single_one_are_placed_by_all_scores():
    X, _ = tall_problem()
    y = np.where((X[:, :1] > 0.0) == (X[:, 1:2] > -1.0), [[2, 5]], [[0, 1]])
    model = IISVOR_IMC(0.01, tol=1e-8).fit(InParts(X, [0, 900, 900, 3000]), y)
    local = IISVOR_IMC(0.01, tol=1e-8).fit(X, y)
    step = np.ptp(X @ local.coef_) / 2000
    assert model.thresholds_ == pytest.approx(local.thresholds_, abs=step)


def test_rows_are_not_put_together():
    parts = InParts(np.eye(3), [0, 3])
    with pytest.raises(TypeError, match="not put together"):
        np.asarray(parts)
    with pytest.raises(TypeError, match="not selected one by one"):
        parts[0]


def test_sparse_parts_stay_sparse():
    X = sparse.csr_array(np.triu(np.ones((4, 4))))
    part = Part(X, [np.array([0, 0, 1, 1])], None)
    assert type(part._matrix).__name__ == "BinaryCSRMatrix"
