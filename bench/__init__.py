"""Benchmarks: every figure the docs state, measured anew with its seed and machine."""
