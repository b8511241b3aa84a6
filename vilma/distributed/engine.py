"""The contract with what holds the parts: a call of every part, and the sum of what they return.

Nothing of the method depends on more. An adapter to another engine is a subclass of `Engine` with
three methods; ``docs/howto/distributed.rst`` says how.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import reduce
from operator import add
from typing import Any

from vilma.distributed.part import Part

__all__ = ["Engine", "LocalEngine"]


class Engine(ABC):
    """Parts of rows, in this process or elsewhere.

    A call that fails in a part raises what the part raised. A part that was made anew, after its
    machine was lost, has no vectors and raises `MissingVectorsError` if it needs one: the call is
    then repeated with all of them.

    Attributes
    ----------
    n_trips : int
        Round trips so far: calls for which every part was waited for.
    n_bytes : int
        Bytes of arrays sent and received so far, all parts together; 0 in this process.
    closed : bool
        Whether the rows are gone.
    """

    n_trips = 0
    n_bytes = 0
    closed = False

    def close(self) -> None:
        """Let go of all rows."""
        self.closed = True

    @abstractmethod
    def map(self, method: str, *args: Any) -> list:
        """Call a method of every part; return the results in the order of the parts."""

    @abstractmethod
    def sum(self, method: str, *args: Any) -> Any:
        """Call a method of every part; return the sum of the results, added up in order."""

    @abstractmethod
    def sum_and_keep(self, method: str, *args: Any) -> Any:
        """Do the same, and do it first with every part that has to be made anew later.

        What was kept under the same name before is replaced.
        """


class LocalEngine(Engine):
    """Parts in this process, for tests and as the pattern of an adapter.

    Parameters
    ----------
    parts : sequence of Part
        In the order of their rows.
    """

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = parts

    def map(self, method: str, *args: Any) -> list:
        self.n_trips += 1
        return [getattr(part, method)(*args) for part in self._parts]

    def sum(self, method: str, *args: Any) -> Any:
        return reduce(add, self.map(method, *args))

    def sum_and_keep(self, method: str, *args: Any) -> Any:
        return self.sum(method, *args)
