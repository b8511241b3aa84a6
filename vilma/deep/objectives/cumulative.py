"""Heads of cumulative probabilities: CORAL, CORN and the cumulative link model."""

from __future__ import annotations

from typing import ClassVar

from sklearn.utils._param_validation import StrOptions

from vilma.deep._torch import torch
from vilma.deep.losses import clm_log_probabilities, clm_loss, coral_loss, corn_loss
from vilma.deep.losses.cumulative import LINKS, LinkName
from vilma.deep.objectives.base import Head, Loss, Task
from vilma.deep.objectives.label_scores import RULES, DistributionHead, Rule
from vilma.deep.rows import Batch

__all__ = ["CLM", "CORAL", "CORN"]


class CumulativeHead(DistributionHead):
    """Logits of y > k; subclasses say what they are of."""

    def _log_beyond(self, scores: torch.Tensor) -> torch.Tensor:
        """Return nonincreasing logarithms of P(y > k), of shape (n_rows, n_classes - 1)."""
        raise NotImplementedError

    def log_probabilities(self, scores: torch.Tensor) -> torch.Tensor:
        beyond = self._log_beyond(scores).exp()
        ends = beyond.new_ones(len(beyond), 1)
        parts = torch.cat([ends, beyond], dim=1) - torch.cat([beyond, 0.0 * ends], dim=1)
        return parts.clamp(min=torch.finfo(parts.dtype).tiny).log()


class CORALHead(CumulativeHead):
    """One projection and a bias for every threshold."""

    def __init__(self, n_inputs: int, task: Task, rule: Rule) -> None:
        super().__init__(task, rule)
        self.linear = torch.nn.Linear(n_inputs, 1, bias=False)
        # Evenly spread to begin with, as a prior would be that knows nothing.
        shares = torch.arange(1, task.scale.n_classes) / task.scale.n_classes
        self.biases = torch.nn.Parameter(torch.logit(1.0 - shares))

    def forward(self, embedding: torch.Tensor) -> torch.Tensor:
        return self.linear(embedding) + self.biases

    def loss(self, scores: torch.Tensor, embedding: torch.Tensor, batch: Batch) -> torch.Tensor:
        return coral_loss(scores, batch.lower, batch.upper, weights=batch.weight)

    def _log_beyond(self, scores: torch.Tensor) -> torch.Tensor:
        # The biases are in order at the optimum; before, the running minimum keeps what is said.
        return torch.nn.functional.logsigmoid(scores).cummin(dim=1).values


class CORNHead(CumulativeHead):
    """A linear function for every threshold, of those beyond the last one."""

    def __init__(self, n_inputs: int, task: Task, rule: Rule) -> None:
        super().__init__(task, rule)
        self.linear = torch.nn.Linear(n_inputs, task.scale.n_classes - 1)

    def forward(self, embedding: torch.Tensor) -> torch.Tensor:
        return self.linear(embedding)

    def loss(self, scores: torch.Tensor, embedding: torch.Tensor, batch: Batch) -> torch.Tensor:
        return corn_loss(scores, batch.lower, batch.upper, weights=batch.weight)

    def _log_beyond(self, scores: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.logsigmoid(scores).cumsum(dim=1)


class CLMHead(DistributionHead):
    """A projection, and increasing thresholds as a first one and positive steps."""

    def __init__(self, n_inputs: int, task: Task, rule: Rule, link: LinkName) -> None:
        super().__init__(task, rule)
        self.link = link
        self.linear = torch.nn.Linear(n_inputs, 1, bias=False)
        n_thresholds = task.scale.n_classes - 1
        step = torch.tensor(4.0 / max(n_thresholds - 1, 1))  # from -2 to 2 to begin with
        self.first = torch.nn.Parameter(torch.tensor([-2.0 if n_thresholds > 1 else 0.0]))
        self.steps = torch.nn.Parameter(step.expm1().log().repeat(n_thresholds - 1))

    @property
    def thresholds(self) -> torch.Tensor:
        """The thresholds, of shape (n_classes - 1,)."""
        steps = torch.nn.functional.softplus(self.steps)
        return torch.cat([self.first, steps]).cumsum(dim=0)

    def forward(self, embedding: torch.Tensor) -> torch.Tensor:
        return self.linear(embedding)

    def loss(self, scores: torch.Tensor, embedding: torch.Tensor, batch: Batch) -> torch.Tensor:
        labels = batch.lower, batch.upper
        return clm_loss(
            scores[:, 0], self.thresholds, *labels, link=self.link, weights=batch.weight
        )

    def log_probabilities(self, scores: torch.Tensor) -> torch.Tensor:
        return clm_log_probabilities(scores[:, 0], self.thresholds, link=self.link)


class CORAL(Loss):
    """Binary decisions "beyond label k?" that share one projection.

    Parameters
    ----------
    rule : {"mean", "median", "mode"}, default="mean"
        What is predicted of the distribution over labels. CORAL's own is the median.

    References
    ----------
    Cao, Mirjalili, Raschka: Rank consistent ordinal regression for neural networks with
    application to age estimation, Pattern Recognition Letters 140, 2020.
    """

    gives_probabilities = True
    _parameter_constraints: ClassVar[dict] = {"rule": [RULES]}

    def __init__(self, *, rule: Rule = "mean") -> None:
        self.rule = rule

    def make_head(self, n_inputs: int, task: Task, *, bias: bool) -> Head:
        return CORALHead(n_inputs, task, self.rule)


class CORN(Loss):
    """Binary decisions "beyond label k, if beyond the one before?".

    Parameters
    ----------
    rule : {"mean", "median", "mode"}, default="mean"
        What is predicted of the distribution over labels. CORN's own is the median.

    References
    ----------
    Shi, Cao, Raschka: Deep neural networks for rank-consistent ordinal regression based on
    conditional probabilities, Pattern Analysis and Applications 26, 2023.
    """

    gives_probabilities = True
    _parameter_constraints: ClassVar[dict] = {"rule": [RULES]}

    def __init__(self, *, rule: Rule = "mean") -> None:
        self.rule = rule

    def make_head(self, n_inputs: int, task: Task, *, bias: bool) -> Head:
        return CORNHead(n_inputs, task, self.rule)


class CLM(Loss):
    """The cumulative link model: the likelihood of the interval, by one projection.

    Parameters
    ----------
    link : {"logit", "probit", "cloglog"}, default="logit"
        The distribution, see :func:`vilma.deep.losses.clm_loss`.
    rule : {"mean", "median", "mode"}, default="mean"
        What is predicted of the distribution over labels.

    References
    ----------
    Vargas, Gutierrez, Hervas-Martinez: Cumulative link models for deep ordinal classification,
    Neurocomputing 401, 2020.
    """

    gives_probabilities = True
    _parameter_constraints: ClassVar[dict] = {"link": [StrOptions(set(LINKS))], "rule": [RULES]}

    def __init__(self, link: LinkName = "logit", *, rule: Rule = "mean") -> None:
        self.link = link
        self.rule = rule

    def make_head(self, n_inputs: int, task: Task, *, bias: bool) -> Head:
        return CLMHead(n_inputs, task, self.rule, self.link)
