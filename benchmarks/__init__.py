"""Measured work: `python -m benchmarks --help`. Every figure stands beside another one of the same run."""
