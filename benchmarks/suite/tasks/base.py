"""What a task is to the rest of the suite."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from benchmarks.annotations import Annotation, Form

__all__ = ["Task"]


@dataclass(frozen=True, kw_only=True)
class Task(ABC):
    """A learning problem made from its parameters alone; the same parameters, the same data.

    Parameters
    ----------
    name : str
        Unique within a configuration.
    annotation, width, exact_share
        As for `benchmarks.annotations.Annotation`; held-out labels are always the true ones.
    seed : int
        Of everything that is drawn.
    """

    kind: ClassVar[str]

    name: str
    annotation: Form = "exact"
    width: int = 1
    exact_share: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        self.annotate  # noqa: B018 (refuses wrong parameters)

    @property
    def annotate(self) -> Annotation:
        """The annotation process."""
        return Annotation(form=self.annotation, width=self.width, exact_share=self.exact_share)

    @property
    @abstractmethod
    def container(self) -> str:
        """What X is: "dense", "csr" or "codes"."""

    @property
    @abstractmethod
    def size(self) -> tuple[int, int] | None:
        """Rows and columns of the training data, None where only the files tell."""

    @abstractmethod
    def describe(self) -> str:
        """How the data come about, in a sentence or two."""

    def missing(self) -> str | None:
        """What keeps the task from being made, if anything."""
        return None

    @abstractmethod
    def make(self, folder: Path) -> None:
        """Write the data into an empty folder, for `benchmarks.suite.storage.load_data`."""
