"""Checks of the half-cell against theory and other programs, for tests and for benchmarks/verification.py."""
