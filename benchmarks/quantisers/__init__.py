"""Quantises models without one module in tools that are no dependency, each in an environment of its own."""
