"""The products of a model (MatMul, Gemm, Conv), and which of them a tool has quantised or converted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import onnx

_PRODUCTS = frozenset(("Conv", "Gemm", "MatMul"))
_INTEGER_PRODUCTS = frozenset(("ConvInteger", "MatMulInteger", "QGemm", "QLinearConv", "QLinearMatMul"))
# Their output has the precision of their input.
_MOVES = frozenset(("Expand", "Flatten", "Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze"))
# What onnxruntime's quantize_dynamic puts behind a name.
_SUFFIXES = re.compile(r"(_MatMul)?(_quant)?$")


@dataclass(frozen=True)
class Product:
    """A node that multiplies; `name` is that of the node before the tool, `reduced` tells whether it is still a float.

    It is reduced if its second operand is quantised or of another type than float32, or if it computes with integers.
    """

    name: str
    node: onnx.NodeProto
    reduced: bool


def products(model: onnx.ModelProto, names: frozenset[str]) -> Iterator[Product]:
    """Yield the products of a model; `names` are those of the nodes before the tool."""
    writers = {name: node for node in model.graph.node for name in node.output}
    types = _types(model)
    for node in model.graph.node:
        if node.op_type in _INTEGER_PRODUCTS:
            yield Product(_name_before(node.name, names), node, reduced=True)
        elif node.op_type in _PRODUCTS:
            yield Product(_name_before(node.name, names), node, reduced=_is_reduced(node.input[1], writers, types))


def _is_reduced(name: str, writers: dict[str, onnx.NodeProto], types: dict[str, int]) -> bool:
    if types.get(name, onnx.TensorProto.FLOAT) != onnx.TensorProto.FLOAT:
        return True
    while (writer := writers.get(name)) is not None and writer.op_type in _MOVES:
        name = writer.input[0]
    return writer is not None and writer.op_type == "DequantizeLinear"


def _types(model: onnx.ModelProto) -> dict[str, int]:
    # Some tools leave the types of before in the file.
    untyped = onnx.ModelProto()
    untyped.CopyFrom(model)
    del untyped.graph.value_info[:]
    graph = onnx.shape_inference.infer_shapes(untyped).graph
    values = (*graph.value_info, *graph.input, *graph.output)
    return {value.name: value.type.tensor_type.elem_type for value in values} | {
        tensor.name: tensor.data_type for tensor in graph.initializer
    }


def _name_before(name: str, names: frozenset[str]) -> str:
    return name if name in names else _SUFFIXES.sub("", name)
