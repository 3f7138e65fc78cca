"""Which nodes read which values."""

from __future__ import annotations

import onnx


def reads(node: onnx.NodeProto) -> list[str]:
    """Return the values a node reads, those that its subgraphs read included."""
    names = [name for name in node.input if name]
    for attribute in node.attribute:
        for graph in (attribute.g, *attribute.graphs):
            for inner in graph.node:
                names.extend(reads(inner))
    return names


def readers(model: onnx.ModelProto) -> dict[str, list[int]]:
    """Return the positions of the nodes of the main graph that read a value, by its name."""
    found: dict[str, list[int]] = {}
    for i, node in enumerate(model.graph.node):
        for name in reads(node):
            found.setdefault(name, []).append(i)
    return found
