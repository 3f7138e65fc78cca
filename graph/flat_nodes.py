"""Nodes of a graph message with decoded names: what a node reads, also in its subgraphs, and what it writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import onnx

from .decode import as_text
from .walk import GraphLike, graphs_within


@dataclass(frozen=True, slots=True, eq=False)
class FlatNode:
    """A node. `subgraphs` are its graph attributes by name, and `attributes` are the names of all attributes.

    `inputs` counts the inputs with those that are left out, which `reads` lacks.
    """

    name: str
    operator: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    subgraphs: Mapping[str, onnx.GraphProto]
    attributes: frozenset[str]
    inputs: int


@dataclass(frozen=True, slots=True, eq=False)
class FlatGraph:
    """The nodes of a graph in order, and the names of its inputs, weights and outputs.

    A weight that may be overridden by an input is only a weight.
    """

    nodes: tuple[FlatNode, ...]
    inputs: frozenset[str]
    weights: frozenset[str]
    outputs: tuple[str, ...]

    @classmethod
    def of(cls, graph: onnx.GraphProto) -> FlatGraph:
        """Decode a graph. Its subgraphs are decoded when their turn comes."""
        weights = {as_text(tensor.name) for tensor in graph.initializer}
        weights |= {as_text(tensor.values.name) for tensor in graph.sparse_initializer}
        inputs = {as_text(value.name) for value in graph.input} - weights
        outputs = (as_text(value.name) for value in graph.output)
        return cls(tuple(map(_flat_node, graph.node)), frozenset(inputs), frozenset(weights), tuple(outputs))

    @property
    def given(self) -> frozenset[str]:
        """The values that the graph has without computing them."""
        return self.inputs | self.weights


def _flat_node(node: onnx.NodeProto) -> FlatNode:
    subgraphs = dict(_subgraphs(node))
    captured = [name for graph in subgraphs.values() for name in _names_read(graph)]
    return FlatNode(
        name=as_text(node.name),
        operator=as_text(node.op_type),
        reads=tuple(filter(None, (*map(as_text, node.input), *captured))),
        writes=tuple(filter(None, map(as_text, node.output))),
        subgraphs=subgraphs,
        attributes=frozenset(as_text(attribute.name) for attribute in node.attribute),
        inputs=len(node.input),
    )


def _subgraphs(node: onnx.NodeProto) -> Iterator[tuple[str, onnx.GraphProto]]:
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield as_text(attribute.name), attribute.g
        for index, graph in enumerate(attribute.graphs):
            yield f"{as_text(attribute.name)}[{index}]", graph


def _names_read(graph: onnx.GraphProto) -> Iterator[str]:
    """Yield the names that a subgraph reads, its own values among them."""
    holder: GraphLike
    for holder in graphs_within(graph):
        for node in holder.node:
            yield from map(as_text, node.input)
        if isinstance(holder, onnx.GraphProto):
            yield from (as_text(value.name) for value in holder.output)
