"""The float16 converters of onnxruntime and onnxconverter-common: the names in `node_block_list`."""

from __future__ import annotations

from ...graph.node_source import NodeT
from ..selection import Selection
from .json_text import json_text


def write(selection: Selection[NodeT]) -> str:
    """Return `{"node_block_list": [...]}`. Raises HpassError if a node has no name of its own."""
    return json_text({"node_block_list": selection.names})
