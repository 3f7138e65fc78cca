"""Write graphsurgeon's constants into the messages: as initializers, or as Constant nodes in function bodies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import onnx
import onnx_graphsurgeon as gs
from onnx import numpy_helper
from onnx_graphsurgeon.exporters.onnx_exporter import OnnxExporter
from onnx_graphsurgeon.ir.tensor import LazyValues

from ..identity_map import IdentityMap
from .graph_diff import constant_differs, values_differ
from .importer import ImportedModel
from .lazy_values import DenseValues, SparseTensorValues, Values
from .regions import Region, regions


def lower_function_constants(graph: gs.Graph) -> None:
    """Replace the constants that function bodies read by Constant nodes, because a function has no initializers.

    The subgraphs in a function may have their own.
    """
    for region in regions(graph):
        if not region.is_function:
            continue
        for tensor in _read_constants(region.graph):
            out = gs.Variable(tensor.name, tensor.dtype, list(tensor.shape))
            for node in list(tensor.outputs):
                node.inputs = [out if read is tensor else read for read in node.inputs]
            region.graph.nodes.insert(0, gs.Node("Constant", attrs={"value": tensor}, outputs=[out]))


class Initializers:
    """Writes the initializers of all graphs of a model."""

    def __init__(self, imported: ImportedModel) -> None:
        self._imported = imported
        self._graphs_with: IdentityMap[gs.Constant, list[gs.Graph]] = IdentityMap()
        for graph, constants in imported.constants.items():
            for constant, _ in constants:
                self._graphs_with[constant] = [graph]

    def update(self, graph: gs.Graph, proto: onnx.GraphProto) -> None:
        """Write changed names and values into the existing initializers of a graph."""
        constants = self._imported.constants.get(graph) or []
        for index, (constant, original) in enumerate(constants):
            if not constant_differs(constant, original):
                continue
            if not values_differ(constant, original):
                tensor = original.tensor.values if isinstance(original, SparseTensorValues) else original.tensor
                tensor.name = constant.name
                continue
            if isinstance(original, SparseTensorValues):
                _remove(proto.sparse_initializer, original.tensor)
                tensor = proto.initializer.add()
            else:
                tensor = original.tensor
            doc_string = tensor.doc_string
            tensor.CopyFrom(tensor_proto(constant))
            if doc_string:
                tensor.doc_string = doc_string
            constants[index] = (constant, self._bind_values(constant, tensor))

    def add(self, region: Region, proto: onnx.GraphProto) -> None:
        """Add an initializer for each constant that the region reads and that no enclosing graph has."""
        enclosing = list(region.enclosing_graphs())
        for constant in _read_constants(region.graph):
            graphs = self._graphs_with.get(constant)
            if graphs is not None and any(graph is outer for graph in graphs for outer in enclosing):
                continue
            values = constant._values  # noqa: SLF001 - .values would load them
            if isinstance(values, SparseTensorValues):
                proto.sparse_initializer.add().CopyFrom(values.tensor)
                continue
            tensor = proto.initializer.add()
            tensor.CopyFrom(tensor_proto(constant))
            if graphs is None:
                self._graphs_with[constant] = graphs = []
                known = self._imported.constants.get(region.graph) or []
                self._imported.constants[region.graph] = [
                    *known,
                    (constant, self._bind_values(constant, tensor)),
                ]
            graphs.append(region.graph)

    def drop(self, graph: gs.Graph, proto: onnx.GraphProto, unread: set[str]) -> None:
        """Remove the initializers of a graph in `unread`, the names whose last reader was removed."""
        unread = unread - {info.name for info in (*proto.input, *proto.output)}
        if not unread:
            return
        for field in (proto.initializer, proto.sparse_initializer):
            for tensor in list(field):
                name = tensor.values.name if isinstance(tensor, onnx.SparseTensorProto) else tensor.name
                if name in unread:
                    _remove(field, tensor)
        known = self._imported.constants.get(graph) or []
        self._imported.constants[graph] = [item for item in known if item[1].name not in unread]

    def _bind_values(self, constant: gs.Constant, tensor: onnx.TensorProto) -> Values:
        """Let a constant load its values from the message that it was written to."""
        values = DenseValues(tensor, self._imported.storage)
        constant._values = values  # noqa: SLF001 - frees the array with the same values
        return values


def tensor_proto(constant: gs.Constant) -> onnx.TensorProto:
    """Return a constant as a TensorProto. Values that were not loaded are copied from the original message."""
    values = constant._values  # noqa: SLF001 - .values would load them
    if isinstance(values, LazyValues):
        tensor = onnx.TensorProto()
        tensor.CopyFrom(values.tensor)
        tensor.name = constant.name
        return tensor
    if values.dtype.hasobject:
        return numpy_helper.from_array(values, constant.name)
    return OnnxExporter.export_tensor_proto(constant)


def _read_constants(graph: gs.Graph) -> Iterator[gs.Constant]:
    """Yield each constant that is read by the graph's own nodes or is one of its outputs, once."""
    seen: IdentityMap[gs.Tensor, None] = IdentityMap()
    for tensors in (*(node.inputs for node in graph.nodes), graph.outputs):
        for tensor in tensors:
            if isinstance(tensor, gs.Constant) and tensor not in seen:
                seen[tensor] = None
                yield tensor


def _remove(field: Any, message: Any) -> None:
    del field[next(index for index, item in enumerate(field) if item is message)]
