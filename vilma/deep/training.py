"""The training loop that all estimators share."""

from __future__ import annotations

import math
import time
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from vilma.deep._torch import torch
from vilma.deep.checkpoint import Checkpoint
from vilma.deep.plan import Part, Phase
from vilma.deep.rows import Rows
from vilma.deep.trainable import Settings, Trainable

__all__ = ["HISTORY_DTYPE", "Training"]

HISTORY_DTYPE = np.dtype(
    [
        ("stage", np.int64),  # of the curricula
        ("loss", np.float64),  # mean over the batches
        ("validation_error", np.float64),  # in units of the scale, NaN without validation rows
        ("seconds", np.float64),  # since the start, interruptions left out
    ]
)


@dataclass
class _State:
    """Everything beside network and optimizer that changes from epoch to epoch."""

    phase: int = 0
    epoch: int = 0  # of the phase
    records: list[tuple] = field(default_factory=list)
    best_error: float = math.inf
    best_weights: dict[str, torch.Tensor] | None = None
    n_without_improvement: int = 0
    seconds: float = 0.0


class Training:
    """Training of a network, epoch by epoch.

    The random numbers come from torch's global generators: whoever starts a training seeds them,
    and restores them afterwards.

    Parameters
    ----------
    network : Trainable
        Trained in place.
    settings : Settings
        How to train.
    optimizer_state : dict, default=None
        State of the optimizer at the end of an earlier training, to go on with.
    """

    def __init__(
        self, network: Trainable, settings: Settings, optimizer_state: dict | None = None
    ) -> None:
        self._network = network.to(settings.device)
        self._settings = settings
        self._optimizer_state = optimizer_state
        self._state = _State()

    @property
    def history(self) -> NDArray:
        """One record of ``HISTORY_DTYPE`` per epoch."""
        return np.array(self._state.records, dtype=HISTORY_DTYPE)

    @property
    def optimizer_state(self) -> dict | None:
        """State of the optimizer after the last epoch."""
        return self._optimizer_state

    def run(
        self,
        rows: Rows,
        phases: list[Phase],
        validation: Rows | None = None,
        checkpoint: Checkpoint | None = None,
    ) -> None:
        """Train, going on where a checkpoint left off.

        Parameters
        ----------
        rows : Rows
            What to train on.
        phases : list of Phase
            What to train when.
        validation : Rows, default=None
            Rows whose error decides which epoch of each phase is kept, and when it ends.
        checkpoint : Checkpoint, default=None
            Where the state is saved after every epoch.

        Raises
        ------
        ValueError
            If the loss stops being a number.
        """
        # 1. Go back to where an interrupted training was.
        if checkpoint is not None:
            self._restore(checkpoint.load())
        n_epochs = sum(phase.n_epochs for phase in phases)
        with tqdm(total=n_epochs, disable=not self._settings.verbose, unit="epoch") as bar:
            bar.update(len(self._state.records))
            while self._state.phase < len(phases):
                self._run_phase(phases[self._state.phase], rows, validation, checkpoint, bar)
                self._end_phase(last=self._state.phase == len(phases) - 1)
        self._network.eval()

    def _run_phase(
        self,
        phase: Phase,
        rows: Rows,
        validation: Rows | None,
        checkpoint: Checkpoint | None,
        bar: tqdm,
    ) -> None:
        state = self._state
        used = np.arange(len(rows)) if phase.rows is None else phase.rows
        # 2. Begin the phase, unless a checkpoint was saved in the midst of it.
        if state.epoch == 0:
            self._network.begin_stage(phase.stage)
        optimizer = self._make_optimizer(phase.part)
        # 3. Epoch by epoch: train, validate, save.
        while state.epoch < phase.n_epochs and not self._has_converged():
            started = time.perf_counter()
            for group in optimizer.param_groups:
                group["lr"] = self._learning_rate(state.epoch, phase.n_epochs)
            loss = self._run_epoch(phase.part, rows, used, optimizer)
            error = math.nan
            if validation is not None and phase.part != "encoder":
                error = self._validate(validation)
                self._compare(error)
            state.epoch += 1
            state.seconds += time.perf_counter() - started
            state.records.append((phase.stage, loss, error, state.seconds))
            self._optimizer_state = optimizer.state_dict()
            bar.update()
            bar.set_postfix(loss=loss, refresh=False)
            if checkpoint is not None:
                checkpoint.save(self._snapshot())

    def _has_converged(self) -> bool:
        """Tell whether the phase has gone without improvement for as long as is waited."""
        patience = self._settings.patience
        return patience is not None and self._state.n_without_improvement >= patience

    def _end_phase(self, last: bool) -> None:
        """Keep the epoch that did best on rows held back, and turn to the next phase."""
        state = self._state
        if state.best_weights is not None:
            self._network.load_state_dict(state.best_weights)
        if not last:
            self._optimizer_state = None  # moments of another optimum
        state.best_error, state.best_weights, state.n_without_improvement = math.inf, None, 0
        state.phase, state.epoch = state.phase + 1, 0

    def _make_optimizer(self, part: Part) -> torch.optim.Optimizer:
        trained = [each for each in self._network.parameters_of(part) if each.requires_grad]
        if not trained:
            raise ValueError(
                f"There is nothing to train in the part {part!r}: every parameter is frozen "
                "(requires_grad=False)."
            )
        optimizer = torch.optim.AdamW(
            trained, lr=self._settings.learning_rate, weight_decay=self._settings.weight_decay
        )
        if self._optimizer_state is not None:
            optimizer.load_state_dict(self._optimizer_state)
        return optimizer

    def _learning_rate(self, epoch: int, n_epochs: int) -> float:
        if not self._settings.cosine:
            return self._settings.learning_rate
        return self._settings.learning_rate * 0.5 * (1.0 + math.cos(math.pi * epoch / n_epochs))

    def _run_epoch(
        self, part: Part, rows: Rows, used: NDArray[np.int64], optimizer: torch.optim.Optimizer
    ) -> float:
        self._network.train()
        order = used[torch.randperm(len(used)).numpy()]
        # Batches of equal size: a last batch of one row has no other row to compare with.
        n_batches = math.ceil(len(used) / self._settings.batch_size)
        total = 0.0
        for index in np.array_split(order, n_batches):
            batch = rows.batch(index, self._settings.device)
            loss = self._network.training_loss(batch, part)
            value = float(loss.detach())
            if not math.isfinite(value):
                raise ValueError(
                    f"The training loss became {value} in epoch {self._state.epoch + 1} with "
                    f"learning_rate={self._settings.learning_rate:g}. Lower the learning rate, "
                    "bring X to a common scale, or look for extreme values in it."
                )
            optimizer.zero_grad(set_to_none=True)
            if loss.requires_grad:
                loss.backward()
                optimizer.step()
            total += value * len(index)
        return total / len(used)

    def _validate(self, rows: Rows) -> float:
        self._network.eval()
        total = 0.0
        with torch.inference_mode():
            for index in np.array_split(
                np.arange(len(rows)), math.ceil(len(rows) / self._settings.batch_size)
            ):
                batch = rows.batch(index, self._settings.device)
                total += float((batch.weight * self._network.error(batch)).sum())
        return total / float(rows.weight.sum())

    def _compare(self, error: float) -> None:
        state = self._state
        if error < state.best_error:
            state.best_error = error
            state.best_weights = deepcopy(self._network.state_dict())
            state.n_without_improvement = 0
            return
        state.n_without_improvement += 1

    def _snapshot(self) -> dict[str, Any]:
        devices = [self._settings.device] if self._settings.device.type == "cuda" else []
        return {
            "network": self._network.state_dict(),
            "optimizer": self._optimizer_state,
            "random": torch.get_rng_state(),
            "random_cuda": [torch.cuda.get_rng_state(device) for device in devices],
            **vars(self._state),
        }

    def _restore(self, snapshot: dict[str, Any] | None) -> None:
        if snapshot is None:
            return
        self._network.load_state_dict(snapshot.pop("network"))
        self._optimizer_state = snapshot.pop("optimizer")
        torch.set_rng_state(snapshot.pop("random"))
        for saved in snapshot.pop("random_cuda"):
            if self._settings.device.type == "cuda":
                torch.cuda.set_rng_state(saved, self._settings.device)
        self._state = _State(**snapshot)
