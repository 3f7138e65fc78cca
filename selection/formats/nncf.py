"""NNCF: the arguments of `nncf.IgnoredScope`."""

from __future__ import annotations

from ...graph.node_source import NodeT
from ..selection import Selection
from .json_text import json_text


def write(selection: Selection[NodeT]) -> str:
    """Return `{"names": [...], "validate": false}`. Raises HpassError if a node has no name of its own.

    NNCF removes some nodes, such as a Cast to the type that it reads, before it looks for the names, and would refuse
    their names.
    """
    return json_text({"names": selection.names, "validate": False})
