"""Benchmark suite: vilma beside what users would pick instead; ``python -m benchmarks --help``."""
