"""One number for each row: absolute errors and powers of them."""

from __future__ import annotations

from numbers import Real
from typing import ClassVar

from sklearn.utils._param_validation import Interval

from vilma.deep._torch import torch
from vilma.deep.losses import focal_r_loss, interval_l1
from vilma.deep.objectives.base import Head, Loss, Task
from vilma.deep.rows import Batch

__all__ = ["AbsoluteError", "FocalError"]


class RegressionHead(Head):
    """A linear function, trained on what a subclass makes of its error."""

    positions: torch.Tensor

    def __init__(self, n_inputs: int, task: Task, bias: bool) -> None:
        super().__init__()
        self.linear = torch.nn.Linear(n_inputs, 1, bias=bias)
        if bias:
            torch.nn.init.constant_(self.linear.bias, 0.5)  # the middle of the scale
        positions = torch.from_numpy(task.scale.positions).float()
        self.register_buffer("positions", positions)

    def forward(self, embedding: torch.Tensor) -> torch.Tensor:
        return self.linear(embedding)

    def predict(self, scores: torch.Tensor) -> torch.Tensor:
        return scores[:, 0]


class AbsoluteErrorHead(RegressionHead):
    """The distance to the interval, to a power."""

    def __init__(self, n_inputs: int, task: Task, bias: bool, power: float) -> None:
        super().__init__(n_inputs, task, bias)
        self.power = power

    def loss(self, scores: torch.Tensor, embedding: torch.Tensor, batch: Batch) -> torch.Tensor:
        lower, upper = self.positions[batch.lower], self.positions[batch.upper]
        return interval_l1(scores[:, 0], lower, upper, p=self.power, weights=batch.weight)


class AbsoluteError(Loss):
    """Distance of a number to the interval, ``max(0, l - yhat, yhat - u) ** power``.

    Labels are scaled to [0, 1].

    Parameters
    ----------
    power : float, default=1.0
        At least 1; 2 gives the squared error.
    """

    on_unit_vectors = True
    _parameter_constraints: ClassVar[dict] = {"power": [Interval(Real, 1, None, closed="left")]}

    def __init__(self, power: float = 1.0) -> None:
        self.power = power

    def make_head(self, n_inputs: int, task: Task, *, bias: bool) -> Head:
        return AbsoluteErrorHead(n_inputs, task, bias, self.power)


class FocalErrorHead(RegressionHead):
    """The distance to the interval, small ones counted less."""

    def __init__(
        self, n_inputs: int, task: Task, bias: bool, sharpness: float, gamma: float
    ) -> None:
        super().__init__(n_inputs, task, bias)
        self.span = task.scale.span
        self.sharpness = sharpness
        self.gamma = gamma

    def loss(self, scores: torch.Tensor, embedding: torch.Tensor, batch: Batch) -> torch.Tensor:
        lower, upper = self.positions[batch.lower], self.positions[batch.upper]
        # What is a small error is said in label units.
        focal = focal_r_loss(
            scores[:, 0] * self.span,
            lower * self.span,
            upper * self.span,
            beta=self.sharpness,
            gamma=self.gamma,
            weights=batch.weight,
        )
        return focal / self.span


class FocalError(Loss):
    """Focal-R: ``e * (2 sigmoid(sharpness * e) - 1) ** gamma``, e the distance to the interval.

    Parameters
    ----------
    sharpness : float, default=0.2
        How fast errors, in label units, come to count in full.
    gamma : float, default=1.0
        How much less small errors count.

    References
    ----------
    Yang et al.: Delving into deep imbalanced regression, ICML, 2021.
    """

    on_unit_vectors = True
    _parameter_constraints: ClassVar[dict] = {
        "sharpness": [Interval(Real, 0, None, closed="neither")],
        "gamma": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(self, sharpness: float = 0.2, gamma: float = 1.0) -> None:
        self.sharpness = sharpness
        self.gamma = gamma

    def make_head(self, n_inputs: int, task: Task, *, bias: bool) -> Head:
        return FocalErrorHead(n_inputs, task, bias, self.sharpness, self.gamma)
