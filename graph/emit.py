"""From graphsurgeon's graph back to the original messages: what no pass touched stays the message it was.

A changed node keeps its message, and in it everything that graphsurgeon does not know; only what differs is written.
A created node goes through graphsurgeon's exporter.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass
from typing import Any, cast

import numpy as np
import onnx
import onnx_graphsurgeon as gs
from onnx import AttributeProto
from onnx_graphsurgeon.exporters.onnx_exporter import OnnxExporter

from .identity import IdentityMap
from .importer import GraphLike, Imported, import_shape, plain_value
from .regions import regions
from .values import DenseValues, SparseTensorValues

_Attributes = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Edits:
    """How many nodes differ from the model that was read."""

    created: int = 0
    changed: int = 0
    removed: int = 0
    moved: int = 0

    def __bool__(self) -> bool:
        return any(astuple(self))

    def __add__(self, other: Edits) -> Edits:
        return Edits(*(ours + theirs for ours, theirs in zip(astuple(self), astuple(other), strict=True)))

    def __sub__(self, other: Edits) -> Edits:
        return Edits(*(ours - theirs for ours, theirs in zip(astuple(self), astuple(other), strict=True)))

    def __str__(self) -> str:
        counts = zip(("created", "changed", "removed", "moved"), astuple(self), strict=True)
        return ", ".join(f"{count} {name}" for name, count in counts if count) or "none"


def edits(imported: Imported) -> Edits:
    """Count the nodes that differ from their messages, in all regions. Linear in nodes."""
    return sum((_region_edits(region.graph, imported) for region in regions(imported.graph)), Edits())


def emit(imported: Imported, model: onnx.ModelProto) -> None:
    """Bring the model's messages in line with a graph that passes have rewritten."""
    created = {
        node.domain
        for region in regions(imported.graph)
        for node in region.graph.nodes
        if node.domain and node not in imported.nodes
    }
    # Innermost first: when a graph is written, the subgraphs in it are final.
    for region in reversed(regions(imported.graph)):
        proto = imported.graphs.get(region.graph)
        if proto is None:
            continue
        before, written = _references(proto), _written(proto)
        if _region_edits(region.graph, imported):
            _emit_nodes(region.graph, proto, imported)
        if isinstance(proto, onnx.GraphProto):
            _emit_interface(region.graph, proto)
            _emit_constants(region.graph, proto, before - _references(proto))
            _emit_value_info(region.graph, proto, written - _written(proto))
    _emit_functions(imported, model)
    for domain in sorted(created - {opset.domain for opset in model.opset_import}):
        model.opset_import.add(domain=domain, version=1)


def _region_edits(graph: gs.Graph, imported: Imported) -> Edits:
    proto = imported.graphs.get(graph)
    if proto is None:
        return Edits(created=len(graph.nodes))
    known = [imported.nodes.get(node) for node in graph.nodes]
    changed = sum(
        _differs(node, message, imported)
        for node, message in zip(graph.nodes, known, strict=True)
        if message is not None
    )
    ours = [id(message) for message in known if message is not None]
    theirs = [id(message) for message in proto.node]
    if ours == theirs:
        return Edits(len(known) - len(ours), changed)
    held, original = set(ours), set(theirs)
    moved = sum(
        one != two
        for one, two in zip(
            [key for key in ours if key in original], [key for key in theirs if key in held], strict=True
        )
    )
    foreign = sum(key not in original for key in ours)
    return Edits(len(known) - len(ours) + foreign, changed, len(original - held), moved)


def _differs(node: gs.Node, proto: onnx.NodeProto, imported: Imported) -> bool:
    return (
        node.op != proto.op_type
        or node.name != proto.name
        or (node.domain or "") != proto.domain
        or [tensor.name for tensor in node.inputs] != proto.input
        or [tensor.name for tensor in node.outputs] != proto.output
        or (
            bool(node.attrs or proto.attribute)
            and any(True for _ in _attribute_edits(node.attrs, proto.attribute, imported))
        )
    )


def _attribute_edits(attrs: _Attributes, protos: Iterable[AttributeProto], imported: Imported) -> Iterator[str]:
    """Yield the names of attributes that were created, changed or removed."""
    remaining = dict(attrs)
    for proto in protos:
        if proto.name in remaining:
            if not _same_attribute(remaining.pop(proto.name), proto, imported):
                yield proto.name
        elif _is_representable(proto):
            yield proto.name
    yield from remaining


def _is_representable(proto: AttributeProto) -> bool:
    known = (AttributeProto.GRAPH, AttributeProto.GRAPHS, AttributeProto.TENSOR)
    return bool(proto.ref_attr_name) or proto.type in known or plain_value(proto) is not None


def _same_attribute(value: Any, proto: AttributeProto, imported: Imported) -> bool:
    if isinstance(value, gs.Node.AttributeRef):
        return value.name == proto.ref_attr_name
    if proto.ref_attr_name:
        return False
    match proto.type:
        case AttributeProto.GRAPH:
            return isinstance(value, gs.Graph) and imported.graphs.get(value) is proto.g
        case AttributeProto.GRAPHS:
            graphs = cast("list[Any]", value) if isinstance(value, list) else []
            messages = [imported.graphs.get(graph) for graph in graphs]
            return [id(message) for message in messages] == [id(message) for message in proto.graphs]
        case AttributeProto.TENSOR:
            return isinstance(value, gs.Constant) and _same_values(value, proto.t)
        case _:
            # repr tells -0.0 from 0.0 and takes two NaNs for one.
            return repr(plain_value(proto)) == repr(value)


def _same_values(constant: gs.Constant, tensor: onnx.TensorProto) -> bool:
    values = constant._values  # noqa: SLF001 - .values would load them
    if isinstance(values, DenseValues):
        return values.tensor is tensor
    original = DenseValues(tensor, None)
    return (
        original.dtype == values.dtype
        and original.shape == list(values.shape)
        and not tensor.external_data
        and original.load().tobytes() == np.asarray(values).tobytes()
    )


def _emit_nodes(graph: gs.Graph, proto: GraphLike, imported: Imported) -> None:
    messages: list[onnx.NodeProto] = []
    for node in graph.nodes:
        message = imported.nodes.get(node)
        if message is None:
            message = _created(node, imported)
        elif _differs(node, message, imported):
            _emit_changes(node, message, imported)
        copy = onnx.NodeProto()
        copy.CopyFrom(message)
        messages.append(copy)
    del proto.node[:]
    proto.node.extend(messages)
    _adopt(graph, proto, imported)


def _created(node: gs.Node, imported: Imported) -> onnx.NodeProto:
    message = OnnxExporter.export_node(node)
    for attribute in message.attribute:
        graph = node.attrs[attribute.name]
        known = imported.graphs.get(graph) if attribute.type == AttributeProto.GRAPH else None
        if isinstance(known, onnx.GraphProto):
            attribute.g.CopyFrom(known)
    return message


def _adopt(graph: gs.Graph, proto: GraphLike, imported: Imported) -> None:
    """Remember which messages the nodes of a graph, and of the subgraphs in it, are written as."""
    pending: list[tuple[gs.Graph, GraphLike]] = [(graph, proto)]
    while pending:
        current, message = pending.pop()
        imported.graphs[current] = message
        for node, node_message in zip(current.nodes, message.node, strict=True):
            imported.nodes[node] = node_message
            for attribute in node_message.attribute:
                value = node.attrs.get(attribute.name)
                if attribute.type == AttributeProto.GRAPH:
                    pending.append((cast("gs.Graph", value), attribute.g))
                elif attribute.type == AttributeProto.GRAPHS:
                    pending.extend(zip(cast("list[gs.Graph]", value), attribute.graphs, strict=True))


def _emit_changes(node: gs.Node, proto: onnx.NodeProto, imported: Imported) -> None:
    proto.op_type = node.op
    proto.name = node.name
    if (node.domain or "") != proto.domain:
        proto.domain = node.domain or ""
    proto.input[:] = [tensor.name for tensor in node.inputs]
    proto.output[:] = [tensor.name for tensor in node.outputs]
    for name in list(_attribute_edits(node.attrs, proto.attribute, imported)):
        index = next((i for i, attribute in enumerate(proto.attribute) if attribute.name == name), None)
        if name not in node.attrs:
            del proto.attribute[cast("int", index)]
            continue
        message = OnnxExporter.export_attributes({name: node.attrs[name]})[0]
        if index is None:
            proto.attribute.append(message)
        else:
            proto.attribute[index].CopyFrom(message)


def _emit_functions(imported: Imported, model: onnx.ModelProto) -> None:
    functions = imported.graph.functions
    if [id(imported.graphs.get(function)) for function in functions] == [id(proto) for proto in model.functions]:
        return
    messages: list[onnx.FunctionProto] = []
    for function in functions:
        known = imported.graphs.get(function)
        message = onnx.FunctionProto()
        message.CopyFrom(known if isinstance(known, onnx.FunctionProto) else OnnxExporter.export_function(function))
        messages.append(message)
    del model.functions[:]
    model.functions.extend(messages)
    for function, message in zip(functions, model.functions, strict=True):
        _adopt(function, message, imported)


def _emit_interface(graph: gs.Graph, proto: onnx.GraphProto) -> None:
    initializers = {tensor.name for tensor in proto.initializer}
    initializers |= {sparse.values.name for sparse in proto.sparse_initializer}
    for field, tensors, hidden in (
        (proto.input, graph.inputs, initializers),
        (proto.output, graph.outputs, set[str]()),
    ):
        if [tensor.name for tensor in tensors] == [info.name for info in field if info.name not in hidden]:
            continue
        known = {info.name: info for info in field}
        infos = [
            known.get(tensor.name) or OnnxExporter.export_value_info_proto(tensor, do_type_check=False)
            for tensor in tensors
        ]
        # An input that is also an initializer is part of the interface, though graphsurgeon does not show it.
        infos += [info for name, info in known.items() if name in hidden]
        copies = [onnx.ValueInfoProto.FromString(info.SerializeToString()) for info in infos]
        del field[:]
        field.extend(copies)


def _emit_constants(graph: gs.Graph, proto: onnx.GraphProto, unread: set[str]) -> None:
    """Write the initializers that a pass created or changed; drop those whose last reader a pass removed."""
    unread = unread - {info.name for info in (*proto.input, *proto.output)}
    for index in reversed(range(len(proto.initializer))):
        if proto.initializer[index].name in unread:
            del proto.initializer[index]
    known = {tensor.name: tensor for tensor in proto.initializer}
    for constant in _constants(graph):
        values = constant._values  # noqa: SLF001 - .values would load them
        if isinstance(values, SparseTensorValues) and values.tensor.values.name == constant.name:
            continue
        if isinstance(values, DenseValues) and values.tensor.name == constant.name:
            continue
        original = known.get(constant.name)
        if original is None:
            proto.initializer.append(OnnxExporter.export_tensor_proto(constant))
        elif not _same_values(constant, original):
            original.CopyFrom(OnnxExporter.export_tensor_proto(constant))


def _constants(graph: gs.Graph) -> Iterator[gs.Constant]:
    """Yield the constants that the graph's own nodes read, each once."""
    seen: IdentityMap[gs.Tensor, None] = IdentityMap()
    for node in graph.nodes:
        for tensor in node.inputs:
            if isinstance(tensor, gs.Constant) and tensor not in seen:
                seen[tensor] = None
                yield tensor


def _emit_value_info(graph: gs.Graph, proto: onnx.GraphProto, gone: set[str]) -> None:
    """Describe the values that a pass created or gave another type, and forget those that are gone."""
    for index in reversed(range(len(proto.value_info))):
        if proto.value_info[index].name in gone:
            del proto.value_info[index]
    interface = {info.name for info in (*proto.input, *proto.output)}
    written = {
        tensor.name: tensor
        for node in graph.nodes
        for tensor in node.outputs
        if tensor.name and isinstance(tensor, gs.Variable)
    }
    known = {info.name: info for info in proto.value_info}
    for name, tensor in written.items():
        info = known.get(name)
        if tensor.dtype is None or name in interface:
            continue
        if info is None:
            proto.value_info.append(OnnxExporter.export_value_info_proto(tensor, do_type_check=False))
        elif import_shape(info.type)[:2] != (tensor.dtype, tensor.shape):
            info.type.CopyFrom(OnnxExporter.export_value_info_proto(tensor, do_type_check=False).type)


def _written(proto: GraphLike) -> set[str]:
    return {name for node in proto.node for name in node.output}


def _references(proto: GraphLike) -> set[str]:
    """Return the names of the values that the nodes of a graph, and those in their subgraphs, read or hand out."""
    names: set[str] = set()
    pending: list[Any] = [proto]
    while pending:
        current = pending.pop()
        if isinstance(current, onnx.GraphProto):
            names.update(info.name for info in current.output)
        for node in current.node:
            names.update(node.input)
            for attribute in node.attribute:
                if attribute.type == AttributeProto.GRAPH:
                    pending.append(attribute.g)
                elif attribute.type == AttributeProto.GRAPHS:
                    pending.extend(attribute.graphs)
    return names
