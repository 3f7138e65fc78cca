"""onnx.checker on the structure of a model: nodes, values and types, without the weights."""

from __future__ import annotations

from typing import Any

import onnx
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from onnx import AttributeProto, TensorProto, TypeProto
from onnx.checker import ValidationError, check_model

_PAYLOADS = ("raw_data", "float_data", "int32_data", "string_data", "int64_data", "double_data", "uint64_data")
# Tensors in attributes are looked at whole up to this many bytes; the checker needs their values to agree with dims.
_LARGE = 1 << 20


def check_structure(model: onnx.ModelProto) -> str | None:
    """Return the first thing that onnx.checker finds wrong, in one line; None where the model passes.

    Initializers become inputs of their type, so no weight is copied or read.
    """
    skeleton = onnx.ModelProto()
    try:
        for field, value in model.ListFields():
            if field.name not in ("graph", "training_info"):
                _copy(field, value, skeleton)
        _copy_graph(model.graph, skeleton.graph)
        check_model(skeleton)
    except (ValidationError, ValueError, TypeError, RuntimeError) as error:
        return " ".join(str(error).split())[:300]
    return None


def _copy_graph(graph: onnx.GraphProto, skeleton: onnx.GraphProto) -> None:
    for field, value in graph.ListFields():
        if field.name not in ("node", "initializer", "sparse_initializer", "quantization_annotation"):
            _copy(field, value, skeleton)
    declared = {info.name for info in graph.input}
    for tensor in graph.initializer:
        if tensor.name not in declared:
            declared.add(tensor.name)
            skeleton.input.add(name=tensor.name, type=_tensor_type(tensor))
    for sparse in graph.sparse_initializer:
        if sparse.values.name not in declared:
            declared.add(sparse.values.name)
            skeleton.input.add(name=sparse.values.name, type=_tensor_type(sparse.values))
    if all(_is_light(node) for node in graph.node if node.attribute):
        skeleton.node.extend(graph.node)
        return
    for node in graph.node:
        _copy_node(node, skeleton.node.add())


def _is_light(node: onnx.NodeProto) -> bool:
    return all(
        attribute.type not in (AttributeProto.GRAPH, AttributeProto.GRAPHS) and len(attribute.t.raw_data) < _LARGE
        for attribute in node.attribute
    )


def _copy_node(node: onnx.NodeProto, skeleton: onnx.NodeProto) -> None:
    if _is_light(node):
        skeleton.CopyFrom(node)
        return
    for field, value in node.ListFields():
        if field.name != "attribute":
            _copy(field, value, skeleton)
    for attribute in node.attribute:
        copy = skeleton.attribute.add(name=attribute.name, type=attribute.type)
        if attribute.type == AttributeProto.GRAPH:
            _copy_graph(attribute.g, copy.g)
        elif len(attribute.t.raw_data) >= _LARGE:
            for field, value in attribute.t.ListFields():
                if field.name not in _PAYLOADS:
                    _copy(field, value, copy.t)
            # A tensor of no elements stands in for one too large to copy.
            copy.t.dims[:] = [0]
        else:
            copy.CopyFrom(attribute)


def _tensor_type(tensor: TensorProto) -> TypeProto:
    kind = TypeProto()
    kind.tensor_type.elem_type = tensor.data_type
    kind.tensor_type.shape.SetInParent()
    for size in tensor.dims:
        kind.tensor_type.shape.dim.add(dim_value=size)
    return kind


def _copy(field: FieldDescriptor, value: Any, target: Message) -> None:
    """Copy a field, be it a message, a repeated one or a plain value, into a message that lacks it."""
    if hasattr(value, "MergeFrom"):
        getattr(target, field.name).MergeFrom(value)
    else:
        setattr(target, field.name, value)
