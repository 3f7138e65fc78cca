"""The values that a node reads, those that its subgraphs read from outside included."""

from __future__ import annotations

from collections.abc import Iterator

import onnx

from .walk import attribute_graphs


def values_read(node: onnx.NodeProto) -> Iterator[str]:
    """Yield the values that a node reads, and those that its subgraphs read from the graphs around them."""
    yield from (name for name in node.input if name)
    if node.attribute:
        for graph in attribute_graphs(node.attribute):
            yield from _outer_values(graph)


def _outer_values(graph: onnx.GraphProto) -> Iterator[str]:
    own = {value.name for value in graph.input}
    own.update(tensor.name for tensor in graph.initializer)
    own.update(sparse.values.name for sparse in graph.sparse_initializer)
    for node in graph.node:
        yield from (name for name in values_read(node) if name not in own)
        own.update(node.output)
    yield from (value.name for value in graph.output if value.name not in own)
