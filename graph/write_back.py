"""Write the edits of a graphsurgeon graph into the original messages. Messages of unchanged nodes are not touched.

In the message of a changed node only the differing fields are written, so everything that graphsurgeon does not
represent is kept. New nodes are written by graphsurgeon's exporter. Nodes are added, removed and sorted in place, so
that the message of every other node stays the same object.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, cast

import onnx
import onnx_graphsurgeon as gs
from onnx import AttributeProto
from onnx_graphsurgeon.exporters.onnx_exporter import OnnxExporter

from ..identity_map import IdentityMap
from .decode import as_text
from .graph_diff import attribute_edits, interface_fields, names_differ, node_differs
from .importer import DeclaredType, ImportedModel
from .initializers import Initializers, lower_function_constants, tensor_proto
from .regions import Region, regions
from .walk import GraphLike, attribute_graphs, graphs_within


def write_back(imported: ImportedModel, model: onnx.ModelProto) -> None:
    """Write all differences between the graph of `imported` and its messages into `model`, in place."""
    lower_function_constants(imported.graph)
    names_read: IdentityMap[gs.Graph, set[str]] = IdentityMap()
    for graph, proto in imported.graphs.items():
        names_read[graph] = _read_names(proto)
    _write_functions(imported, model)
    # A region comes before its subgraphs, so the message of a subgraph exists when the subgraph is written.
    all_regions = regions(imported.graph)
    _import_domains(all_regions, imported, model)
    constants = Initializers(imported)
    for region in all_regions:
        _write_region(region, imported, constants)
    for region in all_regions:
        proto = imported.graphs[region.graph]
        if isinstance(proto, onnx.GraphProto):
            constants.drop(region.graph, proto, (names_read.get(region.graph) or set()) - _read_names(proto))
    _drop_removed(all_regions, imported)
    imported.as_read.clear()


def _write_region(region: Region, imported: ImportedModel, constants: Initializers) -> None:
    graph, proto = region.graph, imported.graphs[region.graph]
    previous_outputs = _output_names(proto)
    declared = imported.declared.get(graph) or []
    if isinstance(proto, onnx.GraphProto):
        _rename_in_annotations(graph, proto, imported)
        constants.update(graph, proto)
    for value in declared:
        if as_text(value.info.name) != value.tensor.name:
            value.info.name = value.tensor.name
    _write_nodes(graph, proto, imported)
    _write_interface(graph, proto)
    if isinstance(proto, onnx.GraphProto):
        constants.add(region, proto)
    _write_types(graph, proto, declared, previous_outputs - _output_names(proto))
    imported.declared[graph] = [
        value._replace(
            dtype=value.tensor.dtype, shape=None if value.tensor.shape is None else tuple(value.tensor.shape)
        )
        for value in declared
    ]


def _write_nodes(graph: gs.Graph, proto: GraphLike, imported: ImportedModel) -> None:
    own_messages = {id(message) for message in proto.node}
    index_of: dict[int, int] = {}
    for index, node in enumerate(graph.nodes):
        message = imported.nodes.get(node)
        if message is None:
            imported.nodes[node] = message = proto.node.add(op_type=node.op)
        elif id(message) not in own_messages:
            moved = proto.node.add()
            moved.CopyFrom(message)
            _rebind(message, moved, imported)
            message = moved
        if node_differs(node, message, imported):
            _write_changes(node, message, imported)
        index_of[id(message)] = index
    for index in reversed(range(len(proto.node))):
        if id(proto.node[index]) not in index_of:
            del proto.node[index]
    if [index_of[id(message)] for message in proto.node] != list(range(len(index_of))):
        proto.node.sort(key=lambda message: index_of[id(message)])


def _write_changes(node: gs.Node, proto: onnx.NodeProto, imported: ImportedModel) -> None:
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
            _write_attribute(node.attrs[name], attribute, imported)


def _write_attribute(value: Any, attribute: AttributeProto, imported: ImportedModel) -> None:
    """Write the value of an attribute. Its name, doc_string and unknown fields stay."""
    kind = attribute.type
    for field, _ in attribute.ListFields():
        if field.name not in ("name", "doc_string"):
            attribute.ClearField(cast("Any", field.name))
    if isinstance(value, gs.Graph):
        attribute.type = AttributeProto.GRAPH
        _write_graph(value, attribute.g, imported)
    elif _is_list_of_graphs(value):
        attribute.type = AttributeProto.GRAPHS
        for graph in cast("list[gs.Graph]", value):
            _write_graph(graph, attribute.graphs.add(), imported)
    elif isinstance(value, gs.Constant):
        attribute.type = AttributeProto.TENSOR
        attribute.t.CopyFrom(tensor_proto(value))
        if not value.name:
            attribute.t.ClearField("name")
    elif isinstance(value, list) and not value:
        attribute.type = kind or AttributeProto.INTS
    else:
        attribute.MergeFrom(OnnxExporter.export_attributes({attribute.name: value})[0])


def _write_graph(graph: gs.Graph, proto: onnx.GraphProto, imported: ImportedModel) -> None:
    """Make `proto` the message of a graph. The graph's contents are written when its region is written."""
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
    """Replace a message and all messages inside it by their copies in the maps of `imported`."""
    copies: dict[int, Any] = {id(old): new}
    old_holders, new_holders = (
        attribute_graphs(message.attribute) if isinstance(message, onnx.NodeProto) else (message,)
        for message in (old, new)
    )
    for old_graph, new_graph in zip(graphs_within(*old_holders), graphs_within(*new_holders), strict=True):
        copies[id(old_graph)] = new_graph
        for field in ("node", "input", "output", "value_info", "initializer", "sparse_initializer"):
            pairs = zip(getattr(old_graph, field), getattr(new_graph, field), strict=True)
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


def _write_functions(imported: ImportedModel, model: onnx.ModelProto) -> None:
    index_of: dict[int, int] = {}
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
        index_of[id(message)] = index
    for index in reversed(range(len(model.functions))):
        if id(model.functions[index]) not in index_of:
            del model.functions[index]
    model.functions.sort(key=lambda message: index_of[id(message)])


def _import_domains(all_regions: list[Region], imported: ImportedModel, model: onnx.ModelProto) -> None:
    """Add the operator-set imports of domains that only new or changed nodes use."""
    versions = {opset.domain: opset.version for opset in model.opset_import}
    for region in all_regions:
        function = region.function
        imports: Any = (model if function is None else cast("Any", imported.graphs[function])).opset_import
        known = {opset.domain for opset in imports}
        for node in region.graph.nodes:
            message = imported.nodes.get(node)
            domain = node.domain or ""
            if domain not in known and (message is None or as_text(message.domain) != domain):
                known.add(domain)
                imports.add(domain=domain, version=versions.get(domain, 1))


def _write_interface(graph: gs.Graph, proto: GraphLike) -> None:
    for field, tensors, names in interface_fields(graph, proto):
        new_names = [tensor.name for tensor in tensors]
        if new_names == names:
            continue
        if isinstance(proto, onnx.FunctionProto):
            field[:] = new_names
            continue
        index_of = {name: index for index, name in enumerate(new_names)}
        hidden = {as_text(info.name) for info in field} - set(names)
        for index in reversed(range(len(field))):
            if as_text(field[index].name) not in {*index_of, *hidden}:
                del field[index]
        present = {as_text(info.name) for info in field}
        field.extend(_value_info(tensor) for tensor in tensors if tensor.name not in present)
        field.sort(key=partial(_position, index_of))


def _write_types(graph: gs.Graph, proto: GraphLike, declared: list[DeclaredType], removed: set[str]) -> None:
    """Write the types that passes set on values, and remove the types of values in `removed`."""
    for value in declared:
        if value.type_differs:
            value.info.type.CopyFrom(_value_info(value.tensor).type)
    for index in reversed(range(len(proto.value_info))):
        if proto.value_info[index].name in removed:
            del proto.value_info[index]
    if isinstance(proto, onnx.FunctionProto):
        # The types in a function depend on the call.
        return
    known = {as_text(info.name) for info in proto.value_info}
    known.update(tensor.name for tensor in (*graph.inputs, *graph.outputs))
    for node in graph.nodes:
        for tensor in node.outputs:
            if isinstance(tensor, gs.Variable) and tensor.dtype is not None and tensor.name not in known:
                known.add(tensor.name)
                proto.value_info.append(_value_info(tensor))


def _rename_in_annotations(graph: gs.Graph, proto: onnx.GraphProto, imported: ImportedModel) -> None:
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


def _position(index_of: Mapping[str, int], info: onnx.ValueInfoProto) -> int:
    return index_of.get(as_text(info.name), len(index_of))


def _value_info(tensor: gs.Tensor) -> onnx.ValueInfoProto:
    return OnnxExporter.export_value_info_proto(tensor, do_type_check=False)


def _is_list_of_graphs(value: Any) -> bool:
    if not isinstance(value, list):
        return False
    elements = cast("list[object]", value)
    return bool(elements) and isinstance(elements[0], gs.Graph)


def _drop_removed(all_regions: list[Region], imported: ImportedModel) -> None:
    """Remove nodes and graphs that are no longer part of the model from the maps of `imported`."""
    nodes: IdentityMap[gs.Node, None] = IdentityMap()
    graphs: IdentityMap[gs.Graph, None] = IdentityMap()
    for region in all_regions:
        graphs[region.graph] = None
        for node in region.graph.nodes:
            nodes[node] = None
    imported.nodes.keep(nodes.__contains__)
    imported.graphs.keep(graphs.__contains__)


def _output_names(proto: GraphLike) -> set[str]:
    return {name for node in proto.node for name in node.output}


def _read_names(proto: GraphLike) -> set[str]:
    """Return the names of the values that a graph's nodes and subgraphs read, or that are outputs of the graphs."""
    names: set[str] = set()
    for holder in graphs_within(proto):
        if isinstance(holder, onnx.GraphProto):
            names.update(info.name for info in holder.output)
        for node in holder.node:
            names.update(node.input)
    return names
