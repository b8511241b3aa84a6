"""Pictures of fits: thresholds, certificates, paths."""

import re
import subprocess
import sys

import matplotlib
import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from vilma import (
    IISVOR_EXPCV,
    IISVOR_IMC,
    IISVOR_IMCCV,
    PWVILMA,
    PWVILMACV,
    VILMACV,
    CalibratedOrdinalClassifier,
    vilma_path,
)
from vilma._wording import label_name
from vilma.datasets import make_interval_problem
from vilma.displays import (
    AnnotationsDisplay,
    ConvergenceDisplay,
    DirectionsDisplay,
    ErrorByLabelDisplay,
    HeaviestColumnsDisplay,
    LBPWeightsDisplay,
    OrdinalConfusionDisplay,
    PathDisplay,
    ThresholdsDisplay,
)
from vilma.displays._density import label_densities
from vilma.displays._drawing import label_ticks
from vilma.features import TableFeatures
from vilma.losses import cost_matrix
from vilma.metrics import interval_insensitive_loss

matplotlib.use("Agg")
from matplotlib import pyplot as plt

ALPHAS = [0.01, 1.0, 0.1]


@pytest.fixture(scope="module")
def models(problem):
    estimator = IISVOR_IMC(classes=problem.classes)
    return vilma_path(problem.data, problem.target, ALPHAS, estimator=estimator)


def legend_of(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def line(ax, label):
    (found,) = [each for each in ax.lines if each.get_label() == label]
    return found


# What the displays share


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("ThresholdsDisplay.from_estimator", lambda: ThresholdsDisplay.from_estimator(0, 0, 0)),
        ("ConvergenceDisplay.from_estimator", lambda: ConvergenceDisplay.from_estimator(0)),
        ("ConvergenceDisplay.plot", lambda: ConvergenceDisplay(np.empty(0)).plot()),
        ("PathDisplay.from_models", lambda: PathDisplay.from_models([])),
        ("DirectionsDisplay.from_estimator", lambda: DirectionsDisplay.from_estimator(0)),
        (
            "ErrorByLabelDisplay.from_predictions",
            lambda: ErrorByLabelDisplay.from_predictions(0, 0),
        ),
        (
            "OrdinalConfusionDisplay.from_estimator",
            lambda: OrdinalConfusionDisplay.from_estimator(0, 0, 0),
        ),
        ("LBPWeightsDisplay.from_coef", lambda: LBPWeightsDisplay.from_coef(0, 0)),
        ("AnnotationsDisplay.from_labels", lambda: AnnotationsDisplay.from_labels(0)),
    ],
)
def test_missing_matplotlib_is_named_before_anything_is_computed(monkeypatch, name, call):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    message = re.escape(f"{name} needs matplotlib, which is not installed. Install it by: pip")
    with pytest.raises(ImportError, match=message + r' install .*\[plot\]"'):
        call()


def test_matplotlib_and_numba_wait_until_something_is_drawn():
    code = "import sys, vilma.displays; print('matplotlib' in sys.modules, 'numba' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


@pytest.mark.parametrize(
    ("classes", "places", "names"),
    [
        (np.arange(1, 6), [0, 1, 2, 3, 4], ["1", "2", "3", "4", "5"]),
        (np.arange(1, 31), [4, 9, 14, 19, 24, 29], ["5", "10", "15", "20", "25", "30"]),
        (np.arange(1.0, 111.0), range(9, 110, 10), [str(age) for age in range(10, 111, 10)]),
        (np.arange(20) ** 2, range(0, 20, 2), [str(k**2) for k in range(0, 20, 2)]),
        (np.array(["low", "high"]), [0, 1], ["low", "high"]),
        (np.array([0.5, 1.0]), [0, 1], ["0.5", "1"]),
    ],
)
def test_round_labels_of_long_scales_are_named(classes, places, names):
    assert label_ticks(classes) == (list(places), names)


def test_label_names():
    assert [label_name(each) for each in (3.0, np.float64(2.5), np.int64(7), "a")] == [
        "3",
        "2.5",
        "7",
        "a",
    ]


# Thresholds


def test_densities_are_sums_of_kernels():
    rng = np.random.default_rng(0)
    n, n_classes = 60, 4
    ends = np.sort(rng.integers(0, n_classes, (n, 2)), axis=1)
    ends[ends == 2] = 3  # label 2 is within intervals only
    lower, upper = ends.T
    projection, weights = rng.normal(size=n) + ends.mean(axis=1), rng.integers(0, 3, n) * 1.0
    grid, densities, totals = label_densities(projection, lower, upper, weights, n_classes)

    kept = weights > 0
    parts = np.zeros((n_classes, n))
    for i in np.flatnonzero(kept):
        inside = slice(lower[i], upper[i] + 1)
        parts[inside, i] = 1 / (upper[i] - lower[i] + 1)
    total = parts @ weights
    np.testing.assert_allclose(totals, total)
    means = (parts @ (weights * projection)) / total
    spread = sum(
        parts[k, i] * weights[i] * (projection[i] - means[k]) ** 2
        for k in range(n_classes)
        for i in range(n)
    )
    deviation = np.sqrt(spread / weights.sum())
    for k in range(n_classes):
        width = deviation * max(parts[k].sum(), 1) ** -0.2
        kernels = np.exp(-(((grid[:, None] - projection) / width) ** 2) / 2)
        expected = kernels @ (parts[k] * weights) / (total[k] * width * np.sqrt(2 * np.pi))
        np.testing.assert_allclose(densities[k], expected, atol=0.03 * expected.max())


def test_densities_without_spread_or_samples():
    lower = np.array([0, 0, 2])
    grid, densities, totals = label_densities(np.zeros(3), lower, lower, np.ones(3), 3)
    assert totals.tolist() == [2, 0, 1]
    assert grid[0] < 0 < grid[-1]
    assert not densities[1].any()
    assert np.all(np.isfinite(densities))


def test_ridges_show_where_each_label_is_predicted(problem, model):
    display = ThresholdsDisplay.from_estimator(model, problem.data, problem.truth)
    ax = display.ax_
    assert ax.figure is display.figure_
    assert legend_of(ax) == ["predicted as this label", "as another", "thresholds"]
    cuts = [each.get_xdata() for each in ax.lines if list(each.get_ydata()) == [0, 1]]
    for threshold in model.thresholds_:
        assert [threshold, threshold] in [list(cut) for cut in cuts]
    bands = [each for each in ax.lines if each.get_linewidth() == 3]
    left, right = display.grid[0], display.grid[-1]
    edges = np.clip([left, *model.thresholds_, right], left, right)
    for k, band in enumerate(bands):
        np.testing.assert_allclose(band.get_xdata(), edges[[k, k + 1]])
        assert list(band.get_ydata()) == [k, k]
    counts = np.bincount(problem.truth, minlength=7)[1:]
    texts = [text.get_text() for text in ax.texts]
    assert texts == [*map(str, counts), "samples"]
    assert [tick.get_text() for tick in ax.get_yticklabels()] == list("123456")


def test_projections_come_through_pipelines_and_searches(problem):
    X, y = problem.data, problem.target
    steps = make_pipeline(StandardScaler(), IISVOR_IMC(classes=problem.classes))
    search = GridSearchCV(steps, {"iisvor_imc__alpha": [0.1]}, cv=KFold(2)).fit(X, y)
    through = ThresholdsDisplay.from_estimator(search, X, y)
    fitted = search.best_estimator_
    by_hand = ThresholdsDisplay.from_predictions(
        y,
        fitted[-1].project(fitted[0].transform(X)),
        fitted[-1].thresholds_,
        classes=problem.classes,
    )
    np.testing.assert_array_equal(through.densities, by_hand.densities)
    np.testing.assert_array_equal(through.thresholds, by_hand.thresholds)
    assert through.weights.sum() == pytest.approx(len(y))


def test_long_scales_become_a_map_with_a_staircase():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 30, 200)
    y = np.where(y == 7, 8, y)
    thresholds = np.arange(29) + 0.5
    _, ax = plt.subplots()
    display = ThresholdsDisplay.from_predictions(
        y, y + rng.normal(size=200), thresholds, classes=range(30), ax=ax
    )
    assert display.ax_ is ax
    shades = ax.images[0].get_array()
    assert shades.shape == (30, len(display.grid))
    assert shades.mask[7].all()
    assert not shades.mask[8].any()
    np.testing.assert_array_equal(shades[3], display.densities[3])
    x, steps = line(ax, "predicted label").get_data()
    np.testing.assert_array_equal(x[1:-1], np.repeat(thresholds, 2))
    np.testing.assert_array_equal(steps, np.repeat(np.arange(30), 2))
    assert ax.get_xlim() == (display.grid[0], display.grid[-1])


@pytest.mark.parametrize(
    ("thresholds", "message"),
    [
        ([0.0], r"thresholds has shape \(1,\), but 3 classes have 2 thresholds between them"),
        ([1.0, 0.5], "should not decrease, but entry 0 is 1 and entry 1 is 0.5. Sort them"),
        ([0.0, np.nan], "Input thresholds contains NaN"),
    ],
)
def test_bad_thresholds(thresholds, message):
    with pytest.raises(ValueError, match=message):
        ThresholdsDisplay.from_predictions([1, 2, 3], [0, 1, 2], thresholds, classes=[1, 2, 3])


def test_bad_labels_for_thresholds(problem, model):
    with pytest.raises(ValueError, match="y_true has the label 9 in row 1, which is not in cla"):
        ThresholdsDisplay.from_estimator(model, problem.data[:2], [1, 9])
    with pytest.raises(ValueError, match="projection has the shape"):
        ThresholdsDisplay.from_estimator(model, problem.data[:2], [1, 2, 3])
    with pytest.raises(TypeError, match=r"needs an estimator of vilma, or a .*got Ridge"):
        ThresholdsDisplay.from_estimator(Ridge(), problem.data, problem.target)
    with pytest.raises(NotFittedError):
        ThresholdsDisplay.from_estimator(IISVOR_IMC(), problem.data, problem.target)


# Convergence


def test_bounds_close_in(model):
    display = ConvergenceDisplay.from_estimator(make_pipeline(StandardScaler(), model))
    ax = display.ax_
    iterations = np.arange(1, model.n_iter_ + 1)
    for label, field in (("objective", "objective"), ("lower bound", "lower_bound")):
        x, y = line(ax, label).get_data()
        np.testing.assert_array_equal(x, iterations)
        np.testing.assert_array_equal(y, model.history_[field])
    assert ax.get_xlabel() == "iteration"
    assert ax.get_title(loc="right") == "IISVOR_IMC, alpha 0.01"


def test_gaps_of_several_fits_on_one_axes(model):
    first = ConvergenceDisplay.from_estimator(model, kind="gap", x="seconds")
    history = model.history_.copy()
    history["gap"][-1] = 0.0  # rounding: no place on a logarithmic axis
    ConvergenceDisplay(history, name="second").plot(first.ax_, kind="gap", x="seconds")
    ax = first.ax_
    assert ax.get_yscale() == "log"
    assert ax.get_xlabel() == "seconds since the start"
    assert legend_of(ax) == ["IISVOR_IMC, alpha 0.01", "second"]
    x, y = line(ax, "second").get_data()
    np.testing.assert_array_equal(x, history["seconds"][:-1])
    np.testing.assert_array_equal(y, history["gap"][:-1])
    (tolerance,) = [each for each in ax.lines if list(each.get_xdata()) == [0, 1]]
    assert tolerance.get_ydata()[0] == model.tol
    assert [text.get_text() for text in ax.texts] == ["tol"]


def test_convergence_refuses_unknown_kinds(model):
    with pytest.raises(ValueError, match=r"kind should be one of 'bounds', 'gap', got 'all'"):
        ConvergenceDisplay.from_estimator(model, kind="all")
    with pytest.raises(ValueError, match=r"x should be one of 'iteration', 'seconds', got 1"):
        ConvergenceDisplay.from_estimator(model, x=1)
    with pytest.raises(TypeError, match="needs an estimator of vilma"):
        ConvergenceDisplay.from_estimator(Ridge())


# Path


@pytest.mark.parametrize(
    ("estimator", "label", "sign"),
    [
        (IISVOR_IMCCV, "cross-validated absolute error", -1),
        (IISVOR_EXPCV, "cross-validated interval-insensitive\n0/1 loss", -1),
        (lambda **p: VILMACV(**p, scoring="accuracy"), "cross-validated accuracy", 1),
        (
            lambda **p: VILMACV(**p, scoring="neg_mean_squared_error"),
            "cross-validated mean squared error",
            -1,
        ),
        (lambda **p: VILMACV(**p, scoring=lambda m, X, y: m.alpha), "cross-validated score", 1),
    ],
)
def test_path_of_cross_validation(problem, estimator, label, sign):
    search = estimator(alphas=ALPHAS, cv=3, classes=problem.classes)
    search.fit(problem.data, problem.truth)
    display = PathDisplay.from_estimator(make_pipeline(search))
    ax = display.ax_
    x, y = line(ax, "mean").get_data()
    assert x.tolist() == sorted(ALPHAS)
    mean = sign * search.cv_scores_.mean(axis=1)
    np.testing.assert_allclose(y, mean[[0, 2, 1]])
    chosen = line(ax, f"chosen: {search.alpha_:g}")
    assert chosen.get_xdata()[0] == search.alpha_
    assert chosen.get_ydata()[0] == pytest.approx(mean[ALPHAS.index(search.alpha_)])
    assert ax.get_ylabel() == label
    assert ax.get_xscale() == "log"
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["0.01", "0.1", "1"]
    assert legend_of(ax)[:3] == ["folds", "± standard error", "mean"]


def test_band_is_one_standard_error():
    scores = np.array([[1.0, 3.0], [2.0, 2.0]])
    ax = PathDisplay(np.array([0.1, 1.0]), scores=scores).plot().ax_
    (band,) = ax.collections
    at_first = band.get_paths()[0].vertices
    at_first = at_first[at_first[:, 0] == 0.1, 1]
    assert (at_first.min(), at_first.max()) == pytest.approx((1.0, 3.0))  # 2 ± sqrt(2) / sqrt(2)


def test_band_counts_rows_held_out_again_once(problem):
    search = VILMACV(alphas=[1.0, 0.1], classes=problem.classes).fit(problem.data, problem.truth)
    n_folds = search.cv_scores_.shape[1]
    assert search.times_held_out_ == 4 == n_folds / 5
    (band,) = PathDisplay.from_estimator(search).ax_.collections
    at_first = band.get_paths()[0].vertices
    at_first = at_first[at_first[:, 0] == 1.0, 1]
    scores = search.cv_scores_[0]
    assert np.ptp(at_first) == pytest.approx(2 * scores.std(ddof=1) / np.sqrt(5))


def test_path_of_models(problem, models):
    ax = PathDisplay.from_models(models).ax_
    x, y = line(ax, "objective").get_data()
    assert x.tolist() == sorted(ALPHAS)
    assert y.tolist() == [models[k].objective_ for k in (0, 2, 1)]
    assert ax.get_ylabel() == "objective at the solution"

    held_out = make_interval_problem(80, 4, n_classes=6, random_state=1)
    display = PathDisplay.from_models(models, held_out.data, held_out.truth)
    losses = [
        interval_insensitive_loss(held_out.truth, each.predict(held_out.data)) for each in models
    ]
    x, y = line(display.ax_, "held-out data").get_data()
    np.testing.assert_allclose(y, [losses[k] for k in (0, 2, 1)])
    assert losses[ALPHAS.index(display.chosen)] == min(losses)
    assert display.plot(kind="objective").ax_.get_ylabel() == "objective at the solution"
    scored = PathDisplay.from_models(models, held_out.data, held_out.truth, scoring="accuracy")
    assert scored.ax_.get_ylabel() == "accuracy"


def test_ties_mark_the_largest_alpha(problem, models):
    display = PathDisplay.from_models(
        models, problem.data, problem.truth, scoring=lambda model, X, y: 0.0
    )
    assert display.chosen == 1.0


def test_bad_paths(problem, models):
    search = IISVOR_IMCCV(alphas=ALPHAS, cv=2, refit=False, classes=problem.classes)
    with pytest.raises(NotFittedError):
        PathDisplay.from_estimator(search)
    search.fit(problem.data, problem.target)
    with pytest.raises(ValueError, match="Cross-validation keeps no objectives for each alpha"):
        PathDisplay.from_estimator(search).plot(kind="objective")
    with pytest.raises(
        TypeError, match=r"chooses alpha by cross-validation.*got IISVOR_IMC\. For"
    ):
        PathDisplay.from_estimator(models[0])
    with pytest.raises(ValueError, match="models is empty; pass the list that vilma_path returns"):
        PathDisplay.from_models([])
    with pytest.raises(ValueError, match="X is given without y; pass both, or neither"):
        PathDisplay.from_models(models, problem.data)
    with pytest.raises(ValueError, match="y is given without X"):
        PathDisplay.from_models(models, y=problem.target)
    with pytest.raises(ValueError, match="There are no scores; pass held-out data X and y"):
        PathDisplay.from_models(models, kind="score")
    with pytest.raises(ValueError, match="kind should be one of 'score', 'objective', got 'loss'"):
        PathDisplay.from_models(models, kind="loss")
    with pytest.raises(NotFittedError):
        PathDisplay.from_models([IISVOR_IMC()])


def test_wrapped_estimators_are_to_be_unwrapped():
    problem = make_interval_problem(60, 2, n_classes=4, random_state=0)
    model = CalibratedOrdinalClassifier(IISVOR_IMC(classes=problem.classes), cv=2)
    model.fit(problem.data, problem.target)
    with pytest.raises(TypeError, match="which CalibratedOrdinalClassifier has not"):
        ConvergenceDisplay.from_estimator(model)


# Directions of several pieces


@pytest.fixture(scope="module")
def piecewise(problem):
    return PWVILMA(classes=problem.classes).fit(problem.data, problem.truth)


def test_directions_are_the_weights_of_every_step(piecewise):
    display = DirectionsDisplay.from_estimator(piecewise)
    np.testing.assert_allclose(display.weights, piecewise.step_weights_ @ piecewise.coef_)
    (image,) = display.ax_.images
    np.testing.assert_allclose(image.get_array(), display.weights)
    assert image.norm.vmax == -image.norm.vmin == np.abs(display.weights).max()
    steps = [text.get_text() for text in display.ax_.get_yticklabels()]
    assert steps == ["1 to 2", "2 to 3", "3 to 4", "4 to 5", "5 to 6"]
    assert [text.get_text() for text in display.ax_.get_xticklabels()] == list("0123")


def test_the_features_with_the_largest_weights_are_drawn(piecewise):
    pipe = make_pipeline(piecewise)
    display = DirectionsDisplay.from_estimator(pipe, feature_names=list("abcd"), max_features=2)
    largest = np.abs(piecewise.coef_).max(axis=0)
    kept = np.sort(np.argsort(-largest)[:2])
    assert display.feature_names.tolist() == [list("abcd")[j] for j in kept]
    np.testing.assert_allclose(
        display.weights, (piecewise.step_weights_ @ piecewise.coef_)[:, kept]
    )


def test_refused_directions(model, piecewise):
    with pytest.raises(TypeError, match=r"needs a PWVILMA, .* got IISVOR_IMC"):
        DirectionsDisplay.from_estimator(model)
    with pytest.raises(NotFittedError):
        DirectionsDisplay.from_estimator(PWVILMA())
    with pytest.raises(
        ValueError, match=r"feature_names has shape \(2,\), but coef has 4 columns"
    ):
        DirectionsDisplay.from_estimator(piecewise, feature_names=["a", "b"])
    with pytest.raises(ValueError, match=r"6 classes and 5 rows of coef want shape \(5, 5\)"):
        DirectionsDisplay.from_coef(
            piecewise.coef_, np.eye(3), classes=range(6), feature_names=list("abcd")
        )


def test_several_projections_have_no_thresholds_display(problem, piecewise):
    with pytest.raises(TypeError, match=r"draws a single projection. PWVILMA has 5 directions"):
        ThresholdsDisplay.from_estimator(piecewise, problem.data, problem.truth)
    single = PWVILMA(n_pieces=1, classes=problem.classes).fit(problem.data, problem.truth)
    with pytest.raises(TypeError, match="VILMA with the same alpha and loss is the same model"):
        ThresholdsDisplay.from_estimator(single, problem.data, problem.truth)


def test_convergence_of_several_directions(piecewise):
    display = ConvergenceDisplay.from_estimator(piecewise)
    assert display.history is piecewise.history_


@pytest.mark.parametrize("as_matrices", [False, True])
def test_the_path_of_the_chosen_correlation_and_loss(problem, as_matrices):
    names = ["squared", "zero_one"]
    losses = [cost_matrix(name, len(problem.classes)) for name in names] if as_matrices else names
    model = PWVILMACV(alphas=ALPHAS, losses=losses, cv=3, classes=problem.classes, tol=1e-2)
    model.fit(problem.data, problem.truth)
    display = PathDisplay.from_estimator(model)
    place = model.correlations_.tolist().index(model.correlation_)
    assert model.loss_ is losses[1]
    np.testing.assert_array_equal(display.scores, model.cv_scores_[:, place, 1])
    assert display.chosen == model.alpha_


def test_heaviest_columns_have_the_largest_deviations():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    y = np.digitize(X[:, 0] - X[:, 1] > 0, [0.5])
    features = TableFeatures(n_trees=5, max_depth=2, n_components=4)
    model = make_pipeline(features, IISVOR_IMC(0.001)).fit(X, y)
    display = HeaviestColumnsDisplay.from_estimator(model, X, n_columns=6)
    columns = features.transform(X).toarray()
    influence = (columns * model[-1].coef_).std(axis=0) * np.sign(model[-1].coef_)
    heaviest = np.argsort(-np.abs(influence))[:6]
    np.testing.assert_allclose(display.influences, influence[heaviest], rtol=1e-6)
    assert list(display.names) == list(features.get_feature_names_out()[heaviest])
    assert [label.get_text() for label in display.ax_.get_yticklabels()] == list(display.names)
    straight = HeaviestColumnsDisplay.from_estimator(model[-1], columns, n_columns=1)
    assert straight.names[0] == f"x{heaviest[0]}"
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        HeaviestColumnsDisplay.from_estimator(model, X, names=["a"])
