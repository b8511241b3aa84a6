"""Contrastive losses: naive twins, gradients, and the limits they have."""

from __future__ import annotations

import importlib
import math

import numpy as np
import pytest

from tests.reference import deep_losses as naive

torch = pytest.importorskip("torch")
losses = importlib.import_module("vilma.deep.losses")

KINDS = ["precise", "intervals", "mixed"]


def make_labels(kind, n, rng, scale=10):
    lower = rng.integers(0, scale, n)
    width = {
        "precise": np.zeros(n, dtype=int),
        "intervals": rng.integers(1, scale // 2, n),
        "mixed": rng.integers(0, 2, n) * rng.integers(0, scale // 2, n),
    }[kind]
    upper = np.minimum(lower + width, scale - 1)
    return torch.tensor(lower, dtype=torch.float64), torch.tensor(upper, dtype=torch.float64)


def pairs(lower, upper):
    return list(zip(lower.tolist(), upper.tolist(), strict=True))


@pytest.fixture(params=range(2))
def rng(request):
    return np.random.default_rng(request.param)


def embed(rng, n, d=4):
    return torch.tensor(rng.normal(size=(n, d)))


NAMES = {
    "none": (None, None),
    "groups": ([0, 0, 1, 1, 2, 3, 2], None),
    "samples": (None, [0, 1, 2, 0, 1, 2, 3]),
    "both": ([0, 0, 1, 1, 2, 3, 3], [0, 1, 2, 0, 1, 2, 3]),
}


def tensors(names):
    return {
        key: None if value is None else torch.tensor(value)
        for key, value in zip(("groups", "samples"), names, strict=True)
    }


@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES)
@pytest.mark.parametrize("kind", KINDS)
def test_supcon_is_its_definition(kind, names, rng):
    z, (lower, upper) = embed(rng, 7), make_labels(kind, 7, rng, scale=4)
    value = losses.supcon_loss(z, lower, upper, temperature=0.3, **tensors(names))
    expected = naive.supcon(z.tolist(), pairs(lower, upper), 0.3, *names)
    assert value.item() == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES)
@pytest.mark.parametrize("kind", KINDS)
def test_accon_is_its_definition(kind, names, rng):
    z, (lower, upper) = embed(rng, 7), make_labels(kind, 7, rng, scale=4)
    value = losses.accon_loss(z, lower, upper, 5.0, temperature=0.3, **tensors(names))
    expected = naive.accon(z.tolist(), pairs(lower, upper), 5.0, 0.3, *names)
    assert value.item() == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("kind", KINDS)
def test_rank_contrast_is_its_definition(kind, rng):
    for n in (2, 3, 9):
        z, (lower, upper) = embed(rng, n), make_labels(kind, n, rng, scale=5)
        value = losses.rank_contrast_loss(z, lower, upper, temperature=0.7)
        expected = naive.rank_contrast(z.tolist(), pairs(lower, upper), 0.7)
        assert value.item() == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("groups", [None, [0, 0, 1, 1, 2, 3, 2]])
@pytest.mark.parametrize("pushed", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_conr_is_its_definition(kind, pushed, groups, rng):
    z, (lower, upper) = embed(rng, 7), make_labels(kind, 7, rng, scale=6)
    predictions = torch.tensor(rng.uniform(0, 6, 7))
    push = torch.tensor(rng.uniform(0.5, 2.0, 7)) if pushed else None
    value = losses.conr_loss(
        z,
        predictions,
        lower,
        upper,
        window=1.5,
        temperature=0.4,
        push=push,
        rate=0.2,
        groups=None if groups is None else torch.tensor(groups),
    )
    expected = naive.conr(
        z.tolist(),
        predictions.tolist(),
        pairs(lower, upper),
        1.5,
        0.4,
        None if push is None else push.tolist(),
        0.2,
        groups,
    )
    assert value.item() == pytest.approx(expected, abs=1e-10)


def supcon(z, lower, upper):
    return losses.supcon_loss(z, lower, upper, groups=torch.tensor([0, 0, 1, 1, 2]))


def accon(z, lower, upper):
    return losses.accon_loss(z, lower, upper, 12.0, groups=torch.tensor([0, 0, 1, 1, 2]))


def rank_contrast(z, lower, upper):
    return losses.rank_contrast_loss(z, lower, upper)


def conr(z, lower, upper):
    predictions = torch.zeros(len(z), dtype=torch.float64)
    return losses.conr_loss(z, predictions, lower, upper, samples=torch.tensor([0, 0, 1, 1, 2]))


ALL = [supcon, accon, rank_contrast, conr]


@pytest.mark.parametrize("loss", ALL)
@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_those_of_finite_differences(loss, kind):
    rng = np.random.default_rng(5)
    z, (lower, upper) = embed(rng, 5), make_labels(kind, 5, rng)
    z.requires_grad_()
    assert torch.autograd.gradcheck(lambda z: loss(z, lower, upper), (z,))


def hard_batches():
    """Embeddings and labels that take logarithms, roots and quotients to their ends."""
    rng = np.random.default_rng(0)
    z, same = embed(rng, 5), torch.ones(5, 4, dtype=torch.float64)
    precise = torch.arange(5.0, dtype=torch.float64)
    equal, zero, last = torch.full_like(precise, 2.0), torch.zeros_like(precise), precise * 0 + 9
    some_zero = z.clone()
    some_zero[1] = 0.0
    opposite = torch.cat([same[:3], -same[:2]])
    open_ended = torch.full_like(precise, torch.inf)
    return {
        "duplicates": (same, precise, precise),
        "duplicates of intervals": (same, zero, precise),
        "opposite": (opposite, precise, precise),
        "zero vectors": (torch.zeros_like(z), precise, precise),
        "a zero vector": (some_zero, precise, precise),
        "one class": (z, equal, equal),
        "one class of duplicates": (same, equal, equal),
        "full intervals": (z, zero, last),
        "open ends": (z, -open_ended, open_ended),
        "large": (z * 1e150, precise, precise),
        "small": (z * 1e-150, precise, precise),
    }


@pytest.mark.parametrize("loss", ALL)
@pytest.mark.parametrize("batch", hard_batches().values(), ids=hard_batches())
def test_gradients_are_finite(loss, batch):
    z, lower, upper = batch
    z = z.clone().requires_grad_()
    value = loss(z, lower, upper)
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(z.grad).all()


@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize("loss", ["supcon", "accon", "conr", "rank_contrast"])
def test_a_batch_that_says_nothing_gives_zero(loss, n):
    z = torch.randn(n, 3, dtype=torch.float64, requires_grad=True)
    y = torch.arange(n, dtype=torch.float64) * 3
    value = {
        "supcon": lambda: losses.supcon_loss(z, y, y),
        "accon": lambda: losses.accon_loss(z, y, y, 10.0),
        "conr": lambda: losses.conr_loss(z, y, y, y),
        "rank_contrast": lambda: losses.rank_contrast_loss(z, y * 0, y * 0 + 9),
    }[loss]()
    value.backward()
    assert value.item() == 0
    assert not z.grad.any()


# Limits of ACCon


def test_accon_is_supcon_if_all_labels_are_equal(rng):
    z, y = embed(rng, 6), torch.full((6,), 3.0, dtype=torch.float64)
    torch.testing.assert_close(
        losses.accon_loss(z, y, y, 7.0), losses.supcon_loss(z, y, y), rtol=0, atol=1e-12
    )


def test_accon_is_supcon_if_all_negatives_are_at_the_ends_of_the_scale(rng):
    z, y = embed(rng, 6), torch.tensor([0.0, 9.0, 0.0, 9.0, 9.0, 0.0], dtype=torch.float64)
    torch.testing.assert_close(
        losses.accon_loss(z, y, y, 9.0), losses.supcon_loss(z, y, y), rtol=0, atol=1e-12
    )


def on_circle(*degrees):
    angles = torch.tensor(degrees, dtype=torch.float64) * math.pi / 180
    return torch.stack([angles.cos(), angles.sin()], dim=1)


def third_angle_gradient(theta, lower, upper):
    """Slope of the loss in the angle of a third sample, the first two being views at angle 0."""
    angle = torch.tensor(theta * math.pi / 180, dtype=torch.float64, requires_grad=True)
    third = torch.stack([angle.cos(), angle.sin()])
    z = torch.cat([on_circle(0, 0), third[None]])
    lower = torch.tensor([0.0, 0.0, lower], dtype=torch.float64)
    upper = torch.tensor([0.0, 0.0, upper], dtype=torch.float64)
    losses.accon_loss(z, lower, upper, 180.0).backward()
    return angle.grad.item()


@pytest.mark.parametrize("wanted", [20.0, 60.0, 90.0, 150.0])
def test_accon_is_smallest_at_the_angle_that_labels_ask_for(wanted):
    # the root's eps bends the slope by about as much as itself
    assert third_angle_gradient(wanted, wanted, wanted) == pytest.approx(0, abs=1e-5)
    assert third_angle_gradient(wanted - 5, wanted, wanted) < -1e-3
    assert third_angle_gradient(wanted + 5, wanted, wanted) > 1e-3


def test_accon_leaves_angles_alone_that_an_interval_allows():
    assert third_angle_gradient(60, 50, 80) == 0
    assert third_angle_gradient(45, 50, 80) < -1e-3
    assert third_angle_gradient(85, 50, 80) > 1e-3


def test_bins_decide_positives_and_labels_angles():
    z = on_circle(0, 10, 100)
    y = torch.tensor([0.0, 10.0, 100.0], dtype=torch.float64)
    assert losses.accon_loss(z, y, y, 180.0).item() == 0
    binned = losses.accon_loss(z, y, y, 180.0, groups=torch.tensor([0, 0, 1]))
    expected = naive.accon(z.tolist(), pairs(y, y), 180.0, 0.5, [0, 0, 1])
    assert binned.item() == pytest.approx(expected, abs=1e-12)


def test_one_positive_for_each_anchor_is_cross_entropy(rng):
    z, y = embed(rng, 8), torch.arange(8.0)
    samples = torch.arange(4).repeat(2)
    value = losses.supcon_loss(z, y, y, temperature=0.2, samples=samples)
    unit = z / z.norm(dim=1, keepdim=True)
    logits = (unit @ unit.T / 0.2).fill_diagonal_(-torch.inf)
    other = torch.arange(8).roll(4)
    torch.testing.assert_close(value, torch.nn.functional.cross_entropy(logits, other))


# What pairs are


def test_equal_intervals_are_no_positives_but_views_are():
    lower, upper = torch.tensor([1.0, 1.0, 2.0, 2.0]), torch.tensor([3.0, 3.0, 2.0, 2.0])
    pairs_found = losses.positive_pairs(lower, upper).nonzero().tolist()
    assert pairs_found == [[2, 3], [3, 2]]
    viewed = losses.positive_pairs(lower, upper, samples=torch.tensor([0, 0, 1, 2]))
    assert viewed.nonzero().tolist() == [[0, 1], [1, 0], [2, 3], [3, 2]]


def test_rank_contrast_of_one_distance_is_the_contrast_with_all():
    # every other sample is equally far from each, so the order says nothing
    z, y = embed(np.random.default_rng(1), 2), torch.tensor([0.0, 1.0])
    assert losses.rank_contrast_loss(z, y, y).item() == pytest.approx(0, abs=1e-12)
    z, y = torch.eye(4, dtype=torch.float64), torch.zeros(4)
    assert losses.rank_contrast_loss(z, y, y).item() == pytest.approx(math.log(3))


def test_rank_contrast_of_ordered_embeddings_is_less():
    y = torch.tensor([0.0, 30.0, 60.0, 90.0])
    ordered = losses.rank_contrast_loss(on_circle(0, 30, 60, 90), y, y, temperature=0.5)
    swapped = losses.rank_contrast_loss(on_circle(0, 60, 30, 90), y, y, temperature=0.5)
    assert ordered < swapped


def test_conr_pushes_apart_what_predictions_confuse():
    z = on_circle(0, 5, 10).requires_grad_()
    y = torch.tensor([20.0, 20.0, 60.0], dtype=torch.float64)
    losses.conr_loss(z, torch.tensor([30.0, 30.0, 30.0]), y, y).backward()
    turn = z.detach().flip(1) * torch.tensor([-1.0, 1.0])  # the direction of growing angle
    assert (z.grad[2] * turn[2]).sum() < 0  # the third goes on turning away
    told_apart = losses.conr_loss(z, torch.tensor([20.0, 20.0, 60.0]), y, y)
    assert told_apart.item() == 0


def test_rank_contrast_refuses_temperatures_whose_exponentials_vanish(rng):
    z, y = embed(rng, 4), torch.arange(4.0)
    sharp = losses.rank_contrast_loss(z, y, y, temperature=0.005)
    assert sharp.item() > 0
    with pytest.raises(ValueError, match=r"at least 0\.023 for torch\.float32, got 0\.005"):
        losses.rank_contrast_loss(z.float(), y, y, temperature=0.005)
    z = on_circle(0, 180, 0, 180).float().requires_grad_()
    losses.rank_contrast_loss(z, y, y, temperature=0.0235).backward()
    assert torch.isfinite(z.grad).all()


def test_half_precision_is_computed_in_single():
    z = torch.randn(6, 4)
    y = torch.tensor([201.0, 202.0, 203.0, 201.0, 202.0, 250.0])
    for loss in (losses.supcon_loss, losses.rank_contrast_loss):
        torch.testing.assert_close(loss(z.bfloat16(), y, y), loss(z.bfloat16().float(), y, y))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            mixed = loss(z, y, y)
        torch.testing.assert_close(mixed, loss(z, y, y))
