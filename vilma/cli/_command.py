"""Commands whose help ends without a traceback where it cannot be written."""

from __future__ import annotations

from typing import Any

import click

from vilma.cli._report import readable_output


class Command(click.Command):
    """A command that writes its help as commands write what they find."""

    def make_context(self, *args: Any, **options: Any) -> click.Context:
        """Read what was typed, see :class:`click.Command`; --help is written here."""
        with readable_output():
            return super().make_context(*args, **options)


class CommandGroup(click.Group):
    """A group of commands that writes its help, and its version, as these do."""

    def make_context(self, *args: Any, **options: Any) -> click.Context:
        """Read what was typed, see :class:`click.Command`; --help is written here."""
        with readable_output():
            return super().make_context(*args, **options)
