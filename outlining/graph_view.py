"""The nodes of one graph with the modules they run in, and the values between them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

import onnx
import onnx.defs

from ..graph.decode import as_text, is_utf8
from ..graph.values_read import values_read
from ..graph.walk import attribute_graphs, nodes_within
from ..identity_map import IdentityMap
from ..tags.scope import lca
from ..tags.tag_store import Decision
from .messages import domain_of

Decisions = IdentityMap[onnx.NodeProto, Decision]
"""The tag of each node of a model, by its message."""


@dataclass(frozen=True, slots=True, eq=False)
class GraphView:
    """The nodes of a graph in the order of the file.

    `scopes` has for each node the module that holds it and the nodes of its subgraphs. `reads` has the values that a
    node and its subgraphs read. `producers` has the node that writes a value, `readers` the nodes that read it.
    `outputs` are the outputs of the graph. `obstacles` has for each node why it cannot be in a function, or None.
    """

    nodes: list[onnx.NodeProto]
    scopes: list[str]
    reads: list[list[str]]
    producers: dict[str, int]
    readers: dict[str, list[int]]
    outputs: frozenset[str]
    obstacles: list[str | None]

    @classmethod
    def of(cls, graph: onnx.GraphProto, decisions: Decisions, version: int) -> GraphView:
        """Return the view of a graph. Every node has a decision. `version` is that of the standard operators."""
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
            [_obstacle(node, names, version) for node, names in zip(nodes, reads, strict=True)],
        )

    def writes(self, index: int) -> Iterator[str]:
        """Yield the values that a node writes."""
        return (name for name in self.nodes[index].output if name)

    def sources(self, index: int) -> Iterator[int]:
        """Yield the nodes of this graph that write what a node reads."""
        producers = self.producers
        return (producers[name] for name in self.reads[index] if name in producers)


def _obstacle(node: onnx.NodeProto, reads: Iterable[str], version: int) -> str | None:
    if not all(map(is_utf8, (*reads, *node.output))):
        return "the name of a value is not UTF-8"
    for found in (node, *inner_nodes(node)):
        if found.overload:
            return "onnxruntime finds no overloaded function from inside a function"
        if not domain_of(found.domain) and not _is_standard(as_text(found.op_type), version):
            # Outside of functions, onnxruntime runs its own LayerNormalization, for one, in models of any version.
            return f"version {version} of the standard operators has no {as_text(found.op_type)}"
    return None


@cache
def _is_standard(operator: str, version: int) -> bool:
    return onnx.defs.has(operator, max_inclusive_version=version)


def inner_nodes(node: onnx.NodeProto) -> Iterator[onnx.NodeProto]:
    """Yield the nodes of a node's subgraphs."""
    return nodes_within(*attribute_graphs(node.attribute)) if node.attribute else iter(())


def module_of(node: onnx.NodeProto, decisions: Decisions) -> str:
    """Return the module that holds a node and the nodes of its subgraphs."""
    scope = decisions[node].tag.scope
    inner = [decisions[found].tag.scope for found in inner_nodes(node)]
    return lca([scope, *inner]) if inner else scope
