"""A network: encoder, head, and what regularizers look at: the embedding or projections of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from vilma.deep._torch import torch
from vilma.deep.encoders import encode
from vilma.deep.objectives import Head, LabelValues, Regularizer
from vilma.deep.plan import Part
from vilma.deep.rows import Batch
from vilma.deep.scale import Scale
from vilma.deep.trainable import Trainable
from vilma.deep.views import two_views

__all__ = ["Network", "Penalty", "Projection"]

Augmentation = Callable[[torch.Tensor], torch.Tensor]


class Projection(torch.nn.Module):
    """A linear map to vectors of length 1.

    Parameters
    ----------
    n_inputs : int
        Width of what comes in.
    n_outputs : int
        Width of what comes out.
    """

    def __init__(self, n_inputs: int, n_outputs: int) -> None:
        super().__init__()
        self.linear = torch.nn.Linear(n_inputs, n_outputs)

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.normalize(self.linear(X), dim=1)


class Penalty(torch.nn.Module):
    """A regularizer, with its weight and what it sees.

    Parameters
    ----------
    regularizer : Regularizer
        Loss of the embeddings.
    weight : float, default=1.0
        Its weight beside the loss of the head.
    projection : torch.nn.Module, default=None
        Beside the head: what this regularizer alone sees of the embeddings. None leaves them.
    """

    def __init__(
        self,
        regularizer: Regularizer,
        weight: float = 1.0,
        projection: torch.nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.regularizer = regularizer
        self.weight = weight
        self.projection = torch.nn.Identity() if projection is None else projection

    def forward(
        self, embedding: torch.Tensor, predictions: torch.Tensor, labels: LabelValues
    ) -> torch.Tensor:
        """Return the loss of a batch, weighted."""
        projected = self.projection(embedding)
        return self.weight * self.regularizer.penalty(projected, predictions, labels)


class Network(Trainable):
    """What an ordinal classifier trains.

    Parameters
    ----------
    encoder : torch.nn.Module
        From rows to a matrix.
    head : Head
        From embeddings to predictions.
    scale : Scale
        The labels.
    embedding_size : int
        Width of the embeddings.
    projection : torch.nn.Module, default=None
        Between encoder and head.
    penalties : sequence of Penalty, default=()
        Losses of the embeddings, which are added up.
    augmentation : callable, default=None
        From rows to changed rows, in training.
    mixed_precision : bool, default=False
        Whether the encoder computes in bfloat16 in training.
    """

    positions: torch.Tensor

    def __init__(
        self,
        encoder: torch.nn.Module,
        head: Head,
        scale: Scale,
        *,
        embedding_size: int,
        projection: torch.nn.Module | None = None,
        penalties: Sequence[Penalty] = (),
        augmentation: Augmentation | None = None,
        mixed_precision: bool = False,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.projection = torch.nn.Identity() if projection is None else projection
        self.head = head
        self.embedding_size = embedding_size
        self.penalties = torch.nn.ModuleList(penalties)
        self.total_weight = sum(each.weight for each in penalties)
        self.augmentation = augmentation
        self.mixed_precision = mixed_precision
        self.first, self.span = float(scale.values[0]), scale.span
        self.register_buffer("positions", torch.from_numpy(scale.positions).float())

    def embed(self, X: torch.Tensor) -> torch.Tensor:
        """Return what the head sees, as float32."""
        low = self.training and self.mixed_precision
        with torch.autocast(X.device.type, torch.bfloat16, enabled=low):
            encoded = encode(self.encoder, X)
        return self.projection(encoded.float())

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return predictions in label units, kept on the scale, of shape (n_rows,).

        Labels that are strings count as 0, 1, 2 and so on.
        """
        return self.first + self.span * self.head.predict(self.head(self.embed(X))).clamp(0.0, 1.0)

    def training_loss(self, batch: Batch, part: Part) -> torch.Tensor:
        """Return the loss of the head, the weighted mean of the regularizers, or the sum."""
        batch, samples = self._views(batch, part)
        if part == "head":
            self.encoder.eval()
            self.projection.eval()
            with torch.no_grad():
                embedding = self.embed(batch.X)
        else:
            embedding = self.embed(batch.X)
        if part == "encoder":
            penalty = self._penalty(embedding, self.head(embedding).detach(), batch, samples)
            return penalty / self.total_weight
        scores = self.head(embedding)
        loss = self.head.loss(scores, embedding, batch)
        if part == "head" or not self.penalties:
            return loss
        return loss + self._penalty(embedding, scores.detach(), batch, samples)

    def parameters_of(self, part: Part) -> dict[str, list[torch.nn.Parameter]]:
        """Return the parameters of one part, or of both."""
        modules = {
            "encoder": (self.encoder, self.projection, self.penalties),
            "head": (self.head,),
        }
        return {
            name: [parameter for each in members for parameter in each.parameters()]
            for name, members in modules.items()
            if part in ("all", name)
        }

    def penalizes_itself(self) -> bool:
        """Tell whether the head has a penalty of its own."""
        return self.head.has_penalty

    def begin_stage(self, stage: int) -> None:
        """Pass on to the head that a curriculum begins."""
        self.head.begin_stage(stage)

    def error(self, batch: Batch) -> torch.Tensor:
        """Return distances of predictions to intervals, in units of the scale."""
        predicted = self.head.predict(self.head(self.embed(batch.X)))
        lower, upper = self.positions[batch.lower], self.positions[batch.upper]
        return (lower - predicted).clamp(min=0.0) + (predicted - upper).clamp(min=0.0)

    def _views(self, batch: Batch, part: Part) -> tuple[Batch, torch.Tensor | None]:
        """Change the rows: each once, or twice for a regularizer that compares rows."""
        if self.augmentation is None:
            return batch, None
        if not self.penalties or part == "head":
            return batch._replace(X=self.augmentation(batch.X)), None
        change = self.augmentation
        X, samples = two_views(batch.X, lambda rows, _generator: change(rows))
        lower, upper, weight = (each.repeat(2) for each in batch[1:])
        return Batch(X, lower, upper, weight), samples

    def _penalty(
        self,
        embedding: torch.Tensor,
        scores: torch.Tensor,
        batch: Batch,
        samples: torch.Tensor | None,
    ) -> torch.Tensor:
        labels = LabelValues(
            self.positions[batch.lower] * self.span,
            self.positions[batch.upper] * self.span,
            self.span,
            self._same_annotation(batch),
            samples,
        )
        predictions = self.head.predict(scores) * self.span
        return torch.stack([each(embedding, predictions, labels) for each in self.penalties]).sum()

    def _same_annotation(self, batch: Batch) -> torch.Tensor:
        """Number the annotations; one that says nothing is like no other."""
        n_classes = len(self.positions)
        numbers = batch.lower * n_classes + batch.upper
        rows = n_classes**2 + torch.arange(len(numbers), device=numbers.device)
        says_nothing = (batch.lower == 0) & (batch.upper == n_classes - 1)
        return torch.where(says_nothing, rows, numbers)
