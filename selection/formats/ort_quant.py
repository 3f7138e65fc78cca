"""onnxruntime's quantizers (`quantize_static`, `quantize_dynamic`): the names in `nodes_to_exclude`."""

from __future__ import annotations

from collections.abc import Iterable

from ...graph.node_source import Node, NodeT
from ..selection import Selection
from .json_text import json_text


def write(selection: Selection[NodeT]) -> str:
    """Return `{"nodes_to_exclude": [...]}`. Raises HpassError if a node has no name of its own."""
    return json_text({"nodes_to_exclude": nodes_to_exclude(selection)})


def nodes_to_exclude(selection: Selection[NodeT]) -> list[str]:
    """Return the names of the nodes, and those that `quantize_dynamic` gives them before it looks at the list.

    It splits each Gemm into a MatMul and an Add, which `quantize_static` does not.
    """
    names = selection.names
    return [*names, *(f"{name}{suffix}" for name in _gemms(selection.nodes) for suffix in ("_MatMul", "_Add"))]


def _gemms(nodes: Iterable[Node]) -> Iterable[str]:
    return dict.fromkeys(node.name for node in nodes if node.op == "Gemm")
