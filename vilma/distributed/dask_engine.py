"""Parts held by the workers of a Dask cluster."""

from __future__ import annotations

import contextlib
import itertools
import pickle
import time
import uuid
import warnings
from collections.abc import Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any, NamedTuple

import numpy as np
from dask import delayed
from distributed import Client, Future, wait
from distributed.comm import CommClosedError

import vilma
from vilma.distributed.engine import Engine
from vilma.distributed.part import Part
from vilma.distributed.reading import Block, pack_blocks, read_block

__all__ = ["DaskEngine", "Source"]

_LOOK = 2.0  # seconds without an answer after which to look whether worker and scheduler live
_MOST_STARTS = 10  # of the same parts, one after the other without an answer between
_VERSIONS = ("vilma", "numpy", "scipy", "numba")  # whose numbers a result may depend on


class Source(NamedTuple):
    """Where a partition comes from: delayed calls, or what they would give."""

    rows: Any
    labels: Any
    weight: Any


class _Failure(NamedTuple):
    """What a part raised; what is raised otherwise comes from the cluster."""

    exception: BaseException


class _Holder:
    """The parts on one worker; an actor of Dask's."""

    def __init__(self, blocks: Sequence[Block], rows_per_part: int) -> None:
        self._parts = [
            Part(packed.X, packed.y, packed.weight, packed.first)
            for packed in pack_blocks(blocks, rows_per_part)
        ]

    def map(self, method: str, args: tuple) -> Any:
        """Call a method of every part."""
        try:
            return [getattr(part, method)(*args) for part in self._parts]
        except Exception as error:
            return _Failure(error)

    def sum(self, method: str, args: tuple) -> Any:
        """Call a method of every part; return the sum."""
        try:
            return reduce(add, (getattr(part, method)(*args) for part in self._parts))
        except Exception as error:
            return _Failure(error)


@dataclass
class _Group:
    """Blocks that are on one worker together, wherever that is."""

    sources: Sequence[Source]
    first: int  # number of the first one
    address: str = ""
    future: Future | None = None
    holder: Any = None
    n_starts: int = 0

    def named(self) -> str:
        last = self.first + len(self.sources) - 1
        return f"partition {last}" if last == self.first else f"partitions {self.first} to {last}"


class DaskEngine(Engine):
    """Parts held by actors, one on each worker.

    Parameters
    ----------
    client : distributed.Client
    sources : sequence of Source
        Of each partition.
    rows_per_part : int
        Blocks on a worker are put together up to so many rows.
    patience : float
        Seconds to wait for a worker where none is left, and for data that do not come again.
    """

    def __init__(
        self, client: Client, sources: Sequence[Source], rows_per_part: int, patience: float
    ) -> None:
        self._client = client
        self._rows_per_part = rows_per_part
        self._patience = patience
        self._kept: dict[str, tuple] = {}
        self._name = uuid.uuid4().hex[:8]
        self._numbers = itertools.count()
        self.closed = False
        addresses = self._wait_for_workers()
        self._compare_versions()
        shares = np.array_split(np.arange(len(sources)), min(len(addresses), len(sources)))
        self._groups = [_Group([sources[k] for k in share], int(share[0])) for share in shares]
        try:
            self._start(self._groups)
        except BaseException:
            self.close()
            raise

    def map(self, method: str, *args: Any) -> list:
        return [each for part in self._call("map", method, args) for each in part]

    def sum(self, method: str, *args: Any) -> Any:
        return reduce(add, self._call("sum", method, args))

    def sum_and_keep(self, method: str, *args: Any) -> Any:
        self._kept[method] = args
        return self.sum(method, *args)

    def close(self) -> None:
        """Let go of all rows."""
        self.closed = True
        futures = [group.future for group in self._groups if group.future is not None]
        for group in self._groups:
            group.future = group.holder = None
        if futures and self._client.status == "running":
            self._client.cancel(futures, force=True)

    def _call(self, kind: str, method: str, args: tuple) -> list:
        """Call all holders at once; those that are lost are made anew and called again."""
        self.n_trips += 1
        try:
            asked = [(group, self._ask(group, kind, method, args)) for group in self._groups]
            answers = {id(group): self._answer(group, future) for group, future in asked}
            while True:
                lost = [group for group in self._groups if answers[id(group)] is None]
                if not lost:
                    break
                self._start(lost)
                asked = [(group, self._ask(group, kind, method, args)) for group in lost]
                answers.update({id(group): self._answer(group, each) for group, each in asked})
        except BaseException:  # no part raises here: the cluster fails, or the user interrupts
            self.close()
            raise
        out = [answers[id(group)] for group in self._groups]
        self.n_bytes += _n_bytes(args) * len(self._groups) + _n_bytes(out)
        for group, answer in zip(self._groups, out, strict=True):
            group.n_starts = 1
            if isinstance(answer, _Failure):
                self._say_where(group, answer.exception)
                raise answer.exception
        return out

    def _say_where(self, group: _Group, error: BaseException) -> None:
        error.add_note(f"This came from {group.named()}, on {group.address}.")

    def _ask(self, group: _Group, kind: str, method: str, args: tuple) -> Any:
        """Begin a call; None if the worker is known to be gone."""
        try:
            return getattr(group.holder, kind)(method, args)
        except (OSError, RuntimeError):
            return None

    def _answer(self, group: _Group, future: Any) -> Any:
        """Wait for a call; None if the worker is gone."""
        if future is None:
            return None
        while True:
            try:
                return future.result(timeout=_LOOK)
            except TimeoutError:
                if group.address not in self._addresses():
                    return None
            except (OSError, RuntimeError, KeyError, ValueError):
                # What parts raise does not come this way: the worker cannot be reached, or is
                # another one with the same address.
                return None

    def _addresses(self) -> set[str]:
        """Return the addresses of the workers that live.

        Raises
        ------
        ConnectionError
            If the scheduler does not.
        """
        message = (
            "The scheduler of the Dask cluster cannot be reached any more, so the fit ends here. "
            "Start a cluster and a client, make the PartitionedMatrix of that client, and fit "
            "again."
        )
        if self._client.status != "running":
            raise ConnectionError(message)
        try:
            scheduler = self._client.scheduler
            assert scheduler is not None
            found = self._client.sync(
                scheduler.ncores, callback_timeout=max(_LOOK, self._patience / 3)
            )
        except (OSError, RuntimeError) as error:
            raise ConnectionError(message) from error
        return set(found)

    def _wait_for_workers(self) -> list[str]:
        """Return the addresses in a fixed order, waiting for one if there is none."""
        deadline = time.monotonic() + self._patience
        while True:
            addresses = sorted(self._addresses())
            if addresses:
                return addresses
            if time.monotonic() > deadline:
                raise RuntimeError(
                    f"The Dask cluster had no worker for {self._patience:g} seconds. Start "
                    "workers, or give more time by `patience`."
                )
            time.sleep(0.2)

    def _compare_versions(self) -> None:
        """Refuse a cluster with another version of vilma; warn of other versions of the rest."""
        here = _versions()
        for address, there in self._client.run(_versions, on_error="return").items():
            if isinstance(there, CommClosedError):
                continue  # it is gone by now, and nothing will be started there
            if isinstance(there, BaseException):
                raise RuntimeError(
                    f"The worker {address} cannot import vilma ({there!r}). Install vilma "
                    f"{here['vilma']} with its extra `distributed` on every worker."
                ) from there
            if there["vilma"] != here["vilma"]:
                raise RuntimeError(
                    f"The worker {address} has vilma {there['vilma']} and the client "
                    f"{here['vilma']}. Install the same version everywhere."
                )
            other = [name for name in _VERSIONS if there[name] != here[name]]
            if other:
                listed = ", ".join(f"{name} {there[name]} ({here[name]} here)" for name in other)
                warnings.warn(
                    f"The worker {address} has {listed}: results may differ in the last digits.",
                    RuntimeWarning,
                    stacklevel=2,
                )

    def _start(self, groups: Sequence[_Group]) -> None:
        """Load groups of blocks onto workers, and bring them to where the others are."""
        waiting = list(groups)
        while waiting:
            self._place(waiting)
            for group in waiting:
                group.n_starts += 1
                if group.n_starts > _MOST_STARTS:
                    raise RuntimeError(
                        f"The worker with {group.named()} was lost {_MOST_STARTS} times. If "
                        "workers are stopped for the memory they take, use more of them, or "
                        "smaller partitions."
                    )
                self._load(group)
            waiting = [group for group in waiting if not self._is_started(group)]

    def _load(self, group: _Group) -> None:
        """Have the blocks read by the group's worker and held there.

        Names are new every time: a name that the scheduler knows would stay with the worker that
        it was given to. What partitions are made of keeps its name, and several may be made of
        one thing: that may be computed elsewhere, or it would wait for a worker that was lost.
        """
        if group.future is not None:
            self._client.cancel([group.future], force=True)
            group.future = group.holder = None
        name = f"{self._name}-{next(self._numbers)}"
        here = [group.address]
        blocks = [
            delayed(read_block)(
                *source, group.first + k, dask_key_name=f"vilma-rows-{name}-{group.first + k}"
            )
            for k, source in enumerate(group.sources)
        ]
        group.future = self._client.submit(
            _Holder,
            self._client.compute(blocks, workers=here, allow_other_workers=True),
            self._rows_per_part,
            actor=True,
            key=f"vilma-parts-{name}",
            workers=here,
            allow_other_workers=False,
        )

    def _place(self, groups: Sequence[_Group]) -> None:
        """Choose workers: those with the fewest blocks."""
        addresses = self._wait_for_workers()
        busy = dict.fromkeys(addresses, 0)
        for group in self._groups:
            if not any(group is each for each in groups) and group.address in busy:
                busy[group.address] += len(group.sources)
        for group in groups:
            group.address = min(addresses, key=lambda address: (busy[address], address))
            busy[group.address] += len(group.sources)

    def _is_started(self, group: _Group) -> bool:
        """Wait until a group is loaded; tell whether its worker lived to see it.

        Raises
        ------
        RuntimeError
            If the blocks cannot be read, or were lost and cannot be read again.
        """
        again, future = group.n_starts > 1, group.future
        assert future is not None
        quiet_since = time.monotonic()
        while True:
            with contextlib.suppress(TimeoutError, CancelledError):
                wait([future], timeout=_LOOK)
            status = future.status
            if status == "finished":
                break
            if status in ("error", "cancelled", "lost"):
                if group.address not in self._addresses():
                    return False
                self._raise_unreadable(group, again)
            if group.address not in self._addresses():
                return False
            if any(self._client.processing().values()):
                quiet_since = time.monotonic()
            elif time.monotonic() - quiet_since > self._patience:
                self._raise_unreadable(group, again)
        try:
            group.holder = future.result(timeout=self._patience)
            for method, args in self._kept.items():
                answer = self._answer(group, self._ask(group, "sum", method, args))
                if answer is None:
                    return False
                if isinstance(answer, _Failure):
                    raise answer.exception
        except OSError:
            return False
        return True

    def _raise_unreadable(self, group: _Group, again: bool) -> None:
        what = (
            f"The worker that had {group.named()} is gone, and the rows cannot be had again"
            if again
            else f"{group.named().capitalize()} cannot be read"
        )
        reason: BaseException | None = None
        if group.future is not None and group.future.status == "error":
            reason = group.future.exception(timeout=self._patience)
        hint = (
            " Data that are only in the memory of workers (scattered, or persisted without the "
            "source) are lost with them: make the PartitionedMatrix of what can be read again."
            if again or reason is None
            else ""
        )
        why = "nothing works on them" if reason is None else str(reason).rstrip(".")
        raise RuntimeError(f"{what}: {why}.{hint}") from reason


def _n_bytes(message: Any) -> int:
    """Size of a message, its arrays not copied."""
    arrays: list[pickle.PickleBuffer] = []
    head = pickle.dumps(message, protocol=5, buffer_callback=arrays.append)
    return len(head) + sum(array.raw().nbytes for array in arrays)


def _versions() -> dict[str, str]:
    """Versions of what a result depends on, in the process that runs this."""
    from importlib.metadata import version

    return {"vilma": vilma.__version__, **{name: version(name) for name in _VERSIONS[1:]}}
