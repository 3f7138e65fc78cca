"""The command line: a thin layer over the Python API, one file per command."""

from .main import main

__all__ = ["main"]
