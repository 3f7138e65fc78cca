"""Operators that onnxruntime made by fusing, replaced by standard ones whose results have the same shape.

onnx knows no shapes of them, and onnxruntime's symbolic inference stops at those in its layout of channels in blocks.
Only shapes are inferred from the replacements, so what else they compute does not matter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import onnx
from onnx import TensorProto, helper

from ..graph.decode import as_text
from .typed_node import operator_name
from .value_types import graphs_by_path

_CONVOLUTION = ("auto_pad", "dilations", "group", "kernel_shape", "pads", "strides")
_POOLING = ("auto_pad", "ceil_mode", "dilations", "kernel_shape", "pads", "strides")

_Replace = Callable[[onnx.NodeProto, onnx.GraphProto], None]


def replace_fused_operators(model: onnx.ModelProto) -> None:
    """Change a model in place so that the shapes of fused operators can be inferred. It can no longer be run."""
    for _, graph in graphs_by_path(model.graph):
        for node in graph.node:
            replace = _STAND_INS.get(operator_name(node)) if node.domain else None
            if replace is not None and len(node.output) == 1:
                replace(node, graph)


def _by(operator: str, inputs: Sequence[int] = (0,), attributes: Sequence[str] = ()) -> _Replace:
    """Return a replacement by an operator that gets some of the inputs and keeps some of the attributes."""

    def replace(node: onnx.NodeProto, _graph: onnx.GraphProto) -> None:
        read = [node.input[index] for index in inputs if index < len(node.input)]
        kept = [item for item in node.attribute if item.name in attributes]
        _become(node, operator, read, kept)

    return replace


def _become(
    node: onnx.NodeProto, operator: str, inputs: Sequence[str], attributes: Sequence[onnx.AttributeProto]
) -> None:
    node.domain = ""
    node.op_type = operator
    node.input[:] = inputs
    copies = [onnx.AttributeProto.FromString(item.SerializeToString()) for item in attributes]
    del node.attribute[:]
    node.attribute.extend(copies)


def _from_channels_last(node: onnx.NodeProto, _graph: onnx.GraphProto) -> None:
    if _number(node, "channels_last"):
        _become(node, "Transpose", node.input[:1], [helper.make_attribute("perm", [0, 3, 1, 2])])
    else:
        # The channels are filled up to whole blocks, of which the file does not tell the size.
        _become(node, "Identity", node.input[:1], [])


def _without_filled_up_channels(node: onnx.NodeProto, graph: onnx.GraphProto) -> None:
    channels = _number(node, "channels")
    if not channels or _number(node, "channels_last"):
        return
    inputs = [node.input[0]]
    for part, number in (("starts", 0), ("ends", channels), ("axes", 1)):
        inputs.append(f"hpass:{as_text(node.name)}:{part}")
        graph.initializer.append(helper.make_tensor(inputs[-1], TensorProto.INT64, [1], [number]))
    _become(node, "Slice", inputs, [])


def _transposing_product(node: onnx.NodeProto, _graph: onnx.GraphProto) -> None:
    if _number(node, "transBatchA") or _number(node, "transBatchB"):
        return
    left = "ba" if _number(node, "transA") else "ab"
    right = "cb" if _number(node, "transB") else "bc"
    _become(node, "Einsum", node.input[:2], [helper.make_attribute("equation", f"...{left},...{right}->...ac")])


def _number(node: onnx.NodeProto, name: str) -> int:
    return next((item.i for item in node.attribute if item.name == name), 0)


_STAND_INS: Mapping[str, _Replace] = {
    "com.microsoft.nchwc::AveragePool": _by("AveragePool", attributes=_POOLING),
    "com.microsoft.nchwc::Conv": _by("Conv", (0, 1), _CONVOLUTION),
    "com.microsoft.nchwc::GlobalAveragePool": _by("GlobalAveragePool"),
    "com.microsoft.nchwc::GlobalMaxPool": _by("GlobalMaxPool"),
    "com.microsoft.nchwc::MaxPool": _by("MaxPool", attributes=_POOLING),
    "com.microsoft.nchwc::ReorderInput": _from_channels_last,
    "com.microsoft.nchwc::ReorderOutput": _without_filled_up_channels,
    "com.microsoft::BiasGelu": _by("Add", (0, 1)),
    "com.microsoft::DynamicQuantizeMatMul": _by("MatMul", (0, 1)),
    "com.microsoft::FastGelu": _by("Identity"),
    "com.microsoft::FusedConv": _by("Conv", (0, 1), _CONVOLUTION),
    "com.microsoft::FusedGemm": _by("Gemm", (0, 1), ("transA", "transB")),
    "com.microsoft::FusedMatMul": _transposing_product,
    "com.microsoft::Gelu": _by("Identity"),
    "com.microsoft::MatMulIntegerToFloat": _by("MatMul", (0, 1)),
    "com.microsoft::QGemm": _by("Gemm", (0, 3), ("transA", "transB")),
    "com.microsoft::QuickGelu": _by("Identity"),
    "com.microsoft::RotaryEmbedding": _by("Identity"),
    "com.microsoft::SkipLayerNormalization": _by("Add", (0, 1)),
    "com.microsoft::SkipSimplifiedLayerNormalization": _by("Add", (0, 1)),
}
