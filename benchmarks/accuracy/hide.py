"""Hide evidence: copy a model with neutral names for selected nodes, and check that no old name is left."""

from __future__ import annotations

import random
from collections.abc import Callable, Container, Iterable, Iterator
from math import prod
from typing import Any

import numpy as np
import onnx

from hpass.graph.operators import AUXILIARY_OPERATORS

_KEPT_METADATA = ("pkg.torch.onnx.name_scopes", "pkg.torch.onnx.class_hierarchy")

_FLOATS = (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE, onnx.TensorProto.FLOAT16)

NodeSelector = Callable[[onnx.ModelProto, str], list[int]]


def auxiliary(model: onnx.ModelProto, _: str) -> list[int]:
    """Return the positions of the auxiliary operations."""
    return [i for i, node in enumerate(model.graph.node) if node.op_type in AUXILIARY_OPERATORS]


def random_share(model: onnx.ModelProto, seed: str) -> list[int]:
    """Return the positions of 30% of the nodes. The same seed gives the same positions."""
    count = len(model.graph.node)
    return sorted(random.Random(seed).sample(range(count), round(0.3 * count)))  # noqa: S311, no secrecy needed


def all_nodes(model: onnx.ModelProto, _: str) -> list[int]:
    """Return the positions of all nodes."""
    return list(range(len(model.graph.node)))


def hide(original: onnx.ModelProto, positions: list[int], owners: Container[str] | None = None) -> onnx.ModelProto:
    """Return a copy in which only dataflow, parameters and neighbours are evidence for the nodes at `positions`.

    The copy has neutral names for these nodes, for the nodes in their subgraphs, and for the values that they write
    (including graph outputs), and it has no metadata of these nodes. Everything that could repeat a hidden name is
    removed from the whole model: doc strings, value_info, the metadata of graphs and of the model, and all metadata of
    other nodes except scopes. If `owners`, the names of modules, are given, initializers that are not named like a
    parameter of one of them also get neutral names.
    """
    model = onnx.ModelProto()
    model.CopyFrom(original)
    del model.metadata_props[:]
    _drop_annotations(model)
    chosen = set(positions)
    renamed: dict[str, str] = {}
    nested: list[onnx.NodeProto] = []
    for i, node in enumerate(model.graph.node):
        if i in chosen:
            _neutralise(node, f"hidden_{i}", renamed)
            nested.extend(inner for inner in _messages(node) if isinstance(inner, onnx.NodeProto) and inner is not node)
    for i, node in enumerate(nested):
        _neutralise(node, f"hidden_inner_{i}", renamed)
    if owners is not None:
        for i, tensor in enumerate(model.graph.initializer):
            if not is_parameter(tensor.name, owners):
                renamed[tensor.name] = f"hidden_weight_{i}"
    _rename(model, renamed)
    onnx.checker.check_model(model)
    return model


def anonymous(original: onnx.ModelProto) -> onnx.ModelProto:
    """Return a copy without any name of a node, a value, a weight, an input or an output, and without metadata."""
    model = hide(original, all_nodes(original, ""), owners=())
    inputs = {value.name: f"hidden_input_{i}" for i, value in enumerate(model.graph.input)}
    for value in model.graph.input:
        value.name = inputs[value.name]
    _rename(model, inputs)
    return model


def replace_weights(model: onnx.ModelProto) -> None:
    """Give every initializer of floating-point numbers with more than one element random values, in place."""
    generator = np.random.default_rng(0)
    for tensor in model.graph.initializer:
        if tensor.data_type in _FLOATS and prod(tensor.dims) > 1:
            values = generator.normal(scale=0.02, size=tuple(tensor.dims))
            dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type)
            tensor.CopyFrom(onnx.numpy_helper.from_array(values.astype(dtype), tensor.name))


def _drop_annotations(model: onnx.ModelProto) -> None:
    for message in _messages(model):
        fields = message.DESCRIPTOR.fields_by_name
        if "doc_string" in fields:
            message.ClearField("doc_string")
        if "value_info" in fields:
            del message.value_info[:]
        if "metadata_props" in fields:
            kept = [entry for entry in message.metadata_props if entry.key in _KEPT_METADATA]
            del message.metadata_props[:]
            if isinstance(message, onnx.NodeProto):
                message.metadata_props.extend(kept)


def _neutralise(node: onnx.NodeProto, name: str, renamed: dict[str, str]) -> None:
    node.name = name
    del node.metadata_props[:]
    renamed.update({output: f"{name}_out{k}" for k, output in enumerate(node.output) if output})


def _rename(model: onnx.ModelProto, renamed: dict[str, str]) -> None:
    for message in _messages(model):
        if isinstance(message, onnx.NodeProto):
            message.input[:] = [renamed.get(name, name) for name in message.input]
            message.output[:] = [renamed.get(name, name) for name in message.output]
        elif isinstance(message, onnx.GraphProto):
            for value in (*message.output, *message.initializer):
                value.name = renamed.get(value.name, value.name)


def is_parameter(name: str, owners: Container[str]) -> bool:
    """Whether a name is the name of an owner followed by one more atom."""
    owner, dot, _ = name.rpartition(".")
    return bool(dot) and owner in owners


def leaks(original: onnx.ModelProto, hidden: onnx.ModelProto, positions: Iterable[int]) -> set[str]:
    """Return the names of hidden nodes and values that are still a string in the hidden copy.

    The result also has an entry for each hidden node that still has metadata or a doc string.
    """
    texts = set(_texts(hidden))
    found: set[str] = set()
    for i in positions:
        node = original.graph.node[i]
        found.update(name for name in (node.name, *node.output) if name and name in texts)
        if hidden.graph.node[i].metadata_props or hidden.graph.node[i].doc_string:
            found.add(f"metadata of node {i}")
    return found


def _texts(message: Any) -> Iterator[str]:
    for part in _messages(message):
        for field, value in part.ListFields():
            if field.type == field.TYPE_STRING:
                yield from [value] if isinstance(value, str) else value


def _messages(message: Any) -> Iterator[Any]:
    yield message
    for field, value in message.ListFields():
        if field.message_type is not None:
            for part in [value] if hasattr(value, "ListFields") else value:
                yield from _messages(part)


def equal_parameters(model: onnx.ModelProto, owners: Container[str]) -> list[tuple[str, str]]:
    """Return pairs of parameters with equal values. An exporter that merges them would make the truth ambiguous."""
    seen: dict[tuple[int, tuple[int, ...], bytes], str] = {}
    pairs: list[tuple[str, str]] = []
    for tensor in model.graph.initializer:
        if is_parameter(tensor.name, owners) and tensor.data_type == tensor.FLOAT:
            other = seen.setdefault((tensor.data_type, tuple(tensor.dims), tensor.raw_data), tensor.name)
            if other != tensor.name:
                pairs.append((other, tensor.name))
    return pairs
