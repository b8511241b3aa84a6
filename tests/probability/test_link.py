"""The ordered logit of a projection: the fit with its prior, and what the model says."""

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from tests.reference.likelihood import DISTRIBUTIONS, random_scores
from vilma.likelihood import LINKS
from vilma.probability import link_fit
from vilma.probability.link_fit import CumulativeLink, fit_cumulative_link
from vilma.surrogates import LabeledWeights


@pytest.fixture(params=LINKS)
def link(request):
    """The name of each link."""
    return request.param


def test_the_fit_says_when_it_did_not_arrive(monkeypatch):
    options = link_fit._OPTIONS
    monkeypatch.setattr(link_fit, "_OPTIONS", type(options)(1e-10, 1, 0, exact=True))
    s, labels = random_scores()
    with pytest.warns(ConvergenceWarning, match=r"not converged after 1 Newton steps.*Scale X"):
        fit_cumulative_link("logit", s, labels)


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
    logs = model.log_probabilities(s)
    assert np.isfinite(logs).all()
    proba = np.exp(logs)
    np.testing.assert_allclose(proba.sum(axis=1), 1.0)
    assert (proba[:50, :3].sum(axis=1) > 0.75).all()


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
    s, labels = random_scores()
    a = fit_cumulative_link("logit", s, labels)
    b = fit_cumulative_link("logit", s, labels._replace(weight=1e-6 * labels.weight))
    np.testing.assert_allclose(a.cuts, b.cuts, atol=1e-9)


def test_a_projection_the_wrong_way_round_is_turned():
    s, labels = random_scores()
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
    far = 6.0 if link == "cloglog" else 100.0  # its upper tail is doubly exponential
    logs = model.log_probabilities(np.array([-far, far]))
    distribution = DISTRIBUTIONS[link]
    np.testing.assert_allclose(logs[0, 2], distribution.logsf(far + 1.0), rtol=1e-9)
    np.testing.assert_allclose(logs[1, 0], distribution.logcdf(-far - 1.0), rtol=1e-9)


def test_shift_and_scale():
    model = CumulativeLink("logit", np.array([-1.0, 1.0]), 2.0)
    s = np.linspace(10.0, 20.0, 7)
    moved = model.shifted_and_scaled(mean=14.0, deviation=3.0)
    np.testing.assert_allclose(
        moved.log_probabilities(s), model.log_probabilities((s - 14.0) / 3.0)
    )
