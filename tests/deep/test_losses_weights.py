"""Weights of labels by their frequency."""

from __future__ import annotations

import importlib
import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")
losses = importlib.import_module("vilma.deep.losses")

COUNTS = [3.0, 0.0, 40.0, 2500.0, 7.0, 0.0, 0.0, 0.0, 1.0]


def scaled(values, counts):
    """Inverses with mean 1 over the samples; labels never seen get the largest of the others."""
    least = min(v for v, n in zip(values, counts, strict=True) if n > 0)
    weights = [1 / max(v, least) for v in values]
    mean = sum(w * n for w, n in zip(weights, counts, strict=True)) / sum(counts)
    return [w / mean for w in weights]


def clipped(counts):
    return [min(max(n, 5.0), 1000.0) for n in counts]


def test_inverse_weights():
    weights = losses.inverse_weights(torch.tensor(COUNTS))
    np.testing.assert_allclose(weights, scaled(clipped(COUNTS), COUNTS))


def test_sqrt_inverse_weights():
    weights = losses.sqrt_inverse_weights(torch.tensor(COUNTS))
    np.testing.assert_allclose(weights, scaled([math.sqrt(n) for n in COUNTS], COUNTS))


@pytest.mark.parametrize("base", ["sqrt", "clip"])
@pytest.mark.parametrize("kernel", ["gaussian", "triangle", "laplace"])
@pytest.mark.parametrize("size", [1, 3, 5])
def test_lds_weights(base, kernel, size):
    def value(step):
        return {
            "gaussian": math.exp(-(step**2) / (2 * 1.5**2)),
            "triangle": 1 - abs(step) / (size // 2 + 1),
            "laplace": math.exp(-abs(step) / 1.5),
        }[kernel]

    values = clipped(COUNTS) if base == "clip" else [math.sqrt(n) for n in COUNTS]
    reach = size // 2
    smoothed = [
        sum(value(i - k) * v for i, v in enumerate(values) if abs(i - k) <= reach)
        for k in range(len(values))
    ]
    weights = losses.lds_weights(
        torch.tensor(COUNTS), base=base, kernel=kernel, size=size, sigma=1.5
    )
    np.testing.assert_allclose(weights, scaled(smoothed, COUNTS))


@pytest.mark.parametrize("weigh", ["inverse_weights", "sqrt_inverse_weights", "lds_weights"])
def test_weights_have_mean_one_and_are_finite(weigh):
    counts = torch.tensor(COUNTS)
    weights = getattr(losses, weigh)(counts)
    assert torch.isfinite(weights).all()
    assert (weights * counts).sum().item() == pytest.approx(counts.sum().item())
    seen = counts > 0
    torch.testing.assert_close(weights[8], weights[seen].max())
    equal = getattr(losses, weigh)(torch.full((1,), 9))
    assert equal.tolist() == [1]


def test_counts_of_intervals():
    rng = np.random.default_rng(0)
    lower = rng.integers(0, 6, 50)
    upper = np.minimum(lower + rng.integers(0, 4, 50), 6)
    counts = losses.class_counts(torch.tensor(lower), torch.tensor(upper), 8)
    wanted = np.zeros(8)
    for first, last in zip(lower, upper, strict=True):
        wanted[first : last + 1] += 1 / (last - first + 1)
    np.testing.assert_allclose(counts, wanted, atol=1e-8)
    assert counts[7] == 0


def test_weights_of_intervals_are_means():
    weights = torch.tensor([1.0, 2.0, 6.0])
    lower, upper = torch.tensor([0, 0, 2, 1]), torch.tensor([0, 2, 2, 2])
    assert losses.sample_weights(weights, lower, upper).tolist() == [1, 3, 6, 4]


def test_the_kernel_of_the_released_program():
    kernel = [0.858, 0.946, 1.0, 0.946, 0.858]
    counts = [100.0, 400.0, 900.0, 400.0, 100.0, 25.0]
    roots = [0.0, 0.0, 10.0, 20.0, 30.0, 20.0, 10.0, 5.0, 0.0, 0.0]
    smoothed = [sum(k * r for k, r in zip(kernel, roots[i:], strict=False)) for i in range(6)]
    weights = losses.lds_weights(torch.tensor(counts), reflect=True)
    np.testing.assert_allclose(weights, scaled(smoothed, counts), rtol=1e-3)
    plain = losses.lds_weights(torch.tensor(counts))
    assert abs(plain / weights - 1).max() > 0.01
    with pytest.raises(ValueError, match="reflect=True is for the gaussian kernel"):
        losses.lds_weights(torch.tensor([1, 2]), kernel="laplace", reflect=True)
