"""``python -m vilma``: the command line, where its script is not on the path."""

from vilma.cli import main

main(prog_name="python -m vilma")
