"""The accuracy benchmark: how often hpass names the right module (`python -m benchmarks.accuracy --help`)."""
