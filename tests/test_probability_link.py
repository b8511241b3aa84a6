"""Cumulative links: likelihood of intervals, its derivatives, and the fit."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import logistic, norm
from sklearn.exceptions import ConvergenceWarning

from vilma.probability import likelihood
from vilma.probability.cumulative import CumulativeLink, fit_cumulative_link
from vilma.probability.likelihood import Objective, minimize_newton
from vilma.probability.links import LINKS, log_mass
from vilma.surrogates import LabeledWeights

DISTRIBUTIONS = {"logit": logistic, "probit": norm}


@pytest.fixture(params=LINKS)
def link(request):
    """The name of each link."""
    return request.param


def problem(m=200, n_classes=5, seed=0, width=2):
    """Projections and interval labels of random width, with random weights."""
    rng = np.random.default_rng(seed)
    s = rng.normal(size=m)
    y = np.clip(np.round(1.2 * s + rng.logistic(size=m) / 2 + n_classes / 2), 0, n_classes - 1)
    y = y.astype(np.int64)
    lower = np.maximum(y - rng.integers(0, width, size=m), 0)
    upper = np.minimum(y + rng.integers(0, width, size=m), n_classes - 1)
    return s, LabeledWeights(lower, upper, rng.uniform(0.5, 2.0, size=m), n_classes)


def naive_value(link, point, s, labels):
    """The objective, row by row, by SciPy's distributions."""
    cdf = DISTRIBUTIONS[link].cdf
    cuts = [-np.inf, *point[:-1], np.inf]
    total = 0.0
    for each, low, high, weight in zip(s, *labels[:3], strict=True):
        shift = point[-1] * each
        total -= weight * np.log(cdf(cuts[high + 1] - shift) - cdf(cuts[low] - shift))
    return total


# The likelihood -------------------------------------------------------------------------------


@pytest.mark.parametrize("n_classes", [2, 3, 6])
def test_value_equals_its_naive_twin(link, n_classes):
    s, labels = problem(n_classes=n_classes)
    objective = Objective(LINKS[link], s, labels)
    point = np.append(np.linspace(-1.0, 1.5, n_classes - 1) ** 3, 0.8)
    expected = naive_value(link, point, s, labels)
    assert objective.value(point) == pytest.approx(expected, rel=1e-12)
    assert objective.derivatives(point).value == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("n_classes", [2, 3, 6])
def test_derivatives_are_difference_quotients(link, n_classes):
    s, labels = problem(n_classes=n_classes)
    objective = Objective(LINKS[link], s, labels)
    point = np.append(np.linspace(-1.0, 1.5, n_classes - 1), 0.8)
    derivatives = objective.derivatives(point)
    for k in range(n_classes):
        step = np.zeros(n_classes)
        step[k] = 1e-5
        after, before = objective.derivatives(point + step), objective.derivatives(point - step)
        assert derivatives.gradient[k] == pytest.approx(
            (after.value - before.value) / 2e-5, rel=1e-6, abs=1e-5
        )
        np.testing.assert_allclose(
            derivatives.hessian[k], (after.gradient - before.gradient) / 2e-5, atol=1e-5
        )


def test_cuts_must_increase():
    s, labels = problem(n_classes=4)
    objective = Objective(LINKS["logit"], s, labels)
    assert objective.value(np.array([0.0, 0.0, 1.0, 1.0])) == np.inf
    assert np.isfinite(objective.value(np.array([0.0, 0.1, 1.0, 1.0])))


def test_mass_of_far_and_thin_intervals(link):
    distribution = DISTRIBUTIONS[link]
    low, high = np.array([30.0, -31.0, -1.0]), np.array([31.0, -30.0, -1.0 + 1e-9])
    expected = [
        distribution.logsf(30.0) + np.log1p(-np.exp(np.diff(distribution.logsf([30, 31]))[0])),
        distribution.logcdf(-30.0) + np.log1p(-np.exp(np.diff(distribution.logsf([30, 31]))[0])),
        distribution.logpdf(-1.0) + np.log(1e-9),
    ]
    np.testing.assert_allclose(log_mass(LINKS[link], low, high), expected, rtol=1e-7)
    whole = log_mass(LINKS[link], np.array([-np.inf]), np.array([np.inf]))
    np.testing.assert_array_equal(whole, [0.0])


def test_newton_finds_the_minimum_of_a_general_solver(link):
    s, labels = problem()
    objective = Objective(LINKS[link], s, labels)
    start = np.array([-1.5, -0.5, 0.5, 1.5, 0.0])
    ours = minimize_newton(objective, start, len(s))

    def cuts_from(free):  # any free numbers make increasing cuts
        return np.concatenate([[free[0]], free[0] + np.cumsum(np.exp(free[1:-1])), free[-1:]])

    reference = minimize(
        lambda free: naive_value(link, cuts_from(free), s, labels),
        np.array([-1.5, 0.0, 0.0, 0.0, 0.0]),
        options={"gtol": 1e-4},
    )
    assert objective.value(ours) <= reference.fun + 1e-7
    np.testing.assert_allclose(ours, cuts_from(reference.x), atol=1e-3)


def test_newton_says_when_it_did_not_arrive(monkeypatch):
    monkeypatch.setattr(likelihood, "_MAX_STEPS", 1)
    s, labels = problem()
    objective = Objective(LINKS["logit"], s, labels)
    with pytest.warns(ConvergenceWarning, match=r"not converged after 1 Newton steps.*Scale X"):
        minimize_newton(objective, np.array([-1.5, -0.5, 0.5, 1.5, 0.0]), len(s))


# The fit --------------------------------------------------------------------------------------


def exact(y, n_classes, weight=None):
    """Exact labels with weights."""
    y = np.asarray(y, dtype=np.int64)
    return LabeledWeights(y, y, np.ones(len(y)) if weight is None else weight, n_classes)


@pytest.mark.parametrize("interval", [False, True])
def test_parameters_are_recovered(link, interval):
    rng = np.random.default_rng(0)
    cuts, slope, m = np.array([-1.0, 0.0, 1.5]), 1.5, 20_000
    s = rng.normal(size=m)
    noise = DISTRIBUTIONS[link].rvs(size=m, random_state=rng)
    y = np.searchsorted(cuts, slope * s + noise)
    labels = exact(y, 4)
    if interval:  # half of the rows know the halves of the scale only
        coarse = rng.random(m) < 0.5
        half = 2 * (y // 2)
        labels = labels._replace(
            lower=np.where(coarse, half, y), upper=np.where(coarse, half + 1, y)
        )
    model = fit_cumulative_link(link, s, labels)
    np.testing.assert_allclose(model.cuts, cuts, atol=0.06)
    assert model.slope == pytest.approx(slope, abs=0.06)


def test_without_a_slope_probabilities_are_frequencies():
    y = np.repeat([0, 1, 2], [500, 300, 200])
    model = fit_cumulative_link("logit", np.zeros(1000), exact(y, 3))
    proba = np.exp(model.log_probabilities(np.zeros(1)))
    np.testing.assert_allclose(proba, [[0.5, 0.3, 0.2]], atol=0.005)


def test_separated_classes_and_empty_classes_stay_finite(link):
    s = np.concatenate([np.linspace(-1.5, -0.5, 50), np.linspace(0.5, 1.5, 50)])
    model = fit_cumulative_link(link, s, exact(np.repeat([1, 3], 50), 6))
    assert np.isfinite(model.cuts).all()
    assert np.isfinite(model.slope)
    assert (np.diff(model.cuts) > 0).all()
    proba = np.exp(model.log_probabilities(s))
    assert (proba > 0).all()
    np.testing.assert_allclose(proba.sum(axis=1), 1.0)
    assert (proba[:50, :3].sum(axis=1) > 0.85).all()


def bracketed(exact_rows):
    """Projections, labels 0 to 11, and their cells of three but for the first rows."""
    rng = np.random.default_rng(1)
    s = rng.normal(size=3000)
    y = np.clip(np.round(2 * s + rng.logistic(size=3000)) + 6, 0, 11).astype(np.int64)
    cell = 3 * (y // 3)
    first = np.arange(3000) < exact_rows
    lower, upper = np.where(first, y, cell), np.where(first, y, cell + 2)
    return s, y, LabeledWeights(lower, upper, np.ones(3000), 12)


@pytest.mark.parametrize("exact_rows", [0, 3, 30])
def test_cuts_with_little_support_are_placed_evenly(exact_rows):
    s, y, labels = bracketed(exact_rows)
    cuts = fit_cumulative_link("logit", s, labels).cuts
    in_line = np.interp(np.arange(2, 9), [2, 5, 8], cuts[[2, 5, 8]])
    np.testing.assert_allclose(cuts[2:9], in_line)
    exact_cuts = fit_cumulative_link("logit", s, exact(y, 12)).cuts
    np.testing.assert_allclose(cuts, exact_cuts, atol=0.3)


def test_a_single_supported_cut_leaves_labels_equally_likely_on_its_sides():
    s, y, _ = bracketed(0)
    half = 6 * (y // 6)
    model = fit_cumulative_link("logit", s, LabeledWeights(half, half + 5, np.ones(3000), 12))
    proba = np.exp(model.log_probabilities(np.zeros(1)))[0]
    assert proba.min() > 0.04
    assert proba.max() < 0.14


def test_the_size_of_weights_does_not_matter():
    s, labels = problem()
    a = fit_cumulative_link("logit", s, labels)
    b = fit_cumulative_link("logit", s, labels._replace(weight=1e-6 * labels.weight))
    np.testing.assert_allclose(a.cuts, b.cuts, atol=1e-9)


def test_a_projection_the_wrong_way_round_is_turned():
    s, labels = problem()
    a, b = fit_cumulative_link("logit", s, labels), fit_cumulative_link("logit", -s, labels)
    assert b.slope == pytest.approx(-a.slope, rel=1e-6)


# What the model says --------------------------------------------------------------------------


def test_probabilities_by_hand():
    model = CumulativeLink("logit", np.array([0.0, np.log(3.0)]), 2.0)
    proba = np.exp(model.log_probabilities(np.array([0.0, 0.5 * np.log(3.0)])))
    np.testing.assert_allclose(proba, [[0.5, 0.25, 0.25], [0.25, 0.25, 0.5]])


def test_medians_have_half_of_the_mass_on_either_side(link):
    model = CumulativeLink(link, np.array([-1.0, -0.5, 0.2, 3.0]), -0.7)
    s = np.linspace(-6.0, 6.0, 101)
    proba = np.exp(model.log_probabilities(s))
    median = model.medians(s)
    below, above = np.cumsum(proba, axis=1), np.cumsum(proba[:, ::-1], axis=1)[:, ::-1]
    assert (below[np.arange(101), median] >= 0.5).all()
    assert (above[np.arange(101), median] >= 0.5).all()


def test_far_projections_keep_the_logarithms(link):
    model = CumulativeLink(link, np.array([-1.0, 1.0]), 1.0)
    logs = model.log_probabilities(np.array([-100.0, 100.0]))
    expected = DISTRIBUTIONS[link].logsf([101.0, 99.0])
    np.testing.assert_allclose(logs[0, 2], expected[0], rtol=1e-9)
    np.testing.assert_allclose(logs[1, 0], expected[0], rtol=1e-9)


def test_shift_and_scale():
    model = CumulativeLink("logit", np.array([-1.0, 1.0]), 2.0)
    s = np.linspace(10.0, 20.0, 7)
    moved = model.shifted_and_scaled(mean=14.0, deviation=3.0)
    np.testing.assert_allclose(
        moved.log_probabilities(s), model.log_probabilities((s - 14.0) / 3.0)
    )
