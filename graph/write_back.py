"""From graphsurgeon's graph back to the original messages: what no pass touched stays the message it was.

A changed node keeps its message, and in it everything that graphsurgeon does not know; only what differs is written.
What a pass created is written by graphsurgeon's exporter. Nodes are added, removed and sorted in place, so that the
message of every other node stays the very same object.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import onnx
import onnx_graphsurgeon as gs
from onnx import AttributeProto, numpy_helper
from onnx_graphsurgeon.exporters.onnx_exporter import OnnxExporter
from onnx_graphsurgeon.ir.tensor import LazyValues

from ..identity_map import IdentityMap
from .decode import as_text
from .diff import attribute_edits, constant_differs, interface, names_differ, node_differs, values_differ
from .importer import DeclaredType, ImportedModel
from .lazy_values import DenseValues, SparseTensorValues, Values
from .regions import Region, regions
from .walk import GraphLike, attribute_graphs, graphs_within


def write_back(imported: ImportedModel, model: onnx.ModelProto) -> None:
    """Bring the model's messages in line with a graph that passes have rewritten."""
    lower_function_constants(imported.graph)
    read: IdentityMap[gs.Graph, set[str]] = IdentityMap()
    for graph, proto in imported.graphs.items():
        read[graph] = _references(proto)
    _emit_functions(imported, model)
    # A region comes before those inside it, so the message to write a subgraph into is there.
    parts = regions(imported.graph)
    _emit_domains(parts, imported, model)
    constants = _Constants(imported)
    for part in parts:
        _emit_region(part, imported, constants)
    for part in parts:
        proto = imported.graphs[part.graph]
        if isinstance(proto, onnx.GraphProto):
            constants.drop(part.graph, proto, (read.get(part.graph) or set()) - _references(proto))
    _drop_removed(parts, imported)


def lower_function_constants(graph: gs.Graph) -> None:
    """Turn the constants that function bodies read into Constant nodes: a function has no initializers."""
    for part in regions(graph):
        if _function(part) is None:
            continue
        for tensor in _read_constants(part.graph):
            out = gs.Variable(tensor.name, tensor.dtype, list(tensor.shape))
            for node in list(tensor.outputs):
                node.inputs = [out if read is tensor else read for read in node.inputs]
            part.graph.nodes.insert(0, gs.Node("Constant", attrs={"value": tensor}, outputs=[out]))


def _emit_region(part: Region, imported: ImportedModel, constants: _Constants) -> None:
    graph, proto = part.graph, imported.graphs[part.graph]
    written = _written(proto)
    declared = imported.declared.get(graph) or []
    if isinstance(proto, onnx.GraphProto):
        _rename_annotations(graph, proto, imported)
        constants.update(graph, proto)
    for value in declared:
        if as_text(value.info.name) != value.tensor.name:
            value.info.name = value.tensor.name
    _emit_nodes(graph, proto, imported)
    _emit_interface(graph, proto)
    if isinstance(proto, onnx.GraphProto):
        constants.add(part, proto)
    _emit_types(graph, proto, declared, written - _written(proto))
    imported.declared[graph] = [
        value._replace(
            dtype=value.tensor.dtype, shape=None if value.tensor.shape is None else tuple(value.tensor.shape)
        )
        for value in declared
    ]


def _emit_nodes(graph: gs.Graph, proto: GraphLike, imported: ImportedModel) -> None:
    here = {id(message) for message in proto.node}
    place: dict[int, int] = {}
    for index, node in enumerate(graph.nodes):
        message = imported.nodes.get(node)
        if message is None:
            imported.nodes[node] = message = proto.node.add(op_type=node.op)
        elif id(message) not in here:
            moved = proto.node.add()
            moved.CopyFrom(message)
            _rebind(message, moved, imported)
            message = moved
        if node_differs(node, message, imported):
            _emit_changes(node, message, imported)
        place[id(message)] = index
    for index in reversed(range(len(proto.node))):
        if id(proto.node[index]) not in place:
            del proto.node[index]
    if [place[id(message)] for message in proto.node] != list(range(len(place))):
        proto.node.sort(key=lambda message: place[id(message)])


def _emit_changes(node: gs.Node, proto: onnx.NodeProto, imported: ImportedModel) -> None:
    if node.op != as_text(proto.op_type):
        proto.op_type = node.op
    if node.name != as_text(proto.name):
        proto.name = node.name
    if (node.domain or "") != as_text(proto.domain):
        proto.domain = node.domain or ""
    for field, tensors in ((proto.input, node.inputs), (proto.output, node.outputs)):
        if names_differ(tensors, field):
            field[:] = [tensor.name for tensor in tensors]
    for name in list(attribute_edits(node.attrs, proto.attribute, imported)):
        index = next((i for i, attribute in enumerate(proto.attribute) if as_text(attribute.name) == name), None)
        if name not in node.attrs:
            del proto.attribute[cast("int", index)]
        else:
            attribute = proto.attribute.add(name=name) if index is None else proto.attribute[index]
            _emit_attribute(node.attrs[name], attribute, imported)


def _emit_attribute(value: Any, attribute: AttributeProto, imported: ImportedModel) -> None:
    """Write a value, leaving the attribute's name, doc_string and unknown fields."""
    kind = attribute.type
    for field, _ in attribute.ListFields():
        if field.name not in ("name", "doc_string"):
            attribute.ClearField(cast("Any", field.name))
    if isinstance(value, gs.Graph):
        attribute.type = AttributeProto.GRAPH
        _emit_graph(value, attribute.g, imported)
    elif _is_list_of_graphs(value):
        attribute.type = AttributeProto.GRAPHS
        for graph in cast("list[gs.Graph]", value):
            _emit_graph(graph, attribute.graphs.add(), imported)
    elif isinstance(value, gs.Constant):
        attribute.type = AttributeProto.TENSOR
        attribute.t.CopyFrom(_tensor(value))
        if not value.name:
            attribute.t.ClearField("name")
    elif isinstance(value, list) and not value:
        attribute.type = kind or AttributeProto.INTS
    else:
        attribute.MergeFrom(OnnxExporter.export_attributes({attribute.name: value})[0])


def _emit_graph(graph: gs.Graph, proto: onnx.GraphProto, imported: ImportedModel) -> None:
    """Give a graph a message in its new place; what lies in it follows when its region is written."""
    known = imported.graphs.get(graph)
    if isinstance(known, onnx.GraphProto):
        proto.CopyFrom(known)
        _rebind(known, proto, imported)
    else:
        proto.name = graph.name
        if graph.doc_string:
            proto.doc_string = graph.doc_string
        imported.graphs[graph] = proto


def _rebind(old: Any, new: Any, imported: ImportedModel) -> None:
    """Point everything that came from a message, or from one inside it, to its copy."""
    copies: dict[int, Any] = {id(old): new}
    ours, theirs = (
        attribute_graphs(message.attribute) if isinstance(message, onnx.NodeProto) else (message,)
        for message in (old, new)
    )
    for one, two in zip(graphs_within(*ours), graphs_within(*theirs), strict=True):
        copies[id(one)] = two
        for field in ("node", "input", "output", "value_info", "initializer", "sparse_initializer"):
            pairs = zip(getattr(one, field), getattr(two, field), strict=True)
            copies.update((id(message), copy) for message, copy in pairs)
    for node, message in list(imported.nodes.items()):
        imported.nodes[node] = copies.get(id(message), message)
    for graph, message in list(imported.graphs.items()):
        if id(message) in copies:
            imported.graphs[graph] = copies[id(message)]
            for _, values in imported.constants.get(graph) or ():
                values.tensor = copies[id(values.tensor)]
            imported.declared[graph] = [
                value._replace(info=copies[id(value.info)]) for value in imported.declared.get(graph) or ()
            ]


def _emit_functions(imported: ImportedModel, model: onnx.ModelProto) -> None:
    place: dict[int, int] = {}
    for index, function in enumerate(imported.graph.functions):
        message = imported.graphs.get(function)
        if message is None:
            message = model.functions.add(name=function.name, domain=function.domain)
            if function.doc_string:
                message.doc_string = function.doc_string
            own = [] if function.opset is None else [onnx.helper.make_opsetid("", function.opset)]
            message.opset_import.extend(function.import_domains or own)
            message.attribute.extend(name for name, default in function.attrs.items() if default is None)
            defaults = {name: default for name, default in function.attrs.items() if default is not None}
            message.attribute_proto.extend(OnnxExporter.export_attributes(defaults))
            imported.graphs[function] = message
        place[id(message)] = index
    for index in reversed(range(len(model.functions))):
        if id(model.functions[index]) not in place:
            del model.functions[index]
    model.functions.sort(key=lambda message: place[id(message)])


def _emit_domains(parts: list[Region], imported: ImportedModel, model: onnx.ModelProto) -> None:
    """Import the operator sets of domains that a pass brought in."""
    versions = {opset.domain: opset.version for opset in model.opset_import}
    for part in parts:
        function = _function(part)
        imports: Any = (model if function is None else cast("Any", imported.graphs[function])).opset_import
        known = {opset.domain for opset in imports}
        for node in part.graph.nodes:
            message = imported.nodes.get(node)
            domain = node.domain or ""
            if domain not in known and (message is None or as_text(message.domain) != domain):
                known.add(domain)
                imports.add(domain=domain, version=versions.get(domain, 1))


def _emit_interface(graph: gs.Graph, proto: GraphLike) -> None:
    for field, tensors, names in interface(graph, proto):
        ours = [tensor.name for tensor in tensors]
        if ours == names:
            continue
        if isinstance(proto, onnx.FunctionProto):
            field[:] = ours
            continue
        place = {name: index for index, name in enumerate(ours)}
        hidden = {as_text(info.name) for info in field} - set(names)
        for index in reversed(range(len(field))):
            if as_text(field[index].name) not in {*place, *hidden}:
                del field[index]
        present = {as_text(info.name) for info in field}
        field.extend(_value_info(tensor) for tensor in tensors if tensor.name not in present)
        field.sort(key=lambda info: place.get(as_text(info.name), len(place)))


def _emit_types(graph: gs.Graph, proto: GraphLike, declared: list[DeclaredType], gone: set[str]) -> None:
    """Declare the types that passes gave to values, and forget values that are gone."""
    for value in declared:
        if value.type_differs:
            value.info.type.CopyFrom(_value_info(value.tensor).type)
    for index in reversed(range(len(proto.value_info))):
        if proto.value_info[index].name in gone:
            del proto.value_info[index]
    if isinstance(proto, onnx.FunctionProto):
        # What calls a function decides its types.
        return
    known = {as_text(info.name) for info in proto.value_info}
    known.update(tensor.name for tensor in (*graph.inputs, *graph.outputs))
    for node in graph.nodes:
        for tensor in node.outputs:
            if isinstance(tensor, gs.Variable) and tensor.dtype is not None and tensor.name not in known:
                known.add(tensor.name)
                proto.value_info.append(_value_info(tensor))


def _rename_annotations(graph: gs.Graph, proto: onnx.GraphProto, imported: ImportedModel) -> None:
    if not proto.quantization_annotation:
        return
    renamed: dict[str | bytes, str] = {}
    renamed |= {values.raw_name: constant.name for constant, values in imported.constants.get(graph) or ()}
    renamed |= {value.info.name: value.tensor.name for value in imported.declared.get(graph) or ()}
    for node in graph.nodes:
        message = imported.nodes.get(node)
        if message is not None:
            renamed |= dict(zip(message.output, (tensor.name for tensor in node.outputs), strict=False))
    renamed = {old: new for old, new in renamed.items() if as_text(old) != new}
    for annotation in proto.quantization_annotation:
        if annotation.tensor_name in renamed:
            annotation.tensor_name = renamed[annotation.tensor_name]
        for entry in annotation.quant_parameter_tensor_names:
            if entry.value in renamed:
                entry.value = renamed[entry.value]


class _Constants:
    """The initializers of all graphs while they are written."""

    def __init__(self, imported: ImportedModel) -> None:
        self._imported = imported
        self._homes: IdentityMap[gs.Constant, list[gs.Graph]] = IdentityMap()
        for graph, constants in imported.constants.items():
            for constant, _ in constants:
                self._homes[constant] = [graph]

    def update(self, graph: gs.Graph, proto: onnx.GraphProto) -> None:
        """Write new names and values over the initializers that the file has."""
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
            tensor.CopyFrom(_tensor(constant))
            if doc_string:
                tensor.doc_string = doc_string
            constants[index] = (constant, _bind_values(constant, tensor))

    def add(self, part: Region, proto: onnx.GraphProto) -> None:
        """Write the constants that the graph reads and that neither it nor a graph around it has."""
        around = list(_enclosing(part))
        for constant in _read_constants(part.graph):
            homes = self._homes.get(constant)
            if homes is not None and any(home is graph for home in homes for graph in around):
                continue
            values = constant._values  # noqa: SLF001 - .values would load them
            if isinstance(values, SparseTensorValues):
                proto.sparse_initializer.add().CopyFrom(values.tensor)
                continue
            tensor = proto.initializer.add()
            tensor.CopyFrom(_tensor(constant))
            if homes is None:
                self._homes[constant] = homes = []
                known = self._imported.constants.get(part.graph) or []
                self._imported.constants[part.graph] = [*known, (constant, _bind_values(constant, tensor))]
            homes.append(part.graph)

    def drop(self, graph: gs.Graph, proto: onnx.GraphProto, unread: set[str]) -> None:
        """Remove the initializers whose last reader a pass removed."""
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


def _bind_values(constant: gs.Constant, tensor: onnx.TensorProto) -> Values:
    """Make a constant's values those of the message it was written to."""
    values = DenseValues(tensor, None)
    constant._values = values  # noqa: SLF001 - the array of the same values is no longer needed
    return values


def _tensor(constant: gs.Constant) -> onnx.TensorProto:
    values = constant._values  # noqa: SLF001 - .values would load them
    if isinstance(values, LazyValues):
        tensor = onnx.TensorProto()
        tensor.CopyFrom(values.tensor)
        tensor.name = constant.name
        return tensor
    if values.dtype.hasobject:
        return numpy_helper.from_array(values, constant.name)
    return OnnxExporter.export_tensor_proto(constant)


def _value_info(tensor: gs.Tensor) -> onnx.ValueInfoProto:
    return OnnxExporter.export_value_info_proto(tensor, do_type_check=False)


def _read_constants(graph: gs.Graph) -> Iterator[gs.Constant]:
    """Yield the constants that the graph's own nodes read or that it hands out, each once."""
    seen: IdentityMap[gs.Tensor, None] = IdentityMap()
    for tensors in (*(node.inputs for node in graph.nodes), graph.outputs):
        for tensor in tensors:
            if isinstance(tensor, gs.Constant) and tensor not in seen:
                seen[tensor] = None
                yield tensor


def _is_list_of_graphs(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], gs.Graph)


def _remove(field: Any, message: Any) -> None:
    del field[next(index for index, item in enumerate(field) if item is message)]


def _enclosing(part: Region | None) -> Iterator[gs.Graph]:
    while part is not None:
        yield part.graph
        part = part.parent


def _function(part: Region) -> gs.Function | None:
    """Return the function whose body a region lies in."""
    outermost = list(_enclosing(part))[-1]
    return outermost if isinstance(outermost, gs.Function) else None


def _drop_removed(parts: list[Region], imported: ImportedModel) -> None:
    """Drop what is no longer part of the model."""
    nodes: IdentityMap[gs.Node, None] = IdentityMap()
    graphs: IdentityMap[gs.Graph, None] = IdentityMap()
    for part in parts:
        graphs[part.graph] = None
        for node in part.graph.nodes:
            nodes[node] = None
    imported.nodes.keep(nodes.__contains__)
    imported.graphs.keep(graphs.__contains__)


def _written(proto: GraphLike) -> set[str]:
    return {name for node in proto.node for name in node.output}


def _references(proto: GraphLike) -> set[str]:
    """Return the names of the values that the nodes of a graph, and those in their subgraphs, read or hand out."""
    names: set[str] = set()
    for holder in graphs_within(proto):
        if isinstance(holder, onnx.GraphProto):
            names.update(info.name for info in holder.output)
        for node in holder.node:
            names.update(node.input)
    return names
