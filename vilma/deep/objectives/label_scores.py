"""Heads with a distribution over labels, and with one score for every label."""

from __future__ import annotations

from typing import Literal

from sklearn.utils._param_validation import StrOptions

from vilma.deep._torch import torch
from vilma.deep.objectives.base import Head, Task

__all__ = ["RULES", "DistributionHead", "LabelScoreHead", "Rule"]

Rule = Literal["mean", "median", "mode"]
RULES = StrOptions({"mean", "median", "mode"})


class DistributionHead(Head):
    """Predicts by a distribution over labels; subclasses add what it is, and the loss.

    Parameters
    ----------
    task : Task
        The labels.
    rule : {"mean", "median", "mode"}
        What is predicted of the distribution.
    """

    positions: torch.Tensor

    def __init__(self, task: Task, rule: Rule) -> None:
        super().__init__()
        self.rule = rule
        positions = torch.from_numpy(task.scale.positions).float()
        self.register_buffer("positions", positions)

    def predict(self, scores: torch.Tensor) -> torch.Tensor:
        logarithms = self.log_probabilities(scores)
        if self.rule == "mode":
            return self.positions[logarithms.argmax(dim=1)]
        probabilities = logarithms.exp()
        if self.rule == "mean":
            return probabilities @ self.positions
        below = (probabilities.cumsum(dim=1) < 0.5).sum(dim=1)
        return self.positions[below.clamp(max=len(self.positions) - 1)]


class LabelScoreHead(DistributionHead):
    """Linear scores of labels; subclasses add the loss.

    Parameters
    ----------
    n_inputs : int
        Width of the embedding.
    task : Task
        The labels.
    bias : bool
        Whether scores have a bias.
    rule : {"mean", "median", "mode"}
        What is predicted of the distribution over labels.
    """

    def __init__(self, n_inputs: int, task: Task, bias: bool, rule: Rule) -> None:
        super().__init__(task, rule)
        self.linear = torch.nn.Linear(n_inputs, task.scale.n_classes, bias=bias)

    def forward(self, embedding: torch.Tensor) -> torch.Tensor:
        return self.linear(embedding)

    def log_probabilities(self, scores: torch.Tensor) -> torch.Tensor:
        return scores.log_softmax(dim=1)
