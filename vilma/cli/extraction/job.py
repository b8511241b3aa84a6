"""What a run of `vilma lbp` or `vilma embed` is to do, and how it differs from another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vilma.cli._features import different_settings
from vilma.cli._report import some_of
from vilma.cli.extraction.images import ImageFile


@dataclass(frozen=True)
class Job:
    """What is to be done.

    Attributes
    ----------
    settings : dict
        Of the features, plain values.
    names : list of str
        The images, in order.
    sizes : list of int
        Their sizes in bytes; -1 where the file cannot be looked at.
    inputs : dict of str to str
        Digests of further files, by what they are.
    """

    settings: dict[str, Any]
    names: list[str]
    sizes: list[int]
    inputs: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls, settings: dict[str, Any], inputs: dict[str, str], files: Sequence[ImageFile]
    ) -> Job:
        """Describe the work on some files.

        Parameters
        ----------
        settings, inputs : dict
        files : sequence of ImageFile

        Returns
        -------
        Job
        """
        names = [file.name for file in files]
        return cls(settings, names, [_size(file.path) for file in files], inputs)

    def differences(self, other: Job, n_done: int) -> list[str]:
        """Say what another job has that this one has not.

        Parameters
        ----------
        other : Job
            What is asked for.
        n_done : int
            How many images are finished: the others may have changed.

        Returns
        -------
        list of str
            Empty if the work can go on.
        """
        found = different_settings(self.settings, other.settings, "it was made with")
        found += [
            f"the file of {what} is another"
            for what in sorted(self.inputs.keys() | other.inputs.keys())
            if self.inputs.get(what) != other.inputs.get(what)
        ]
        mine, theirs = set(self.names), set(other.names)
        if new := [name for name in other.names if name not in mine]:
            found.append(f"{len(new)} image(s) are new ({some_of(new)})")
        if gone := [name for name in self.names if name not in theirs]:
            found.append(f"{len(gone)} image(s) are gone ({some_of(gone)})")
        if not found and self.names != other.names:
            found.append("the images come in another order")
        if found:
            return found
        finished = zip(self.names[:n_done], self.sizes[:n_done], other.sizes, strict=False)
        if changed := [name for name, before, now in finished if before != now]:
            found.append(f"{len(changed)} finished image(s) have changed ({some_of(changed)})")
        return found


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1
