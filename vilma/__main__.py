"""``python -m vilma``: the command line, where its script is not on the path."""

from vilma.cli import main

if __name__ == "__main__":
    main(prog_name="vilma")
