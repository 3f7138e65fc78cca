"""Find the nodes that read each value."""

from __future__ import annotations

import onnx

from hpass.graph.walk import attribute_graphs, nodes_within


def reads(node: onnx.NodeProto) -> list[str]:
    """Return the names of the values that a node and its subgraphs read."""
    inner = nodes_within(*attribute_graphs(node.attribute))
    return [name for reader in (node, *inner) for name in reader.input if name]


def readers(model: onnx.ModelProto) -> dict[str, list[int]]:
    """Return, for each value name, the positions of the nodes of the main graph that read the value."""
    found: dict[str, list[int]] = {}
    for i, node in enumerate(model.graph.node):
        for name in reads(node):
            found.setdefault(name, []).append(i)
    return found
