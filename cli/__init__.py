"""The command line: a thin face of the Python API, one file per command."""

from .main import main

__all__ = ["main"]
