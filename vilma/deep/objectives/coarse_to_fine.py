"""Images compared with texts for parts of the scale, and a position inside of the parts."""

from __future__ import annotations

from typing import Literal

import numpy as np

from vilma.deep._torch import torch
from vilma.deep.coarse_labels import Bins
from vilma.deep.losses import cosine_logits, fcrc_loss, interval_l1
from vilma.deep.objectives.base import Head, Task
from vilma.deep.rows import Batch

__all__ = ["CoarseToFineHead", "TextWeights"]


class TextWeights(torch.nn.Module):
    """Embeddings of texts that are trained themselves.

    Parameters
    ----------
    embeddings : Tensor of shape (n_bins, n_dimensions)
        To begin with.
    """

    def __init__(self, embeddings: torch.Tensor) -> None:
        super().__init__()
        unit = torch.nn.functional.normalize(embeddings, dim=1)
        self.embeddings = torch.nn.Parameter(unit)

    def forward(self) -> torch.Tensor:
        return self.embeddings


class CoarseToFineHead(Head):
    """Logits of the bins; the mean over bins of a position in each.

    Parameters
    ----------
    texts : torch.nn.Module
        Without input, returns embeddings of shape (n_bins, n_dimensions).
    task : Task
        The labels.
    bins : Bins
        Parts of the scale.
    temperature : float
        Of the cosines.
    variant : {"paper", "numclip"}
        Of the ranking loss.
    ranking_weight : float
        Of the ranking loss beside the absolute error.
    hidden : int
        Width of the network that says where in its bin a row is.
    """

    positions: torch.Tensor
    centres: torch.Tensor
    half_widths: torch.Tensor
    bin_of_label: torch.Tensor

    def __init__(
        self,
        texts: torch.nn.Module,
        task: Task,
        bins: Bins,
        *,
        temperature: float,
        variant: Literal["paper", "numclip"],
        ranking_weight: float,
        hidden: int,
    ) -> None:
        super().__init__()
        self.texts = texts
        self.temperature = temperature
        self.variant = variant
        self.ranking_weight = ranking_weight
        self.span = task.scale.span
        last = torch.nn.Linear(hidden, len(bins))
        torch.nn.init.zeros_(last.weight)  # begin in the middle of each bin
        torch.nn.init.zeros_(last.bias)
        self.refine = torch.nn.Sequential(
            torch.nn.Linear(len(bins), hidden), torch.nn.ReLU(), last
        )
        borders = bins.borders(task.scale.positions)
        for name, values in {
            "positions": task.scale.positions,
            "centres": (borders[1:] + borders[:-1]) / 2.0,
            "half_widths": np.diff(borders) / 2.0,
        }.items():
            self.register_buffer(name, torch.from_numpy(values).float())
        self.register_buffer("bin_of_label", torch.from_numpy(bins.of_label))

    def forward(self, embedding: torch.Tensor) -> torch.Tensor:
        return cosine_logits(embedding, self.texts(), self.temperature)

    def loss(self, scores: torch.Tensor, embedding: torch.Tensor, batch: Batch) -> torch.Tensor:
        first, last = self.bin_of_label[batch.lower], self.bin_of_label[batch.upper]
        ranking = fcrc_loss(scores, first, last, variant=self.variant)
        # In label units, the error weighs what it does in the paper.
        error = interval_l1(
            self.predict(scores) * self.span,
            self.positions[batch.lower] * self.span,
            self.positions[batch.upper] * self.span,
            weights=batch.weight,
        )
        return self.ranking_weight * ranking + error

    def predict(self, scores: torch.Tensor) -> torch.Tensor:
        within = torch.tanh(self.refine(scores))
        return (scores.softmax(dim=1) * (self.centres + self.half_widths * within)).sum(dim=1)
