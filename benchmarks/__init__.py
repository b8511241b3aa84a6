"""Benchmarks: every file is a program; ``python -m benchmarks.NAME --help`` describes it."""
