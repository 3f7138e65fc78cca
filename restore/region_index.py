"""An index of one region: the writer and the readers of each value, by name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import onnx_graphsurgeon as gs

from ..graph.regions import Region, regions_within, subgraphs

# The last two are onnxruntime's, for ONNX's operators in other layouts.
_STANDARD_DOMAINS = (None, "", "ai.onnx", "com.microsoft.nchwc", "com.ms.internal.nhwc")


class Use(NamedTuple):
    """A node that reads a value, and the index of the input that reads it."""

    node: int
    input: int


class RegionIndex:
    """The nodes of a region by position and its values by name.

    reads: the values that each node reads, input by input, then those that its subgraphs capture; "" for an input that
        is left out.
    writes: the values that each node writes, output by output; "" for an output that is left out.
    writer: the node that writes each value.
    readers: the uses of each value.
    constants: the values that are initializers or constants.
    external_values: the values that enter the region: inputs of the graph, and captured values of outer graphs.
    """

    def __init__(self, graph: gs.Graph) -> None:
        self.graph = graph
        self.nodes: list[gs.Node] = list(graph.nodes)
        self.reads = [[tensor.name for tensor in _read(node)] for node in self.nodes]
        self.writes = [[tensor.name for tensor in node.outputs] for node in self.nodes]
        self.writer: dict[str, int] = {}
        for index, names in enumerate(self.writes):
            self.writer.update(dict.fromkeys(filter(None, names), index))
        self.readers: dict[str, list[Use]] = {}
        self.constants: set[str] = set()
        for index, node in enumerate(self.nodes):
            for position, tensor in enumerate(_read(node)):
                if tensor.name:
                    self.readers.setdefault(tensor.name, []).append(Use(index, position))
                    if isinstance(tensor, gs.Constant):
                        self.constants.add(tensor.name)
        self.external_values = {*self.readers, *(tensor.name for tensor in graph.inputs)} - {
            *self.writer,
            *self.constants,
        }

    def __len__(self) -> int:
        return len(self.nodes)

    def operator(self, index: int) -> tuple[str, str]:
        """Return the domain ("" for ONNX's own, in any layout) and the operator of a node."""
        node = self.nodes[index]
        return ("" if node.domain in _STANDARD_DOMAINS else node.domain, node.op)


def _read(node: gs.Node) -> list[gs.Tensor]:
    """Return the inputs of a node, then the tensors that its subgraphs capture from outside."""
    return [*node.inputs, *_captured(node)] if node.attrs else list(node.inputs)


def _captured(node: gs.Node) -> Iterator[gs.Tensor]:
    inner: set[int] = set()
    read: list[gs.Tensor] = []
    for region in regions_within(*(Region(graph, name) for name, graph in subgraphs(node))):
        inner.update(id(tensor) for tensor in region.graph.inputs)
        for item in region.graph.nodes:
            inner.update(id(tensor) for tensor in item.outputs)
            read.extend(item.inputs)
    return (tensor for tensor in read if id(tensor) not in inner and not isinstance(tensor, gs.Constant))
