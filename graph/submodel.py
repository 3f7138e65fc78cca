"""Models made of another one: with more outputs, or of some of its nodes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper

from .decode import as_text
from .flat_nodes import FlatGraph


def with_outputs(model: onnx.ModelProto, names: Iterable[str]) -> onnx.ModelProto:
    """Return a copy of a model with more values as outputs. Their types are left to the runtime."""
    made = onnx.ModelProto()
    made.CopyFrom(model)
    known = {as_text(value.name) for value in (*made.graph.output, *made.graph.input)}
    made.graph.output.extend(onnx.ValueInfoProto(name=name) for name in dict.fromkeys(names) if name not in known)
    return made


def part_of(
    model: onnx.ModelProto,
    positions: Sequence[int],
    inputs: Mapping[str, tuple[np.dtype[Any], Sequence[int]]],
    outputs: Iterable[str],
) -> onnx.ModelProto:
    """Return a model of the nodes at these positions in the main graph.

    `inputs` are the element types and shapes of its inputs by name; the types of its outputs are left to the runtime.
    """
    flat = FlatGraph.of(model.graph)
    read = {name for at in positions for name in flat.nodes[at].reads}
    graph = onnx.GraphProto(name="part")
    graph.node.extend(model.graph.node[at] for at in positions)
    graph.initializer.extend(tensor for tensor in model.graph.initializer if as_text(tensor.name) in read)
    graph.sparse_initializer.extend(
        tensor for tensor in model.graph.sparse_initializer if as_text(tensor.values.name) in read
    )
    graph.input.extend(
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(element), shape)
        for name, (element, shape) in inputs.items()
    )
    graph.output.extend(onnx.ValueInfoProto(name=name) for name in outputs)
    made = onnx.ModelProto(ir_version=model.ir_version, graph=graph)
    made.opset_import.extend(model.opset_import)
    return made


def input_names(model: onnx.ModelProto) -> list[str]:
    """Return the names of the inputs that are no weights, in order."""
    given = FlatGraph.of(model.graph).inputs
    return [name for value in model.graph.input if (name := as_text(value.name)) in given]


def element_types(model: onnx.ModelProto) -> dict[str, int]:
    """Return the element types of the weights of the main graph, and of what is cast in it, by name."""
    found = {as_text(tensor.name): tensor.data_type for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Cast":
            to = next((attribute.i for attribute in node.attribute if attribute.name == "to"), 0)
            found.update((as_text(name), to) for name in node.output)
    return found


def weight_types(model: onnx.ModelProto) -> frozenset[int]:
    """Return the element types of the weights of the main graph."""
    return frozenset(tensor.data_type for tensor in model.graph.initializer)
