"""What ``python -m benchmarks.deep`` runs."""

from benchmarks.deep.cli import main

main(prog_name="python -m benchmarks.deep")
