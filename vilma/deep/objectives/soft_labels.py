"""Cross entropy with targets spread over neighbouring labels."""

from __future__ import annotations

from numbers import Real
from typing import ClassVar, Literal

from sklearn.utils._param_validation import Interval, StrOptions

from vilma.deep._torch import torch
from vilma.deep.losses import (
    asymmetric_table,
    gaussian_table,
    posterior_targets,
    soft_label_loss,
    symmetric_table,
)
from vilma.deep.objectives.base import Head, Loss, Task
from vilma.deep.objectives.label_scores import RULES, LabelScoreHead, Rule
from vilma.deep.rows import Batch

__all__ = ["SoftLabels"]

Form = Literal["exact", "symmetric", "asymmetric", "gaussian"]


def usual_sigma(n_classes: int) -> float:
    """Return the standard deviation of soft labels in steps; more would blur short scales."""
    return min(2.0, n_classes / 10.0)


def target_table(
    form: Form, counts: torch.Tensor, beta: float, sigma: float | None = None
) -> torch.Tensor:
    """Return the target distribution of each label, one in a row."""
    n_classes = len(counts)
    sigma = usual_sigma(n_classes) if sigma is None else sigma
    if form == "symmetric":
        return symmetric_table(n_classes, beta=beta, dtype=torch.float32)
    if form == "asymmetric":
        return asymmetric_table(counts, beta=beta, dtype=torch.float32)
    if form == "gaussian":
        return gaussian_table(n_classes, sigma=sigma, dtype=torch.float32)
    return torch.eye(n_classes)


class SoftLabelHead(LabelScoreHead):
    """Scores of labels, compared with rows of a table.

    Where the table does not tie neighbours together, all scores begin at zero. Labels that no row
    tells apart, such as those of a cell of ten years, then keep equal scores. From scores drawn at
    random cross entropy settles on the label of the cell that began highest: on 600 faces with
    such cells, four draws on the same split were 1.1 to 1.2 years apart (5.8 to 7.0), from zero
    two draws of the encoder 0.0 to 0.2. Soft labels begin at random: they gain nothing by zeros.
    """

    table: torch.Tensor

    def __init__(
        self, n_inputs: int, task: Task, bias: bool, rule: Rule, table: torch.Tensor
    ) -> None:
        super().__init__(n_inputs, task, bias, rule)
        if torch.equal(table, torch.eye(len(table), dtype=table.dtype)):
            for parameter in self.linear.parameters():
                torch.nn.init.zeros_(parameter)
        self.register_buffer("table", table)

    def loss(self, scores: torch.Tensor, embedding: torch.Tensor, batch: Batch) -> torch.Tensor:
        targets = posterior_targets(scores, batch.lower, batch.upper, self.table)
        return soft_label_loss(scores, targets, weights=batch.weight)


class SoftLabels(Loss):
    """Cross entropy between the scores of labels and a soft label.

    An interval's target is the mean of the soft labels of its members, weighted by the present
    probabilities of each; no gradient flows through the weights.

    Parameters
    ----------
    form : {"gaussian", "symmetric", "asymmetric", "exact"}, default="gaussian"
        "gaussian" is a normal density at the labels, "symmetric" falls as
        ``exp(-beta * steps)``, "asymmetric" in addition gives frequent labels less, and "exact"
        is the plain cross entropy.
    sigma : float or None, default=None
        Standard deviation in steps of the scale, of "gaussian". None is 2, as in the paper, and
        on scales of less than 20 labels a tenth of their number.
    beta : float, default=1.0
        Fall per step, of "symmetric" and "asymmetric".
    rule : {"mean", "median", "mode"}, default="mean"
        What is predicted.

    References
    ----------
    Deng et al.: PML: Progressive margin loss for long-tailed age classification, CVPR, 2021,
    eq. 1, for "gaussian". Unleashing the potential of classification with semantic similarity
    for deep imbalanced regression, for the other two.
    """

    gives_probabilities = True
    _parameter_constraints: ClassVar[dict] = {
        "form": [StrOptions({"exact", "symmetric", "asymmetric", "gaussian"})],
        "sigma": [Interval(Real, 0, None, closed="neither"), None],
        "beta": [Interval(Real, 0, None, closed="neither")],
        "rule": [RULES],
    }

    def __init__(
        self,
        form: Form = "gaussian",
        *,
        sigma: float | None = None,
        beta: float = 1.0,
        rule: Rule = "mean",
    ) -> None:
        self.form = form
        self.sigma = sigma
        self.beta = beta
        self.rule = rule

    def make_head(self, n_inputs: int, task: Task, *, bias: bool) -> Head:
        counts = torch.from_numpy(task.counts)
        table = target_table(self.form, counts, self.beta, self.sigma)
        return SoftLabelHead(n_inputs, task, bias, self.rule, table)
