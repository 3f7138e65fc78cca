"""Benchmarks of hpass. They are not part of the installed package."""
