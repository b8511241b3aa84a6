"""Files that cannot be used."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field

import click
from tqdm import tqdm

from vilma.cli._report import some_of


@dataclass(frozen=True)
class Unusable:
    """What becomes of a file that cannot be used.

    Attributes
    ----------
    reason : str
    """

    reason: str


@dataclass
class Rejected:
    """Files that could not be used.

    Attributes
    ----------
    reasons : dict of str to str
        The reason for each name, in the order they were met.
    """

    reasons: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, reason: str) -> None:
        """Keep a file's reason and say it on the standard error.

        Parameters
        ----------
        name : str
            The file's name.
        reason : str
            Why it cannot be used.
        """
        self.reasons[name] = reason
        tqdm.write(f"skipped {name}: {reason}", file=sys.stderr)

    def check(self, n_files: int, *, strict: bool) -> None:
        """Stop when nothing is left, or anything is missing that must not be.

        Parameters
        ----------
        n_files : int
            How many files there were.
        strict : bool
            Whether a single bad file is an error.

        Raises
        ------
        click.ClickException
            If no file could be used or, when strict, one could not. Nothing is written then.
        """
        if len(self.reasons) == n_files:
            raise click.ClickException(
                f"none of the {n_files} file(s) could be used; the reasons are above."
            )
        if strict and self.reasons:
            raise click.ClickException(
                f"{len(self.reasons)} of {n_files} files could not be used "
                f"({some_of(list(self.reasons))}); nothing was written, because of --strict."
            )
