"""Attacks on hpass, which check that it keeps its guarantees."""
