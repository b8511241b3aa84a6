"""The directive ``command-help``: what ``vilma COMMAND --help`` prints, as it is."""

from __future__ import annotations

from click.testing import CliRunner
from docutils import nodes
from docutils.parsers.rst import Directive

from vilma.cli import main

WIDTH = 84


def help_of(command: str) -> str:
    """Return the help of a command, or of all, as a terminal shows it."""
    arguments = [*command.split(), "--help"]
    result = CliRunner().invoke(main, arguments, prog_name="vilma", terminal_width=WIDTH)
    if result.exit_code != 0:
        raise ValueError(f"vilma {' '.join(arguments)} failed: {result.output}")
    return result.output


class CommandHelp(Directive):
    """Shows the help of one command, named as the argument; without one, that of ``vilma``."""

    optional_arguments = 1

    def run(self):
        """Return the help as a block of code."""
        text = help_of(self.arguments[0] if self.arguments else "")
        block = nodes.literal_block(text, text)
        block["language"] = "text"
        return [block]


def setup(app):
    """Connect the directive."""
    app.add_directive("command-help", CommandHelp)
    return {"parallel_read_safe": True}
