"""Small random learning problems, with everything that makes them awkward."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

KINDS = ("exp", "imc", "vshaped", "vshaped_reg")


@dataclass(frozen=True)
class Problem:
    """min over w and biases of ``alpha/2 |w|^2`` + the weighted mean of the examples' losses.

    Parameters
    ----------
    X : ndarray or csr_array of shape (m, n)
    lower, upper : ndarray of shape (m,), dtype=int64
        0-based codes; an open end is coded as 0 or Y - 1.
    n_classes : int
        Y.
    cost : ndarray of shape (Y, Y)
        Predicted labels in rows, true labels in columns; of no concern to "exp" and "imc".
    weights : ndarray of shape (m,) or None
        Nonnegative sample weights, not normalised.
    alpha : float
        The strength of the regularisation, lambda.
    kind : {"exp", "imc", "vshaped", "vshaped_reg"}
        The surrogate; "vshaped_reg" regularises the biases as well.
    """

    X: np.ndarray | sparse.csr_array
    lower: np.ndarray
    upper: np.ndarray
    n_classes: int
    cost: np.ndarray
    weights: np.ndarray | None
    alpha: float
    kind: str

    @property
    def shares(self) -> np.ndarray:
        """The sample weights, normalised to the sum 1."""
        weights = np.ones(len(self.lower)) if self.weights is None else self.weights
        return weights / weights.sum()

    @property
    def dense_X(self) -> np.ndarray:
        return self.X.toarray() if sparse.issparse(self.X) else self.X

    @property
    def n_biases(self) -> int:
        """The number of thresholds theta, or of biases b."""
        return self.n_classes - 1 if self.kind in ("exp", "imc") else self.n_classes


def random_problem(seed: int, *, kind: str | None = None, n_classes: int | None = None) -> Problem:
    """Draw a problem; equal arguments give equal problems."""
    rng = np.random.default_rng(seed)
    drawn_kind = str(rng.choice(KINDS))
    drawn_classes = int(rng.integers(2, 13))
    kind = drawn_kind if kind is None else kind
    Y = drawn_classes if n_classes is None else n_classes
    m = int(rng.integers(3, 41))
    X = _random_X(rng, m, int(rng.integers(1, 9)))
    lower, upper = _random_intervals(rng, m, Y, X @ rng.normal(size=X.shape[1]))
    return Problem(
        X=sparse.csr_array(X) if rng.random() < 0.4 else X,
        lower=lower,
        upper=upper,
        n_classes=Y,
        cost=_random_cost(rng, Y),
        weights=_random_weights(rng, m),
        alpha=float(10 ** rng.uniform(-3, 1)),
        kind=kind,
    )


def _random_X(rng: np.random.Generator, m: int, n: int) -> np.ndarray:
    style = rng.choice(["normal", "binary", "rounded", "constant column", "constant", "one-hot"])
    X = rng.normal(size=(m, n))
    if style == "binary":
        X = (X > 0).astype(float)
    elif style == "rounded":  # few distinct values: ties and duplicated rows
        X = np.round(X)
    elif style == "constant column":
        X[:, 0] = rng.choice([0.0, 1.0])
    elif style == "constant":  # all scores equal, whatever the weights
        X[:] = rng.choice([0.0, 1.0])
    elif style == "one-hot":
        X = np.eye(n)[rng.integers(0, n, size=m)]
    if rng.random() < 0.3:  # duplicated rows, with labels of their own
        X = X[rng.integers(0, max(1, m // 2), size=m)]
    return X


def _random_intervals(
    rng: np.random.Generator, m: int, Y: int, scores: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    # Noisy quantiles of a score, so that there is something to learn.
    noisy = scores + rng.choice([0.1, 1.0, 10.0]) * rng.normal(size=m)
    true = np.argsort(np.argsort(noisy, kind="stable"), kind="stable") * Y // m
    if rng.random() < 0.4:  # most classes missing
        true = rng.choice(Y, size=2)[true % 2]
    lower, upper = true.copy(), true.copy()
    style = rng.choice(["exact", "mixed", "wide", "cells", "one-sided"])
    if style == "mixed":
        widened = rng.random(m) < 0.6
        lower = np.where(widened, true - rng.integers(0, 3, size=m), true)
        upper = np.where(widened, true + rng.integers(0, 3, size=m), true)
    elif style == "wide":
        lower = true - rng.integers(0, Y, size=m)
        upper = true + rng.integers(0, Y, size=m)
    elif style == "cells":
        width = int(rng.integers(2, max(3, Y // 2) + 1))
        lower = true // width * width
        upper = lower + width - 1
    elif style == "one-sided":
        left = rng.random(m) < 0.5
        lower = np.where(left, 0, true)
        upper = np.where(left, true, Y - 1)
    silent = rng.random(m) < (0.15 if rng.random() < 0.5 else 0.0)
    lower = np.where(silent, 0, lower)
    upper = np.where(silent, Y - 1, upper)
    return np.clip(lower, 0, Y - 1).astype(np.int64), np.clip(upper, 0, Y - 1).astype(np.int64)


def _random_cost(rng: np.random.Generator, Y: int) -> np.ndarray:
    style = rng.choice(["mae", "zero_one", "squared", "truncated", "random", "asymmetric"])
    d = np.abs(np.subtract.outer(np.arange(Y), np.arange(Y)))
    if style == "zero_one":
        return (d > 0).astype(float)
    if style == "squared":
        return (d * d).astype(float)
    if style == "truncated":
        return np.minimum(d, int(rng.integers(1, Y))).astype(float)
    if style == "random":
        delta = np.concatenate([[0.0], np.cumsum(_random_steps(rng, Y - 1))])
        return delta[d]
    if style == "asymmetric":
        cost = np.zeros((Y, Y))
        for true in range(Y):
            cost[true + 1 :, true] = np.cumsum(_random_steps(rng, Y - 1 - true))
            cost[:true, true] = np.cumsum(_random_steps(rng, true))[::-1]
        return cost
    return d.astype(float)


def _random_steps(rng: np.random.Generator, count: int) -> np.ndarray:
    """Nonnegative increments, some of them zero."""
    return rng.exponential(size=count) * (rng.random(count) < 0.7)


def _random_weights(rng: np.random.Generator, m: int) -> np.ndarray | None:
    style = rng.choice(["none", "integer", "real", "some zero"])
    if style == "none":
        return None
    if style == "integer":
        return rng.integers(1, 5, size=m).astype(float)
    weights = rng.exponential(size=m) + 1e-3
    if style == "some zero":
        weights[rng.random(m) < 0.3] = 0.0
        weights[int(rng.integers(m))] = 1.0
    return weights
