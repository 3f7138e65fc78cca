"""Models made of another one: with more outputs, or of some of its nodes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy.typing as npt
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
    model: onnx.ModelProto, positions: Sequence[int], inputs: Mapping[str, npt.NDArray[Any]], outputs: Iterable[str]
) -> onnx.ModelProto:
    """Return a model of the nodes at these positions in the main graph.

    Its inputs have the types and shapes of the arrays in `inputs`; the types of its outputs are left to the runtime.
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
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in inputs.items()
    )
    graph.output.extend(onnx.ValueInfoProto(name=name) for name in outputs)
    made = onnx.ModelProto(ir_version=model.ir_version, graph=graph)
    made.opset_import.extend(model.opset_import)
    return made


def weight_types(model: onnx.ModelProto) -> frozenset[int]:
    """Return the element types of the weights of the main graph."""
    return frozenset(tensor.data_type for tensor in model.graph.initializer)
