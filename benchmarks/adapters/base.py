"""What an adapter is: one way of learning, under one calling convention."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from importlib.util import find_spec
from itertools import product
from typing import Any, ClassVar

import numpy as np

__all__ = ["Adapter", "Certificate"]

Certificate = dict[str, Any]


class Adapter(ABC):
    """Learns from intervals and predicts labels of the scale.

    Parameters
    ----------
    options : mapping
        One candidate of :meth:`candidates`.
    classes : ndarray of shape (n_classes,)
        The scale: consecutive whole numbers.
    threads : int
        How many the method may use.

    Attributes
    ----------
    name : str
        What configurations call it.
    package, module : str
        What to install, and what is then imported.
    labels : str
        What of an interval the method sees.
    containers : frozenset of str
        The kinds of X it takes.
    most_values : int or None
        Rows times columns that it is meant for at most.
    defaults : dict
        Its options with their defaults; a tuple lists the candidates among which
        cross-validation decides, from the most regularised on.
    """

    name: ClassVar[str]
    package: ClassVar[str]
    module: ClassVar[str]
    labels: ClassVar[str] = "midpoints"
    containers: ClassVar[frozenset[str]] = frozenset({"dense"})
    most_values: ClassVar[int | None] = None
    defaults: ClassVar[dict[str, Any]] = {}

    def __init__(self, options: Mapping[str, Any], classes: np.ndarray, threads: int) -> None:
        self.options = dict(options)
        self.classes = classes
        self.threads = threads

    @abstractmethod
    def fit(self, X: Any, intervals: np.ndarray) -> None:
        """Learn; everything in here is timed."""

    @abstractmethod
    def predict(self, X: Any) -> np.ndarray:
        """Return a label of the scale for every row."""

    def certificate(self, X: Any) -> Certificate:
        """Return what else is known of the fit on X, to be recorded; not timed."""
        return {}

    def on_scale(self, values: np.ndarray) -> np.ndarray:
        """Round real predictions to the nearest labels of the scale."""
        return np.clip(np.rint(values), self.classes[0], self.classes[-1]).astype(np.int64)

    @classmethod
    def installed(cls) -> bool:
        """Tell whether the package is there, without importing it."""
        return find_spec(cls.module) is not None

    @classmethod
    def unsuitable(cls, container: str, size: tuple[int, int] | None) -> str | None:
        """Say why the method cannot run on such data, if so."""
        if not cls.installed():
            return f"install {cls.package}"
        if container not in cls.containers:
            return f"takes {' or '.join(sorted(cls.containers))} data only"
        if (
            cls.most_values is not None
            and size is not None
            and size[0] * size[1] > cls.most_values
        ):
            return f"meant for at most {cls.most_values:,} values"
        return None

    @classmethod
    def memory_budget(cls, options: Mapping[str, Any]) -> int | None:
        """Return the bytes of X to hold at a time if it is to stay on disk, else None."""
        return None

    @classmethod
    def candidates(cls, changes: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return all combinations of the options, some changed by a configuration.

        Raises
        ------
        ValueError
            If there is no such option, or a list is empty.
        """
        unknown = sorted(set(changes) - set(cls.defaults))
        if unknown:
            known = ", ".join(sorted(cls.defaults)) or "none"
            raise ValueError(f"{cls.name} has no option {unknown[0]!r}; it has: {known}.")
        lists = {
            name: list(value) if isinstance(value, (list, tuple)) else [value]
            for name, value in {**cls.defaults, **changes}.items()
        }
        for name, values in lists.items():
            if not values:
                raise ValueError(f"The list of {cls.name}'s option {name!r} is empty.")
        return [dict(zip(lists, values, strict=True)) for values in product(*lists.values())]
