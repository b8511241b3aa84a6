"""The progressive margin loss, its margins, and the statistics of classes behind them."""

from __future__ import annotations

import importlib
import math

import numpy as np
import pytest

from tests.reference import deep_losses as naive

torch = pytest.importorskip("torch")
losses = importlib.import_module("vilma.deep.losses")


def normal(rng, *shape):
    return torch.tensor(rng.normal(size=shape), dtype=torch.float64)


@pytest.fixture(params=range(2))
def rng(request):
    return np.random.default_rng(request.param)


def targets_of(logits, rng):
    n, n_classes = logits.shape
    lower = rng.integers(0, n_classes, n)
    upper = np.minimum(lower + rng.integers(0, 3, n), n_classes - 1)
    table = losses.gaussian_table(n_classes, dtype=torch.float64)
    return losses.posterior_targets(logits, torch.tensor(lower), torch.tensor(upper), table)


@pytest.mark.parametrize("n_classes", [1, 2, 7])
@pytest.mark.parametrize("form", ["ova", "softmax"])
def test_pml_is_its_definition(form, n_classes, rng):
    logits, margins = normal(rng, 5, n_classes), normal(rng, 5, n_classes)
    targets = targets_of(logits, rng)
    value = losses.pml_loss(logits, targets, margins, form=form)
    expected = naive.pml(logits.tolist(), targets.tolist(), margins.tolist(), form)
    assert value.item() == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("form", ["ova", "softmax"])
def test_pml_gradient(form, rng):
    logits, margins = normal(rng, 4, 5).requires_grad_(), normal(rng, 4, 5).requires_grad_()
    targets = targets_of(logits, rng)
    assert torch.autograd.gradcheck(
        lambda s, m: losses.pml_loss(s, targets, m, form=form), (logits, margins)
    )


@pytest.mark.parametrize("form", ["ova", "softmax"])
def test_zero_margins_give_the_soft_cross_entropy(form, rng):
    logits = 5 * normal(rng, 6, 9)
    targets = targets_of(logits, rng)
    torch.testing.assert_close(
        losses.pml_loss(logits, targets, torch.zeros_like(logits), form=form),
        losses.soft_label_loss(logits, targets),
        rtol=0,
        atol=1e-12,
    )


def test_a_margin_makes_its_class_dearer(rng):
    logits = normal(rng, 1, 4)
    targets = torch.eye(4, dtype=torch.float64)[:1]
    margins = torch.tensor([[1.0, 0.0, 0.0, 0.0]])
    for form in ("ova", "softmax"):
        with_margin = losses.pml_loss(logits, targets, margins, form=form)
        assert with_margin > losses.soft_label_loss(logits, targets)


@pytest.mark.parametrize("form", ["ova", "softmax"])
@pytest.mark.parametrize("scale", [0.0, 1e3, -1e3, 1e300])
def test_pml_gradients_are_finite(form, scale, rng):
    logits = (scale * normal(rng, 3, 4).clamp(-1, 1)).requires_grad_()
    targets = targets_of(logits, rng)
    losses.pml_loss(logits, targets, normal(rng, 3, 4), form=form).backward()
    assert torch.isfinite(logits.grad).all()


def test_margins_of_samples():
    ordinal = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    posterior = torch.tensor([[1.0, 0.0], [0.5, 0.5]])
    margins = losses.progressive_margins(
        ordinal, torch.tensor([10.0, 20.0]), posterior, ordinal_weight=2, variational_weight=0.5
    )
    assert margins.tolist() == [[7, 14], [9, 16]]


# Class statistics


def random_parts(rng, n, n_classes, precise):
    if precise:
        return torch.eye(n_classes, dtype=torch.float64)[rng.integers(0, n_classes - 1, n)]
    parts = rng.random((n, n_classes)) * (rng.random((n, n_classes)) < 0.6)
    parts[:, 0] += 1e-3
    parts[:, -1] = 0  # a class that nobody has
    return torch.tensor(parts / parts.sum(axis=1, keepdims=True))


@pytest.mark.parametrize("precise", [True, False])
def test_statistics_are_those_of_one_sample_after_the_other(precise, rng):
    statistics = losses.ClassStatistics(5, 3, dtype=torch.float64)
    batches = []
    for n in (1, 6, 4, 11):
        x, parts = normal(rng, n, 3), random_parts(rng, n, 5, precise)
        if n == 6:
            x[2] = 0
        statistics.update(x, parts)
        batches.append((x.tolist(), parts.tolist()))
    counts, centres, scatter = naive.class_statistics(batches, 5, 3)
    np.testing.assert_allclose(statistics.counts, counts, atol=1e-10)
    np.testing.assert_allclose(statistics.centres, centres, atol=1e-10)
    np.testing.assert_allclose(statistics.scatter, scatter, atol=1e-10)


def test_centres_are_means_however_batches_are_cut(rng):
    x, y = normal(rng, 30, 4), torch.tensor(rng.integers(0, 3, 30))
    parts = torch.eye(3, dtype=torch.float64)[y]
    whole = losses.ClassStatistics(3, 4, dtype=torch.float64)
    whole.update(x, parts)
    pieces = losses.ClassStatistics(3, 4, dtype=torch.float64)
    for start in range(0, 30, 7):
        pieces.update(x[start : start + 7], parts[start : start + 7])
    torch.testing.assert_close(whole.table(), pieces.table())
    for j in range(3):
        torch.testing.assert_close(whole.centres[j], x[y == j].mean(dim=0))


def test_mixed_precision_does_not_round_statistics():
    x, parts = torch.randn(20, 4), torch.eye(3).repeat(7, 1)[:20]
    plain, mixed = losses.ClassStatistics(3, 4), losses.ClassStatistics(3, 4)
    plain.update(x, parts)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed.update(x, parts)
        assert torch.equal(mixed.table(), plain.table())


def test_the_table_of_the_networks():
    statistics = losses.ClassStatistics(3, 2)
    assert torch.equal(statistics.table()[:, :3], torch.zeros(3, 3))
    assert torch.equal(statistics.table()[:, 3:], torch.ones(3, 3))  # zero vectors are 1 apart
    x = torch.tensor([[2.0, 0.0], [0.0, 2.0], [0.0, 3.0]])
    statistics.update(x, torch.eye(3)[[0, 0, 1]])
    table = statistics.table()
    # The second sample is 1 from the old centre, and 45 degrees from the new one.
    variance = (1 - math.sqrt(0.5)) / 2
    np.testing.assert_allclose(table[0, :3], [1, 1, variance], atol=1e-6)
    np.testing.assert_allclose(table[1, :3], [0, 3, 0], atol=1e-6)
    between = 1 - math.sqrt(0.5)
    wanted = [[0, between, 1], [between, 0, 1], [1, 1, 1]]
    np.testing.assert_allclose(table[:, 3:], wanted, atol=1e-6)


def test_statistics_are_saved_and_have_no_gradient():
    statistics = losses.ClassStatistics(3, 2)
    x = torch.randn(4, 2, requires_grad=True)
    statistics.update(x, torch.eye(3)[[0, 1, 1, 2]])
    assert not statistics.table().requires_grad
    assert not list(statistics.parameters())
    other = losses.ClassStatistics(3, 2)
    other.load_state_dict(statistics.state_dict())
    assert torch.equal(other.table(), statistics.table())


# Margin networks


def test_ordinal_margins_are_densities():
    torch.manual_seed(0)
    network = losses.OrdinalMargin(6, 4, floor=0.7).double()
    table = torch.randn(6, 4 + 1 + 6, dtype=torch.float64)
    margins = network(table)
    for j, (centre, spread) in enumerate(network.network(table).tolist()):
        mean = 5 / (1 + math.exp(-centre))
        sigma = math.log1p(math.exp(spread)) + 0.7
        for k in range(6):
            density = math.exp(-((k - mean) ** 2) / (2 * sigma**2)) / sigma
            assert margins[j, k].item() == pytest.approx(density / math.sqrt(2 * math.pi))
    assert margins.max() <= 0.4 / 0.7


def test_margins_are_learned_through_the_loss():
    torch.manual_seed(0)
    ordinal, variational = losses.OrdinalMargin(5, 3), losses.VariationalMargin(5, 3)
    statistics = losses.ClassStatistics(5, 3)
    posterior = torch.eye(5)
    statistics.update(torch.randn(5, 3), posterior)
    table = statistics.table()
    margins = losses.progressive_margins(ordinal(table), variational(table), posterior)
    losses.pml_loss(torch.randn(5, 5), losses.gaussian_table(5), margins).backward()
    assert ordinal.network.hidden.weight.grad.any()
    assert variational.network.output.weight.grad.any()


def test_margin_networks_have_the_gradient_of_finite_differences():
    torch.manual_seed(1)
    table = torch.randn(4, 3 + 1 + 4, dtype=torch.float64, requires_grad=True)
    variational = losses.VariationalMargin(4, 3).double()
    torch.nn.init.normal_(variational.network.output.weight)
    assert torch.autograd.gradcheck(losses.OrdinalMargin(4, 3).double(), (table,))
    assert torch.autograd.gradcheck(variational, (table,))
