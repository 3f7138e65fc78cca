"""The nodes of one graph with the modules they run in, and the values between them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import onnx

from ..graph.decode import is_utf8
from ..graph.values_read import values_read
from ..graph.walk import attribute_graphs, nodes_within
from ..identity_map import IdentityMap
from ..tags.module_table import lca
from ..tags.tag_store import Decision

Decisions = IdentityMap[onnx.NodeProto, Decision]
"""The tag of each node of a model, by its message."""


@dataclass(frozen=True, slots=True, eq=False)
class GraphView:
    """The nodes of a graph in the order of the file.

    `scopes` has for each node the module that holds it and the nodes of its subgraphs. `reads` has the values that a
    node and its subgraphs read. `producers` has the node that writes a value, `readers` the nodes that read it.
    `outputs` are the outputs of the graph.
    """

    nodes: list[onnx.NodeProto]
    scopes: list[str]
    reads: list[list[str]]
    producers: dict[str, int]
    readers: dict[str, list[int]]
    outputs: frozenset[str]

    @classmethod
    def of(cls, graph: onnx.GraphProto, decisions: Decisions) -> GraphView:
        """Return the view of a graph. Every node has a decision."""
        nodes = list(graph.node)
        reads = [list(dict.fromkeys(values_read(node))) for node in nodes]
        readers: defaultdict[str, list[int]] = defaultdict(list)
        for index, names in enumerate(reads):
            for name in names:
                readers[name].append(index)
        return cls(
            nodes,
            [module_of(node, decisions) for node in nodes],
            reads,
            {name: index for index, node in enumerate(nodes) for name in node.output if name},
            readers,
            frozenset(value.name for value in graph.output),
        )

    def writes(self, index: int) -> Iterator[str]:
        """Yield the values that a node writes."""
        return (name for name in self.nodes[index].output if name)

    def sources(self, index: int) -> Iterator[int]:
        """Yield the nodes of this graph that write what a node reads."""
        producers = self.producers
        return (producers[name] for name in self.reads[index] if name in producers)

    def obstacle(self, index: int) -> str | None:
        """Return why a node cannot be in a function; None if it can."""
        if not all(map(is_utf8, (*self.reads[index], *self.nodes[index].output))):
            return "the name of a value is not UTF-8"
        if any(node.overload for node in (self.nodes[index], *inner_nodes(self.nodes[index]))):
            return "onnxruntime finds no overloaded function from inside a function"
        return None


def inner_nodes(node: onnx.NodeProto) -> Iterator[onnx.NodeProto]:
    """Yield the nodes of a node's subgraphs."""
    return nodes_within(*attribute_graphs(node.attribute)) if node.attribute else iter(())


def module_of(node: onnx.NodeProto, decisions: Decisions) -> str:
    """Return the module that holds a node and the nodes of its subgraphs."""
    scope = decisions[node].tag.scope
    inner = [decisions[found].tag.scope for found in inner_nodes(node)]
    return lca([scope, *inner]) if inner else scope
