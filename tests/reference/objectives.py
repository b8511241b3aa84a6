"""The learning objectives, evaluated by loops that follow the definitions word by word.

With 0-based codes ``l = lower``, ``u = upper`` and thresholds ``theta[0] .. theta[Y-2]``, where
``theta[k]`` separates the labels ``k`` and ``k + 1``, and with the score ``s = <x, w>``:

EXP     max(0, 1 - s + theta[l-1]) + max(0, 1 + s - theta[u]);
        the first term is 0 for l = 0, the second for u = Y - 1
IMC     sum over k < l of max(0, 1 - s + theta[k])
        + sum over k >= u of max(0, 1 + s - theta[k])
V-shaped, with biases b[0] .. b[Y-1]
        max over y <= l of cost[y, l] + s (y - l) + b[y] - b[l]
        + max over y >= u of cost[y, u] + s (y - u) + b[y] - b[u]
"""

from __future__ import annotations

import numpy as np

from tests.reference.problems import Problem


def joint_objective(problem: Problem, w: np.ndarray, biases: np.ndarray) -> float:
    """alpha/2 |w|^2, and |b|^2 likewise for "vshaped_reg", plus the weighted mean loss."""
    value = problem.alpha / 2 * sum(float(weight) ** 2 for weight in w)
    if problem.kind == "vshaped_reg":
        value += problem.alpha / 2 * sum(float(bias) ** 2 for bias in biases)
    return value + inner_objective(problem, problem.dense_X @ w, biases)


def inner_objective(problem: Problem, scores: np.ndarray, biases: np.ndarray) -> float:
    """The weighted mean loss at the given scores and biases."""
    loss = {
        "exp": _exp_loss,
        "imc": _imc_loss,
        "vshaped": _vshaped_loss,
        "vshaped_reg": _vshaped_loss,
    }[problem.kind]
    if problem.kind in ("exp", "imc") and np.any(np.diff(biases) < 0):
        return np.inf
    total = 0.0
    for i, share in enumerate(problem.shares):
        total += share * loss(problem, float(scores[i]), biases, i)
    return total


def _exp_loss(problem: Problem, s: float, theta: np.ndarray, i: int) -> float:
    l, u = problem.lower[i], problem.upper[i]
    loss = 0.0
    if l > 0:
        loss += max(0.0, 1 - s + theta[l - 1])
    if u < problem.n_classes - 1:
        loss += max(0.0, 1 + s - theta[u])
    return loss


def _imc_loss(problem: Problem, s: float, theta: np.ndarray, i: int) -> float:
    loss = 0.0
    for k in range(problem.n_classes - 1):
        if k < problem.lower[i]:
            loss += max(0.0, 1 - s + theta[k])
        if k >= problem.upper[i]:
            loss += max(0.0, 1 + s - theta[k])
    return loss


def _vshaped_loss(problem: Problem, s: float, b: np.ndarray, i: int) -> float:
    l, u = problem.lower[i], problem.upper[i]
    below = [problem.cost[y, l] + s * (y - l) + b[y] - b[l] for y in range(l + 1)]
    above = [problem.cost[y, u] + s * (y - u) + b[y] - b[u] for y in range(u, problem.n_classes)]
    return max(below) + max(above)
