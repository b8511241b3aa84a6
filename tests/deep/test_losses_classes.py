"""Losses of class scores and of predictions: naive twins, gradients, limits."""

from __future__ import annotations

import importlib
import math

import numpy as np
import pytest

from tests.reference import deep_losses as naive

torch = pytest.importorskip("torch")
losses = importlib.import_module("vilma.deep.losses")

KINDS = ["precise", "intervals", "mixed", "full"]


def make_labels(kind, n, n_classes, rng):
    lower = rng.integers(0, n_classes, n)
    upper = np.minimum(lower + rng.integers(0, n_classes, n), n_classes - 1)
    if kind == "precise":
        upper = lower
    elif kind == "mixed":
        upper = np.where(rng.random(n) < 0.5, lower, upper)
    elif kind == "full":
        lower, upper = np.zeros(n, dtype=int), np.full(n, n_classes - 1)
    return torch.tensor(lower), torch.tensor(upper)


def pairs(lower, upper):
    return list(zip(lower.tolist(), upper.tolist(), strict=True))


def normal(rng, *shape):
    return torch.tensor(rng.normal(size=shape), dtype=torch.float64)


@pytest.fixture(params=range(2))
def rng(request):
    return np.random.default_rng(request.param)


# RegCLIP


@pytest.mark.parametrize("variant", ["paper", "numclip"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(6, 5), (1, 4), (5, 2), (4, 1)])
def test_fcrc_is_its_definition(shape, kind, variant, rng):
    logits = 2 * normal(rng, *shape)
    lower, upper = make_labels(kind, *shape, rng)
    value = losses.fcrc_loss(logits, lower, upper, variant=variant)
    expected = naive.fcrc(logits.tolist(), pairs(lower, upper), variant)
    assert value.item() == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("variant", ["paper", "numclip"])
@pytest.mark.parametrize("kind", KINDS)
def test_fcrc_gradient(kind, variant):
    rng = np.random.default_rng(2)
    logits = normal(rng, 5, 4).requires_grad_()
    lower, upper = make_labels(kind, 5, 4, rng)
    posterior = losses.interval_posterior(logits, lower, upper)

    def loss(logits):
        return losses.fcrc_loss(logits, lower, upper, variant=variant, posterior=posterior)

    assert torch.autograd.gradcheck(loss, (logits,))
    given = torch.autograd.grad(loss(logits), logits)[0]
    own = torch.autograd.grad(losses.fcrc_loss(logits, lower, upper, variant=variant), logits)[0]
    torch.testing.assert_close(given, own, rtol=0, atol=0)


def test_fcrc_of_two_classes_is_cross_entropy(rng):
    logits, y = 3 * normal(rng, 1, 2), torch.tensor([1])
    # The text of a single image has no negatives, so its half of the mean is 0.
    torch.testing.assert_close(
        2 * losses.fcrc_loss(logits, y, y),
        torch.nn.functional.cross_entropy(logits, y),
        rtol=0,
        atol=1e-12,
    )
    # Two images of two classes: both directions are cross entropies.
    logits, y = 3 * normal(rng, 2, 2), torch.tensor([1, 0])
    both = torch.nn.functional.cross_entropy(logits, y)
    both = both + torch.nn.functional.cross_entropy(logits.T, y)
    torch.testing.assert_close(2 * losses.fcrc_loss(logits, y, y), both, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("variant", "factor"), [("paper", 2), ("numclip", 1)])
def test_fcrc_of_equally_far_negatives_is_cross_entropy(variant, factor, rng):
    logits, y = 3 * normal(rng, 1, 3), torch.tensor([1])
    torch.testing.assert_close(
        factor * losses.fcrc_loss(logits, y, y, variant=variant),
        torch.nn.functional.cross_entropy(logits, y),
        rtol=0,
        atol=1e-12,
    )


def test_fcrc_is_that_of_the_released_program():
    # Computed by its compute_ce_dis_loss and compute_kl_dis_loss, commit 73dce8c.
    logits = torch.arange(30, dtype=torch.float64).reshape(6, 5).mul(7).remainder(11).div(3)
    y = torch.tensor([0, 1, 1, 3, 4, 2])
    assert losses.fcrc_loss(logits, y, y, variant="numclip").item() == pytest.approx(
        6.3701117009, abs=1e-9
    )


def test_fcrc_pushes_far_classes_more():
    logits = torch.zeros(1, 4, dtype=torch.float64, requires_grad=True)
    y = torch.tensor([0])
    losses.fcrc_loss(logits, y, y).backward()
    # weights 1/2, 1, 3/2 of three negatives
    torch.testing.assert_close(logits.grad[0, 1:] * 8, logits.new_tensor([0.5, 1.0, 1.5]))


@pytest.mark.parametrize("variant", ["paper", "numclip"])
@pytest.mark.parametrize("scale", [0.0, 1e3, -1e3])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(1, 3), (4, 5), (3, 1)])
def test_fcrc_gradients_are_finite(shape, kind, scale, variant, rng):
    logits = (scale * normal(rng, *shape)).requires_grad_()
    value = losses.fcrc_loss(logits, *make_labels(kind, *shape, rng), variant=variant)
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(logits.grad).all()


def test_cosine_logits_do_not_see_norms(rng):
    images, prompts = normal(rng, 3, 4), normal(rng, 5, 4)
    logits = losses.cosine_logits(7 * images, 0.1 * prompts, 0.2)
    for i in range(3):
        for k in range(5):
            expected = naive.cosine(images[i].tolist(), prompts[k].tolist()) / 0.2
            assert logits[i, k].item() == pytest.approx(expected, abs=1e-10)


def test_the_temperature_can_be_learned(rng):
    temperature = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    images, prompts = normal(rng, 3, 4), normal(rng, 5, 4)
    y = torch.tensor([0, 2, 4])

    def loss(temperature):
        return losses.fcrc_loss(losses.cosine_logits(images, prompts, temperature), y, y)

    assert torch.autograd.gradcheck(loss, (temperature,))


# Soft labels


def test_tables_are_their_definitions():
    counts, beta, sigma = [5.0, 0.0, 15.0, 20.0], 0.7, 1.3
    wanted = {"symmetric": [], "asymmetric": [], "gaussian": []}
    for c in range(4):
        fall = [math.exp(-beta * abs(k - c)) for k in range(4)]
        uneven = [f if k == c else f * (1 - counts[k] / 40) for k, f in enumerate(fall)]
        bell = [math.exp(-((k - c) ** 2) / (2 * sigma**2)) for k in range(4)]
        for name, row in zip(wanted, (fall, uneven, bell), strict=True):
            wanted[name].append([value / sum(row) for value in row])
    double = {"dtype": torch.float64}
    found = {
        "symmetric": losses.symmetric_table(4, beta=beta, **double),
        "asymmetric": losses.asymmetric_table(torch.tensor(counts), beta=beta, **double),
        "gaussian": losses.gaussian_table(4, sigma=sigma, **double),
    }
    for name, table in found.items():
        np.testing.assert_allclose(table.numpy(), wanted[name], atol=1e-12, err_msg=name)


def test_one_group_that_has_all_samples_takes_the_others_nothing_away():
    table = losses.asymmetric_table(torch.tensor([0, 9, 0]))
    torch.testing.assert_close(table[1], losses.symmetric_table(3)[1])
    assert table[0, 1] == 0
    torch.testing.assert_close(table.sum(dim=1), torch.ones(3))


@pytest.mark.parametrize("kind", KINDS)
def test_targets_are_means_of_rows(kind, rng):
    lower, upper = make_labels(kind, 6, 5, rng)
    logits, table = normal(rng, 6, 5), losses.gaussian_table(5, dtype=torch.float64)
    even = losses.soft_targets(lower, upper, table)
    posterior = losses.posterior_targets(logits, lower, upper, table)
    for i, (first, last) in enumerate(pairs(lower, upper)):
        torch.testing.assert_close(even[i], table[first : last + 1].mean(dim=0))
        parts = naive.posterior(logits[i].tolist(), (first, last))
        torch.testing.assert_close(posterior[i], logits.new_tensor(parts) @ table)


def test_targets_of_precise_labels_are_exact():
    table, y = losses.symmetric_table(4), torch.tensor([3, 0])
    assert torch.equal(losses.soft_targets(y, y, table), table[y])
    assert torch.equal(losses.posterior_targets(torch.randn(2, 4) * 50, y, y, table), table[y])


def test_the_posterior_has_no_gradient():
    logits = torch.randn(2, 4, requires_grad=True)
    lower, upper = torch.tensor([0, 1]), torch.tensor([2, 1])
    assert not losses.interval_posterior(logits, lower, upper).requires_grad
    assert not losses.posterior_targets(logits, lower, upper, torch.eye(4)).requires_grad


@pytest.mark.parametrize("kind", KINDS)
def test_soft_label_loss_is_its_definition(kind, rng):
    logits = normal(rng, 6, 5)
    lower, upper = make_labels(kind, 6, 5, rng)
    table = losses.symmetric_table(5, dtype=torch.float64)
    targets = losses.posterior_targets(logits, lower, upper, table)
    value = losses.soft_label_loss(logits, targets)
    assert value.item() == pytest.approx(
        naive.soft_label(logits.tolist(), targets.tolist()), abs=1e-10
    )


def test_soft_labels_of_one_class_are_cross_entropy(rng):
    logits, y = normal(rng, 6, 5), torch.tensor([0, 1, 2, 3, 4, 2])
    targets = losses.soft_targets(y, y, torch.eye(5, dtype=torch.float64))
    torch.testing.assert_close(
        losses.soft_label_loss(logits, targets), torch.nn.functional.cross_entropy(logits, y)
    )


def test_posterior_targets_have_the_gradient_of_the_likelihood_of_the_interval(rng):
    logits = normal(rng, 1, 5).requires_grad_()
    lower, upper = torch.tensor([1]), torch.tensor([3])
    targets = losses.posterior_targets(logits, lower, upper, torch.eye(5))
    soft = torch.autograd.grad(losses.soft_label_loss(logits, targets), logits)[0]
    likelihood = -logits.softmax(dim=1)[0, 1:4].sum().log()
    torch.testing.assert_close(soft, torch.autograd.grad(likelihood, logits)[0])


@pytest.mark.parametrize("scale", [0.0, 1e3, 1e30])
def test_soft_label_gradients_are_finite(scale, rng):
    logits = (scale * normal(rng, 3, 4)).requires_grad_()
    lower, upper = torch.tensor([0, 1, 3]), torch.tensor([3, 2, 3])
    targets = losses.posterior_targets(logits, lower, upper, losses.gaussian_table(4))
    losses.soft_label_loss(logits, targets).backward()
    assert torch.isfinite(logits.grad).all()


# Groups


def test_group_edges_are_those_of_the_formula(rng):
    edges = losses.group_edges(3, 7.5, 5, dtype=torch.float64)
    y = torch.tensor(np.concatenate([rng.uniform(3, 60, 50), edges.numpy()]))
    first, last = losses.group_labels(y, y, edges)
    assert torch.equal(first, last)
    for value, group in zip(y.tolist(), first.tolist(), strict=True):
        assert group == min(math.floor((value - 3) / 7.5), 4)


def test_whole_labels_meet_fractional_edges():
    y, edges = torch.tensor([2, 3]), torch.tensor([2.5])
    assert [found.tolist() for found in losses.group_labels(y, y, edges)] == [[0, 1], [0, 1]]


@pytest.mark.parametrize("p", [1.0, 2.0])
@pytest.mark.parametrize("kind", ["precise", "intervals", "mixed", "full"])
def test_multi_head_is_its_definition(kind, p, rng):
    lower, upper = make_labels(kind, 6, 20, rng)
    edges = torch.tensor([4.0, 8.0, 15.0], dtype=torch.float64)
    class_logits, regressions = normal(rng, 6, 4), 8 + 8 * normal(rng, 6, 4)
    value = losses.multi_head_loss(class_logits, regressions, lower, upper, edges, p=p)
    expected = naive.multi_head(
        class_logits.tolist(), regressions.tolist(), pairs(lower, upper), edges.tolist(), p
    )
    assert value.item() == pytest.approx(expected, abs=1e-10)


def test_a_precise_label_trains_the_head_of_its_group_only():
    regressions = torch.tensor([[3.0, 27.0, 60.0]], requires_grad=True)
    class_logits = torch.randn(1, 3, requires_grad=True)
    y, edges = torch.tensor([40.0]), torch.tensor([20.0, 40.0])
    value = losses.multi_head_loss(class_logits, regressions, y, y, edges)
    value.backward()
    assert value.item() == 20
    assert regressions.grad.tolist() == [[0, 0, 1]]
    assert class_logits.grad is None


def test_open_and_full_intervals_leave_heads_alone_inside_their_groups():
    regressions = torch.tensor([[-5.0, 30.0, 90.0]], requires_grad=True)
    ends = torch.tensor([-torch.inf]), torch.tensor([torch.inf])
    edges = torch.tensor([20.0, 40.0])
    value = losses.multi_head_loss(torch.zeros(1, 3), regressions, *ends, edges, p=2)
    value.backward()
    assert value.item() == 0
    assert not regressions.grad.any()
    outside = torch.tensor([[26.0, 10.0, 37.0]])  # 6, 10 and 3 beyond their own groups
    assert losses.multi_head_loss(torch.zeros(1, 3), outside, *ends, edges).item() == (
        pytest.approx(19 / 3)
    )


def test_one_group_is_plain_regression(rng):
    regressions, (lower, upper) = normal(rng, 6, 1), make_labels("mixed", 6, 5, rng)
    value = losses.multi_head_loss(normal(rng, 6, 1), regressions, lower, upper, torch.ones(0))
    torch.testing.assert_close(value, losses.interval_l1(regressions[:, 0], lower, upper))


def test_multi_head_prediction():
    class_logits = torch.tensor([[0.0, math.log(3)], [2.0, 1.0]])
    regressions = torch.tensor([[10.0, 30.0], [11.0, 31.0]])
    assert losses.multi_head_predict(class_logits, regressions).tolist() == [30, 11]
    soft = losses.multi_head_predict(class_logits, regressions, soft=True)
    assert soft[0].item() == pytest.approx(25)


# Regression


@pytest.mark.parametrize("p", [1.0, 1.5, 2.0])
@pytest.mark.parametrize("kind", KINDS)
def test_interval_l1_is_its_definition(kind, p, rng):
    predictions = 3 + 3 * normal(rng, 8)
    lower, upper = make_labels(kind, 8, 6, rng)
    value = losses.interval_l1(predictions, lower, upper, p=p)
    expected = naive.interval_l1(predictions.tolist(), pairs(lower, upper), p)
    assert value.item() == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("kind", KINDS)
def test_focal_r_is_its_definition(kind, gamma, rng):
    predictions = 3 + 3 * normal(rng, 8)
    lower, upper = make_labels(kind, 8, 6, rng)
    value = losses.focal_r_loss(predictions, lower, upper, beta=0.3, gamma=gamma)
    expected = naive.focal_r(predictions.tolist(), pairs(lower, upper), 0.3, gamma)
    assert value.item() == pytest.approx(expected, abs=1e-10)


SMOOTH = {
    "soft_label": lambda x, lower, upper: losses.soft_label_loss(
        x, losses.soft_targets(lower, upper, losses.symmetric_table(4, dtype=torch.float64))
    ),
    "multi_head": lambda x, lower, upper: losses.multi_head_loss(
        torch.linspace(-1, 1, 12).reshape(3, 4), x, lower, upper, torch.tensor([0.5, 1.5, 2.2])
    ),
    "multi_head squared": lambda x, lower, upper: losses.multi_head_loss(
        torch.linspace(-1, 1, 12).reshape(3, 4), x, lower, upper, torch.tensor([0.5, 1, 2]), p=2
    ),
    "interval_l1": lambda x, lower, upper: losses.interval_l1(x[:, 0], lower, upper),
    "interval_l1 squared": lambda x, lower, upper: losses.interval_l1(x[:, 0], lower, upper, p=2),
    "focal_r": lambda x, lower, upper: losses.focal_r_loss(x[:, 0], lower, upper),
    "focal_r halved": lambda x, lower, upper: losses.focal_r_loss(
        x[:, 0], lower, upper, gamma=0.5
    ),
}


@pytest.mark.parametrize("loss", SMOOTH.values(), ids=SMOOTH)
@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_those_of_finite_differences(kind, loss):
    rng = np.random.default_rng(3)
    x, (lower, upper) = (3 * normal(rng, 3, 4)).requires_grad_(), make_labels(kind, 3, 4, rng)
    assert torch.autograd.gradcheck(lambda x: loss(x, lower, upper), (x,))


@pytest.mark.parametrize("gamma", [0.0, 0.1, 1.0])
def test_errors_of_zero_have_zero_gradients(gamma):
    predictions = torch.tensor([2.0, 3.0, 1.0], requires_grad=True)
    ends = torch.tensor([2.0, 1.0, -torch.inf]), torch.tensor([2.0, 5.0, torch.inf])
    losses.focal_r_loss(predictions, *ends, gamma=gamma).backward()
    for p in (1.0, 1.1, 2.0):
        losses.interval_l1(predictions, *ends, p=p).backward()
    assert not predictions.grad.any()


def test_weights_multiply_the_losses_of_samples():
    y, predictions = torch.tensor([1.0, 2.0]), torch.tensor([2.0, 5.0])
    weights = torch.tensor([1.5, 0.5])
    assert losses.interval_l1(predictions, y, y, weights=weights).item() == 1.5
    assert losses.interval_l1(predictions, y, y, p=2, weights=weights).item() == 3
    logits, targets = torch.zeros(2, 2), torch.eye(2)
    half = losses.soft_label_loss(logits, targets, weights=torch.tensor([1.0, 0.0]))
    assert half.item() == pytest.approx(math.log(2) / 2)


def test_mixed_precision_does_not_round_targets():
    table, y = losses.gaussian_table(4), torch.tensor([3, 0])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(losses.soft_targets(y, y, table), table[y])
        assert torch.equal(losses.posterior_targets(torch.zeros(2, 4), y, y, table), table[y])


def test_half_precision_keeps_labels_apart():
    # 201 does not exist in bfloat16
    predictions = torch.tensor([200.0], dtype=torch.bfloat16)
    assert losses.interval_l1(predictions, torch.tensor([201.0]), torch.tensor([201.0])) == 1
