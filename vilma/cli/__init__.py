"""The command line ``vilma``: features, training, prediction, evaluation and a demonstration."""

from vilma.cli._main import main

__all__ = ["main"]
