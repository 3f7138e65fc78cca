"""Copy the body of a function for one call: values and nodes get new names, attributes of the call take effect."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import onnx

from ..graph.walk import attribute_graphs, graphs_within, nodes_within
from .messages import Names

_Renamed = Mapping[str, str]


def copy_body(
    function: onnx.FunctionProto, call: onnx.NodeProto, values: Names, nodes: Names
) -> tuple[list[tuple[onnx.NodeProto, onnx.NodeProto | None]], list[onnx.ValueInfoProto]]:
    """Return the nodes that replace a call, each with the node of the function that it copies, and types of values.

    Values and nodes keep their names unless `values` or `nodes` have them. A node that copies none passes an input of
    the function on as an output.
    """
    renamed = _new_names(function, call, values)
    attributes = {attribute.name: attribute for attribute in (*function.attribute_proto, *call.attribute)}
    copies: list[tuple[onnx.NodeProto, onnx.NodeProto | None]] = []
    for node in function.node:
        copy = onnx.NodeProto()
        copy.CopyFrom(node)
        for inner in (copy, *nodes_within(*attribute_graphs(copy.attribute))):
            if inner.name:
                _set(inner, "name", nodes.unique(inner.name))
            _resolve_attributes(inner, attributes)
        rename_values(copy, renamed)
        copies.append((copy, node))
    for formal, actual in zip(function.output, call.output, strict=False):
        if actual and renamed[formal] != actual:
            identity = onnx.NodeProto(op_type="Identity", input=[renamed[formal]], output=[actual])
            identity.name = nodes.unique("Identity")
            copies.append((identity, None))
    return copies, list(_types(function, renamed))


def _new_names(function: onnx.FunctionProto, call: onnx.NodeProto, values: Names) -> _Renamed:
    """Return the names that the values of a function get at a call."""
    renamed = dict.fromkeys(function.input, "") | dict(zip(function.input, call.input, strict=False))
    for formal, actual in zip(function.output, call.output, strict=False):
        if actual:
            renamed.setdefault(formal, actual)
    for name in _defined(function):
        if name not in renamed:
            renamed[name] = values.unique(name)
    return renamed


def _defined(function: onnx.FunctionProto) -> Iterator[str]:
    """Yield the names of the values that a function and its subgraphs compute or hold."""
    for node in function.node:
        yield from filter(None, node.output)
        yield from defined_names(node.attribute)


def defined_names(attributes: Iterable[onnx.AttributeProto]) -> Iterator[str]:
    """Yield the names of the values that the subgraphs in attributes compute or hold."""
    for graph in graphs_within(*attribute_graphs(attributes)):
        if isinstance(graph, onnx.GraphProto):
            yield from (value.name for value in graph.input)
            yield from (tensor.name for tensor in graph.initializer)
            yield from (sparse.values.name for sparse in graph.sparse_initializer)
        for node in graph.node:
            yield from filter(None, node.output)


def _types(function: onnx.FunctionProto, renamed: _Renamed) -> Iterator[onnx.ValueInfoProto]:
    for info in function.value_info:
        name = renamed.get(info.name, info.name)
        if name:
            copy = onnx.ValueInfoProto()
            copy.CopyFrom(info)
            _set(copy, "name", name)
            yield copy


def _resolve_attributes(node: onnx.NodeProto, given: Mapping[str, onnx.AttributeProto]) -> None:
    """Replace references to attributes of the function by the attributes; remove those that nothing gives."""
    for index in reversed(range(len(node.attribute))):
        attribute = node.attribute[index]
        if not attribute.ref_attr_name:
            continue
        name = attribute.name
        value = given.get(attribute.ref_attr_name)
        if value is None:
            del node.attribute[index]
        else:
            attribute.CopyFrom(value)
            attribute.name = name


def rename_values(node: onnx.NodeProto, renamed: Mapping[str, str]) -> None:
    """Give the values that a node reads and writes, and those of its subgraphs, new names."""
    for names in (node.input, node.output):
        for index, name in enumerate(names):
            new_name = renamed.get(name, name)
            if new_name != name:
                names[index] = new_name
    for graph in attribute_graphs(node.attribute):
        _rename_graph(graph, renamed)


def _rename_graph(graph: onnx.GraphProto, renamed: _Renamed) -> None:
    named: Iterable[Any] = (
        *(*graph.input, *graph.output, *graph.value_info, *graph.initializer),
        *(sparse.values for sparse in graph.sparse_initializer),
    )
    for message in named:
        _set(message, "name", renamed.get(message.name, message.name))
    for annotation in graph.quantization_annotation:
        _set(annotation, "tensor_name", renamed.get(annotation.tensor_name, annotation.tensor_name))
        for entry in annotation.quant_parameter_tensor_names:
            _set(entry, "value", renamed.get(entry.value, entry.value))
    for node in graph.node:
        rename_values(node, renamed)


def _set(message: Any, field: str, value: str) -> None:
    """Set a field if it differs, because a name that is not UTF-8 cannot be written."""
    if getattr(message, field) != value:
        setattr(message, field, value)
