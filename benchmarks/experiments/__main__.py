"""What ``python -m benchmarks.experiments`` runs."""

from benchmarks.experiments.cli import main

main(prog_name="python -m benchmarks.experiments")
