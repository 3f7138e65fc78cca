"""Run onnx.checker: on the structure of a model in this process, or on the whole model in a separate process."""

# The libraries' own types are incomplete.
# pyright: reportUnknownVariableType=false

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

_DATA_FIELDS = ("raw_data", "float_data", "int32_data", "string_data", "int64_data", "double_data", "uint64_data")
# Tensors in attributes are checked with their values up to this size, because the checker compares values and dims.
_MAX_ATTRIBUTE_BYTES = 1 << 20
_MAX_REASON_CHARACTERS = 300
_FULL_CHECK = """\
import sys, onnx
try:
    onnx.checker.check_model(sys.argv[1] if len(sys.argv) > 1 else sys.stdin.buffer.read(), full_check=True)
except Exception as error:
    sys.exit(" ".join(str(error).split()) or type(error).__name__)
"""


def check_structure(model: onnx.ModelProto) -> str | None:
    """Run onnx.checker on a model without weights. Return the first error in one line; None if the model passes.

    Initializers are replaced by inputs of their type, so no weight is copied or read.
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
    """Run onnx.checker with shape inference. Return the first error in one line; None if the model passes.

    The checker may hang or crash on a malicious model, so it runs in a separate process for at most `seconds`.
    """
    is_file = isinstance(model, Path)
    if is_file and not _is_utf8(str(model)):
        return "not run, because onnx cannot open a path that is not UTF-8"
    try:
        # -P: files in the current folder must not shadow modules that onnx imports.
        process = subprocess.run(  # noqa: S603 - our own interpreter and code; the file is an argument
            [sys.executable, "-P", "-c", _FULL_CHECK, *([model] if is_file else [])],
            input=b"" if is_file else model.SerializeToString(),
            capture_output=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"no answer within {seconds:g} s"
    if process.returncode == 0:
        return None
    lines = process.stderr.decode(errors="backslashreplace").strip().splitlines()
    return _one_line(lines[-1]) if lines else f"ended by signal {-process.returncode}"


def _is_utf8(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


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
    if all(_is_small(node) for node in graph.node if node.attribute):
        skeleton.node.extend(graph.node)
        return
    for node in graph.node:
        _copy_node(node, skeleton.node.add())


def _is_small(node: onnx.NodeProto) -> bool:
    return all(
        attribute.type not in (AttributeProto.GRAPH, AttributeProto.GRAPHS)
        and len(attribute.t.raw_data) < _MAX_ATTRIBUTE_BYTES
        for attribute in node.attribute
    )


def _copy_node(node: onnx.NodeProto, skeleton: onnx.NodeProto) -> None:
    if _is_small(node):
        skeleton.CopyFrom(node)
        return
    for field, value in node.ListFields():
        if field.name != "attribute":
            _copy(field, value, skeleton)
    for attribute in node.attribute:
        copy = skeleton.attribute.add(name=attribute.name, type=attribute.type)
        if attribute.type == AttributeProto.GRAPH:
            _copy_graph(attribute.g, copy.g)
        elif len(attribute.t.raw_data) >= _MAX_ATTRIBUTE_BYTES:
            for field, value in attribute.t.ListFields():
                if field.name not in _DATA_FIELDS:
                    _copy(field, value, copy.t)
            # A tensor without elements replaces one that is too large to copy.
            copy.t.dims[:] = [0]
        else:
            copy.CopyFrom(attribute)


def _tensor_type(tensor: TensorProto) -> TypeProto:
    type_proto = TypeProto()
    type_proto.tensor_type.elem_type = tensor.data_type
    type_proto.tensor_type.shape.SetInParent()
    for size in tensor.dims:
        type_proto.tensor_type.shape.dim.add(dim_value=size)
    return type_proto


def _copy(field: FieldDescriptor, value: Any, target: Message) -> None:
    """Copy a field (a message, a repeated field or a scalar) into a message in which it is not set."""
    if hasattr(value, "MergeFrom"):
        getattr(target, field.name).MergeFrom(value)
    else:
        setattr(target, field.name, value)
