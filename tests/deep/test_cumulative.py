"""CORAL, CORN and cumulative link models, with interval labels."""

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import norm

torch = pytest.importorskip("torch", reason="torch is not installed")

from vilma.deep import DeepOrdinalClassifier  # noqa: E402
from vilma.deep.losses import clm_loss, coral_loss, corn_loss  # noqa: E402
from vilma.deep.losses.cumulative import LINKS, clm_log_probabilities  # noqa: E402
from vilma.deep.objectives import CLM, CORAL, CORN  # noqa: E402

CDF = {"logit": expit, "probit": norm.cdf, "cloglog": lambda x: 1 - np.exp(-np.exp(x))}


def problem(seed, m=15):
    rng = np.random.default_rng(seed)
    n_classes = int(rng.integers(2, 7))
    ends = np.sort(rng.integers(0, n_classes, size=(m, 2)), axis=1)
    ends[:3] = ends[:3, :1]
    return rng, n_classes, ends, [torch.from_numpy(end) for end in ends.T]


@pytest.mark.parametrize("seed", range(4))
def test_coral_is_its_definition(seed):
    rng, n_classes, ends, labels = problem(seed)
    f, weight = 2 * rng.normal(size=(15, n_classes - 1)), rng.random(15)
    expected = [
        -sum(np.log(expit(row[k])) for k in range(l))
        - sum(np.log(1 - expit(row[k])) for k in range(u, n_classes - 1))
        for row, (l, u) in zip(f, ends, strict=True)
    ]
    found = coral_loss(torch.from_numpy(f), *labels, weights=torch.from_numpy(weight))
    assert found.item() == pytest.approx(np.mean(weight * expected))


@pytest.mark.parametrize("seed", range(4))
def test_corn_is_the_likelihood_of_the_interval(seed):
    rng, n_classes, ends, labels = problem(seed)
    f = 2 * rng.normal(size=(15, n_classes - 1))
    beyond = np.hstack([np.ones((15, 1)), np.cumprod(expit(f), axis=1), np.zeros((15, 1))])
    rows = np.arange(15)
    likelihood = beyond[rows, ends[:, 0]] - beyond[rows, ends[:, 1] + 1]
    found = corn_loss(torch.from_numpy(f), *labels)
    assert found.item() == pytest.approx(-np.log(likelihood).mean())


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("seed", range(4))
def test_clm_is_the_likelihood_of_the_interval(link, seed):
    rng, n_classes, ends, labels = problem(seed)
    s, theta = rng.normal(size=15), np.sort(rng.normal(size=n_classes - 1))
    around = np.concatenate([[-np.inf], theta, [np.inf]])
    with np.errstate(over="ignore"):
        F = CDF[link](around[None, :] - s[:, None])
    rows = np.arange(15)
    likelihood = F[rows, ends[:, 1] + 1] - F[rows, ends[:, 0]]
    scores, thresholds = torch.from_numpy(s), torch.from_numpy(theta)
    found = clm_loss(scores, thresholds, *labels, link=link)
    assert found.item() == pytest.approx(-np.log(likelihood).mean())
    each = clm_log_probabilities(scores, thresholds, link=link).exp()
    np.testing.assert_allclose(each, np.diff(F, axis=1), atol=1e-12)


@pytest.mark.parametrize("link", LINKS)
def test_clm_gradient(link):
    _, n_classes, _, labels = problem(1)
    scores = torch.linspace(-2, 2, 15, dtype=torch.float64).requires_grad_()
    thresholds = torch.linspace(-1, 1.2, n_classes - 1, dtype=torch.float64).requires_grad_()
    loss = lambda s, t: clm_loss(s, t, *labels, link=link)  # noqa: E731
    assert torch.autograd.gradcheck(loss, (scores, thresholds))


@pytest.mark.parametrize("scale", [0.0, 30.0, 1e3])
def test_gradients_are_finite(scale):
    _, n_classes, _, labels = problem(2)
    scores = (scale * torch.linspace(-1, 1, 15)).requires_grad_()
    thresholds = torch.zeros(n_classes - 1)  # ties too
    logits = (scores[:, None] - thresholds).clone()
    losses = [coral_loss(logits, *labels), corn_loss(logits, *labels)]
    losses += [clm_loss(scores, thresholds, *labels, link=link) for link in ("logit", "probit")]
    for loss in losses:
        (gradient,) = torch.autograd.grad(loss, scores, retain_graph=True)
        assert torch.isfinite(loss)
        assert torch.isfinite(gradient).all()


@pytest.mark.parametrize("loss", [CORAL(), CORN(), CLM(), CLM("probit"), CLM("cloglog")])
def test_probabilities_of_the_estimator(loss):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    y = np.digitize(X @ [1.0, -2.0, 0.5], [-2, -0.5, 0.5, 2])
    settings = {"learning_rate": 0.02, "max_epochs": 40, "random_state": 0}
    model = DeepOrdinalClassifier(loss, **settings).fit(X, y)
    probabilities = model.predict_proba(X)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0)
    np.testing.assert_allclose(model.project(X), probabilities @ np.arange(5), atol=1e-4)
    assert np.mean(model.predict(X) == y) > 0.8
    mode = DeepOrdinalClassifier(loss.set_params(rule="mode"), **settings).fit(X, y)
    np.testing.assert_array_equal(mode.predict(X), mode.predict_proba(X).argmax(axis=1))


def test_bad_arguments():
    y = torch.tensor([0])
    with pytest.raises(ValueError, match="link should be 'logit', 'probit' or 'cloglog', got 'x'"):
        clm_loss(torch.zeros(1), torch.zeros(2), y, y, link="x")
    with pytest.raises(ValueError, match="0 <= lower <= upper < 3, but row 0 has lower=3"):
        corn_loss(torch.zeros(1, 2), y + 3, y + 3)
