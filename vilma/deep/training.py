"""The training loop that all estimators share."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from vilma._numba import interruptible
from vilma.deep._torch import torch
from vilma.deep.callbacks import Callback, Progress
from vilma.deep.checkpoint import Checkpoint
from vilma.deep.optimization import Optimizer, Schedule, make_optimizer, make_schedule
from vilma.deep.plan import Part, Phase
from vilma.deep.rows import Rows, in_batches
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
    """Everything beside network, optimizer and schedule that changes from epoch to epoch."""

    plan: list[int] = field(default_factory=list)  # epochs of each phase
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
    callbacks : sequence of Callback, default=()
        What is told of the training.
    """

    def __init__(
        self,
        network: Trainable,
        settings: Settings,
        optimizer_state: dict | None = None,
        callbacks: Sequence[Callback] = (),
    ) -> None:
        self._network = network.to(settings.device)
        self._settings = settings
        self._optimizer_state = optimizer_state
        self._schedule_state: dict | None = None
        self._callbacks = callbacks
        self._state = _State()
        self._last_weights: dict[str, torch.Tensor] | None = None

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
            If the loss stops being a number, or the checkpoint does not go with the phases.

        Warns
        -----
        UserWarning
            If the training was interrupted from the keyboard. The network is then that of the
            last epoch that came to its end, or of the best one with validation rows.
        """
        # 1. Go back to where an interrupted training was.
        state = self._state
        state.plan = [phase.n_epochs for phase in phases]
        if checkpoint is not None:
            self._restore(checkpoint)
            state = self._state
        self._tell("on_start", {})
        total, done = sum(state.plan), len(state.records)
        try:
            with (
                interruptible(),
                tqdm(
                    total=total, initial=done, disable=not self._settings.verbose, unit="epoch"
                ) as bar,
            ):
                while state.phase < len(phases):
                    ended = self._run_phase(phases[state.phase], rows, validation, checkpoint, bar)
                    self._keep_best()
                    if ended or state.phase == len(phases) - 1:
                        break
                    self._begin_next_phase()
        except KeyboardInterrupt:
            if self._last_weights is None:  # nothing is worth keeping
                raise
            self._network.load_state_dict(self._last_weights)
            self._keep_best()
            warnings.warn(
                f"The training was interrupted after {len(state.records)} of {total} epochs; the "
                "network is kept as it was then.",
                UserWarning,
                stacklevel=3,
            )
        self._network.eval()
        self._tell("on_end", {})

    def _run_phase(
        self,
        phase: Phase,
        rows: Rows,
        validation: Rows | None,
        checkpoint: Checkpoint | None,
        bar: tqdm,
    ) -> bool:
        """Train one phase; tell whether a callback ended the training."""
        state = self._state
        n_epochs = state.plan[state.phase]
        used = np.arange(len(rows)) if phase.rows is None else phase.rows
        # 2. Begin the phase, unless a checkpoint was saved in the midst of it.
        if state.epoch == 0:
            self._network.begin_stage(phase.stage)
        optimizer, schedule = self._make_optimizer(phase.part, n_epochs)
        # 3. Epoch by epoch: train, validate, save.
        while state.epoch < n_epochs and not self._has_converged():
            started = time.perf_counter()
            rate = max(group["lr"] for group in optimizer.param_groups)
            loss = self._run_epoch(phase.part, rows, used, optimizer)
            error = math.nan
            if validation is not None and phase.part != "encoder":
                error = self._validate(validation)
                self._compare(error)
            if isinstance(schedule, torch.optim.lr_scheduler.ReduceLROnPlateau):
                schedule.step(loss if math.isnan(error) else error)
            else:
                schedule.step()
            state.epoch += 1
            state.seconds += time.perf_counter() - started
            state.records.append((phase.stage, loss, error, state.seconds))
            self._optimizer_state = optimizer.state_dict()
            self._schedule_state = schedule.state_dict()
            self._last_weights = deepcopy(self._network.state_dict())
            bar.update()
            bar.set_postfix(loss=loss, refresh=False)
            if checkpoint is not None:
                checkpoint.save(self._snapshot())
            record = dict(zip(HISTORY_DTYPE.names or (), state.records[-1], strict=True))
            if self._tell("on_epoch", {**record, "learning_rate": rate}):
                return True
        return False

    def _has_converged(self) -> bool:
        """Tell whether the phase has gone without improvement for as long as is waited."""
        patience = self._settings.patience
        return patience is not None and self._state.n_without_improvement >= patience

    def _keep_best(self) -> None:
        """Go back to the epoch of this phase that did best on rows held back."""
        if self._state.best_weights is not None:
            self._network.load_state_dict(self._state.best_weights)

    def _begin_next_phase(self) -> None:
        state = self._state
        state.phase, state.epoch = state.phase + 1, 0
        state.best_error, state.best_weights, state.n_without_improvement = math.inf, None, 0
        self._optimizer_state = self._schedule_state = None  # moments of another optimum

    def _make_optimizer(self, part: Part, n_epochs: int) -> tuple[Optimizer, Schedule]:
        parts = {
            name: [each for each in parameters if each.requires_grad]
            for name, parameters in self._network.parameters_of(part).items()
        }
        if not any(parts.values()):
            raise ValueError(
                f"There is nothing to train in the part {part!r}: every parameter is frozen "
                "(requires_grad=False)."
            )
        settings = self._settings
        decay = dict.fromkeys(parts, settings.weight_decay)
        if self._network.penalizes_itself():
            decay["head"] = 0.0
        optimizer = make_optimizer(settings.optimizer, parts, settings.learning_rate, decay)
        rates = [group["lr"] for group in optimizer.param_groups]
        schedule = make_schedule(settings.schedule, optimizer, n_epochs)
        if self._optimizer_state is not None:
            optimizer.load_state_dict(self._optimizer_state)
        if self._schedule_state is not None:
            schedule.load_state_dict(self._schedule_state)
            if isinstance(schedule, torch.optim.lr_scheduler.LambdaLR):
                rates = [
                    base * factor(schedule.last_epoch)
                    for base, factor in zip(schedule.base_lrs, schedule.lr_lambdas, strict=True)
                ]  # the end of the phase may have been put off
                self._set_rates(optimizer, rates)
        else:  # moments of an earlier call, but today's rates
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = group["initial_lr"] = rate
        return optimizer, schedule

    def _run_epoch(
        self, part: Part, rows: Rows, used: NDArray[np.int64], optimizer: Optimizer
    ) -> float:
        self._network.train()
        settings = self._settings
        order = used[torch.randperm(len(used)).numpy()]
        # Batches of equal size: a last batch of one row has no other row to compare with.
        places = np.array_split(order, math.ceil(len(used) / settings.batch_size))
        losses = []
        rates = [group["lr"] for group in optimizer.param_groups]
        optimizer.zero_grad(set_to_none=True)
        for k, batch in enumerate(rows.batches(places, settings.device)):
            loss = self._network.training_loss(batch, part)
            losses.append(loss.detach())
            # The batches of a step, of which the last may have fewer, count as one.
            first = k - k % settings.accumulate
            n_summed = min(settings.accumulate, len(places) - first)
            if loss.requires_grad:
                (loss / n_summed if n_summed > 1 else loss).backward()
            if k + 1 == first + n_summed:
                self._step(optimizer, rates, (k + 1) / len(places))
        self._set_rates(optimizer, rates)
        # Once an epoch, because asking for a number makes the host wait for the device.
        sizes = np.array([len(each) for each in places])
        found = torch.stack(losses).double().cpu().numpy()
        if not np.isfinite(found).all():
            raise ValueError(
                f"The training loss became {found[~np.isfinite(found)][0]} in epoch "
                f"{len(self._state.records) + 1} with learning_rate={self._rate_in_words()}. "
                "Lower the learning rate, bring X to a common scale, or look for extreme values "
                "in it."
            )
        return float(found @ sizes / sizes.sum())

    def _step(self, optimizer: Optimizer, rates: list[float], share: float) -> None:
        """Clip gradients, warm up, and step; `share` is how much of the epoch is over."""
        settings = self._settings
        if settings.max_grad_norm is not None:
            torch.nn.utils.clip_grad_norm_(self._network.parameters(), settings.max_grad_norm)
        done = len(self._state.records) + share
        if done < settings.warmup_epochs:
            self._set_rates(optimizer, [rate * done / settings.warmup_epochs for rate in rates])
        elif settings.warmup_epochs:
            self._set_rates(optimizer, rates)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    @staticmethod
    def _set_rates(optimizer: Optimizer, rates: list[float]) -> None:
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate

    def _rate_in_words(self) -> str:
        rates = self._settings.learning_rate
        if len(set(rates.values())) == 1:
            return f"{rates['head']:g}"
        return f"{rates}"

    def _validate(self, rows: Rows) -> float:
        self._network.eval()
        places = in_batches(len(rows), self._settings.batch_size)
        with torch.inference_mode():
            errors = [
                (batch.weight * self._network.error(batch)).sum()
                for batch in rows.batches(places, self._settings.device)
            ]
        return float(torch.stack(errors).double().sum()) / float(rows.weight.sum())

    def _compare(self, error: float) -> None:
        state = self._state
        if error < state.best_error:
            state.best_error = error
            state.best_weights = deepcopy(self._network.state_dict())
            state.n_without_improvement = 0
            return
        state.n_without_improvement += 1

    def _tell(self, event: str, record: dict[str, Any]) -> bool:
        """Call the callbacks; tell whether one of them wants to end the training."""
        progress = Progress(self._network, len(self._state.records), sum(self._state.plan), record)
        training = self._network.training
        answers = [getattr(callback, event)(progress) for callback in self._callbacks]
        self._network.train(training)
        return any(answer is True for answer in answers)

    def _snapshot(self) -> dict[str, Any]:
        devices = [self._settings.device] if self._settings.device.type == "cuda" else []
        return {
            "network": self._network.state_dict(),
            "optimizer": self._optimizer_state,
            "schedule": self._schedule_state,
            "random": torch.get_rng_state(),
            "random_cuda": [torch.cuda.get_rng_state(device) for device in devices],
            **vars(self._state),
        }

    def _restore(self, checkpoint: Checkpoint) -> None:
        snapshot = checkpoint.load()
        if snapshot is None:
            return
        plan = self._state.plan
        with checkpoint.reading():
            self._network.load_state_dict(snapshot.pop("network"))
            self._optimizer_state = snapshot.pop("optimizer")
            self._schedule_state = snapshot.pop("schedule")
            torch.set_rng_state(snapshot.pop("random"))
            for saved in snapshot.pop("random_cuda"):
                if self._settings.device.type == "cuda":
                    torch.cuda.set_rng_state(saved, self._settings.device)
            self._state = _State(**snapshot)
        self._state.plan = _extended(self._state, plan)
        self._last_weights = deepcopy(self._network.state_dict())


def _extended(state: _State, plan: list[int]) -> list[int]:
    """Return how many epochs the phases of a resumed training have, if there are more today.

    What is added goes to the last phase: earlier ones are over.
    """
    if state.plan == plan:
        return plan
    added = sum(plan) - sum(state.plan)
    if len(plan) != len(state.plan) or added < 0 or state.phase < len(plan) - 1:
        raise ValueError(
            f"The checkpoint is of a training of {sum(state.plan)} epochs that is in phase "
            f"{state.phase + 1} of {len(state.plan)}; it cannot become one of {sum(plan)}. Only "
            "its last phase can be extended: set max_epochs as it was, or higher when that phase "
            "has been reached."
        )
    return [*state.plan[:-1], state.plan[-1] + added]
