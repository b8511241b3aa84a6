"""What a run has measured so far, kept in one JSON file."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.suite.jobs import Outcome
from benchmarks.suite.machine import different_facts
from vilma._atomic import atomic_write

__all__ = ["FILE_NAME", "Results"]

FILE_NAME = "results.json"
_FORMAT = 1


@dataclass
class Results:
    """Settings, facts of the machine, and a record per fit.

    Attributes
    ----------
    path : Path
        The file.
    settings, machine : dict
        As `Config.settings` and `machine_facts` return them.
    fits : list of dict
        Every fit's task, adapter, options, validation, repeat, and its outcome.
    skipped : list of dict
        Task, adapter and reason of what could not be run.
    """

    path: Path
    settings: dict[str, Any]
    machine: dict[str, str]
    fits: list[dict[str, Any]] = field(default_factory=list)
    skipped: list[dict[str, str]] = field(default_factory=list)

    @classmethod
    def load(cls, folder: Path) -> Results:
        """Read the results in a folder.

        Raises
        ------
        ValueError
            If there are none, or they are of another format.
        """
        path = folder / FILE_NAME
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise ValueError(
                f"There is no {FILE_NAME} in {folder}; give the output folder of a run."
            ) from None
        except json.JSONDecodeError as error:
            raise ValueError(f"{path} is not JSON: {error}.") from error
        found = content.pop("format", None) if isinstance(content, dict) else None
        if found != _FORMAT:
            raise ValueError(f"{path} has the format {found!r}; expected {_FORMAT}.")
        return cls(path, **content)

    @classmethod
    def begin(cls, folder: Path, settings: dict[str, Any], machine: dict[str, str]) -> Results:
        """Go on with the results in a folder, or start.

        Raises
        ------
        ValueError
            If the folder's results come from other settings or another machine.
        """
        if not (folder / FILE_NAME).exists():
            folder.mkdir(parents=True, exist_ok=True)
            return cls(folder / FILE_NAME, settings, machine)
        self = cls.load(folder)
        settings = json.loads(json.dumps(settings))
        changed = [name for name in settings if self.settings.get(name) != settings[name]]
        differences = [f"the setting {name!r} differs" for name in changed]
        differences += different_facts(self.machine, machine)
        if differences:
            raise ValueError(
                f"{folder} holds results measured under other conditions: "
                f"{'; '.join(differences)}. Give another --output, or remove the folder."
            )
        self.machine = {**self.machine, **machine}
        self.skipped = []
        return self

    def find(self, key: dict[str, Any]) -> Outcome | None:
        """Return the outcome of a fit that has been done."""
        for record in self.fits:
            if all(record[name] == value for name, value in key.items()):
                return record
        return None

    def add(self, key: dict[str, Any], outcome: Outcome) -> None:
        """Note an outcome, and save."""
        self.fits.append({**key, **outcome})
        self.save()

    def save(self) -> None:
        """Write the file anew; an interruption leaves the old one or the new one."""
        content = {
            "format": _FORMAT,
            "settings": self.settings,
            "machine": self.machine,
            "skipped": self.skipped,
            "fits": self.fits,
        }
        with atomic_write(self.path) as file:
            file.write(json.dumps(content).encode())
