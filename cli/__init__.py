"""The command line: a thin face of the Python API, one file per command."""

from .entry import main

__all__ = ["main"]
