"""Benchmarks of hpass; not part of the installed package."""
