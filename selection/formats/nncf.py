"""NNCF: the arguments of `nncf.IgnoredScope`."""

from __future__ import annotations

from ..selection import Selection
from .json_text import json_text


def write(selection: Selection) -> str:
    """Return `{"names": [...]}`. Raises HpassError if a node has no name of its own."""
    return json_text({"names": selection.names})
