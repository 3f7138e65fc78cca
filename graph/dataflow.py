"""The dataflow of one graph of a model, by messages: who writes and who reads each value."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import onnx

from ..tags.tag_format import read_tag
from .decode import as_text
from .values_read import values_read

Weight = onnx.TensorProto | onnx.SparseTensorProto


def scope_in_message(node: onnx.NodeProto) -> str:
    """Return the module in the tag of a message; the root if it has none."""
    tag = read_tag(node)
    return "" if tag is None else tag.scope


@dataclass
class Dataflow:
    """The nodes of a graph behind those before it in the graphs around it, in the order of the file.

    `graphs` are the graphs from the main graph to the one that it is about. Its nodes are those from `start` on; the
    ones before only prepare them. `scopes` has the module of each node, `reads` and `writes` the values of each
    node, those that its subgraphs read from outside included. `producers`, `consumers` and `weights` (initializers) are
    by name. `outputs` are the outputs of the last graph.
    """

    graphs: Sequence[onnx.GraphProto]
    start: int
    nodes: list[onnx.NodeProto]
    scopes: list[str]
    reads: list[list[str]]
    writes: list[list[str]]
    weights: dict[str, Weight]
    outputs: list[str]
    producers: dict[str, int] = field(default_factory=dict[str, int])
    consumers: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def of(
        cls,
        graphs: Sequence[onnx.GraphProto],
        holders: Sequence[int],
        scope_of: Callable[[onnx.NodeProto], str] = scope_in_message,
    ) -> Dataflow:
        """Return the dataflow of the last graph. Each `holders` is the position of the node that has the next graph."""
        before = [node for graph, holder in zip(graphs, holders, strict=False) for node in graph.node[:holder]]
        nodes = [*before, *graphs[-1].node]
        flow = cls(
            graphs,
            start=len(before),
            nodes=nodes,
            scopes=[scope_of(node) for node in nodes],
            reads=[list(dict.fromkeys(values_read(node))) for node in nodes],
            writes=[[name for name in node.output if name] for node in nodes],
            weights=dict(_weights(graphs)),
            outputs=[value.name for value in graphs[-1].output],
        )
        for index in range(len(nodes)):
            for name in flow.reads[index]:
                flow.consumers[name].append(index)
            for name in flow.writes[index]:
                flow.producers[name] = index
        return flow

    def operator(self, index: int) -> str:
        """Return the operator of a node."""
        return as_text(self.nodes[index].op_type)


def _weights(graphs: Sequence[onnx.GraphProto]) -> Iterator[tuple[str, Weight]]:
    for graph in graphs:
        yield from ((tensor.name, tensor) for tensor in graph.initializer)
        yield from ((sparse.values.name, sparse) for sparse in graph.sparse_initializer)
