"""onnx.checker, in two depths: on the structure of a model in this process, on all of it in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import onnx
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from onnx import AttributeProto, TensorProto, TypeProto
from onnx.checker import ValidationError, check_model

_PAYLOADS = ("raw_data", "float_data", "int32_data", "string_data", "int64_data", "double_data", "uint64_data")
# Tensors in attributes are looked at whole up to this many bytes; the checker needs their values to agree with dims.
_LARGE = 1 << 20
_MAX_REASON_CHARACTERS = 300
_FULL_CHECK = """\
import sys, onnx
try:
    onnx.checker.check_model(sys.argv[1] if len(sys.argv) > 1 else sys.stdin.buffer.read(), full_check=True)
except Exception as error:
    sys.exit(" ".join(str(error).split()) or type(error).__name__)
"""


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
        return _one_line(str(error))
    return None


def check_fully(model: Path | onnx.ModelProto, seconds: float) -> str | None:
    """Return what onnx.checker, shape inference included, finds wrong, in one line; None if the model passes.

    The checker may hang or crash on a hostile model, so a process of its own runs it, for at most `seconds`.
    """
    is_file = isinstance(model, Path)
    try:
        # -P: no file in the user's folder may hide a module that onnx imports.
        done = subprocess.run(  # noqa: S603 - our own interpreter and code; the file is an argument
            [sys.executable, "-P", "-c", _FULL_CHECK, *([model] if is_file else [])],
            input=b"" if is_file else model.SerializeToString(),
            capture_output=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"no answer within {seconds:g} s"
    if done.returncode == 0:
        return None
    lines = done.stderr.decode(errors="backslashreplace").strip().splitlines()
    return _one_line(lines[-1]) if lines else f"ended by signal {-done.returncode}"


def _one_line(text: str) -> str:
    return " ".join(text.split())[:_MAX_REASON_CHARACTERS]


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
