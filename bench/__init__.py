"""Benchmarks: ours beside others in the same run. Each is a module: ``python -m bench.NAME``."""
