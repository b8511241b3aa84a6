"""Probabilities from label scores: the softmax link, and what wraps PW-VILMA."""

import numpy as np
import pytest
from scipy.optimize import approx_fprime, minimize
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from vilma import (
    PWVILMA,
    VILMA,
    CalibratedOrdinalClassifier,
    ConformalOrdinalClassifier,
)
from vilma.metrics import prediction_interval_coverage, ranked_probability_score
from vilma.probability.softmax import SoftmaxLink, fit_softmax_link
from vilma.surrogates import LabeledWeights


def naive_objective(point, scores, labels):
    """Negative log-likelihood with the prior, by loops; all steps supported."""
    lower, upper, weight, n_classes = labels
    offsets = np.concatenate([[0.0], np.cumsum(point[1:])])
    total = 0.0
    for i in range(len(scores)):
        mass = np.exp(point[0] * scores[i] + offsets)
        mass /= mass.sum()
        total -= weight[i] * np.log(mass[lower[i] : upper[i] + 1].sum())
        total -= weight.mean() / (len(scores) * n_classes) * np.log(mass).sum()
    return total


@pytest.mark.parametrize("exact", [True, False])
def test_the_link_minimises_the_naive_likelihood(exact):
    rng = np.random.default_rng(0)
    scores = np.cumsum(rng.normal(size=(60, 4)), axis=1)
    lower = np.clip(scores.argmax(axis=1) + rng.integers(-1, 2, size=60), 0, 3)
    upper = lower if exact else np.minimum(lower + rng.integers(0, 2, size=60), 3)
    labels = LabeledWeights(lower, upper, rng.uniform(0.5, 2.0, size=60), 4)
    link = fit_softmax_link(scores, labels)
    point = np.concatenate([[link.slope], np.diff(link.offsets)])
    gradient = approx_fprime(point, naive_objective, 1e-6, scores, labels)
    np.testing.assert_allclose(gradient, 0.0, atol=2e-3)
    other = minimize(naive_objective, np.array([1.0, 0, 0, 0]), (scores, labels)).fun
    assert naive_objective(point, scores, labels) == pytest.approx(other, rel=1e-6)


def test_probabilities_and_medians():
    link = SoftmaxLink(1.0, np.log([1.0, 2.0, 1.0]))
    scores = np.zeros((1, 3))
    np.testing.assert_allclose(np.exp(link.log_probabilities(scores)), [[0.25, 0.5, 0.25]])
    assert link.medians(scores).tolist() == [1]
    assert link.medians(np.array([[9.0, 0.0, 0.0], [0.0, 0.0, 9.0]])).tolist() == [0, 2]


def test_labels_inside_brackets_keep_their_scores():
    # Steps 0 and 2 are inside of brackets: their offsets stay 0.
    rng = np.random.default_rng(1)
    scores = rng.normal(size=(50, 4))
    lower = 2 * rng.integers(0, 2, size=50)
    labels = LabeledWeights(lower, lower + 1, np.ones(50), 4)
    link = fit_softmax_link(scores, labels)
    assert link.offsets[0] == link.offsets[1] == 0.0
    assert link.offsets[2] == link.offsets[3]


def curved(n, seed):
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0.0, 1.5 * np.pi, n)
    X = np.stack([np.cos(angle), np.sin(angle)], axis=1) + 0.2 * rng.normal(size=(n, 2))
    return X, np.minimum(angle / (0.3 * np.pi), 4).astype(int)


def test_calibration_of_several_directions():
    X, y = curved(300, 0)
    test, truth = curved(300, 1)
    several = PWVILMA(alpha=0.01, correlation=0.5, tol=1e-2)
    model = CalibratedOrdinalClassifier(several, cv=3).fit(X, y)
    proba = model.predict_proba(test)
    assert proba.shape == (300, 5)
    np.testing.assert_allclose(proba.sum(axis=1), 1.0)
    assert model.offsets_.shape == (5,)
    assert model.slope_ > 0.0
    assert not hasattr(model, "cuts_")
    assert model.project(test).shape == (300, 4)
    one = CalibratedOrdinalClassifier(VILMA(alpha=0.01), cv=3).fit(X, y)
    scores = [
        ranked_probability_score(truth, each.predict_proba(test), classes=range(5))
        for each in (model, one)
    ]
    assert scores[0] < 0.7 * scores[1]
    medians = (np.cumsum(proba, axis=1) < 0.5).sum(axis=1)
    np.testing.assert_array_equal(model.predict(test), medians)


def test_frozen_models_pipelines_and_refits():
    X, y = curved(200, 0)
    pipe = make_pipeline(StandardScaler(), PWVILMA(alpha=0.01, tol=1e-2)).fit(X, y)
    model = CalibratedOrdinalClassifier(FrozenEstimator(pipe)).fit(*curved(200, 2))
    assert model.estimator_.estimator is pipe
    assert model.predict_proba(X).shape == (200, 5)
    model.set_params(estimator=VILMA(alpha=0.01)).fit(X, y)
    assert hasattr(model, "cuts_")
    assert not hasattr(model, "offsets_")


def test_prediction_intervals_of_several_directions():
    X, y = curved(400, 0)
    test, truth = curved(400, 1)
    several = PWVILMA(alpha=0.01, correlation=0.5, tol=1e-2)
    model = ConformalOrdinalClassifier(several).fit(X, y)
    intervals = model.predict_interval(test, coverage=0.9)
    assert 0.84 <= prediction_interval_coverage(truth, intervals) <= 0.98
