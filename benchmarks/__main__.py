"""What ``python -m benchmarks`` runs."""

from benchmarks.suite.cli import main

main(prog_name="python -m benchmarks")
