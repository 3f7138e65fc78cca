"""Run onnx.checker: on the structure of a model in this process, or on the whole model in a separate process."""

# The libraries' own types are incomplete.
# pyright: reportUnknownVariableType=false

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import Any

import onnx
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from onnx import AttributeProto, TensorProto, TypeProto
from onnx.checker import ValidationError, check_model

from ..files.placeholders import Placeholders
from ..files.wire import byte_count

_DATA_FIELDS = ("raw_data", "float_data", "int32_data", "string_data", "int64_data", "double_data", "uint64_data")
# Tensors in attributes are copied up to this size. Larger ones are only if their size is wrong, for the checker to say.
_MAX_ATTRIBUTE_BYTES = 1 << 20
# The number of nodes that are copied together.
_GROUP_SIZE = 256
_MAX_REASON_CHARACTERS = 300
_FULL_CHECK = """\
import sys, onnx
try:
    onnx.checker.check_model(sys.argv[1] if len(sys.argv) > 1 else sys.stdin.buffer.read(), full_check=True)
except Exception as error:
    sys.exit(" ".join(str(error).split()) or type(error).__name__)
"""


def check_structure(model: onnx.ModelProto, placeholders: Placeholders | None = None) -> str | None:
    """Run onnx.checker on a model without weights. Return the first error in one line; None if the model passes.

    Initializers are replaced by inputs of their type, so no weight is copied or read. `placeholders` are those in the
    model. Raises HpassError if a value in its file is needed and the file has changed.
    """
    try:
        check_model(_Structure(placeholders).of_model(model))
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


class _Structure:
    """Copies a model without weights. Values in attributes are kept if they are small or do not fit their shapes."""

    def __init__(self, placeholders: Placeholders | None) -> None:
        self._placeholders = placeholders

    def of_model(self, model: onnx.ModelProto) -> bytes:
        """Return the copy in its serialised form. That of all nodes at once would take more memory than the model."""
        parts = [self._without_nodes(model).SerializeToString()]
        nodes = model.graph.node
        for start in range(0, len(nodes), _GROUP_SIZE):
            # Serialised messages one after another are read as one message.
            group = onnx.ModelProto()
            self._copy_nodes(nodes[start : start + _GROUP_SIZE], group.graph.node)
            self._complete(group)
            parts.append(group.SerializeToString())
        return b"".join(parts)

    def _without_nodes(self, model: onnx.ModelProto) -> onnx.ModelProto:
        copy = onnx.ModelProto()
        for field, value in model.ListFields():
            if field.name not in ("graph", "functions", "training_info"):
                _copy(field, value, copy)
        self._copy_fields(model.graph, copy.graph)
        for function in model.functions:
            self._copy_function(function, copy.functions.add())
        self._complete(copy)
        return copy

    def _complete(self, copy: onnx.ModelProto) -> None:
        if self._placeholders is not None:
            self._placeholders.complete(copy)

    def _copy_graph(self, graph: onnx.GraphProto, copy: onnx.GraphProto) -> None:
        self._copy_fields(graph, copy)
        self._copy_nodes(graph.node, copy.node)

    def _copy_fields(self, graph: onnx.GraphProto, copy: onnx.GraphProto) -> None:
        """Copy a graph without its nodes, and inputs instead of its initializers."""
        for field, value in graph.ListFields():
            if field.name not in ("node", "initializer", "sparse_initializer", "quantization_annotation"):
                _copy(field, value, copy)
        declared = {info.name for info in graph.input}
        for tensor in graph.initializer:
            if tensor.name not in declared:
                declared.add(tensor.name)
                copy.input.add(name=tensor.name, type=_tensor_type(tensor.data_type, tuple(tensor.dims)))
        for sparse in graph.sparse_initializer:
            if sparse.values.name not in declared:
                declared.add(sparse.values.name)
                values = sparse.values
                copy.input.add(name=values.name, type=_tensor_type(values.data_type, tuple(values.dims)))

    def _copy_function(self, function: onnx.FunctionProto, copy: onnx.FunctionProto) -> None:
        for field, value in function.ListFields():
            if field.name not in ("node", "attribute_proto"):
                _copy(field, value, copy)
        self._copy_nodes(function.node, copy.node)
        for attribute in function.attribute_proto:
            self._copy_attribute(attribute, copy.attribute_proto.add())

    def _copy_nodes(self, nodes: Sequence[onnx.NodeProto], copies: Any) -> None:
        if all(self._is_small(node) for node in nodes if node.attribute):
            copies.extend(nodes)
            return
        for node in nodes:
            self._copy_node(node, copies.add())

    def _copy_node(self, node: onnx.NodeProto, copy: onnx.NodeProto) -> None:
        if self._is_small(node):
            copy.CopyFrom(node)
            return
        for field, value in node.ListFields():
            if field.name != "attribute":
                _copy(field, value, copy)
        for attribute in node.attribute:
            self._copy_attribute(attribute, copy.attribute.add())

    def _copy_attribute(self, attribute: AttributeProto, copy: AttributeProto) -> None:
        left_out = self._is_left_out(attribute.t)
        for field, value in attribute.ListFields():
            if field.name == "g":
                self._copy_graph(value, copy.g)
            elif field.name == "t" and left_out:
                for inner, content in value.ListFields():
                    if inner.name not in _DATA_FIELDS:
                        _copy(inner, content, copy.t)
                # A tensor without elements replaces one that is too large to copy.
                copy.t.dims[:] = [0]
            else:
                _copy(field, value, copy)

    def _is_small(self, node: onnx.NodeProto) -> bool:
        return not any(
            attribute.type in (AttributeProto.GRAPH, AttributeProto.GRAPHS) or self._is_left_out(attribute.t)
            for attribute in node.attribute
        )

    def _is_left_out(self, tensor: TensorProto) -> bool:
        """Whether a tensor has large raw data, of the size that its type and shape need."""
        found = None if self._placeholders is None else self._placeholders.raw_range(tensor)
        if found is None and len(tensor.raw_data) < _MAX_ATTRIBUTE_BYTES:
            return False
        return _fits(tensor, len(tensor.raw_data) if found is None else byte_count(found))


def _fits(tensor: TensorProto, size: int) -> bool:
    """Whether a tensor has no values but `size` bytes of raw data, and its type and shape need as many."""
    if [field.name for field, _ in tensor.ListFields() if field.name in _DATA_FIELDS] != ["raw_data"]:
        return False
    try:
        element = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type)
    except (KeyError, ValueError, TypeError):
        return False
    # The dtype of strings is that of Python objects.
    return element.kind != "O" and min(tensor.dims, default=0) >= 0 and size == prod(tensor.dims) * element.itemsize


@lru_cache
def _tensor_type(data_type: int, dims: tuple[int, ...]) -> TypeProto:
    """Return a type that must not be changed. Cached, because many initializers have the same."""
    type_proto = TypeProto()
    type_proto.tensor_type.elem_type = data_type
    type_proto.tensor_type.shape.SetInParent()
    for size in dims:
        type_proto.tensor_type.shape.dim.add(dim_value=size)
    return type_proto


def _copy(field: FieldDescriptor, value: Any, target: Message) -> None:
    """Copy a field (a message, a repeated field or a scalar) into a message in which it is not set."""
    if hasattr(value, "MergeFrom"):
        getattr(target, field.name).MergeFrom(value)
    else:
        setattr(target, field.name, value)
