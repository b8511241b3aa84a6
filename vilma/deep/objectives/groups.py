"""A classifier of groups, with one regressor for each."""

from __future__ import annotations

from numbers import Integral, Real
from typing import ClassVar, Literal

from sklearn.utils._param_validation import Interval, StrOptions

from vilma.deep._torch import torch
from vilma.deep.losses import (
    group_edges,
    group_labels,
    multi_head_loss,
    multi_head_predict,
    posterior_targets,
    soft_label_loss,
)
from vilma.deep.objectives.base import Head, Loss, Task
from vilma.deep.objectives.soft_labels import target_table
from vilma.deep.rows import Batch

__all__ = ["GroupHeads"]


class GroupHead(Head):
    """Scores of groups beside the numbers that the regressors of the groups say."""

    positions: torch.Tensor
    edges: torch.Tensor
    table: torch.Tensor

    def __init__(
        self,
        n_inputs: int,
        task: Task,
        n_groups: int,
        form: Literal["exact", "symmetric", "asymmetric"],
        beta: float,
        soft: bool,
        power: float,
    ) -> None:
        super().__init__()
        self.n_groups = n_groups
        self.power = power
        self.soft = soft
        # A number needs its bias, even on embeddings of length 1: groups are far from 0.
        self.linear = torch.nn.Linear(n_inputs, 2 * n_groups)
        centres = (torch.arange(n_groups) + 0.5) / n_groups
        with torch.no_grad():
            self.linear.bias[:n_groups] = 0.0
            self.linear.bias[n_groups:] = centres
        positions = torch.from_numpy(task.scale.positions).float()
        edges = group_edges(0.0, 1.0 / n_groups, n_groups, dtype=torch.float32)
        groups, _ = group_labels(positions, positions, edges)
        counts = torch.zeros(n_groups, dtype=torch.float64)
        counts.index_add_(0, groups, torch.from_numpy(task.counts))
        self.register_buffer("positions", positions)
        self.register_buffer("edges", edges)
        self.register_buffer("table", target_table(form, counts, beta))

    def forward(self, embedding: torch.Tensor) -> torch.Tensor:
        return self.linear(embedding)

    def loss(self, scores: torch.Tensor, embedding: torch.Tensor, batch: Batch) -> torch.Tensor:
        logits, numbers = scores.split(self.n_groups, dim=1)
        lower, upper = self.positions[batch.lower], self.positions[batch.upper]
        first, last = group_labels(lower, upper, self.edges)
        targets = posterior_targets(logits, first, last, self.table)
        return soft_label_loss(logits, targets, weights=batch.weight) + multi_head_loss(
            logits, numbers, lower, upper, self.edges, p=self.power, weights=batch.weight
        )

    def predict(self, scores: torch.Tensor) -> torch.Tensor:
        return multi_head_predict(*scores.split(self.n_groups, dim=1), soft=self.soft)


class GroupHeads(Loss):
    """Soft classification of groups of labels, and a regressor in every group.

    Parameters
    ----------
    n_groups : int, default=10
        The scale is cut into as many groups of equal width.
    form : {"symmetric", "asymmetric", "exact"}, default="symmetric"
        Soft label of a group, as for :class:`SoftLabels`.
    beta : float, default=1.0
        Fall of the soft label per group.
    soft : bool, default=False
        Predict the mean over the groups instead of what the most likely one says.
    power : float, default=1.0
        Of the regressors' errors, at least 1; 2 gives the squared error.

    References
    ----------
    Unleashing the potential of classification with semantic similarity for deep imbalanced
    regression.
    """

    on_unit_vectors = True
    _parameter_constraints: ClassVar[dict] = {
        "n_groups": [Interval(Integral, 2, None, closed="left")],
        "form": [StrOptions({"exact", "symmetric", "asymmetric"})],
        "beta": [Interval(Real, 0, None, closed="neither")],
        "soft": ["boolean"],
        "power": [Interval(Real, 1, None, closed="left")],
    }

    def __init__(
        self,
        n_groups: int = 10,
        *,
        form: Literal["exact", "symmetric", "asymmetric"] = "symmetric",
        beta: float = 1.0,
        soft: bool = False,
        power: float = 1.0,
    ) -> None:
        self.n_groups = n_groups
        self.form = form
        self.beta = beta
        self.soft = soft
        self.power = power

    def make_head(self, n_inputs: int, task: Task, *, bias: bool) -> Head:
        settings = (self.n_groups, self.form, self.beta, self.soft, self.power)
        return GroupHead(n_inputs, task, *settings)
