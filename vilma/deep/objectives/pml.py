"""Progressive margins: frequent labels keep their distance from rare ones."""

from __future__ import annotations

from numbers import Integral, Real
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval, StrOptions

from vilma.deep._torch import torch
from vilma.deep.losses import (
    ClassStatistics,
    OrdinalMargin,
    VariationalMargin,
    interval_posterior,
    pml_loss,
    posterior_targets,
    progressive_margins,
)
from vilma.deep.objectives.base import Head, Loss, Task
from vilma.deep.objectives.label_scores import RULES, LabelScoreHead, Rule
from vilma.deep.objectives.soft_labels import target_table
from vilma.deep.protocols import nested_curricula
from vilma.deep.rows import Batch
from vilma.deep.scale import Scale

__all__ = ["ProgressiveMargin"]


class ProgressiveMarginHead(LabelScoreHead):
    """Scores of labels, from which learned margins are taken in training."""

    table: torch.Tensor
    earlier: torch.Tensor

    def __init__(
        self,
        n_inputs: int,
        task: Task,
        bias: bool,
        rule: Rule,
        sigma: float | None,
        form: Literal["ova", "softmax"],
        weights: tuple[float, float],
    ) -> None:
        super().__init__(n_inputs, task, bias, rule)
        n_classes = task.scale.n_classes
        self.form = form
        self.ordinal_weight, self.variational_weight = weights
        self.statistics = ClassStatistics(n_classes, n_inputs, dtype=torch.float32)
        self.ordinal = OrdinalMargin(n_classes, n_inputs)
        self.variational = VariationalMargin(n_classes, n_inputs)
        table = target_table("gaussian", torch.from_numpy(task.counts), 1.0, sigma)
        self.register_buffer("table", table)
        self.register_buffer("earlier", self.statistics.table().clone())

    def begin_stage(self, stage: int) -> None:
        self.earlier.copy_(self.statistics.table())

    def loss(self, scores: torch.Tensor, embedding: torch.Tensor, batch: Batch) -> torch.Tensor:
        posterior = interval_posterior(scores, batch.lower, batch.upper)
        self.statistics.update(embedding.detach(), posterior)
        now = self.statistics.table()
        margins = progressive_margins(
            self.ordinal(now),
            self.variational(now - self.earlier),
            posterior,
            ordinal_weight=self.ordinal_weight,
            variational_weight=self.variational_weight,
        )
        targets = posterior_targets(scores, batch.lower, batch.upper, self.table)
        return pml_loss(scores, targets, margins, form=self.form, weights=batch.weight)


class ProgressiveMargin(Loss):
    """Progressive margin loss: soft cross entropy with learned margins, from balanced to all rows.

    Parameters
    ----------
    sigma : float or None, default=None
        Standard deviation of the soft label, as for :class:`SoftLabels`.
    form : {"ova", "softmax"}, default="ova"
        Whether the loss is a sum of one against all, as in equation 4, or margins are taken from
        all scores at once, as in the authors' program.
    ordinal_weight : float, default=1.0
        Of the margin between pairs of labels.
    variational_weight : float, default=0.1
        Of the margin that follows the change from one curriculum to the next.
    n_stages : int, default=5
        Nested curricula, the first the most balanced, the last with all rows.
    rule : {"mean", "median", "mode"}, default="mean"
        What is predicted.

    References
    ----------
    Deng et al.: PML: Progressive margin loss for long-tailed age classification, CVPR, 2021.
    """

    gives_probabilities = True
    _parameter_constraints: ClassVar[dict] = {
        "sigma": [Interval(Real, 0, None, closed="neither"), None],
        "form": [StrOptions({"ova", "softmax"})],
        "ordinal_weight": [Interval(Real, 0, None, closed="left")],
        "variational_weight": [Interval(Real, 0, None, closed="left")],
        "n_stages": [Interval(Integral, 1, None, closed="left")],
        "rule": [RULES],
    }

    def __init__(
        self,
        *,
        sigma: float | None = None,
        form: Literal["ova", "softmax"] = "ova",
        ordinal_weight: float = 1.0,
        variational_weight: float = 0.1,
        n_stages: int = 5,
        rule: Rule = "mean",
    ) -> None:
        self.sigma = sigma
        self.form = form
        self.ordinal_weight = ordinal_weight
        self.variational_weight = variational_weight
        self.n_stages = n_stages
        self.rule = rule

    def make_head(self, n_inputs: int, task: Task, *, bias: bool) -> Head:
        weights = (self.ordinal_weight, self.variational_weight)
        return ProgressiveMarginHead(
            n_inputs, task, bias, self.rule, self.sigma, self.form, weights
        )

    def curricula(
        self, labels: NDArray, scale: Scale, seed: int
    ) -> list[NDArray[np.int64]] | None:
        if self.n_stages == 1:
            return None
        fractions = tuple((np.arange(self.n_stages) + 1.0) / self.n_stages)
        return nested_curricula(
            labels, fractions=fractions, classes=scale.classes, random_state=seed
        )
