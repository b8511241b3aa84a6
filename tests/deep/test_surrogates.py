"""The surrogates of the linear estimators as losses of a network."""

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from vilma import IISVOR_EXP, IISVOR_IMC, VILMA
from vilma.losses import cost_matrix

torch = pytest.importorskip("torch", reason="torch is not installed")

from vilma.deep import DeepOrdinalClassifier  # noqa: E402
from vilma.deep.losses import iisvor_exp_loss, iisvor_imc_loss, vilma_loss  # noqa: E402
from vilma.deep.objectives import IISVOR_EXPLoss, IISVOR_IMCLoss, VILMALoss  # noqa: E402

PAIRS = [
    (IISVOR_IMCLoss, IISVOR_IMC, {}),
    (IISVOR_EXPLoss, IISVOR_EXP, {}),
    (VILMALoss, VILMA, {}),
    (VILMALoss, VILMA, {"loss": "squared"}),
]


def data(m=150, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(m, 4)).astype(np.float32)
    score = X @ rng.normal(size=4) + 0.5 * rng.normal(size=m)
    y = np.digitize(score, [-2.0, -1.0, 0.0, 1.0])
    lower = np.maximum(y - rng.integers(0, 2, m), 0)
    upper = np.minimum(y + rng.integers(0, 3, m), 4)
    return X, np.stack([lower, upper], axis=1)


# Functions ------------------------------------------------------------------------------------


def naive_imc(s, theta, l, u):
    below = sum(max(0.0, 1 - s + theta[k]) for k in range(l))
    return below + sum(max(0.0, 1 + s - theta[k]) for k in range(u, len(theta)))


def naive_exp(s, theta, l, u):
    below = max(0.0, 1 - s + theta[l - 1]) if l > 0 else 0.0
    return below + (max(0.0, 1 + s - theta[u]) if u < len(theta) else 0.0)


def naive_vilma(s, theta, l, u, cost):
    b = [0.0]
    for step in theta:
        b.append(b[-1] - step)
    below = max(cost[y, l] + s * (y - l) + b[y] - b[l] for y in range(l + 1))
    return below + max(cost[y, u] + s * (y - u) + b[y] - b[u] for y in range(u, len(b)))


@pytest.mark.parametrize("seed", range(5))
def test_against_loops(seed):
    rng = np.random.default_rng(seed)
    n_classes, m = int(rng.integers(2, 7)), 20
    s, theta = 2 * rng.normal(size=m), rng.normal(size=n_classes - 1)
    s[0] = theta[0]
    ends = np.sort(rng.integers(0, n_classes, size=(m, 2)), axis=1)
    weight = rng.random(m)
    cost = cost_matrix("squared", n_classes)
    args = torch.from_numpy(s), torch.from_numpy(theta), *map(torch.from_numpy, ends.T)
    weights = torch.from_numpy(weight)
    for loss, naive, extra, options in [
        (iisvor_imc_loss, naive_imc, (), {}),
        (iisvor_exp_loss, naive_exp, (), {}),
        (vilma_loss, naive_vilma, (cost_matrix("mae", n_classes),), {}),
        (vilma_loss, naive_vilma, (cost,), {"cost": torch.from_numpy(cost)}),
    ]:
        expected = [naive(x, theta, l, u, *extra) for x, (l, u) in zip(s, ends, strict=True)]
        found = loss(*args, weights=weights, **options)
        assert found.item() == pytest.approx(np.mean(weight * expected), rel=1e-12)
        assert loss(*args, **options).item() == pytest.approx(np.mean(expected), rel=1e-12)


def test_bad_arguments():
    scores, thresholds = torch.zeros(2), torch.zeros(3)
    y = torch.tensor([0, 4])
    for loss in (iisvor_imc_loss, iisvor_exp_loss, vilma_loss):
        with pytest.raises(ValueError, match="0 <= lower <= upper < 4, but row 1 has lower=4"):
            loss(scores, thresholds, y, y)
        with pytest.raises(ValueError, match=r"scores should have the shape \(2,\)"):
            loss(torch.zeros(2, 1), thresholds, y, y)
    with pytest.raises(ValueError, match="cost should have 4 rows, got 2"):
        vilma_loss(scores, thresholds, y - y, y - y, cost=torch.zeros(2, 2))


# The same problem as the linear estimators' ------------------------------------------------------


@pytest.mark.parametrize(("loss", "estimator", "parameters"), PAIRS)
def test_a_linear_network_reaches_the_certified_objective(loss, estimator, parameters):
    X, y = data()
    weight = np.random.default_rng(1).random(len(X)) + 0.5
    network = DeepOrdinalClassifier(
        loss(0.1, **parameters),
        hidden_layer_sizes=(),
        weight_decay=0.0,
        learning_rate=0.05,
        batch_size=len(X),
        max_epochs=2000,
        random_state=0,
    ).fit(X, y, weight)
    Z = StandardScaler().fit_transform(X.astype(np.float64))
    certified = estimator(0.1, tol=1e-5, **parameters).fit(Z, y, weight)
    reached = network.history_["loss"][-1]
    assert certified.lower_bound_ * (1 - 1e-5) <= reached <= certified.objective_ * (1 + 1e-3)


@pytest.mark.parametrize(("loss", "estimator", "parameters"), PAIRS)
def test_the_head_becomes_the_certified_optimum(loss, estimator, parameters):
    X, y = data()
    y = y * 10
    settings = {"hidden_layer_sizes": (6,), "max_epochs": 5, "random_state": 0}
    trained = DeepOrdinalClassifier(loss(**parameters), **settings).fit(X, y)
    refitted = DeepOrdinalClassifier(loss(**parameters), refit_head=True, **settings).fit(X, y)
    Z = refitted.transform(X)
    np.testing.assert_array_equal(Z, trained.transform(X))
    model = refitted.linear_model_
    assert isinstance(model, estimator)
    assert 0 <= model.gap_ <= model.tol
    assert model.objective_ < trained.history_["loss"][-1]
    np.testing.assert_array_equal(refitted.predict(X), model.predict(Z))
    again = estimator(**parameters, classes=range(0, 41, 10)).fit(Z, y)
    assert model.objective_ == pytest.approx(again.objective_, rel=1e-6)
    assert not hasattr(refitted.set_params(refit_head=False).fit(X, y), "linear_model_")


def test_only_surrogates_can_be_refitted():
    X, y = data()
    with pytest.raises(ValueError, match="refit_head=True needs a loss with a certified optimum"):
        DeepOrdinalClassifier("gaussian", refit_head=True).fit(X, y)
