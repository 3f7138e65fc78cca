"""onnxruntime's weight-only quantizer (`MatMulNBitsQuantizer`): the names in `nodes_to_exclude`."""

from __future__ import annotations

from ...errors import UsageError
from ...graph.node_source import NodeT
from ..selection import Selection
from .json_text import json_text

_QUANTIZED = ("MatMul", "Gather")


def write(selection: Selection[NodeT]) -> str:
    """Return `{"nodes_to_exclude": [...]}` with the nodes that the quantizer would change.

    Raises UsageError if there is none, and HpassError if a node has no name of its own.
    """
    operators = {node.name: node.op for node in selection.nodes}
    names = [name for name in selection.names if operators[name] in _QUANTIZED]
    if not names:
        raise UsageError(f"the selection has no {' or '.join(_QUANTIZED)}, so the quantizer would change none of it")
    return json_text({"nodes_to_exclude": names})
