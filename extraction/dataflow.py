"""The dataflow of one graph of a model, in which a module is cut out: who writes and who reads each value."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import onnx

from ..graph.values_read import values_read
from ..tags.tag_format import read_tag

Weight = onnx.TensorProto | onnx.SparseTensorProto


@dataclass
class Dataflow:
    """The nodes of a graph behind those before it in the graphs around it, in the order of the file.

    `graphs` are the graphs from the main graph to the one whose nodes can be cut out. These are the nodes from `start`
    on; the ones before only prepare them. `scopes` has the module of each node, `reads` and `writes` the values of each
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
    def of(cls, graphs: Sequence[onnx.GraphProto], holders: Sequence[int]) -> Dataflow:
        """Return the dataflow of the last graph. Each `holders` is the position of the node that has the next graph."""
        before = [node for graph, holder in zip(graphs, holders, strict=False) for node in graph.node[:holder]]
        nodes = [*before, *graphs[-1].node]
        flow = cls(
            graphs,
            start=len(before),
            nodes=nodes,
            scopes=[_scope(node) for node in nodes],
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


def _weights(graphs: Sequence[onnx.GraphProto]) -> Iterator[tuple[str, Weight]]:
    for graph in graphs:
        yield from ((tensor.name, tensor) for tensor in graph.initializer)
        yield from ((sparse.values.name, sparse) for sparse in graph.sparse_initializer)


def _scope(node: onnx.NodeProto) -> str:
    tag = read_tag(node)
    return "" if tag is None else tag.scope
