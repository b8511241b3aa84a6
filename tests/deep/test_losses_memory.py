"""No loss makes tensors that grow faster than the square of the batch."""

from __future__ import annotations

import importlib

import pytest

torch = pytest.importorskip("torch")
losses = importlib.import_module("vilma.deep.losses")
dispatch = importlib.import_module("torch.utils._python_dispatch")

D, K = 8, 6


class LargestTensor(dispatch.TorchDispatchMode):
    """Notes the number of entries of the largest tensor that any operation returns."""

    def __init__(self):
        super().__init__()
        self.entries = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for value in result if isinstance(result, (tuple, list)) else (result,):
            if isinstance(value, torch.Tensor):
                self.entries = max(self.entries, value.numel())
        return result


def embeddings_loss(name):
    def call(z, lower, upper):
        groups = (lower // 5).long()
        if name == "accon":
            return losses.accon_loss(z, lower, upper, 50.0, groups=groups)
        if name == "supcon":
            return losses.supcon_loss(z, lower, upper, groups=groups)
        if name == "conr":
            return losses.conr_loss(z, z[:, 0], lower, upper, groups=groups)
        return losses.rank_contrast_loss(z, lower, upper)

    return call


def class_loss(name):
    def call(z, lower, upper):
        logits = z[:, :K]
        ends = (lower // 10).clamp(max=K - 1), (upper // 10).clamp(max=K - 1)
        table = losses.gaussian_table(K)
        targets = losses.posterior_targets(logits, *ends, table)
        return {
            "fcrc": lambda: losses.fcrc_loss(logits, *ends),
            "soft_label": lambda: losses.soft_label_loss(logits, targets),
            "pml": lambda: losses.pml_loss(logits, targets, torch.zeros_like(logits)),
            "multi_head": lambda: losses.multi_head_loss(
                logits, 10 * logits, lower, upper, losses.group_edges(0, 10, K)
            ),
            "interval_l1": lambda: losses.interval_l1(logits[:, 0], lower, upper),
        }[name]()

    return call


CALLS = {
    **{name: embeddings_loss(name) for name in ("accon", "supcon", "conr", "rank_contrast")},
    **{
        name: class_loss(name)
        for name in ("fcrc", "soft_label", "pml", "multi_head", "interval_l1")
    },
}


def measure(call, n):
    """Entries of the largest tensor, and of all that are kept for the gradient."""
    torch.manual_seed(0)
    z = torch.randn(n, D, requires_grad=True)
    lower = torch.randint(0, 50, (n,)).float()
    upper = lower + torch.randint(0, 10, (n,))
    kept = []

    def keep(value):
        kept.append(value.numel())
        return value

    with LargestTensor() as largest:
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda value: value):
            value = call(z, lower, upper)
        value.backward()
    return largest.entries, sum(kept)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_tensors_are_at_most_square(call):
    n = 96
    largest, kept = measure(call, n)
    assert largest <= n * n
    assert kept <= 40 * n * n
    assert measure(call, 2 * n)[1] <= 4.1 * kept


def test_class_statistics_have_no_cubic_tensor():
    n, n_classes, n_features = 96, 50, 60
    statistics = losses.ClassStatistics(n_classes, n_features)
    posterior = torch.rand(n, n_classes).softmax(dim=1)
    with LargestTensor() as largest:
        statistics.update(torch.randn(n, n_features), posterior)
    assert largest.entries <= n * n


def test_the_gauge_sees_a_cubic_tensor():
    with LargestTensor() as largest:
        (torch.ones(5, 1, 1) * torch.ones(1, 6, 7)).sum()
    assert largest.entries == 210
